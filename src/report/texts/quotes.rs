//! Sentences of the server in which commands, lines and paths are whole pieces.

use crate::protocol::{
    AppAccess, ConnectionError, End, Failure, Finding, Interference, LinkState, Notice, Reason,
    RunError, SharedError, SharedInRelease, SmokeTestError, SmokeTestObstacle, SmokeTestProblem,
    UnitFile, UnreadLog, Warning, WrittenData, WrittenItem, WrittenKind,
};
use crate::text::excerpt::{excerpt, first_line, last_line as last_line_of};
use crate::text::Prose;

/// The commands, lines and paths in the sentence about what failed.
pub(in crate::report) fn of_end(end: &End) -> Vec<String> {
    let failure = end
        .verdict
        .as_ref()
        .and_then(|verdict| verdict.failure.as_ref());
    match (&end.error, failure) {
        (Some(error), _) => of_error(error),
        (None, Some(failure)) => of_failure(failure),
        (None, None) => Vec::new(),
    }
}

/// Why something failed on the server, with the name of the unit if the service has several.
pub(in crate::report) fn failure(failure: &Failure) -> Prose {
    Prose::quoting(failure.why(), &of_failure(failure))
}

/// What the check found.
pub(in crate::report) fn finding(found: &Finding) -> Prose {
    Prose::quoting(found, &of_finding(found))
}

/// What someone should know.
pub(super) fn warning(warning: &Warning) -> Prose {
    Prose::quoting(warning, &of_warning(warning))
}

/// What happens, or has happened.
pub(in crate::report) fn notice(notice: &Notice) -> Prose {
    let parts = match notice {
        Notice::OldCrashes(lines) => lines.iter().map(excerpt).collect(),
        Notice::LinkReplaced { target, .. } => vec![excerpt(target)],
        Notice::SocketRestart { socket, service } | Notice::SocketUnit { socket, service } => {
            vec![excerpt(socket), excerpt(service)]
        }
        Notice::DataKept(data) => {
            let mut parts = vec![excerpt(&data.folder)];
            parts.extend(of_data(data));
            parts
        }
        Notice::SmokeTestStarted { command, .. } => vec![excerpt(command)],
        Notice::UnitFilesNotVerified { error } => vec![excerpt(error)],
        Notice::TakenOver(_)
        | Notice::LingerNotChecked
        | Notice::StartLimitWait { .. }
        | Notice::GoingDown => Vec::new(),
        Notice::OwnSystemdDown => vec!["systemctl --user".to_owned()],
    };
    Prose::quoting(notice, &parts)
}

fn of_failure(failure: &Failure) -> Vec<String> {
    let mut parts: Vec<String> = failure.unit.iter().map(excerpt).collect();
    parts.extend(of_reason(&failure.reason));
    parts
}

