//! Warnings.

use super::quotes;
use crate::protocol::{Scope, UnitFile, UnreadLog, Warning, WrittenData};
use crate::report::hints::{steps, sudoers, sudoers_line, Hint};
use crate::report::place::{shell, Place};
use crate::text::amounts::count;
use crate::text::excerpt::excerpt;
use crate::text::Prose;

/// What is wrong, and what to do about it, in one line.
#[must_use]
pub fn warning(warning: &Warning, place: &Place) -> Prose {
    match parts(warning, place) {
        (text, Some(command)) => text.and(" ").and(Prose::verbatim(command)),
        (text, None) => text,
    }
}

/// The same with its command apart.
#[must_use]
pub(in crate::report) fn advice(warning: &Warning, place: &Place) -> Hint {
    let (text, command) = parts(warning, place);
    steps(text, command.as_slice())
}

/// No command has words of the server.
#[expect(
    clippy::too_many_lines,
    reason = "one exhaustive match, so that no warning is without a decision"
)]
fn parts(warning: &Warning, place: &Place) -> (Prose, Option<String>) {
    if let Warning::OfUnit { unit, warning } = warning {
        let place = place.with_unit(unit);
        let (what, command) = parts(warning, &place);
        let unit = excerpt(unit);
        let text = what.to_string();
        let is_named = text.split([' ', ',']).any(|word| word == unit);
        let what = match is_named {
            true => what,
            false => Prose::verbatim(unit).and(": ").and(what),
        };
        return (what, command);
    }
    let what = quotes::warning(warning);
    let command = match warning {
        Warning::Leftover { path, .. } => {
            let path = place
                .own_path(path)
                .filter(|it| *it != shell(&place.target));
            path.map(|path| format!("sudo rm -rf {path}"))
        }
        Warning::DaemonReload => Some(place.own("sudo systemctl daemon-reload")),
        Warning::NotEnabled(_) => place.of_unit("sudo systemctl enable").pop(),
        Warning::DiskNearlyFull(_) => Some("df -h && sudo du -xsh /var/log".to_owned()),
        Warning::LogNotChecked(
            UnreadLog::NothingSinceReload { .. }
            | UnreadLog::Nothing { .. }
            | UnreadLog::NothingOfOwnUnit { .. }
            | UnreadLog::OnlyLast { .. },
        )
        | Warning::MaybeOldCrashes { .. } => {
            let user = shell(&place.user);
            Some(format!("sudo usermod -aG systemd-journal {user}"))
        }
        Warning::NoResetFailed { .. } => {
            let service = place.service.as_ref();
            service.map(|service| sudoers(&place.user, "reset-failed", service))
        }
        // a socket unit is named like its service, unless that has several
        Warning::SocketDown { socket, .. } => place.service.as_ref().map(|service| {
            let own = format!("{}.socket", service.trim_end_matches(".service"));
            let socket = if *socket == own {
                own
            } else {
                "NAME.socket".to_owned()
            };
            place.own(&format!(
                "sudo systemctl restart {} {}",
                shell(&socket),
                shell(service)
            ))
        }),
        Warning::UnsafePager { .. } => {
            let Some(service) = &place.service else {
                return (what, None);
            };
            let line = sudoers_line(&place.user, "NOEXEC: ", "status", service);
            let change = what.and("; change it with visudo to ");
            return (change.and(Prose::verbatim(line)), None);
        }
        Warning::LogNotChecked(
            UnreadLog::NoInvocation | UnreadLog::Elsewhere(_) | UnreadLog::Pattern { .. },
        )
        | Warning::LoggedErrors(_)
        | Warning::OtherRelease(_)
        | Warning::PendingSetAside { .. }
        | Warning::RollbackDoubt(_)
        | Warning::UnitFilesNotRestored(_)
        | Warning::OldUnhealthy(_) => return (what, None),
        Warning::SmokeTestLeft { processes } => {
            let ids = processes.iter().take(10).map(ToString::to_string);
            let command = format!("ps -fp {}", ids.collect::<Vec<_>>().join(","));
            let text = what.and("; end those that are left (kill), as root, on the server:");
            return (text, Some(command));
        }
        Warning::GroupWritable { .. } => {
            let command = format!("sudo chmod g-w {}", shell(&place.target));
            return (what.and("; unless they must:"), Some(command));
        }
        Warning::LongDeadline { service, .. } => {
            return (what.and(shorter(service.as_deref())), None)
        }
        Warning::DataLeftBehind(data) => return (what.and(keep(data)), None),
        Warning::AppAccess(_) => return (what.and(LET_IT), None),
        Warning::UnitFileStays { path } => UnitFile::at(path).map(|file| {
            let place = shell(&UnitFile::place(path));
            let disable = format!("sudo systemctl disable --now {}; ", shell(file.unit()));
            let disable = if file.is_drop_in() { "" } else { &disable };
            format!("{disable}sudo rm -f {place}; sudo systemctl daemon-reload")
        }),
        Warning::UnitFileGone { name, scope } => {
            return (
                what.and("; if nobody needs it:"),
                remove_unit_file(name, *scope),
            )
        }
        Warning::OfUnit { .. } => None,
        Warning::ListenerNotChecked(_) | Warning::ReleaseNotSeen(_) => {
            return (what.and(PROVE_IT), None)
        }
    };
    match command {
        Some(command) => {
            let who = match command.contains(" --user ") {
                true => "; on the server, as the deploy user:",
                false => "; on the server, as root:",
            };
            (what.and(who), Some(command))
        }
        None => (what, None),
    }
}

