//! A finding of the check as a title and the evidence for it.

use crate::protocol::{AppAccess, Finding, LinkState, SharedError};
use crate::report::Place;
use crate::text::excerpt::{excerpt, lines, one_line};
use crate::text::Prose;

/// The most lines of a program's output that are evidence.
const MOST: usize = 5;

/// What must be fixed, as a title, and the lines that show it. Both are untrusted.
#[must_use]
#[expect(
    clippy::too_many_lines,
    reason = "one exhaustive match, so that no finding is without a title"
)]
pub(in crate::report) fn finding_in_parts(found: &Finding, place: &Place) -> (Prose, Vec<String>) {
    match found {
        Finding::Target { path, user, error } => (
            code(path)
                .and(" cannot be created or written by ")
                .and(code(user)),
            vec![one_line(error)],
        ),
        Finding::Link { name, found } => (
            code(name).and(" is not a link to a release"),
            link(name, found),
        ),
        Finding::NoSystemd(error) => ("systemd cannot be used".into(), vec![error.to_string()]),
        Finding::Unit { service, state } => (
            Prose::from("unit ")
                .and(code(service))
                .and(" is ")
                .and(code(state)),
            vec![format!("LoadState={}", excerpt(state))],
        ),
        Finding::Sudo {
            service,
            user,
            output,
        } => {
            let command = format!("sudo -n systemctl restart {}", excerpt(service));
            (
                code(user).and(" may not run ").and(code(command)),
                last_lines(output),
            )
        }
        Finding::SmokeTest(problem) => (
            Prose::from("smoke-test: auto cannot start ").and(code(&problem.service)),
            vec![problem.error.to_string()],
        ),
        Finding::KillUserProcesses { user } => (
            Prose::from("logind kills the processes of ")
                .and(code(user))
                .and(" at logout"),
            vec!["KillUserProcesses=yes, Linger=no".to_owned()],
        ),
        Finding::Missing { program, path } => (
            code(program).and(" is not on the server"),
            vec![format!("searched: {}", one_line(path))],
        ),
        Finding::NoSpace { .. } => ("not enough disk space".into(), vec![found.to_string()]),
        Finding::UnitElsewhere {
            service,
            starts,
            target,
        } => (
            Prose::from("unit ")
                .and(code(service))
                .and(" does not start what ")
                .and(code(format!("{}/current", excerpt(target))))
                .and(" leads to"),
            vec![format!("it starts: {}", one_line(starts))],
        ),
        Finding::ReloadUnseen { service, user } => (
            Prose::from("the restart command only reloads ").and(code(service)),
            vec![format!(
                "{} cannot see which release it runs then",
                excerpt(user)
            )],
        ),
        Finding::SharedInRelease(all) => (
            "a release holds data that belongs in `shared`".into(),
            all.iter().map(ToString::to_string).collect(),
        ),
        Finding::Shared { path, error } => shared(path, error, place),
        Finding::RollbackTarget { wanted, error } => match wanted.is_empty() {
            true => ("nothing to roll back to".into(), vec![error.to_string()]),
            false => (
                Prose::from("cannot roll back to ").and(code(wanted)),
                vec![error.to_string()],
            ),
        },
        Finding::NoLocks { error } => (
            "files in the target cannot be locked".into(),
            vec![error.to_string()],
        ),
        Finding::AppAccess(found) => access(found),
        Finding::NotActive { service, state } => (
            Prose::from("unit ")
                .and(code(service))
                .and(" is not active"),
            vec![format!("ActiveState={}", excerpt(state))],
        ),
        Finding::SudoAround {
            verb,
            service,
            socket,
            user,
            output,
        } => {
            let command = format!("sudo -n systemctl {} {}", excerpt(verb), excerpt(service));
            (
                code(user)
                    .and(" may not run ")
                    .and(code(command))
                    .and(", as a change of ")
                    .and(code(socket))
                    .and(" needs"),
                last_lines(output),
            )
        }
        Finding::NoLinger { user } => (
            code(user).and(" does not linger"),
            vec!["Linger=no: its units end with its last login, and do not start at boot".into()],
        ),
        Finding::NoOwnSystemd { user, error } => (
            Prose::from("the systemd of ")
                .and(code(user))
                .and(" cannot be used"),
            vec![format!("systemctl --user: {error}")],
        ),
        Finding::OtherScope { service, .. } => (
            Prose::from("unit ")
                .and(code(service))
                .and(" is in the other scope"),
            vec![found.to_string()],
        ),
        Finding::UnitFile(found) => (
            code(&found.path)
                .and(" cannot go live with a release, or not come back with a rollback"),
            vec![found.to_string()],
        ),
        Finding::DaemonReload { user, output } => (
            code(user).and(" may not run `sudo -n systemctl daemon-reload`"),
            last_lines(output),
        ),
    }
}

fn code(text: impl AsRef<[u8]>) -> Prose {
    Prose::verbatim(excerpt(text))
}

fn link(name: &str, found: &LinkState) -> Vec<String> {
    vec![format!("{} is {found}", excerpt(name))]
}

fn shared(path: &str, error: &SharedError, place: &Place) -> (Prose, Vec<String>) {
    let title = code(format!("shared/{}", excerpt(path))).and(" ");
    let title = match error {
        SharedError::Inaccessible { .. } => title.and("cannot be inspected"),
        SharedError::NotWritable { .. } => title.and("is missing and cannot be created"),
        SharedError::Parent(_) | SharedError::InTree | SharedError::Hides(_) => {
            title.and("is in the tree too")
        }
        SharedError::NotBelow => title.and("is not a path below the release"),
        SharedError::IsFile => title.and("is a file, not a folder"),
        SharedError::IsFolder => title.and("is a folder, not a file"),
        SharedError::DeadLink => title.and("is a link to nothing"),
        SharedError::Missing => title.and("is missing"),
        SharedError::Other(_) => title.and("cannot be used"),
    };
    let kept = format!("{}/shared/{}", place.target, excerpt(path));
    (title, vec![format!("{kept} {error}")])
}

