use super::{answer, step, unready};
use crate::protocol::{Answer, Ending, Failure, Holder, Reason, Unready};
use crate::text::amounts::{count, duration, limit, utc};
use crate::text::excerpt::{excerpt, first_line};
use std::time::Duration;

/// Which step failed and why, as it fits after a release's id.
#[must_use]
pub fn failure(failure: &Failure) -> String {
    let why = reason(&failure.reason);
    match failure.reason {
        Reason::Interrupted => format!("was interrupted: {why}"),
        Reason::Cancelled => format!("was cut off while it was to {}: {why}", step(failure.step)),
        _ => format!("failed to {} ({why})", step(failure.step)),
    }
}

/// Why a step failed, as it fits after "because"; with the line of the log that says why, where one does.
#[must_use]
pub fn reason(reason: &Reason) -> String {
    let said = reason
        .said()
        .map(|said| format!("; its log says: {}", excerpt(said)));
    format!("{}{}", what(reason), said.unwrap_or_default())
}

fn what(reason: &Reason) -> String {
    match reason {
        Reason::NotReady(found) => not_ready(found),
        Reason::Busy(by) => format!(
            "another deployment holds the lock on the server{}",
            holder(by.as_ref())
        ),
        Reason::Io {
            operation,
            path,
            error,
            kind: _,
        } => {
            format!(
                "the server cannot {} {}: {}",
                excerpt(operation),
                excerpt(path),
                excerpt(error)
            )
        }
        Reason::Upload(problem) => format!(
            "what arrived on the server is not what was announced: {}",
            excerpt(problem)
        ),
        Reason::Cancelled => "the line to the runner ended, or the run was cancelled".to_owned(),
        Reason::OutOfTime(time) => format!(
            "the time for everything before the switch ({}) is up",
            limit(*time)
        ),
        Reason::Command {
            ending,
            line,
            output,
            said: None,
        } => command(*ending, line.as_ref()) + &quote(output),
        Reason::Command { ending, line, .. } => command(*ending, line.as_ref()),
        Reason::Program { program, problem } => {
            format!(
                "{}, which the unit on the server starts, is not usable: {}",
                excerpt(program),
                excerpt(problem)
            )
        }
        Reason::Shared { path, problem } => {
            format!(
                "shared/{} on the server {}",
                excerpt(path),
                excerpt(problem)
            )
        }
        Reason::Log { lines } => match lines.last() {
            Some(last) => format!(
                "the log of the new start tells of a crash: {}",
                excerpt(last)
            ),
            None => "the log of the new start tells of a crash".to_owned(),
        },
        Reason::NoSuchRelease { wanted, problem } if wanted.is_empty() => excerpt(problem),
        Reason::NoSuchRelease { wanted, problem } => {
            format!("{}: {}", excerpt(wanted), excerpt(problem))
        }
        Reason::StartLimit { interval, .. } => {
            format!(
                "systemd on the server refuses to start the unit again within {}",
                limit(*interval)
            )
        }
        Reason::Crashed { result, .. } => {
            format!(
                "the unit's process on the server ended: {}",
                excerpt(result)
            )
        }
        Reason::NotRunning { state, .. } => format!("the unit on the server is {}", excerpt(state)),
        Reason::NotRestarted => "the unit on the server still runs the old process".to_owned(),
        Reason::NotStarted { condition } => {
            let why = if *condition {
                ", for a condition in its file is not met"
            } else {
                ""
            };
            format!("systemd on the server did not start the unit{why}")
        }
        Reason::Interference(what) => {
            format!("somebody else was at work on the server: {}", excerpt(what))
        }
        Reason::Unreadable(why) => format!(
            "the unit's state cannot be read on the server: {}",
            excerpt(why)
        ),
        Reason::ForeignListener { port, who } => {
            format!(
                "port {port} on the server is held by {}, not by the new process",
                excerpt(who)
            )
        }
        Reason::Unhealthy {
            last,
            attempts,
            waited,
            ..
        } => unhealthy(last, *attempts, *waited),
        Reason::Interrupted => {
            "the process that deploys on the server was killed, or the server went down".to_owned()
        }
    }
}

fn unhealthy(last: &Answer, attempts: u32, waited: Duration) -> String {
    format!(
        "health {} after {} in {}",
        answer(last),
        count(attempts, "attempt"),
        duration(waited)
    )
}

/// How a command ended, as it fits after its name.
#[must_use]
pub fn ending(ending: Ending) -> String {
    match ending {
        Ending::Exit(code) => format!("ended with exit code {code}"),
        Ending::Signal(number) => format!("was killed by signal {number}{}", signal(number)),
        Ending::OutOfTime => "did not end in time and was killed".to_owned(),
    }
}