/// How a unit file is removed from the server. Of the server's words, only a name that systemd and a shell take as it is.
fn remove_unit_file(name: &str, scope: Scope) -> Option<String> {
    let file = UnitFile::at(name).filter(|file| file.name == name)?;
    let (systemctl, rm) = match scope {
        Scope::System => ("sudo systemctl", "sudo rm /etc/systemd/system"),
        Scope::User => ("systemctl --user", "rm ~/.config/systemd/user"),
    };
    let disable = match file.is_drop_in() {
        true => String::new(),
        false => format!("{systemctl} disable --now {name}; "),
    };
    Some(format!(
        "{disable}{rm}/{} && {systemctl} daemon-reload",
        shell(name)
    ))
}

/// There were more than are shown.
#[must_use]
pub fn more_warnings(over: usize) -> String {
    format!("… {} omitted …", count(over as u64, "warning"))
}

/// How the server would need less time.
fn shorter(service: Option<&str>) -> Prose {
    match service {
        Some(service) => Prose::of(
            "; give `{}` a shorter `TimeoutStartSec=` and `TimeoutStopSec=` if possible",
            [&shell(service)],
        ),
        None => "; the health check of the live release had longer limits than this run".into(),
    }
}
const LET_IT: &str = "; if it needs this, give its group access: docs/server.md has the commands";
const PROVE_IT: &str =
    "; to prove it, let the health response name the release and set the input `health-match` with `{release}`";