fn access(found: &AppAccess) -> (Prose, Vec<String>) {
    let title = Prose::from("the unit runs as ").and(code(&found.user));
    (
        title.and(", which cannot use what it needs"),
        vec![found.to_string()],
    )
}

fn last_lines(output: &[u8]) -> Vec<String> {
    let lines = lines(output);
    let lines: Vec<String> = lines
        .into_iter()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(MOST)..].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{findings, place};

    #[test]
    #[expect(clippy::too_many_lines, reason = "it shows whole texts")]
    fn every_finding_has_a_title_and_evidence() {
        let all: Vec<String> = findings()
            .iter()
            .map(|found| {
                let (title, evidence) = finding_in_parts(found, &place());
                format!("{title}\n  {}", evidence.join("\n  "))
            })
            .collect();
        assert!(all
            .iter()
            .all(|text| text.len() > 10 && !text.ends_with("  ")));
        insta::assert_snapshot!(all.join("\n"), @"
        /opt/diting cannot be created or written by deploy
          Permission denied
        current is not a link to a release
          current is a folder
        current is not a link to a release
          current is a link to /srv/app, which is not a release
        systemd cannot be used
          systemctl: No such file or directory
        unit diting is not-found
          LoadState=not-found
        unit diting is masked
          LoadState=masked
        unit diting is bad-setting
          LoadState=bad-setting
        deploy may not run sudo -n systemctl restart diting
          sudo: a password is required
        deploy may not run sudo -n systemctl restart diting
          sudo: sorry, you must have a tty to run sudo
        logind kills the processes of deploy at logout
          KillUserProcesses=yes, Linger=no
        deploy does not linger
          Linger=no: its units end with its last login, and do not start at boot
        the systemd of deploy cannot be used
          systemctl --user: Failed to connect to bus: No such file or directory
        unit diting-dump.timer is not active
          ActiveState=inactive
        deploy may not run sudo -n systemctl stop diting, as a change of diting.socket needs
          sudo: a password is required
        unit diting is in the other scope
          unit diting on the server is a unit of deploy (systemctl --user), not of the system
        unit diting is in the other scope
          unit diting on the server is a unit of the system, not of deploy (systemctl --user)
        uv is not on the server
          searched: /home/deploy/.local/bin:/usr/bin
        make is not on the server
          searched: /usr/bin
        not enough disk space
          the release needs 1.2 MB and 500.0 MB must stay free, but the target's disk has 400.0 MB
        not enough disk space
          the target's disk can hold only 12 more files
        unit diting does not start what /opt/diting/current leads to
          it starts: /opt/legacy/hello
        the restart command only reloads diting
          deploy cannot see which release it runs then
        files in the target cannot be locked
          No locks available
        deploy/diting.service cannot go live with a release, or not come back with a rollback
          /etc/systemd/system/diting.service on the server does not exist
        deploy/diting.service cannot go live with a release, or not come back with a rollback
          /etc/systemd/system/diting.service on the server is neither a link to current/deploy/diting.service nor a copy that the deploy user may renew
        deploy/diting.service cannot go live with a release, or not come back with a rollback
          /etc/systemd/system/diting.service on the server is a link to another file system, which systemd cannot read at boot
        deploy/diting.service cannot go live with a release, or not come back with a rollback
          /etc/systemd/system/diting.service on the server is a link to current/deploy/diting.service, which release 1762147685 does not have
        deploy may not run `sudo -n systemctl daemon-reload`
          sudo: a password is required
        the unit runs as www-data, which cannot use what it needs
          the unit runs as www-data on the server, which cannot read .env or write data, it's uploads in shared
        the unit runs as www-data, which cannot use what it needs
          the unit runs as www-data on the server, which cannot read .env or write data, it's uploads in shared
        a release holds data that belongs in `shared`
          data/app.db is named in shared, but only release 1762147685 has it
        a release holds data that belongs in `shared`
          it's uploads/ is named in shared, but only release 1762147685 has it
        current is not a link to a release
          current is a link to releases/.hidden, whose name cannot be used: a release's name starts with a letter, a digit or _, and has at most 200 bytes and no control or invisible characters
        current is not a link to a release
          current is a link to releases/1, which does not exist
        shared/config/wechat.yaml is missing
          /opt/diting/shared/config/wechat.yaml is missing
        shared/it's uploads is missing and cannot be created
          /opt/diting/shared/it's uploads is missing, and deploy cannot create it in /opt/diting/shared: Permission denied
        shared/config/wechat.yaml is a folder, not a file
          /opt/diting/shared/config/wechat.yaml is a folder; write it with a / at the end
        cannot roll back to 3f2a1bc
          no release on the server has this id or a commit that starts with it
        nothing to roll back to
          there is no good release to roll back to
        smoke-test: auto cannot start diting
          it runs as www-data, not as deploy
        smoke-test: auto cannot start diting
          neither its command nor its environment has port 443 of health-url
        smoke-test: auto cannot start diting
          8 in ExecStart, PORT=, WORKERS=, A=, B= and more may or may not mean the port
        smoke-test: auto cannot start diting
          it has no ExecStart command
        smoke-test: auto cannot start diting
          it has 2 ExecStart commands
        smoke-test: auto cannot start diting
          it needs LoadCredential=, which only systemd provides
        smoke-test: auto cannot start diting
          /etc/diting/env cannot be read: Permission denied
        smoke-test: auto cannot start diting
          it is a oneshot, which ends by itself
        ");
    }
}
