//! Reads the log of a new invocation once, and reports what it finds.

use super::baseline::Baseline;
use super::invocation::Invocation;
use super::read;
use crate::logs::Classifier;
use crate::logs::Normaliser;
use crate::logs::{Crash, CrashReader, Found};
use crate::protocol::{
    LogCheck, LogLevel, Notice, Reason, UnreadLog, UnreadableState, Verification, Warning, What,
};
use crate::server::channel::events::Events;

/// The most lines of each kind that are reported.
const MAX_REPORTED: usize = 10;
/// How many of the last lines are shown.
const SHOWN: usize = 10;

/// Fails if the log holds a crash that the release before did not log. What cannot be read is a warning.
pub(in crate::server::unit) fn check(
    invocation: &Invocation<'_>,
    check: &LogCheck,
    baseline: &Baseline,
    events: &mut dyn Events,
) -> Result<(), Reason> {
    if check.level == LogLevel::Off {
        return Ok(());
    }
    let (classifier, normaliser) = match readers(check) {
        Ok(both) => both,
        Err(error) => return unreadable(error, check.level, events),
    };
    let read::LogLines { mut lines, unread } = read::read(invocation);
    let mut matches = Matches::of(&lines, &classifier, &normaliser);
    if !matches.is_empty() && read::remove_previous(&mut lines, invocation) {
        matches = Matches::of(&lines, &classifier, &normaliser);
    }
    let known = judge(&mut matches, check.level, baseline, events)?;
    if let Some(why) = unread {
        events.emit(What::Warning(Warning::LogNotChecked(why)));
    }
    tell(&known, &matches.errors, events);
    show(invocation.unit.name, &lines, events);
    Ok(())
}

/// The same for what a program printed that no unit runs. `baseline` is read only if it is needed.
pub(in crate::server) fn check_output(
    lines: &[Vec<u8>],
    check: &LogCheck,
    baseline: impl FnOnce() -> Baseline,
    events: &mut dyn Events,
) -> Result<(), Reason> {
    if check.level == LogLevel::Off {
        return Ok(());
    }
    let (classifier, normaliser) = match readers(check) {
        Ok(both) => both,
        Err(error) => return unreadable(error, check.level, events),
    };
    let mut matches = Matches::of(lines, &classifier, &normaliser);
    let baseline = match matches.crashes.is_empty() {
        true => Baseline::default(),
        false => baseline(),
    };
    let known = judge(&mut matches, check.level, &baseline, events)?;
    tell(&known, &matches.errors, events);
    Ok(())
}

fn readers(check: &LogCheck) -> Result<(Classifier, Normaliser), String> {
    Classifier::new(check.pattern.as_deref())
        .and_then(|it| Ok((it, Normaliser::new()?)))
        .map_err(|error| error.to_string())
}

/// Fails if there are new crash messages. Returns the others.
fn judge(
    matches: &mut Matches,
    level: LogLevel,
    baseline: &Baseline,
    events: &mut dyn Events,
) -> Result<Vec<Vec<u8>>, Reason> {
    let crashes = std::mem::take(&mut matches.crashes);
    let (known, new): (Vec<&Crash>, Vec<&Crash>) = crashes
        .iter()
        .partition(|crash| baseline.knows(&crash.fingerprint));
    if level == LogLevel::Fail {
        gate(lines_of(new), baseline, events)?;
    } else {
        matches.errors.splice(0..0, lines_of(new));
    }
    Ok(lines_of(known))
}

fn tell(known: &[Vec<u8>], errors: &[Vec<u8>], events: &mut dyn Events) {
    if !known.is_empty() {
        events.emit(What::Notice(Notice::OldCrashes(known.to_vec())));
    }
    let errors = first_lines(errors);
    if !errors.is_empty() {
        events.emit(What::Warning(Warning::LoggedErrors(errors)));
    }
}

/// Crash messages that the release before is not known to have logged.
fn gate(lines: Vec<Vec<u8>>, baseline: &Baseline, events: &mut dyn Events) -> Result<(), Reason> {
    match baseline.unread() {
        _ if lines.is_empty() => {}
        None => return Err(Reason::Log { lines }),
        Some(old) => events.emit(What::Warning(Warning::MaybeOldCrashes {
            lines,
            read: old.lines,
            user: old.user.clone(),
        })),
    }
    Ok(())
}

/// The verification of a rollback: crash messages are only a warning. The old release most often logged them before,
/// and no better release is left: a crash message must not turn a release that responds into a failed rollback.
pub(in crate::server) fn without_gate(verification: &Verification) -> Verification {
    let mut verification = verification.clone();
    if verification.log.level == LogLevel::Fail {
        verification.log.level = LogLevel::Warn;
    }
    verification
}

/// The runner has checked the pattern: here it comes from another version, or this is a bug.
fn unreadable(error: String, level: LogLevel, events: &mut dyn Events) -> Result<(), Reason> {
    if level == LogLevel::Fail {
        return Err(Reason::Unreadable(UnreadableState::LogPattern { error }));
    }
    let unread = UnreadLog::Pattern { error };
    events.emit(What::Warning(Warning::LogNotChecked(unread)));
    Ok(())
}