/// Who holds the lock, as it fits at a sentence's end.
#[must_use]
pub fn holder(holder: Option<&Holder>) -> String {
    let Some(Holder { run, actor, since }) = holder else {
        return String::new();
    };
    let actor = actor
        .as_ref()
        .map(|actor| format!("by {}, ", excerpt(actor)))
        .unwrap_or_default();
    let run = run
        .as_ref()
        .map(|run| format!(", {}", excerpt(run)))
        .unwrap_or_default();
    format!(" ({actor}since {}{run})", utc(*since))
}

fn not_ready(found: &[Unready]) -> String {
    match found {
        [] => "the server is not ready".to_owned(),
        [only] => unready(only),
        [first, rest @ ..] => format!(
            "{}, and {}",
            unready(first),
            count(rest.len() as u64, "other finding")
        ),
    }
}

fn command(how: Ending, line: Option<&(u32, String)>) -> String {
    let how = ending(how);
    match line {
        Some((number, text)) => format!("line {number}, {}, {how} on the server", excerpt(text)),
        None => format!("the command {how} on the server"),
    }
}

/// What it said itself, where that is not shown elsewhere.
fn quote(output: &[u8]) -> String {
    match first_line(output) {
        said if said.is_empty() => String::new(),
        said => format!("; it says: {said}"),
    }
}

fn signal(number: i32) -> &'static str {
    match number {
        6 => " (SIGABRT)",
        9 => " (SIGKILL)",
        11 => " (SIGSEGV)",
        15 => " (SIGTERM)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{explained, reasons};

    #[test]
    #[expect(clippy::too_many_lines, reason = "it shows whole texts")]
    fn every_reason_says_what_and_where() {
        let all: Vec<_> = reasons().iter().map(reason).collect();
        insta::assert_snapshot!(all.join("\n"), @r#"
        deploy may not run sudo -n systemctl restart diting on the server, and 6 other findings
        another deployment holds the lock on the server
        another deployment holds the lock on the server (by alice, since 2025-11-03 05:16:40 UTC, https://github.com/diting/app/actions/runs/7)
        the server cannot write /opt/diting/releases/1762147999/app.py: No space left on device
        the server cannot write /opt/diting/releases/1762147999/app.py: Read-only file system
        the server cannot write /opt/diting/releases/1762147999/app.py: Permission denied
        the server cannot write /opt/diting/releases/1762147999/app.py: Input/output error
        what arrived on the server is not what was announced: app.py has another digest
        the line to the runner ended, or the run was cancelled
        the time for everything before the switch (30 min) is up
        line 2, uv sync --frozen, ended with exit code 1 on the server
        the command ended with exit code 1 on the server; it says: sudo: @a
        the command was killed by signal 9 (SIGKILL) on the server
        the command did not end in time and was killed on the server
        .venv/bin/uvicorn, which the unit on the server starts, is not usable: there is no such file
        shared/config/wechat.yaml on the server is missing
        the log of the new start tells of a crash: KeyError: 'DATABASE_URL'
        systemd on the server refuses to start the unit again within 10 s
        the unit's process on the server ended: exit-code, exit status 1
        the unit's process on the server ended: exit-code, exit status 203
        the unit's process on the server ended: exit-code, exit status 200
        the unit's process on the server ended: exit-code, exit status 217
        the unit's process on the server ended: signal, signal 9
        the unit on the server is failed/failed, exit-code, exit status 203
        the unit on the server still runs the old process
        systemd on the server did not start the unit, for a condition in its file is not met
        somebody else was at work on the server: current points to 1762147001
        the unit's state cannot be read on the server: Failed to connect to bus
        port 8000 on the server is held by process 4711 (uvicorn), not by the new process
        the process that deploys on the server was killed, or the server went down
        3f2a1bc: 1762147685 failed when it went live
        there is no good release to go back to
        health answered 500 with “{"status": ##\[error]"db"}” after 30 attempts in 1 min
        health answered 302, a redirect to https://web1/login after 30 attempts in 1 min
        health answered a body that does not match “"release":"1762147999"” with “xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…” after 30 attempts in 1 min
        health refused the connection: nobody listens there after 30 attempts in 1 min
        health did not answer in time (the body) after 30 attempts in 1 min
        health gave no usable answer: no HTTP after 30 attempts in 1 min
        "#);
    }

    #[test]
    fn the_line_of_the_log_that_says_why_is_named_as_all_foreign_text_is() {
        let all: Vec<_> = explained().iter().map(reason).collect();
        insta::assert_snapshot!(all.join("\n"), @r"
        the command ended with exit code 1 on the server; its log says: ValueError: no database
        systemd on the server refuses to start the unit again within 10 s; its log says: ValueError: no database
        the unit's process on the server ended: exit-code, exit status 1; its log says: ModuleNotFoundError: No module named 'x'
        the unit on the server is inactive/dead, success, exit status 0; its log says: bye
        health refused the connection: nobody listens there after 30 attempts in 1 min; its log says: thread 'main' panicked at src/main.rs:2:5: no database ##\[error]
        ");
        let long = Reason::Crashed {
            result: "1".into(),
            said: Some("x".repeat(5000)),
        };
        assert!(reason(&long).chars().count() < 300);
    }
}