fn of_reason(reason: &Reason) -> Vec<String> {
    match reason {
        Reason::NotReady(found) => found.first().map(of_finding).unwrap_or_default(),
        Reason::Io { path, .. } => vec![excerpt(path)],
        Reason::Command {
            line,
            output,
            log_line,
            ..
        } => {
            let line = line.iter().map(|(_, text)| excerpt(text));
            let shown = log_line.as_ref().map(excerpt);
            line.chain([first_line(output)]).chain(shown).collect()
        }
        Reason::Program { path, others, .. } => {
            let others = others.iter().map(|other| excerpt(&other.path));
            std::iter::once(excerpt(path)).chain(others).collect()
        }
        Reason::RejectedUnitFiles(errors) => {
            let parts = errors
                .iter()
                .flat_map(|it| [excerpt(&it.file), excerpt(&it.message)]);
            parts.collect()
        }
        Reason::Shared { path, error } => of_shared(path, error),
        Reason::UnitFiles {
            command, output, ..
        } => vec![excerpt(command), first_line(output)],
        Reason::Log { lines } => lines.last().map(excerpt).into_iter().collect(),
        Reason::Interference(Interference::OwnSystemdDown) => vec!["systemctl --user".to_owned()],
        Reason::SmokeTest(SmokeTestError::Public { address }) => vec![excerpt(address)],
        _ => reason.log_line().map(excerpt).into_iter().collect(),
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "one exhaustive match, so that no finding is without a decision"
)]
fn of_finding(found: &Finding) -> Vec<String> {
    match found {
        Finding::Target { path, .. } => vec![excerpt(path)],
        Finding::Link { found, .. } => match found {
            LinkState::Dead(to) | LinkState::Elsewhere(to) | LinkState::UnusableName(to) => {
                vec![excerpt(to)]
            }
            LinkState::Folder | LinkState::File | LinkState::Other(_) => Vec::new(),
        },
        Finding::Sudo {
            service, output, ..
        } => vec![
            systemctl("sudo -n ", "restart", service),
            last_line_of(output),
        ],
        Finding::Missing { program, path } => vec![excerpt(program), excerpt(path)],
        Finding::UnitElsewhere { starts, target, .. } => {
            vec![excerpt(starts), format!("{}/current", excerpt(target))]
        }
        Finding::SharedInRelease(all) => {
            let end = |folder| if folder { "/" } else { "" };
            let path = |one: &SharedInRelease| excerpt(&one.path) + end(one.folder);
            all.iter().map(path).collect()
        }
        Finding::Shared { path, error } => of_shared(path, error),
        Finding::AppAccess(found) => of_access(found),
        Finding::SmokeTest(problem) => of_obstacle(problem),
        Finding::UnitFile(found) => of_unit_file(&found.path),
        Finding::DaemonReload { output, .. } => {
            vec![
                "sudo -n systemctl daemon-reload".to_owned(),
                last_line_of(output),
            ]
        }
        Finding::NoSystemd(_)
        | Finding::Unit { .. }
        | Finding::KillUserProcesses { .. }
        | Finding::NoSpace { .. }
        | Finding::ReloadUnseen { .. }
        | Finding::RollbackTarget { .. }
        | Finding::NotActive { .. }
        | Finding::NoLinger { .. }
        | Finding::NoLocks { .. } => Vec::new(),
        Finding::SudoAround { verb, service, .. } => {
            vec![systemctl("sudo -n ", verb, service)]
        }
        Finding::NoOwnSystemd { .. } | Finding::OtherScope { .. } => {
            vec!["systemctl --user".to_owned()]
        }
    }
}

fn of_obstacle(problem: &SmokeTestProblem) -> Vec<String> {
    let mut parts = vec!["smoke-test: auto".to_owned(), excerpt(&problem.service)];
    match &problem.error {
        SmokeTestObstacle::AmbiguousPort { places, .. } => {
            parts.extend(places.iter().map(excerpt));
        }
        SmokeTestObstacle::Setting { setting: text }
        | SmokeTestObstacle::Unreadable { path: text, .. } => {
            parts.push(excerpt(text));
        }
        SmokeTestObstacle::OtherUser { .. }
        | SmokeTestObstacle::NoPort { .. }
        | SmokeTestObstacle::Oneshot
        | SmokeTestObstacle::Commands { .. } => {}
    }
    parts
}

fn of_unit_file(path: &str) -> Vec<String> {
    vec![
        excerpt(UnitFile::place(path)),
        format!("current/{}", excerpt(path)),
    ]
}

fn of_access(found: &AppAccess) -> Vec<String> {
    found
        .reads
        .iter()
        .chain(&found.writes)
        .map(excerpt)
        .collect()
}

fn of_shared(path: &str, error: &SharedError) -> Vec<String> {
    let other = match error {
        SharedError::Parent(path) | SharedError::Hides(path) => Some(excerpt(path)),
        SharedError::NotWritable { folder, .. } => Some(excerpt(folder)),
        _ => None,
    };
    std::iter::once(format!("shared/{}", excerpt(path)))
        .chain(other)
        .collect()
}

