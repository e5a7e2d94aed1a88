//! Hints for findings of the check.

use super::app_access;
use super::obstacle;
use super::shared;
use super::steps::{on_server, steps, Hint};
use super::sudoers::{daemon_reload, needs_terminal, no_terminal, sudoers, ALLOW};
use super::unit;
use crate::protocol::{Finding, LinkState, RollbackTargetError, Scope};
use crate::report::place::{shell, Place};
use crate::text::excerpt::excerpt;
use crate::text::Prose;
use std::path::{Component, Path, PathBuf};

/// What to do about a finding of the check.
#[must_use]
#[expect(
    clippy::too_many_lines,
    reason = "one exhaustive match, so that no finding is without a hint"
)]
pub fn finding(found: &Finding, place: &Place) -> Hint {
    match found {
        Finding::Target { error, .. } if unit::is_read_only(error) => unit::read_only(place),
        Finding::Target { .. } => {
            let (path, user) = (shell(&place.target), shell(&place.user));
            steps("on the server's console, as root:", &[format!("sudo mkdir -p {path} && sudo chown -R {user}: {path}")])
        }
        Finding::Link {
            name,
            found: LinkState::Folder,
        } if name == "current" => folder(place),
        Finding::Link {
            name,
            found: LinkState::Elsewhere(to) | LinkState::UnusableName(to),
        } if name == "current" && !contains_releases(to, place) => elsewhere(place),
        Finding::Link { name, found: _ } if ["current", "previous"].contains(&name.as_str()) => link(name, place),
        Finding::Link { .. } => "it must be a link to a folder directly in releases, or not exist".into(),
        Finding::NoSystemd(_) => {
            "the service must be a systemd unit of the server itself, not of a container; for files that no unit serves, \
             set the inputs service: none and restart: none".into()
        }
        Finding::Unit { state, service } => unit::unusable(state, &place.with_unit(service)),
        Finding::Sudo { output, .. } if needs_terminal(output) => no_terminal(&place.user),
        Finding::Sudo { service, .. } => match &place.with_unit(service).service {
            Some(service) => steps("on the server's console, as root:", &[sudoers(&place.user, "restart", service)]),
            None => ALLOW.into(),
        },
        Finding::SmokeTest(problem) => obstacle::problem(problem),
        Finding::KillUserProcesses { .. } => linger(place),
        Finding::Missing { program, path: _ } => missing(&excerpt(program)),
        Finding::NoSpace { .. } => on_server(
            "free disk space on the server, or lower the input min-free",
            [
                format!("df -h {0}; df -i {0}", shell(&place.target)),
                format!("sudo du -xsh {} /var/log", place.below("releases")),
            ],
        ),
        Finding::UnitElsewhere { target, service, .. } => unit_elsewhere(&excerpt(target), &place.with_unit(service)),
        Finding::ReloadUnseen { .. } => RELOAD_UNSEEN.into(),
        Finding::SharedInRelease(found) => shared::move_there(found, place),
        Finding::Shared { path, error } => shared::unusable(path, error, place),
        Finding::RollbackTarget { error, .. } => rollback_target(error),
        Finding::NoLocks { error: _ } => steps(
            "the target must be on a local file system, not on a network share; on the server:",
            &[format!("findmnt -T {}", shell(&place.target))],
        ),
        Finding::AppAccess(found) => app_access::let_it(found, place),
        Finding::NotActive { service, .. } => on_server(
            "a deployment restarts services only; on the server",
            place.with_unit(service).of_unit("sudo systemctl enable --now"),
        ),
        Finding::SudoAround { output, .. } if needs_terminal(output) => no_terminal(&place.user),
        Finding::SudoAround { verb, service, .. } => {
            let verb = if verb == "stop" { "stop" } else { "start" };
            match &place.with_unit(service).service {
                Some(service) => steps("on the server's console, as root:", &[sudoers(&place.user, verb, service)]),
                None => ALLOW.into(),
            }
        }
        Finding::NoLinger { .. } => linger(place),
        Finding::NoOwnSystemd { .. } => {
            let manager = format!("\"user@$(id -u {}).service\"", shell(&place.user));
            steps(
                "it needs systemd-logind and PAM (package libpam-systemd); on the server's console, as root:",
                &["status", "restart"].map(|verb| format!("sudo systemctl {verb} {manager}")),
            )
        }
        Finding::OtherScope { found, .. } => match found {
            Scope::User => "set the input `scope: user`".into(),
            Scope::System => "leave out the input scope: then the units are the system's".into(),
        },
        Finding::UnitFile(found) => unit::file::set_up(found, place),
        Finding::DaemonReload { output, .. } if needs_terminal(output) => no_terminal(&place.user),
        Finding::DaemonReload { .. } => daemon_reload(&place.user),
    }
}

/// How the user's own systemd survives the logout.
pub(super) fn linger(place: &Place) -> Hint {
    let command = format!("sudo loginctl enable-linger {}", shell(&place.user));
    steps("on the server's console, as root:", &[command])
}

/// What to do if no release is the rollback target. The page lists what there is.
pub(super) fn rollback_target(error: &RollbackTargetError) -> Hint {
    match error {
        RollbackTargetError::NoneGood { .. } => {
            "a release becomes a rollback target once it was live and healthy; deploy one".into()
        }
        _ => "set `release` to the id of a release that is good, or leave it out: then the previous one is meant".into(),
    }
}

fn link(name: &str, place: &Place) -> Hint {
    let path = place.below(name);
    on_server(
        "it must be a link to a folder directly in releases, or not exist; inspect it, and move it away just before you deploy again",
        [format!("ls -ld {path}"), format!("sudo mv {path} {}", place.below(&format!("{name}.before")))],
    )
}