/// How to keep what an application wrote.
fn keep(data: &WrittenData) -> Prose {
    let mut text = Prose::default();
    let mut name = |words: &'static str, lines: &[String]| {
        for (at, line) in lines.iter().enumerate() {
            let before = if at == 0 { words } else { ", " };
            let text_before = std::mem::take(&mut text).and(before);
            text = text_before.and(Prose::verbatim(line));
        }
    };
    name(
        "; name it in the input `shared`, on a line of its own: ",
        &data.shared_lines(),
    );
    name(
        "; and in `exclude`, because the source has it too: ",
        &data.changed(),
    );
    name(
        "; the input `shared` names it already, but its own is used: ",
        &data.named,
    );
    text.and(Prose::of(
        "; it stays in `{}` until `retention` deletes that release",
        [&shell(&data.folder)],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Notice;
    use crate::report::tests::{notices, place, warnings};

    #[test]
    fn every_warning_says_what_to_do() {
        let all: Vec<_> = warnings()
            .iter()
            .map(|it| warning(it, &place()).to_string())
            .collect();
        insta::assert_snapshot!(all.join("\n"), @r#"
        an old release could not be deleted: /opt/diting/releases/1762000000: Permission denied; on the server, as root: sudo rm -rf /opt/diting/releases/1762000000
        the unit file has changed, but systemd still uses the old one; on the server, as root: sudo systemctl daemon-reload
        unit diting is not started at boot; on the server, as root: sudo systemctl enable diting
        the target's disk is 87 % full; on the server, as root: df -h && sudo du -xsh /var/log
        deploy may not run sudo -n systemctl reset-failed diting, so a deployment may have to wait for systemd's start limit; on the server, as root: new=$(mktemp) && { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; echo 'deploy ALL=(root) NOPASSWD: /bin/systemctl reset-failed diting'; } >"$new" && sudo visudo -cf "$new" && sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
        the new process logged errors: ERROR: no cache; Exception in worker process
        the log of the new process was not fully checked: neither journalctl nor systemctl --user status diting shows a line of it; on the server, as root: sudo usermod -aG systemd-journal deploy
        the log of the new process was not fully checked: only its last 10 lines can be read; on the server, as root: sudo usermod -aG systemd-journal deploy
        the new process is healthy, but logged a crash; the release before may have logged the same at its start, but only the last 10 lines of its log can be read: Traceback (most recent call last):; KeyError: 'A'; on the server, as root: sudo usermod -aG systemd-journal deploy
        the new process is healthy, but logged a crash; the release before may have logged the same at its start, but its log cannot be read: FATAL: no cache; on the server, as root: sudo usermod -aG systemd-journal deploy
        what ran before was not healthy: health refused the connection: no process listens there; there is no good release to roll back to
        it is unknown whether the unit answers the health check: port 80 is held by process 512 (nginx) in /system.slice/nginx.service, which was there before the restart: it may be a proxy for the unit; to prove it, let the health response name the release and set the input `health-match` with `{release}`
        it is unknown whether the unit runs this release: its processes belong to another user, so the files that they use cannot be seen; to prove it, let the health response name the release and set the input `health-match` with `{release}`
        beside the new processes, the unit still runs release 1762147685 (process 513, gunicorn)
        the old release serves again, but there was trouble at first: the unit's process on the server ended: exit-code, exit status 1
        the application has written into release 1762147685, and this is not carried over: uploads/ (341 files, 80.0 MB), 7 more files in public/ (70.0 kB), app.db (12.0 kB), db.json (300 B), pg/ (cannot be read) and 2 more; not everything was looked at, because it took too long; name it in the input `shared`, on a line of its own: uploads/, app.db, db.json; and in `exclude`, because the source has it too: db.json; it stays in `/opt/diting/releases/1762147685` until `retention` deletes that release
        an earlier deployment was interrupted, and its record is damaged, so nothing is rolled back: the release that current points to stays live; check that it is the right one; the record was moved to /opt/diting/.deploy/pending.damaged
        members of the group www can write to /opt/diting, so they can replace what is deployed; unless they must: sudo chmod g-w /opt/diting
        after the switch the server may need up to 34 min, but the run stops watching after 18 min and ends as unknown; the server finishes on its own; give `diting` a shorter `TimeoutStartSec=` and `TimeoutStopSec=` if possible
        the unit runs as www-data on the server, which cannot read .env or write data, it's uploads in shared; if it needs this, give its group access: docs/server.md has the commands
        /etc/systemd/system/diting.service stays as the failed release brought it: the release before has no such unit file; on the server, as root: sudo systemctl disable --now diting.service; sudo rm -f /etc/systemd/system/diting.service; sudo systemctl daemon-reload
        the unit files of the old release were not restored: sudo -n systemctl daemon-reload ended with exit code 1 on the server; its output: sudo: a password is required
        unit diting-worker is not started at boot
        the release no longer has the unit file diting-dump.timer, but the server keeps it; if nobody needs it: sudo systemctl disable --now diting-dump.timer; sudo rm /etc/systemd/system/diting-dump.timer && sudo systemctl daemon-reload
        the release no longer has the unit file diting.service.d/env.conf, but the server keeps it; if nobody needs it: rm ~/.config/systemd/user/diting.service.d/env.conf && systemctl --user daemon-reload
        the sudoers line of deploy for systemctl status diting gives this user, and any app that runs as it, a root shell: before systemd 247 the pager can start any program; change it with visudo to deploy ALL=(root) NOPASSWD: NOEXEC: /bin/systemctl status diting
        diting.socket is down (service-start-limit-hit), so nothing takes connections; on the server, as root: sudo systemctl restart diting.socket diting
        processes that the smoke test started still run: 4711, 4712, 4713, 4714, 4715, 4716, 4717, 4718, 4719, 4720 and more; end those that are left (kill), as root, on the server: ps -fp 4711,4712,4713,4714,4715,4716,4717,4718,4719,4720
        "#);
    }

    #[test]
    fn only_what_lies_below_the_target_is_deleted_on_the_servers_word() {
        let text = |path: &str| {
            let (path, error) = (path.to_owned(), "Permission denied".to_owned());
            warning(&Warning::Leftover { path, error }, &place()).to_string()
        };
        for path in [
            "/etc",
            "/opt/diting",
            "/opt/diting/../../etc",
            "/",
            "-rf /",
            "/opt/diting/releases/../../../etc",
        ] {
            assert!(!text(path).contains("sudo"), "{}", text(path));
        }
        let trash = text("/opt/diting/.deploy/trash/1762000000");
        assert!(
            trash.ends_with("sudo rm -rf /opt/diting/.deploy/trash/1762000000"),
            "{trash}"
        );
    }

    #[test]
    fn every_notice_has_its_text() {
        let all: Vec<_> = notices().iter().map(Notice::to_string).collect();
        insta::assert_snapshot!(all.join("\n"), @"
        1762147685 was live and healthy, and is taken over as good
        the new process logged crash messages that the release before logged too: Traceback (most recent call last):; KeyError: 'A'
        it is unknown whether logind kills a user's processes at logout; if it does, a lost connection can stop a deployment
        waiting up to 10 s for systemd's start limit; the old release serves until then
        waiting up to 5 min for systemd's start limit; nothing serves until then
        the server is going down, which decides nothing: the deployment stays pending, and the boot guard or the next run restores the old release
        the systemd of the deploy user (systemctl --user) is not running, which decides nothing: the deployment stays pending, and the boot guard or the next run restores the old release
        diting.socket and diting are restarted together: connections are refused until both run again
        diting.socket keeps connections waiting while diting restarts
        the unit files were not checked with systemd-analyze verify: it ended with exit code 1: Failed to initialize manager: No such device or address
        current was a link to /opt/diting/previous; the next switch writes a relative one
        /opt/diting/releases/1762147685 holds data that the application wrote there: uploads/ (341 files, 80.0 MB), 7 more files in public/ (70.0 kB), app.db (12.0 kB), db.json (300 B), pg/ (cannot be read) and 2 more; not everything was looked at, because it took too long; a later deployment deletes it with the release
        started beside the live release with PORT=41231: .venv/bin/uvicorn app:app --port 41231
        ");
    }
}
