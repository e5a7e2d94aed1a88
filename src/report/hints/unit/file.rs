//! How systemd gets a unit file of a release.

use crate::protocol::{UnitFile, UnitFileError, UnitFileProblem};
use crate::report::hints::steps::{steps, Hint};
use crate::report::hints::sudoers::{into_sudoers, sudoers_for};
use crate::report::place::{is_relative, shell, Place};

const LINK: &str = "let systemd read it from the live release, as root; whoever may change a unit that root starts is root:";
const COPY: &str = "let the deploy user renew this copy, as root; whoever may change a unit that root starts is root:";
const ENABLE: &str = "once it is live, if it has an `[Install]` section, as root:";
const LACKED: &str = "systemd would lose the unit with that release, which may become the live one. Make it a copy that stays, \
     as root, or deploy its file before you link it:";

/// What to do about it.
pub(in crate::report::hints) fn set_up(found: &UnitFileProblem, place: &Place) -> Hint {
    match UnitFile::at(&found.path).filter(|file| is_relative(&file.path)) {
        Some(file) if found.link => link(&file, &found.error, place),
        Some(file) => copy(&file, &found.error, place),
        None => "the name of the unit file must be one that systemd reads".into(),
    }
}

/// The command for the folder of a drop-in, if that may be missing.
fn folder(file: &UnitFile, error: &UnitFileError, to: &str) -> Vec<String> {
    match to.rsplit_once('/') {
        Some((folder, _)) if file.is_drop_in() && *error == UnitFileError::Absent => {
            vec![format!("sudo mkdir -p {folder}")]
        }
        _ => Vec::new(),
    }
}

fn link(file: &UnitFile, error: &UnitFileError, place: &Place) -> Hint {
    let source = place.below(&format!("current/{}", file.path));
    let to = shell(&UnitFile::place(&file.path));
    let mut commands = folder(file, error, &to);
    commands.push(format!("sudo ln -sfn {source} {to}"));
    let hint = steps(LINK, &commands);
    match file.is_drop_in() || file.unit().contains("@.") {
        true => hint,
        false => {
            let enable = format!("sudo systemctl enable {}", shell(file.unit()));
            hint.then(steps(ENABLE, &[enable]))
        }
    }
}

fn copy(file: &UnitFile, error: &UnitFileError, place: &Place) -> Hint {
    let source = place.below(&format!("current/{}", file.path));
    let to = shell(&UnitFile::place(&file.path));
    let mut commands = folder(file, error, &to);
    let words = format!(
        "/usr/bin/install -m 644 {}/current/{} {}",
        place.target,
        file.path,
        UnitFile::place(&file.path)
    );
    commands.push(into_sudoers(&sudoers_for(&place.user, "", &words)));
    if !matches!(error, UnitFileError::Absent | UnitFileError::Fixed) {
        commands.push(format!(
            "sudo cp --remove-destination {source} {to} || sudo rm {to}"
        ));
    }
    let is_lacked = matches!(error, UnitFileError::LackedBy(_));
    steps(if is_lacked { LACKED } else { COPY }, &commands)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::place;

    fn hint(path: &str, error: UnitFileError, link: bool) -> String {
        let path = path.to_owned();
        set_up(&UnitFileProblem { path, error, link }, &place()).to_string()
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "it shows whole texts")]
    fn a_unit_file_is_set_up_once() {
        let all = [
            hint("deploy/diting.service", UnitFileError::Absent, true),
            hint(
                "deploy/diting.service.d/env.conf",
                UnitFileError::Absent,
                false,
            ),
            hint("deploy/w@.service", UnitFileError::Fixed, true),
            hint(
                "my deploy/it's=a:b/diting.timer",
                UnitFileError::Fixed,
                false,
            ),
            hint(
                "deploy/diting.service",
                UnitFileError::OtherFileSystem,
                false,
            ),
            hint(
                "deploy/diting.service",
                UnitFileError::LackedBy("1762147685".parse().unwrap()),
                false,
            ),
        ];
        insta::assert_snapshot!(all.join("\n---\n"), @r#"
        let systemd read it from the live release, as root; whoever may change a unit that root starts is root:
          sudo ln -sfn /opt/diting/current/deploy/diting.service /etc/systemd/system/diting.service
        once it is live, if it has an `[Install]` section, as root:
          sudo systemctl enable diting.service
        ---
        let the deploy user renew this copy, as root; whoever may change a unit that root starts is root:
          sudo mkdir -p /etc/systemd/system/diting.service.d
          new=$(mktemp) && { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; echo 'deploy ALL=(root) NOPASSWD: /usr/bin/install -m 644 /opt/diting/current/deploy/diting.service.d/env.conf /etc/systemd/system/diting.service.d/env.conf'; } >"$new" && sudo visudo -cf "$new" && sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
        ---
        let systemd read it from the live release, as root; whoever may change a unit that root starts is root:
          sudo ln -sfn /opt/diting/current/deploy/w@.service /etc/systemd/system/w@.service
        ---
        let the deploy user renew this copy, as root; whoever may change a unit that root starts is root:
          new=$(mktemp) && { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; echo 'deploy ALL=(root) NOPASSWD: /usr/bin/install -m 644 /opt/diting/current/my deploy/it'\''s\=a\:b/diting.timer /etc/systemd/system/diting.timer'; } >"$new" && sudo visudo -cf "$new" && sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
        ---
        let the deploy user renew this copy, as root; whoever may change a unit that root starts is root:
          new=$(mktemp) && { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; echo 'deploy ALL=(root) NOPASSWD: /usr/bin/install -m 644 /opt/diting/current/deploy/diting.service /etc/systemd/system/diting.service'; } >"$new" && sudo visudo -cf "$new" && sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
          sudo cp --remove-destination /opt/diting/current/deploy/diting.service /etc/systemd/system/diting.service || sudo rm /etc/systemd/system/diting.service
        ---
        systemd would lose the unit with that release, which may become the live one. Make it a copy that stays, as root, or deploy its file before you link it:
          new=$(mktemp) && { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; echo 'deploy ALL=(root) NOPASSWD: /usr/bin/install -m 644 /opt/diting/current/deploy/diting.service /etc/systemd/system/diting.service'; } >"$new" && sudo visudo -cf "$new" && sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
          sudo cp --remove-destination /opt/diting/current/deploy/diting.service /etc/systemd/system/diting.service || sudo rm /etc/systemd/system/diting.service
        "#);
    }

    #[test]
    fn a_server_that_lies_gets_no_other_path_into_a_command() {
        for path in [
            "../../etc/x.service",
            "/etc/x.service",
            "a/./x.service",
            "x;id",
            "$(id).service",
        ] {
            let hint = hint(path, UnitFileError::Absent, true);
            assert!(!hint.contains("sudo"), "{path}: {hint}");
        }
    }
}