/// Whether a link with this text leads to a folder around the releases, which cannot be one of them.
fn contains_releases(to: &str, place: &Place) -> bool {
    let mut found = PathBuf::from(&place.target);
    for component in Path::new(to).components() {
        match component {
            Component::ParentDir => drop(found.pop()),
            other => found.push(other),
        }
    }
    Path::new(&place.target).join("releases").starts_with(found)
}

/// If it were only moved away, there would be no rollback target. It is copied, because programs in it may know its path.
fn elsewhere(place: &Place) -> Hint {
    steps(
        "current must lead to a folder directly in releases. Copy what it leads to, so that there is a rollback target, as root, \
         and deploy again:",
        &[format!(
            "cd {} && id=$(date +%s) && sudo cp -a current/. releases/$id && sudo ln -sfn releases/$id current",
            shell(&place.target)
        )],
    )
}

/// If it were only moved away, there would be no rollback target.
fn folder(place: &Place) -> Hint {
    let (target, user) = (shell(&place.target), shell(&place.user));
    steps(
        "a folder cannot be replaced in one step. Turn it into a release, which is then a rollback target, as root, and deploy again:",
        &[format!(
            "cd {target} && sudo install -d -o {user} releases && id=$(date +%s) && sudo mv current releases/$id && \
             sudo ln -s releases/$id current"
        )],
    )
}

const RELOAD_UNSEEN: &str =
    "let the restart start a new process (systemctl restart), or let the health response name the release: set the input \
     health-match with `{release}` or `{sha}`";

fn unit_elsewhere(target: &str, place: &Place) -> Hint {
    steps(
        Prose::of(
            "is this the right service, and the right target? ExecStart or WorkingDirectory of the unit must lead to `{}/current`. \
             If it does so in a way that cannot be seen, set the input health-match with `{release}` or `{sha}`; for a web server that \
             only serves the files, set service: none. Compare:",
            [&target],
        ),
        &place.of_unit("systemctl cat"),
    )
}

pub(super) fn missing(program: &str) -> Hint {
    let package = PACKAGES.iter().find(|(name, _)| *name == program);
    match (program, package) {
        ("uv", _) => steps("install it on the server as the deploy user, in `~/.local/bin`:", &[INSTALL_UV.to_owned()]),
        (_, Some((_, package))) => steps(
            "install it on the server, as root; a program for the deploy user alone belongs in `~/.local/bin`:",
            &[format!("sudo apt-get install {package} || sudo dnf install {package}")],
        ),
        (_, None) => "install it on the server, with its package manager; a program for the deploy user alone belongs in \
             `~/.local/bin`".into(),
    }
}

/// Programs that deployments need, and their packages. The name of any other one is only the server's word.
const PACKAGES: [(&str, &str); 31] = [
    ("bundle", "ruby-bundler"),
    ("bundler", "ruby-bundler"),
    ("cargo", "cargo"),
    ("cc", "gcc"),
    ("cmake", "cmake"),
    ("composer", "composer"),
    ("curl", "curl"),
    ("flock", "util-linux"),
    ("g++", "gcc"),
    ("gcc", "gcc"),
    ("git", "git"),
    ("gzip", "gzip"),
    ("java", "default-jre"),
    ("jq", "jq"),
    ("make", "make"),
    ("mvn", "maven"),
    ("node", "nodejs"),
    ("npm", "npm"),
    ("openssl", "openssl"),
    ("php", "php"),
    ("pip", "python3-pip"),
    ("pip3", "python3-pip"),
    ("psql", "postgresql-client"),
    ("python", "python3"),
    ("python3", "python3"),
    ("rsync", "rsync"),
    ("ruby", "ruby"),
    ("tar", "tar"),
    ("unzip", "unzip"),
    ("wget", "wget"),
    ("zip", "zip"),
];

const INSTALL_UV: &str =
    "curl -LsSf https://astral.sh/uv/install.sh | sh && ~/.local/bin/uv --version";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::place;

    #[test]
    fn a_read_only_disk_is_not_given_to_anyone() {
        let target = |error: &str| {
            let (path, user) = ("/opt/diting".into(), "deploy".into());
            let error = error.into();
            finding(&Finding::Target { path, user, error }, &place()).to_string()
        };
        assert!(target("Permission denied (os error 13)").contains("chown"));
        let read_only = target("Read-only file system (os error 30)");
        assert!(
            read_only.contains("findmnt") && !read_only.contains("chown"),
            "{read_only}"
        );
    }

    #[test]
    fn what_current_leads_to_is_copied_unless_the_releases_are_in_it() {
        let hint = |to: &str, state: fn(String) -> LinkState| {
            let found = Finding::Link {
                name: "current".into(),
                found: state(to.into()),
            };
            finding(&found, &place()).to_string()
        };
        for to in [
            "/srv/app",
            "/opt/legacy",
            "releases/1/src",
            "../legacy",
            "/opt/diting/app",
        ] {
            assert!(hint(to, LinkState::Elsewhere).contains("cp -a"), "{to}");
        }
        assert!(hint("releases/.x", LinkState::UnusableName).contains("cp -a"));
        for to in [
            "/",
            ".",
            "..",
            "releases",
            "/opt/diting/releases/",
            "/opt",
            "x/../releases",
        ] {
            assert!(!hint(to, LinkState::Elsewhere).contains("cp -a"), "{to}");
        }
        assert!(!hint("/srv/app", LinkState::Dead).contains("cp -a"));
    }
}
