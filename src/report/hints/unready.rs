use super::{steps, unit};
use crate::protocol::Unready;
use crate::report::place::{shell, Place};
use crate::text::excerpt::excerpt;

/// What to do about a finding of the check.
#[must_use]
pub fn unready(found: &Unready, place: &Place) -> String {
    match found {
        Unready::Target { path, user, error: _ } => {
            let (path, user) = (shell(path), shell(user));
            steps("on the server's console:", &[format!("sudo mkdir -p {path} && sudo chown -R {user}: {path}")])
        }
        Unready::Link { name, found } if name == "current" && found == "a folder" => folder(place),
        Unready::Link { name, found: _ } => link(name, place),
        Unready::NoSystemd(_) => {
            "the service must be a systemd unit of the server itself, not of a container; for files that nothing serves \
             as a unit, set the inputs service: none and restart: none"
                .to_owned()
        }
        Unready::Unit { service, state } => unit::unusable(service, state),
        Unready::Sudo { service, user } => steps("on the server's console:", &[sudoers(user, "restart", service)]),
        Unready::KillUserProcesses { user } => {
            steps("on the server's console:", &[format!("sudo loginctl enable-linger {}", shell(user))])
        }
        Unready::Missing { program, path: _ } => missing(&excerpt(program)),
        Unready::Room { .. } => steps(
            "make room on the server, or lower the input min-free:",
            &[
                format!("df -h {0}; df -i {0}", shell(&place.target)),
                format!("sudo du -xsh {} /var/log", place.below("releases")),
            ],
        ),
        Unready::NoLocks { error: _ } => steps(
            "the target must be on a local file system, not on a network share; on the server:",
            &[format!("findmnt -T {}", shell(&place.target))],
        ),
    }
}

/// The command that lets a user run one systemctl command, by a line like that of the server's set-up.
pub(in crate::report) fn sudoers(user: &str, verb: &str, service: &str) -> String {
    // in sudoers these separate arguments: https://www.sudo.ws/docs/man/sudoers.man/#Other_special_characters
    let escape = |c: char| {
        if ",:=\\".contains(c) {
            vec!['\\', c]
        } else {
            vec![c]
        }
    };
    let service: String = excerpt(service).chars().flat_map(escape).collect();
    let line = format!(
        "{} ALL=(ALL) NOPASSWD: /bin/systemctl {verb} {service}",
        excerpt(user)
    );
    let file = "/etc/sudoers.d/deploy-action";
    // visudo complains of any other mode
    format!(
        "echo {} | sudo tee -a {file} && sudo chmod 440 {file} && sudo visudo -c",
        shell(&line)
    )
}

fn link(name: &str, place: &Place) -> String {
    let path = place.below(name);
    steps(
        "it must be a link into releases, or not exist; look at it, and move it away just before you deploy again:",
        &[format!("ls -ld {path}"), format!("sudo mv {path} {}", place.below(&format!("{name}.before")))],
    )
}

/// To what is only moved away there is no way back.
fn folder(place: &Place) -> String {
    let (target, user) = (shell(&place.target), shell(&place.user));
    steps(
        "a folder can't be replaced in one step. Make a release of it, so that it can be gone back to, then deploy again:",
        &[format!(
            "cd {target} && sudo install -d -o {user} releases && id=$(date +%s) && sudo mv current releases/$id && \
             sudo ln -s releases/$id current"
        )],
    )
}

fn missing(program: &str) -> String {
    match program {
        "uv" => steps("install it on the server, as the deploy user, into ~/.local/bin:", &[INSTALL_UV.to_owned()]),
        other => steps(
            "install it on the server; a program of the deploy user's own belongs into ~/.local/bin:",
            &[format!("sudo apt-get install {0} || sudo dnf install {0}", shell(other))],
        ),
    }
}

pub(super) const INSTALL_UV: &str =
    "curl -LsSf https://astral.sh/uv/install.sh | sh && ~/.local/bin/uv --version";