fn show(service: &str, lines: &[Vec<u8>], events: &mut dyn Events) {
    let last = &lines[lines.len().saturating_sub(SHOWN)..];
    if !last.is_empty() {
        events.emit(What::Output(
            format!("--- log of {service}, this start").into_bytes(),
        ));
    }
    for line in last {
        events.emit(What::Output(line.clone()));
    }
}

/// The messages in a log.
#[derive(Debug, Default, PartialEq, Eq)]
struct Matches {
    crashes: Vec<Crash>,
    errors: Vec<Vec<u8>>,
}

impl Matches {
    fn of(lines: &[Vec<u8>], classifier: &Classifier, normaliser: &Normaliser) -> Self {
        let mut matches = Self::default();
        for found in CrashReader::new(classifier, normaliser).read(lines) {
            match found {
                Found::Crash(crash) => matches.crashes.push(crash),
                Found::Error(line) => matches.errors.push(line),
            }
        }
        matches
    }

    fn is_empty(&self) -> bool {
        self.crashes.is_empty() && self.errors.is_empty()
    }
}

/// The first lines, once each: later ones most often follow from them, and every worker process logs the same.
fn first_lines<'a>(all: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for line in all {
        if lines.len() < MAX_REPORTED && !lines.contains(line) {
            lines.push(line.clone());
        }
    }
    lines
}

fn lines_of<'a>(crashes: impl IntoIterator<Item = &'a Crash>) -> Vec<Vec<u8>> {
    first_lines(crashes.into_iter().flat_map(|crash| &crash.lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> [Vec<String>; 2] {
        let lines: Vec<Vec<u8>> = text.lines().map(|line| line.as_bytes().to_vec()).collect();
        let (classifier, normaliser) = (Classifier::new(None).unwrap(), Normaliser::new().unwrap());
        let Matches { crashes, errors } = Matches::of(&lines, &classifier, &normaliser);
        [lines_of(&crashes), first_lines(&errors)].map(|lines| {
            lines
                .into_iter()
                .map(|line| String::from_utf8(line).unwrap())
                .collect()
        })
    }

    #[test]
    fn a_traceback_is_reported_with_the_exception_below_it() {
        let [crashes, errors] = found(
            "INFO:     Started server process [12]\n\
             ERROR:    Exception in ASGI application\n\
             Traceback (most recent call last):\n  File \"app.py\", line 1, in <module>\n    import x\n\n\
             KeyError: 'DATABASE_URL'\n\
             \n\
             During handling of the above exception, another exception occurred:\n\
             \n\
             Traceback (most recent call last):\n  File \"app.py\", line 1, in <module>\n\
             ValueError: no\n\
             KeyError: 'later'",
        );
        assert_eq!(
            crashes,
            [
                "Traceback (most recent call last):",
                "KeyError: 'DATABASE_URL'",
                "ValueError: no"
            ]
        );
        assert_eq!(
            errors,
            [
                "ERROR:    Exception in ASGI application",
                "KeyError: 'later'"
            ]
        );
    }

    #[test]
    fn an_exception_group_is_reported_by_its_name() {
        let [crashes, _] = found(
            "  + Exception Group Traceback (most recent call last):\n  |   File \"x\", line 1\n  | ExceptionGroup: two\n  +-+---",
        );
        assert_eq!(crashes[1], "  | ExceptionGroup: two");
    }

    #[test]
    fn a_client_that_has_gone_is_no_crash() {
        let [crashes, errors] = found(
            "Traceback (most recent call last):\n  File \"app.py\", line 1, in health\n    self.wfile.write(b)\n\
             BrokenPipeError: [Errno 32] Broken pipe\n\
             Traceback (most recent call last):\n  File \"app.py\", line 1, in health\n    self.wfile.write(b)\n\
             KeyError: 'pipe'",
        );
        assert_eq!(
            crashes,
            ["Traceback (most recent call last):", "KeyError: 'pipe'"]
        );
        assert_eq!(errors, ["BrokenPipeError: [Errno 32] Broken pipe"]);
    }

    #[test]
    fn a_panic_is_reported_with_its_message() {
        let [crashes, _] =
            found("thread 'main' panicked at src/main.rs:2:5:\nno database\nnote: run with RUST_BACKTRACE");
        assert_eq!(
            crashes,
            ["thread 'main' panicked at src/main.rs:2:5:", "no database"]
        );
        let [crashes, _] = found("thread 'main' panicked at 'no', src/main.rs:2:5\nnote: run");
        assert_eq!(crashes.len(), 1);
    }

    #[test]
    fn a_flood_is_reported_by_its_first_lines() {
        let text: String = (0..100)
            .map(|number| format!("FATAL: {number}\nERROR: {number}\n"))
            .collect();
        let [crashes, errors] = found(&text);
        assert_eq!((crashes.len(), errors.len()), (MAX_REPORTED, MAX_REPORTED));
        assert_eq!(crashes[0], "FATAL: 0");
    }
}
