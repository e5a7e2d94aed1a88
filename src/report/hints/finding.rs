//! Hints for findings of the check.

use super::steps::steps;
use super::unit;
use crate::protocol::{Finding, LinkState};
use crate::report::place::{shell, Place};
use crate::text::excerpt::excerpt;

/// What to do about a finding of the check.
#[must_use]
pub fn finding(found: &Finding, place: &Place) -> String {
    match found {
        Finding::Target { path, user, error: _ } => {
            let (path, user) = (shell(path), shell(user));
            steps("on the server's console:", &[format!("sudo mkdir -p {path} && sudo chown -R {user}: {path}")])
        }
        Finding::Link {
            name,
            found: LinkState::Folder,
        } if name == "current" => folder(place),
        Finding::Link { name, found: _ } => link(name, place),
        Finding::NoSystemd(_) => {
            "the service must be a systemd unit of the server itself, not of a container; for files that no unit serves, \
             set the inputs service: none and restart: none"
                .to_owned()
        }
        Finding::Unit { service, state } => unit::unusable(service, state),
        Finding::Sudo { service, user } => steps("on the server's console:", &[sudoers(user, "restart", service)]),
        Finding::KillUserProcesses { user } => {
            steps("on the server's console:", &[format!("sudo loginctl enable-linger {}", shell(user))])
        }
        Finding::Missing { program, path: _ } => missing(&excerpt(program)),
        Finding::NoSpace { .. } => steps(
            "free disk space on the server, or lower the input min-free:",
            &[
                format!("df -h {0}; df -i {0}", shell(&place.target)),
                format!("sudo du -xsh {} /var/log", place.below("releases")),
            ],
        ),
        Finding::NoLocks { error: _ } => steps(
            "the target must be on a local file system, not on a network share; on the server:",
            &[format!("findmnt -T {}", shell(&place.target))],
        ),
    }
}

/// The command that lets a user run one systemctl command, by a line as in the server's set-up.
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
    // visudo warns about any other mode
    format!(
        "echo {} | sudo tee -a {file} && sudo chmod 440 {file} && sudo visudo -c",
        shell(&line)
    )
}

fn link(name: &str, place: &Place) -> String {
    let path = place.below(name);
    steps(
        "it must be a link into releases, or not exist; inspect it, and move it away just before you deploy again:",
        &[format!("ls -ld {path}"), format!("sudo mv {path} {}", place.below(&format!("{name}.before")))],
    )
}

/// If it were only moved away, there would be no rollback target.
fn folder(place: &Place) -> String {
    let (target, user) = (shell(&place.target), shell(&place.user));
    steps(
        "a folder cannot be replaced in one step. Turn it into a release, which is then a rollback target, and deploy again:",
        &[format!(
            "cd {target} && sudo install -d -o {user} releases && id=$(date +%s) && sudo mv current releases/$id && \
             sudo ln -s releases/$id current"
        )],
    )
}

fn missing(program: &str) -> String {
    match program {
        "uv" => steps("install it on the server as the deploy user, in ~/.local/bin:", &[INSTALL_UV.to_owned()]),
        other => steps(
            "install it on the server; a program for the deploy user alone belongs in ~/.local/bin:",
            &[format!("sudo apt-get install {0} || sudo dnf install {0}", shell(other))],
        ),
    }
}

pub(super) const INSTALL_UV: &str =
    "curl -LsSf https://astral.sh/uv/install.sh | sh && ~/.local/bin/uv --version";
