//! The log of the new start as a gate: each invocation has a file that the stub of journalctl shows.

use crate::app::App;
use crate::client::Told;
use crate::stub_server::StubServer;
use deploy_action::protocol::{
    Health, HealthUrl, LogCheck, LogLevel, Notice, Outcome, Plan, Reason, Restart, Step, UnreadLog,
    Warning, What,
};
use deploy_action::report::{texts, Place};
use std::fs;

const JOURNALCTL: &str = r#"#!/bin/sh
home=${0%/.local/bin/*}
echo "$*" >> "$home/asked"
show=cat
case $* in *" -n "*) show=${*#* -n } show="tail -n ${show%% *}" ;; esac
for argument; do
    case $argument in _PID=*) exec cat "$home/words-of-${argument#*=}" ;; esac
done
for argument; do
    case $argument in
    _SYSTEMD_UNIT=*) case $* in *" _SYSTEMD_INVOCATION_ID="*) ;; *) exec cat "$home/entries" ;; esac ;;
    _SYSTEMD_INVOCATION_ID=*) [ -e "$home/journal-${argument#*=}" ] && exec $show "$home/journal-${argument#*=}" ;;
    esac
done
exit 0
"#;
const STATUS: &str = "#!/bin/sh
[ \"$1\" = status ] && exec cat \"${0%/.local/bin/*}/status\"
exec \"${0%/*}/systemctl-itself\" \"$@\"
";
const TRACEBACK: &str = "INFO:     Started server process [12]
Traceback (most recent call last):
  File \"app.py\", line 1, in <module>
KeyError: 'DATABASE_URL'
INFO:     Application startup complete.
";

/// A server on which `old` is live by its first invocation; the next release gets the second.
fn server() -> StubServer {
    let server = StubServer::with(&App::good("old"));
    server.program(".local/bin/journalctl", JOURNALCTL);
    server
}

fn logs(server: &StubServer, start: u32, text: impl AsRef<[u8]>) {
    fs::write(server.home().join(format!("journal-start-{start}")), text).unwrap();
}

/// What `sudo systemctl status` says.
fn has_status(server: &StubServer, text: &str) {
    server.before_systemctl(STATUS);
    fs::write(server.home().join("status"), text).unwrap();
}

fn checks(level: LogLevel) -> impl FnOnce(&mut Plan) {
    move |plan| {
        plan.verification.log = LogCheck {
            level,
            pattern: None,
        }
    }
}

fn deploy(server: &StubServer, level: LogLevel) -> Told {
    server.deploy_with(&App::good("new"), checks(level))
}

fn words(told: &Told) -> Vec<String> {
    let lines = told.events.iter().filter_map(|what| match what {
        What::Warning(Warning::LoggedErrors(lines)) => Some(lines),
        _ => None,
    });
    lines
        .flatten()
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect()
}

fn not_checked(told: &Told) -> Option<&UnreadLog> {
    told.events.iter().find_map(|what| match what {
        What::Warning(Warning::LogNotChecked(unread)) => Some(unread),
        _ => None,
    })
}

#[test]
fn a_traceback_in_the_log_of_the_new_start_rolls_back_and_is_told() {
    let server = server();
    logs(&server, 2, TRACEBACK);
    let told = deploy(&server, LogLevel::Fail);
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
    assert_eq!(server.restarts(), ["old", "new", "old"]);
    assert!(told.has(|what| matches!(what, What::Diagnostics(all) if !all.is_empty())));
    let failure = told.verdict.unwrap().failure.unwrap();
    let lines = [
        &b"Traceback (most recent call last):"[..],
        b"KeyError: 'DATABASE_URL'",
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    assert_eq!(
        (failure.step, failure.reason),
        (Step::Verify, Reason::Log { lines })
    );
}

#[test]
fn the_same_only_warns_or_is_not_read_where_that_is_wished() {
    let server = server();
    logs(&server, 2, TRACEBACK);
    let told = deploy(&server, LogLevel::Warn);
    assert_eq!(told.outcome(), Some(Outcome::Deployed));
    assert_eq!(
        words(&told),
        [
            "Traceback (most recent call last):",
            "KeyError: 'DATABASE_URL'"
        ]
    );

    let server = self::server();
    logs(&server, 2, TRACEBACK);
    let told = deploy(&server, LogLevel::Off);
    assert_eq!(told.outcome(), Some(Outcome::Deployed));
    assert!(words(&told).is_empty() && not_checked(&told).is_none());
    assert!(!server.home().join("asked").exists());
}

#[test]
fn error_words_warn_and_the_last_lines_are_shown() {
    let server = server();
    logs(
        &server,
        2,
        format!("{}ERROR: one request\n", "INFO: fine\n".repeat(20)),
    );
    let told = deploy(&server, LogLevel::Fail);
    assert_eq!(told.outcome(), Some(Outcome::Deployed));
    assert_eq!(words(&told), ["ERROR: one request"]);
    let shown: Vec<_> = told
        .events
        .iter()
        .filter(|what| matches!(what, What::Output(_)))
        .collect();
    assert_eq!(shown.len(), 11, "{shown:?}");
    assert_eq!(
        shown[0],
        &What::Output(b"--- log of app, this start".to_vec())
    );
    assert_eq!(shown[10], &What::Output(b"ERROR: one request".to_vec()));
}

#[test]
fn what_an_earlier_start_logged_is_not_reported() {
    let server = server();
    logs(&server, 1, TRACEBACK);
    logs(&server, 2, "INFO: fine\n");
    let told = deploy(&server, LogLevel::Fail);
    assert_eq!(told.outcome(), Some(Outcome::Deployed));
    assert!(
        words(&told).is_empty() && not_checked(&told).is_none(),
        "{told:?}"
    );
}

fn old_crashes(told: &Told) -> usize {
    let lines = told.events.iter().filter_map(|what| match what {
        What::Notice(Notice::OldCrashes(lines)) => Some(lines.len()),
        _ => None,
    });
    lines.sum()
}

#[test]
fn a_crash_message_that_the_release_before_logs_too_is_only_noticed() {
    let server = server();
    logs(&server, 1, TRACEBACK);
    logs(
        &server,
        2,
        TRACEBACK
            .replace("[12]", "[4711]")
            .replace("line 1", "line 7"),
    );
    let told = deploy(&server, LogLevel::Fail);
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    assert_eq!((words(&told).len(), old_crashes(&told)), (0, 2), "{told:?}");
    // read before the switch
    let asked = fs::read_to_string(server.home().join("asked")).unwrap();
    assert!(
        asked.starts_with("-q --no-pager _SYSTEMD_INVOCATION_ID=start-1 _SYSTEMD_UNIT=app.service"),
        "{asked}"
    );
    // no line that any local user could have sent
    let new =
        "_SYSTEMD_INVOCATION_ID=start-2 _SYSTEMD_UNIT=app.service + INVOCATION_ID=start-2 _UID=0\n";
    assert!(asked.contains(new), "{asked}");
}

#[test]
fn only_the_new_one_of_two_crash_messages_is_the_reason() {
    let server = server();
    logs(&server, 1, TRACEBACK);
    let new = TRACEBACK.replace("KeyError: 'DATABASE_URL'", "KeyError: 'CACHE_URL'");
    logs(&server, 2, format!("{TRACEBACK}{new}"));
    let reason = reason(deploy(&server, LogLevel::Fail));
    let lines = [
        &b"Traceback (most recent call last):"[..],
        b"KeyError: 'CACHE_URL'",
    ];
    let lines = lines.map(<[u8]>::to_vec).to_vec();
    assert_eq!(reason, Reason::Log { lines });
}

/// A failed release is not the release before: that is the one that runs again.
#[test]
fn a_crash_message_of_a_failed_release_is_news_in_the_next_run_too() {
    let server = server();
    logs(&server, 1, "INFO: fine\n");
    logs(&server, 2, TRACEBACK);
    logs(&server, 3, "INFO: fine\n");
    logs(&server, 4, TRACEBACK);
    logs(&server, 5, "INFO: fine\n");
    for _ in 0..2 {
        let told = deploy(&server, LogLevel::Fail);
        assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
    }
}

#[test]
fn what_comes_late_in_a_long_log_is_known_too() {
    let server = server();
    logs(
        &server,
        1,
        format!("{}{TRACEBACK}", "INFO: fine\n".repeat(30_000)),
    );
    logs(&server, 2, TRACEBACK);
    let told = deploy(&server, LogLevel::Fail);
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
}

/// journald asks for the invocation when it reads a line: then the next one may have begun.
#[test]
fn the_last_words_of_the_process_before_are_not_the_new_ones() {
    for (new, outcome) in [
        ("INFO: fine\n", Outcome::Deployed),
        ("FATAL: bye\n", Outcome::RolledBack),
    ] {
        let server = StubServer::new();
        server.program(".local/bin/journalctl", JOURNALCTL);
        let home = server.home();
        // no such process is there any more
        fs::write(home.join("main"), "9999999").unwrap();
        server.deploys(&App::good("old"));
        fs::remove_file(home.join("main")).unwrap();
        fs::write(home.join("words-of-9999999"), "FATAL: bye\nERROR: going\n").unwrap();
        logs(&server, 2, format!("FATAL: bye\nERROR: going\n{new}"));
        let told = deploy(&server, LogLevel::Fail);
        assert_eq!(told.outcome(), Some(outcome), "{told:?}");
        assert!(words(&told).is_empty(), "{told:?}");
    }
}

/// A script that reloads another program may restart the unit all the same.
#[test]
fn a_failed_restart_is_not_told_with_what_the_process_before_said_whatever_words_its_command_has() {
    let server = server();
    server.behaves("new", "failed");
    has_entries(
        &server,
        &[
            ("start-2", "ERROR: no database"),
            ("start-1", "ERROR: the old one says bye"),
        ],
    );
    let reason = reason(server.deploy_with(&App::good("new"), |plan| {
        plan.restart = Restart::Commands(
            ": reload nginx; systemctl restart app; grep -q old current/name".to_owned(),
        );
    }));
    assert_eq!(reason.log_line(), Some("no database"), "{reason:?}");
}

#[test]
fn after_a_reload_only_what_came_since_is_read() {
    let server = server();
    logs(&server, 1, "INFO: reloaded\n");
    let told = server.deploy_with(&App::good("new"), |plan| {
        checks(LogLevel::Fail)(plan);
        plan.restart = Restart::Commands("systemctl reload app".to_owned());
    });
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    let asked = fs::read_to_string(server.home().join("asked")).unwrap();
    assert!(
        asked.contains("--since=@") && asked.contains("start-1"),
        "{asked}"
    );
}

#[test]
fn a_crash_word_of_the_old_release_is_no_failed_rollback() {
    let server = StubServer::new();
    server.program(".local/bin/journalctl", JOURNALCTL);
    logs(&server, 1, "INFO: fine\n");
    logs(&server, 2, "FATAL: new\n");
    logs(&server, 3, "FATAL: old\n");
    let told = server.deploy_with(&App::good("old"), checks(LogLevel::Fail));
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    let told = deploy(&server, LogLevel::Fail);
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
    assert_eq!(words(&told), ["FATAL: old"]);
    assert!(told.verdict.unwrap().rollback.is_none());
}

fn status_line(message: &str) -> String {
    format!("Nov 03 05:16:40 web1 app[12]: {message}\n")
}

const STATUS_HEAD: &str = "● app.service\n     Active: active (running)\n\n";

/// From the next restart on, `systemctl status` shows another text.
fn status_after_restart(server: &StubServer, text: &str) {
    fs::write(server.home().join("status-later"), text).unwrap();
    let meddle =
        "#!/bin/sh\nhome=${0%/*}\nmv \"$home/status-later\" \"$home/status\" 2>/dev/null\n";
    server.program("on-restart", meddle);
}

#[test]
fn who_sees_no_journal_reads_the_status_that_sudo_allows() {
    let started = status_line("Started app.service.");
    for (text, outcome, checked) in [
        (
            format!(
                "{STATUS_HEAD}{started}{}",
                status_line("FATAL: no database")
            ),
            Outcome::RolledBack,
            true,
        ),
        (format!("{STATUS_HEAD}{started}"), Outcome::Deployed, true),
        (
            format!("{STATUS_HEAD}{}", started.repeat(10)),
            Outcome::Deployed,
            false,
        ),
        (STATUS_HEAD.to_owned(), Outcome::Deployed, false),
    ] {
        let server = server();
        has_status(&server, &format!("{STATUS_HEAD}{started}"));
        status_after_restart(&server, &text);
        let told = deploy(&server, LogLevel::Fail);
        assert_eq!(told.outcome(), Some(outcome), "{text}: {told:?}");
        assert_eq!(not_checked(&told).is_none(), checked, "{text}: {told:?}");
    }
}

/// Ten lines of requests show nothing of the old start.
#[test]
fn without_the_start_of_the_old_log_a_crash_is_a_warning_that_says_so() {
    let requests = status_line("INFO: GET / 200").repeat(10);
    let crash = status_line("FATAL: no cache");
    for (old, warns) in [
        (format!("{STATUS_HEAD}{requests}"), true),
        (format!("{STATUS_HEAD}{requests}{crash}"), false),
    ] {
        let server = server();
        has_status(&server, &old);
        status_after_restart(&server, &format!("{STATUS_HEAD}{crash}"));
        let told = deploy(&server, LogLevel::Fail);
        assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
        let warned = told.has(|what| matches!(what, What::Warning(Warning::MaybeOldCrashes { lines, .. }) if lines == &[b"FATAL: no cache"]));
        assert_eq!(
            (warned, old_crashes(&told)),
            (warns, usize::from(!warns)),
            "{told:?}"
        );
    }
}

#[test]
fn a_log_that_nobody_can_read_is_said_not_to_be_checked() {
    for journalctl in ["#!/bin/sh\nexit 1\n", "#!/bin/sh\n", "#!/nowhere\n"] {
        let server = StubServer::new();
        server.program(".local/bin/journalctl", journalctl);
        let told = deploy(&server, LogLevel::Fail);
        assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
        let unread = not_checked(&told).unwrap().clone();
        assert!(
            texts::warning(&Warning::LogNotChecked(unread), &Place::default())
                .to_string()
                .contains("usermod -aG systemd-journal"),
            "{told:?}"
        );
    }
}

#[test]
fn a_pattern_stands_for_the_crash_words() {
    for (pattern, outcome) in [
        ("^INFO:.*(?i)STARTUP", Outcome::RolledBack),
        ("^boom", Outcome::Deployed),
    ] {
        let server = server();
        logs(&server, 2, TRACEBACK);
        let told = server.deploy_with(&App::good("new"), |plan| {
            plan.verification.log = LogCheck {
                level: LogLevel::Fail,
                pattern: Some(pattern.to_owned()),
            };
        });
        assert_eq!(told.outcome(), Some(outcome), "{told:?}");
    }
    let server = server();
    let told = server.deploy_with(&App::good("new"), |plan| {
        plan.verification.log = LogCheck {
            level: LogLevel::Fail,
            pattern: Some("(".to_owned()),
        };
    });
    assert_eq!(told.outcome(), Some(Outcome::RolledBack));
    assert!(matches!(
        told.verdict.unwrap().failure.unwrap().reason,
        Reason::Unreadable(_)
    ));
}

#[test]
fn a_flood_is_read_from_its_end_in_bounded_pieces() {
    let server = server();
    let mut flood = b"FATAL: long ago\n".to_vec();
    flood.resize(20 << 20, b'x');
    flood.extend_from_slice(b"\nERROR: \xff\x1b[31m now\n");
    logs(&server, 2, flood);
    let told = deploy(&server, LogLevel::Fail);
    assert_eq!(told.outcome(), Some(Outcome::Deployed));
    assert_eq!(words(&told).len(), 1);
    assert!(told.has(|what| matches!(what, What::Output(line) if line.len() == 8 << 10)));
}

/// The journal of all starts, as JSON.
fn has_entries(server: &StubServer, entries: &[(&str, &str)]) {
    let entry = |(start, message): &(&str, &str)| {
        format!(
            "{}\n",
            serde_json::json!({ "MESSAGE": message, "_SYSTEMD_INVOCATION_ID": start })
        )
    };
    fs::write(
        server.home().join("entries"),
        entries.iter().map(entry).collect::<String>(),
    )
    .unwrap();
}

fn traceback(start: &'static str) -> Vec<(&'static str, &'static str)> {
    TRACEBACK.lines().map(|line| (start, line)).collect()
}

fn reason(told: Told) -> Reason {
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
    told.verdict.unwrap().failure.unwrap().reason
}

#[test]
fn a_start_that_crashes_is_told_with_the_exception_that_its_log_ends_with() {
    let server = server();
    server.behaves("new", "crash");
    let mut entries = traceback("start-2");
    entries.push(("start-1", "FATAL: the old one"));
    has_entries(&server, &entries);
    // whatever the gate is
    let reason = reason(deploy(&server, LogLevel::Off));
    assert_eq!(
        reason.log_line(),
        Some("KeyError: 'DATABASE_URL'"),
        "{reason:?}"
    );
    let asked = fs::read_to_string(server.home().join("asked")).unwrap();
    assert!(
        asked.contains("--since=@") && asked.contains("_SYSTEMD_UNIT=app.service"),
        "{asked}"
    );
}

#[test]
fn a_restart_that_fails_is_told_with_what_its_log_ends_with_unless_the_unit_is_up() {
    for (behaviour, expected) in [
        ("failed", Some("KeyError: 'DATABASE_URL'")),
        ("healthy", None),
    ] {
        let server = server();
        server.behaves("new", behaviour);
        has_entries(&server, &traceback("start-2"));
        let reason = reason(server.deploy_with(&App::good("new"), |plan| {
            plan.restart =
                Restart::Commands("systemctl restart app; grep -q old current/name".to_owned());
        }));
        assert!(matches!(reason, Reason::Command { .. }), "{reason:?}");
        assert_eq!(reason.log_line(), expected, "{reason:?}");
    }
}

#[test]
fn a_line_that_the_journal_has_not_written_yet_is_waited_for_a_moment() {
    let server = server();
    server.behaves("new", "crash");
    has_entries(&server, &traceback("start-2"));
    let home = server.home();
    fs::rename(home.join("entries"), home.join("later")).unwrap();
    has_entries(&server, &traceback("start-2")[..2]);
    let slow = "cat \"$home/entries\"; mv \"$home/later\" \"$home/entries\" 2>/dev/null; exit 0";
    server.program(
        ".local/bin/journalctl",
        &JOURNALCTL.replace("exec cat \"$home/entries\"", slow),
    );
    let reason = reason(deploy(&server, LogLevel::Fail));
    assert_eq!(
        reason.log_line(),
        Some("KeyError: 'DATABASE_URL'"),
        "{reason:?}"
    );
}

#[test]
fn a_log_that_is_slow_to_read_is_not_read_twice() {
    let server = server();
    server.behaves("new", "crash");
    has_entries(&server, &[("start-2", "no word of a crash")]);
    let slow = "sleep 0.6; exec cat \"$home/entries\"";
    server.program(
        ".local/bin/journalctl",
        &JOURNALCTL.replace("exec cat \"$home/entries\"", slow),
    );
    let reason = reason(deploy(&server, LogLevel::Fail));
    assert!(matches!(reason, Reason::Crashed { .. }), "{reason:?}");
    let asked = fs::read_to_string(server.home().join("asked")).unwrap();
    let of_the_start = "_SYSTEMD_INVOCATION_ID,_PID";
    assert_eq!(asked.matches(of_the_start).count(), 1, "{asked}");
}

#[test]
fn a_crash_whose_log_only_the_status_shows_is_told_with_its_last_words() {
    let server = server();
    server.behaves("new", "failed");
    has_entries(&server, &[]);
    let line =
        |process: &str, message: &str| format!("Nov 03 05:16:40 web1 {process}: {message}\n");
    let text = [
        line("app[12]", "no database"),
        line("systemd[1]", "app.service: Failed with result 'exit-code'."),
    ];
    has_status(&server, &format!("● app.service\n\n{}", text.concat()));
    let reason = reason(deploy(&server, LogLevel::Fail));
    assert_eq!(reason.log_line(), Some("no database"), "{reason:?}");
}

#[test]
fn a_log_that_cannot_be_read_or_hangs_leaves_the_reason_as_it_is() {
    for journal in [
        "#!/bin/sh\nexit 1\n",
        "#!/bin/sh\necho '{}'\n",
        "#!/bin/sh\nexec sleep 60\n",
    ] {
        let server = server();
        server.behaves("new", "crash");
        server.program(".local/bin/journalctl", journal);
        let reason = reason(deploy(&server, LogLevel::Fail));
        assert!(
            matches!(reason, Reason::Crashed { log_line: None, .. }),
            "{reason:?}"
        );
    }
}

#[test]
fn a_health_that_fails_is_explained_by_a_crash_alone_and_only_where_the_log_is_looked_at() {
    let lines = traceback("start-2");
    for (entries, level, expected) in [
        (&lines[..], LogLevel::Fail, Some("KeyError: 'DATABASE_URL'")),
        (&lines[..], LogLevel::Off, None),
        (&lines[..1], LogLevel::Fail, None),
    ] {
        let server = server();
        has_entries(&server, entries);
        let told = server.deploy_with(&App::good("new"), |plan| {
            checks(level)(plan);
            plan.verification.health = Some(nobody_listens());
        });
        let reason = reason(told);
        assert!(matches!(reason, Reason::Unhealthy { .. }), "{reason:?}");
        assert_eq!(reason.log_line(), expected, "{reason:?}");
    }
}

fn nobody_listens() -> Health {
    let url = HealthUrl {
        tls: false,
        host: "127.0.0.1".to_owned(),
        port: 1,
        path: "/".to_owned(),
    };
    Health::get(url)
}