fn of_warning(warning: &Warning) -> Vec<String> {
    match warning {
        Warning::OfUnit { unit, warning } => {
            let mut all = of_warning(warning);
            all.push(excerpt(unit));
            all
        }
        Warning::Leftover { path, .. }
        | Warning::PendingSetAside { path }
        | Warning::GroupWritable { path, .. } => vec![excerpt(path)],
        Warning::LoggedErrors(lines) | Warning::MaybeOldCrashes { lines, .. } => {
            lines.iter().map(excerpt).collect()
        }
        Warning::LogNotChecked(UnreadLog::Nothing { service, sudo, .. }) => {
            let sudo = if *sudo { "sudo -n " } else { "" };
            vec!["journalctl".to_owned(), systemctl(sudo, "status", service)]
        }
        Warning::LogNotChecked(UnreadLog::NothingOfOwnUnit { service, .. }) => {
            let status = systemctl("", "--user status", service);
            vec!["journalctl".to_owned(), status]
        }
        Warning::LogNotChecked(UnreadLog::Elsewhere(place)) => {
            vec![place
                .split_once(':')
                .map_or_else(String::new, |(_, path)| excerpt(path))]
        }
        Warning::SocketDown { socket, result } => vec![excerpt(socket), excerpt(result)],
        Warning::NoResetFailed { service, .. } => {
            vec![systemctl("sudo -n ", "reset-failed", service)]
        }
        Warning::UnsafePager { service, .. } => vec![systemctl("", "status", service)],
        Warning::RollbackDoubt(reason) | Warning::UnitFilesNotRestored(reason) => of_reason(reason),
        Warning::DataLeftBehind(data) => of_data(data),
        Warning::AppAccess(found) => of_access(found),
        Warning::UnitFileStays { path } => of_unit_file(path),
        _ => Vec::new(),
    }
}

fn of_data(data: &WrittenData) -> Vec<String> {
    let folder = |it: &WrittenItem| match it.kind {
        WrittenKind::File | WrittenKind::Changed => "",
        WrittenKind::Folder(_) | WrittenKind::Among(_) | WrittenKind::Unreadable => "/",
    };
    let items = data.items.iter().filter(|it| !it.path.is_empty());
    items.map(|it| excerpt(&it.path) + folder(it)).collect()
}

