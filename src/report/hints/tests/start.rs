//! Hints about a start that failed.

use crate::protocol::{FailedStart, LogPlace};
use crate::report::hints::*;
use crate::report::tests::place;

fn failed_start(log: LogPlace, invocation: Option<&str>) -> Place {
    let start = FailedStart {
        invocation: invocation.map(str::to_owned),
        since: 1_762_147_990,
        until: 1_762_148_003,
        log,
        unit_type: "notify".to_owned(),
        start_timeout: "1min 30s".to_owned(),
        result: "timeout".to_owned(),
        answered_by: None,
    };
    Place {
        start: Some(start),
        ..place()
    }
}

#[test]
fn after_a_rollback_the_log_of_the_failed_start_is_shown() {
    let id = Some("0123456789abcdef0123456789abcdef");
    let file = |readable| LogPlace::File {
        path: "/var/log/my app.log".to_owned(),
        readable,
    };
    let places = [
        failed_start(LogPlace::ReadableJournal, id),
        failed_start(LogPlace::Journal, id),
        failed_start(LogPlace::ReadableJournal, None),
        failed_start(LogPlace::Journal, Some("$(reboot)")),
        failed_start(file(true), id),
        failed_start(file(false), id),
    ];
    let all = places.map(|place| unit::look(&place).to_string());
    insta::assert_snapshot!(all.join("\n"), @"
    on the server:
      journalctl --no-pager _SYSTEMD_INVOCATION_ID=0123456789abcdef0123456789abcdef + INVOCATION_ID=0123456789abcdef0123456789abcdef _UID=0
    on the server, as root:
      sudo journalctl --no-pager _SYSTEMD_INVOCATION_ID=0123456789abcdef0123456789abcdef + INVOCATION_ID=0123456789abcdef0123456789abcdef _UID=0
    on the server:
      journalctl --no-pager -u diting --since '2025-11-03 05:33:10 UTC' --until '2025-11-03 05:33:24 UTC'
    on the server, as root:
      sudo journalctl --no-pager -u diting --since '2025-11-03 05:33:10 UTC' --until '2025-11-03 05:33:24 UTC'
    on the server:
      tail -n 50 '/var/log/my app.log'
    on the server, as root:
      sudo tail -n 50 '/var/log/my app.log'
    ");
}

#[test]
fn after_a_failed_rollback_what_runs_now_is_shown() {
    let look = |log| unit::look(&about_now(&failed_start(log, None))).to_string();
    let own = look(LogPlace::ReadableJournal);
    assert!(
        own.ends_with("systemctl status diting\n  journalctl -u diting -n 50 --no-pager"),
        "{own}"
    );
    let root = look(LogPlace::Journal);
    assert!(
        root.ends_with("as root:\n  sudo journalctl -u diting -n 50 --no-pager"),
        "{root}"
    );
}

#[test]
fn a_unit_that_is_never_ready_is_explained_by_its_type() {
    let types = ["notify", "forking", "dbus", "simple"];
    let all = types.map(|unit_type| {
        let mut place = failed_start(LogPlace::Journal, None);
        if let Some(start) = &mut place.start {
            start.unit_type = unit_type.to_owned();
        }
        unit::never_ready(unit::NeverReady::TimedOut, &place).advice()[0]
            .text
            .to_string()
    });
    insta::assert_snapshot!(all.join("\n"), @"
    the unit has Type=notify, but never reported READY=1 within TimeoutStartSec (1min 30s): let the app call `sd_notify` (with NotifyAccess=all if a child of it does), or set Type=exec; compare:
    the unit has Type=forking, but its program did not go to the background within TimeoutStartSec (1min 30s): set Type=exec, or let it write its PIDFile; compare:
    the unit has Type=dbus, but did not take its BusName within TimeoutStartSec (1min 30s); compare:
    the unit was not ready within TimeoutStartSec (1min 30s): with Type=notify it must report READY=1 in that time; otherwise one of its commands takes too long; compare:
    ");
}

/// The hint follows the cause that the log names.
#[test]
#[expect(clippy::too_many_lines, reason = "it shows whole texts")]
fn a_process_that_ended_is_explained_by_its_status_or_its_log() {
    use crate::protocol::ProcessEnd::{Exited, Killed};
    let exited = |result: &str, status| Exited {
        result: result.to_owned(),
        status,
    };
    let cases = [
        (
            exited("exit-code", 1),
            Some("OSError: [Errno 98] Address already in use"),
        ),
        (
            exited("exit-code", 1),
            Some("OSError: [Errno 28] No space left on device"),
        ),
        (
            exited("exit-code", 1),
            Some("PermissionError: [Errno 13] Permission denied: '/var/lib/x'"),
        ),
        (
            exited("exit-code", 1),
            Some("ModuleNotFoundError: No module named 'x'"),
        ),
        (
            exited("exit-code", 127),
            Some("/bin/sh: 1: node: not found"),
        ),
        (exited("exit-code", 126), None),
        (exited("exit-code", 226), None),
        (exited("oom-kill", 0), None),
        (exited("protocol", 0), None),
        (
            Killed {
                result: "watchdog".to_owned(),
                signal: 6,
            },
            None,
        ),
        (
            Killed {
                result: "signal".to_owned(),
                signal: 9,
            },
            None,
        ),
    ];
    let all = cases.map(|(end, line)| unit::ended(&end, line, &place()).to_string());
    insta::assert_snapshot!(all.join("\n---\n"), @"
    another process listens on the app's port; find it on the server, as root:
      sudo ss -tlnp
    ---
    free disk space on the server (inodes may be used up, too):
      df -h /opt/diting /tmp; df -i /opt/diting /tmp
    as root:
      sudo du -xsh /opt/diting/releases /var/log
      sudo journalctl --vacuum-time=7d
    ---
    the unit's User lacks a permission; compare:
      systemctl cat diting
      ls -la /opt/diting/current/
    ---
    if the module is a package, add it to `pyproject.toml` (or `requirements.txt`), lock again (`uv lock`), and push; if it is the app's own, is it committed, and is its name right?
    more of its log:
      systemctl status diting
    as root:
      sudo journalctl -u diting -n 50 --no-pager
    ---
    node was not found in the PATH that the unit gives its processes; compare:
      systemctl cat diting
    ---
    a program of the unit cannot be executed: check its mode and its first line; its log:
      systemctl status diting
    as root:
      sudo journalctl -u diting -n 50 --no-pager
    ---
    226/NAMESPACE: a path of the unit, as in ReadWritePaths or BindPaths, is not there; compare:
      systemctl cat diting
    ---
    the kernel ended it because memory ran out; on the server:
      free -h
    as root:
      sudo dmesg -T | grep -iE 'oom|out of memory'
    ---
    the unit was not ready within TimeoutStartSec: with Type=notify it must report READY=1 in that time; otherwise one of its commands takes too long; compare:
      systemctl cat diting
    its log:
      systemctl status diting
    as root:
      sudo journalctl -u diting -n 50 --no-pager
    ---
    systemd ended it because it did not report within WatchdogSec; its log:
      systemctl status diting
    as root:
      sudo journalctl -u diting -n 50 --no-pager
    ---
    most likely the server ran out of memory; on the server:
      free -h
    as root:
      sudo dmesg -T | grep -iE 'oom|out of memory'
    ");
}
