//! Warnings.

use crate::protocol::{UnreadLog, Warning, WrittenData};
use crate::report::hints::sudoers;
use crate::report::place::shell;
use crate::text::Prose;

/// What is wrong, and what to do about it.
#[must_use]
pub fn warning(warning: &Warning) -> Prose {
    let what = Prose::foreign(warning);
    let command = match warning {
        Warning::Leftover { path, .. } => format!("sudo rm -rf {}", shell(path)),
        Warning::DaemonReload => "sudo systemctl daemon-reload".to_owned(),
        Warning::NotEnabled(unit) => format!("sudo systemctl enable {}", shell(unit)),
        Warning::DiskNearlyFull(_) => "df -h && sudo du -xsh /var/log".to_owned(),
        Warning::LogNotChecked(
            UnreadLog::NothingSinceReload { user }
            | UnreadLog::Nothing { user, .. }
            | UnreadLog::OnlyLast { user, .. },
        )
        | Warning::MaybeOldCrashes { user, .. } => {
            format!("sudo usermod -aG systemd-journal {}", shell(user))
        }
        Warning::NoResetFailed { service, user } => {
            let command = sudoers(user, "reset-failed", service);
            return what
                .and("; on the server's console, as root: ")
                .and(Prose::verbatim(command));
        }
        Warning::LogNotChecked(
            UnreadLog::NoInvocation | UnreadLog::Elsewhere(_) | UnreadLog::Pattern { .. },
        )
        | Warning::LoggedErrors(_)
        | Warning::OtherRelease(_)
        | Warning::RollbackDoubt(_)
        | Warning::OldUnhealthy(_) => return what,
        Warning::DataLeftBehind(data) => return what.and(keep(data)),
        Warning::ListenerNotChecked(_) | Warning::ReleaseNotSeen(_) => {
            return what.and(
                "; to prove it, let the health response name the release and set the input `health-match` with `{release}`",
            );
        }
    };
    what.and("; on the server, as root: ")
        .and(Prose::verbatim(command))
}

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
    use crate::report::tests::{notices, warnings};

    #[test]
    fn every_warning_says_what_to_do() {
        let all: Vec<_> = warnings()
            .iter()
            .map(|it| warning(it).to_string())
            .collect();
        insta::assert_snapshot!(all.join("\n"), @"
        an old release could not be deleted: /opt/diting/releases/1762000000: Permission denied; on the server, as root: sudo rm -rf /opt/diting/releases/1762000000
        the unit file has changed, but systemd still uses the old one; on the server, as root: sudo systemctl daemon-reload
        unit diting is not started at boot; on the server, as root: sudo systemctl enable diting
        the target's disk is 87 % full; on the server, as root: df -h && sudo du -xsh /var/log
        deploy may not run sudo -n systemctl reset-failed diting, so a deployment may have to wait for systemd's start limit; on the server's console, as root: echo 'deploy ALL=(ALL) NOPASSWD: /bin/systemctl reset-failed diting' | sudo tee -a /etc/sudoers.d/deploy-action && sudo chmod 440 /etc/sudoers.d/deploy-action && sudo visudo -c
        the new process logged errors: ERROR: no cache; Exception in worker process
        the log of the new process was not fully checked: only its last 10 lines can be read; on the server, as root: sudo usermod -aG systemd-journal deploy
        the new process is healthy, but logged a crash; the release before may have logged the same at its start, but only the last 10 lines of its log can be read: Traceback (most recent call last):; KeyError: 'A'; on the server, as root: sudo usermod -aG systemd-journal deploy
        the new process is healthy, but logged a crash; the release before may have logged the same at its start, but its log cannot be read: FATAL: no cache; on the server, as root: sudo usermod -aG systemd-journal deploy
        what ran before was not healthy: health refused the connection: no process listens there; there is no good release to roll back to
        it is unknown whether the unit answers the health check: port 80 is held by process 512 (nginx) in /system.slice/nginx.service, which was there before the restart: it may be a proxy for the unit; to prove it, let the health response name the release and set the input `health-match` with `{release}`
        it is unknown whether the unit runs this release: its processes belong to another user, so the files that they use cannot be seen; to prove it, let the health response name the release and set the input `health-match` with `{release}`
        beside the new processes, the unit still runs release 1762147685 (process 513, gunicorn)
        the old release serves again, but there was trouble at first: the unit's process on the server ended: exit-code, exit status 1
        the application has written into release 1762147685, and this is not carried over: uploads/ (341 files, 80.0 MB), 7 more files in public/ (70.0 kB), app.db (12.0 kB), db.json (300 B), pg/ (cannot be read) and 2 more; not everything was looked at, because it took too long; name it in the input `shared`, on a line of its own: uploads/, app.db, db.json; and in `exclude`, because the source has it too: db.json; it stays in `/opt/diting/releases/1762147685` until `retention` deletes that release
        ");
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
        current was a link to /opt/diting/previous; the next switch writes a relative one
        /opt/diting/releases/1762147685 holds data that the application wrote there: uploads/ (341 files, 80.0 MB), 7 more files in public/ (70.0 kB), app.db (12.0 kB), db.json (300 B), pg/ (cannot be read) and 2 more; not everything was looked at, because it took too long; a later deployment deletes it with the release
        ");
    }
}