fn of_error(error: &RunError) -> Vec<String> {
    match error {
        RunError::Tool { program, .. } => vec![excerpt(program)],
        RunError::Source { path, .. } => vec![excerpt(path)],
        RunError::NoBinary { file, .. } => vec![excerpt(file)],
        RunError::Key { output }
        | RunError::KeyFormat { output }
        | RunError::ServerPart { output, .. }
        | RunError::LoginScript { output, .. } => vec![last_line_of(output)],
        RunError::Connection { error, .. } => match error {
            ConnectionError::Ssh { stderr } | ConnectionError::FromJumpHost { stderr } => {
                let last = last_line_of(stderr);
                let last = last.strip_prefix("ssh: ").unwrap_or(&last);
                vec![last.trim_end_matches('.').to_owned()]
            }
            ConnectionError::NoLogin { .. } => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// As the texts about it have it.
fn systemctl(sudo: &str, verb: &str, service: &str) -> String {
    format!("{sudo}systemctl {verb} {}", excerpt(service))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Step;
    use crate::report::markdown::prose;
    use crate::report::tests::{findings, notices, reasons, warnings};
    use crate::text::Redactor;

    fn reason(reason: &Reason) -> Prose {
        failure(&Failure {
            step: Step::Verify,
            reason: reason.clone(),
            unit: None,
        })
    }

    #[test]
    fn the_words_stay_what_they_are() {
        for it in reasons() {
            assert_eq!(reason(&it).to_string(), it.to_string());
        }
        for it in findings() {
            assert_eq!(finding(&it).to_string(), it.to_string());
        }
        for it in warnings() {
            assert_eq!(warning(&it).to_string(), it.to_string());
        }
        for it in notices() {
            assert_eq!(notice(&it).to_string(), it.to_string());
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "it shows whole texts")]
    fn every_command_line_and_path_is_one_piece_of_code() {
        let redactor = Redactor::default();
        let mut all: Vec<String> = Vec::new();
        all.extend(reasons().iter().map(|it| prose(&reason(it), &redactor)));
        all.extend(findings().iter().map(|it| prose(&finding(it), &redactor)));
        all.extend(warnings().iter().map(|it| prose(&warning(it), &redactor)));
        all.extend(notices().iter().map(|it| prose(&notice(it), &redactor)));
        insta::assert_snapshot!(all.join("\n"), @r#"
        deploy may not run `sudo -n systemctl restart diting` on the server (`sudo: a password is required`), and 39 other findings
        another deployment holds the lock on the server
        another deployment holds the lock on the server (by alice, since 2025-11-03 05:16:40 UTC, `https://github.com/diting/app/actions/runs/7`)
        the server cannot write `/opt/diting/releases/1762147999/app.py`: No space left on device
        the server cannot write `/opt/diting/releases/1762147999/app.py`: Read-only file system
        the server cannot write `/opt/diting/releases/1762147999/app.py`: Permission denied
        the server cannot write `/opt/diting/releases/1762147999/app.py`: Input/output error
        the upload does not match what was announced: app.py did not arrive as it was sent
        the connection to the runner was lost, or the run was cancelled
        the time limit before the switch (30 min) was reached
        line 2, `uv sync --frozen`, ended with exit code 1 on the server
        the command ended with exit code 1 on the server; its output: `sudo: @a`
        the command was killed by signal 9 (SIGKILL) on the server
        the command did not end in time and was killed on the server
        the unit on the server needs `/opt/diting/current/.venv/bin/uvicorn` (ExecStart): it is not executable
        the unit on the server needs `/opt/diting/current/.env` (EnvironmentFile): it is missing; `/opt/diting/current/web` (WorkingDirectory): it leads to `/opt/diting/shared/web`, which is missing
        the unit files of the release cannot be used on the server: `deploy/diting.service:7`: `Unknown key 'Userr' in section [Service], ignoring.`; `deploy/diting-dump.service`: `User=dump does not exist on the server`
        `shared/config/wechat.yaml` on the server is missing
        the new process logged a crash: `KeyError: 'DATABASE_URL'`
        systemd on the server refuses to start the unit again within 10 s
        the unit's process on the server ended: exit-code, exit status 1
        the unit's process on the server ended: exit-code, exit status 203
        the unit's process on the server ended: exit-code, exit status 200
        the unit's process on the server ended: exit-code, exit status 217
        the unit's process on the server ended: signal, signal 9
        the unit on the server is failed/failed, exit-code, exit status 203
        the unit on the server still runs the old process
        systemd on the server did not start the unit, because a condition in its file is not met
        someone else changed the server during the deployment: current now points to `1762147001`
        someone else changed the server during the deployment: the unit was stopped while it was verified
        the server is going down
        the systemd of the deploy user on the server (`systemctl --user`) is not running
        the unit's state cannot be read on the server: Failed to connect to bus
        the unit on the server is still running release `1762147685` (process 513, gunicorn)
        port 8000 on the server is held by process 4711 (uvicorn), left over from before the restart, not by the new process
        the process that deploys on the server was killed, or the server went down
        `sudo -n systemctl daemon-reload` ended with exit code 1 on the server; its output: `sudo: a password is required`
        `3f2a1bc`: `1762147685` failed when it went live
        there is no good release to roll back to
        health answered 500 with “`{"status": ##\[error]"db"}`” after 30 attempts in 1 min
        health answered 302, a redirect to `https://web1/login` after 30 attempts in 1 min
        health answered with a body that does not match “`"release":"1762147999"`”: “`xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…`” after 30 attempts in 1 min
        health refused the connection: no process listens there after 30 attempts in 1 min
        health timed out while waiting for the rest of the body after 30 attempts in 1 min
        health could not be checked: no HTTP after 30 attempts in 1 min
        health could not be checked: cannot read the `.env` of the release: Permission denied after 30 attempts in 1 min
        health command ended with exit code 3: “`redis: ##\[error]refused`” after 30 attempts in 1 min
        health command ended with exit code 127: “`sh: 2: grpc-probe: not found`” after 30 attempts in 1 min
        health command did not end in time and was killed (no output) after 30 attempts in 1 min
        the process ended with exit code 0
        the process ended with exit code 1; its output shows: `ModuleNotFoundError: No module named 'x'`
        the process ended with exit code 1; its output shows: `OSError: [Errno 98] Address already in use`
        the process ended with exit code 127; its output shows: `sh: 1: ./serve: not found`
        the process ended with exit code 3
        the process was killed by signal 9 (SIGKILL)
        the process was killed by signal 11 (SIGSEGV); its output shows: `crash ##\[error]`
        it listens on `0.0.0.0:41231`, not on 127.0.0.1 only
        it listens on port 8000 too, which the live release uses
        it does not listen on port 41231 (`$PORT`), but on 8001, 9000
        port 41231 is held by process 4711 (nginx), not by what the smoke test started
        the process that answers runs release `1762147685`
        the process that answers runs no release
        `/opt/diting` on the server cannot be created or written by deploy: Permission denied
        current on the server is not a link to a release, but a folder
        current on the server is not a link to a release, but a link to `/srv/app`, which is not a release
        systemd on the server cannot be used: systemctl: No such file or directory
        unit diting on the server is not-found
        unit diting on the server is masked
        unit diting on the server is bad-setting
        deploy may not run `sudo -n systemctl restart diting` on the server (`sudo: a password is required`)
        deploy may not run `sudo -n systemctl restart diting` on the server (`sudo: sorry, you must have a tty to run sudo`)
        logind on the server kills the processes of deploy at logout
        units of deploy end at logout on the server, because deploy does not linger
        the systemd of deploy on the server (`systemctl --user`) cannot be used: Failed to connect to bus: No such file or directory
        unit diting-dump.timer on the server is inactive: it must be active
        deploy may not run `sudo -n systemctl stop diting` on the server, as a change of diting.socket needs (sudo: a password is required)
        unit diting on the server is a unit of deploy (`systemctl --user`), not of the system
        unit diting on the server is a unit of the system, not of deploy (`systemctl --user`)
        `uv` is not on the server (searched: `/home/deploy/.local/bin:/usr/bin`)
        `make` is not on the server (searched: `/usr/bin`)
        the release needs 1.2 MB and 500.0 MB must stay free, but the target's disk has 400.0 MB
        the target's disk can hold only 12 more files
        unit diting on the server starts `/opt/legacy/hello`, which does not lead to `/opt/diting/current`
        the restart command only reloads diting, and deploy cannot see which release it runs then
        files on the server cannot be locked: No locks available
        `/etc/systemd/system/diting.service` on the server does not exist
        `/etc/systemd/system/diting.service` on the server is neither a link to `current/deploy/diting.service` nor a copy that the deploy user may renew
        `/etc/systemd/system/diting.service` on the server is a link to another file system, which systemd cannot read at boot
        `/etc/systemd/system/diting.service` on the server is a link to `current/deploy/diting.service`, which release `1762147685` does not have
        deploy may not run `sudo -n systemctl daemon-reload` on the server (`sudo: a password is required`)
        the unit runs as www-data on the server, which cannot read `.env` or write `data`, `it's uploads` in shared
        the unit runs as www-data on the server, which cannot read `.env` or write `data`, `it's uploads` in shared
        `data/app.db` is named in shared, but only release `1762147685` has it
        `it's uploads/` is named in shared, but only release `1762147685` has it
        current on the server is not a link to a release, but a link to `releases/.hidden`, whose name cannot be used: a release's name starts with a letter, a digit or `_`, and has at most 200 bytes and no control or invisible characters
        current on the server is not a link to a release, but a link to `releases/1`, which does not exist
        `shared/config/wechat.yaml` on the server is missing
        `shared/it's uploads` on the server is missing, and deploy cannot create it in `/opt/diting/shared`: Permission denied
        `shared/config/wechat.yaml` on the server is a folder; write it with a `/` at the end
        cannot roll back: `3f2a1bc`: no release on the server has this id or a commit that starts with it
        cannot roll back: there is no good release to roll back to
        `smoke-test: auto` cannot start `diting` on the server: it runs as www-data, not as deploy
        `smoke-test: auto` cannot start `diting` on the server: neither its command nor its environment has port 443 of health-url
        `smoke-test: auto` cannot start `diting` on the server: 8 in `ExecStart`, `PORT=`, `WORKERS=`, `A=`, `B=` and more may or may not mean the port
        `smoke-test: auto` cannot start `diting` on the server: it has no ExecStart command
        `smoke-test: auto` cannot start `diting` on the server: it has 2 ExecStart commands
        `smoke-test: auto` cannot start `diting` on the server: it needs `LoadCredential=`, which only systemd provides
        `smoke-test: auto` cannot start `diting` on the server: `/etc/diting/env` cannot be read: Permission denied
        `smoke-test: auto` cannot start `diting` on the server: it is a oneshot, which ends by itself
        an old release could not be deleted: `/opt/diting/releases/1762000000`: Permission denied
        the unit file has changed, but systemd still uses the old one
        unit diting is not started at boot
        the target's disk is 87 % full
        deploy may not run `sudo -n systemctl reset-failed diting`, so a deployment may have to wait for systemd's start limit
        the new process logged errors: `ERROR: no cache`; `Exception in worker process`
        the log of the new process was not fully checked: neither `journalctl` nor `systemctl --user status diting` shows a line of it
        the log of the new process was not fully checked: only its last 10 lines can be read
        the new process is healthy, but logged a crash; the release before may have logged the same at its start, but only the last 10 lines of its log can be read: `Traceback (most recent call last):`; `KeyError: 'A'`
        the new process is healthy, but logged a crash; the release before may have logged the same at its start, but its log cannot be read: `FATAL: no cache`
        what ran before was not healthy: health refused the connection: no process listens there; there is no good release to roll back to
        it is unknown whether the unit answers the health check: port 80 is held by process 512 (nginx) in `/system.slice/nginx.service`, which was there before the restart: it may be a proxy for the unit
        it is unknown whether the unit runs this release: its processes belong to another user, so the files that they use cannot be seen
        beside the new processes, the unit still runs release `1762147685` (process 513, gunicorn)
        the old release serves again, but there was trouble at first: the unit's process on the server ended: exit-code, exit status 1
        the application has written into release `1762147685`, and this is not carried over: `uploads/` (341 files, 80.0 MB), 7 more files in `public/` (70.0 kB), `app.db` (12.0 kB), `db.json` (300 B), `pg/` (cannot be read) and 2 more; not everything was looked at, because it took too long
        an earlier deployment was interrupted, and its record is damaged, so nothing is rolled back: the release that current points to stays live; check that it is the right one; the record was moved to `/opt/diting/.deploy/pending.damaged`
        members of the group `www` can write to `/opt/diting`, so they can replace what is deployed
        after the switch the server may need up to 34 min, but the run stops watching after 18 min and ends as unknown; the server finishes on its own
        the unit runs as www-data on the server, which cannot read `.env` or write `data`, `it's uploads` in shared
        `/etc/systemd/system/diting.service` stays as the failed release brought it: the release before has no such unit file
        the unit files of the old release were not restored: `sudo -n systemctl daemon-reload` ended with exit code 1 on the server; its output: `sudo: a password is required`
        `diting-worker`: unit diting-worker is not started at boot
        the release no longer has the unit file diting-dump.timer, but the server keeps it
        the release no longer has the unit file diting.service.d/env.conf, but the server keeps it
        the sudoers line of deploy for `systemctl status diting` gives this user, and any app that runs as it, a root shell: before systemd 247 the pager can start any program
        `diting.socket` is down (`service-start-limit-hit`), so nothing takes connections
        processes that the smoke test started still run: 4711, 4712, 4713, 4714, 4715, 4716, 4717, 4718, 4719, 4720 and more
        `1762147685` was live and healthy, and is taken over as good
        the new process logged crash messages that the release before logged too: `Traceback (most recent call last):`; `KeyError: 'A'`
        it is unknown whether logind kills a user's processes at logout; if it does, a lost connection can stop a deployment
        waiting up to 10 s for systemd's start limit; the old release serves until then
        waiting up to 5 min for systemd's start limit; nothing serves until then
        the server is going down, which decides nothing: the deployment stays pending, and the boot guard or the next run restores the old release
        the systemd of the deploy user (`systemctl --user`) is not running, which decides nothing: the deployment stays pending, and the boot guard or the next run restores the old release
        `diting.socket` and `diting` are restarted together: connections are refused until both run again
        `diting.socket` keeps connections waiting while `diting` restarts
        the unit files were not checked with systemd-analyze verify: `it ended with exit code 1: Failed to initialize manager: No such device or address`
        current was a link to `/opt/diting/previous`; the next switch writes a relative one
        `/opt/diting/releases/1762147685` holds data that the application wrote there: `uploads/` (341 files, 80.0 MB), 7 more files in `public/` (70.0 kB), `app.db` (12.0 kB), `db.json` (300 B), `pg/` (cannot be read) and 2 more; not everything was looked at, because it took too long; a later deployment deletes it with the release
        started beside the live release with `PORT=41231`: `.venv/bin/uvicorn app:app --port 41231`
        "#);
    }
}
