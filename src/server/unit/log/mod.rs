//! What the log of a new start tells: crash words fail the release, error words only deserve a look.

mod cause;
mod level;
mod read;
mod words;

pub(in crate::server) use cause::{explain, Ended, Failed};
pub(in crate::server) use read::{journal, status, Start};

use crate::protocol::{LogCheck, LogLevel, Reason, Verification, Warning, What};
use crate::server::channel::events::Events;
use words::{Word, Words};

/// The most lines that are told, of crashes and of errors.
const TOLD: usize = 10;
/// So many of the last lines are shown.
const SHOWN: usize = 10;

/// Reads the log once, and says what is in it. What can't be read is told, and fails nothing: nobody knows.
pub(in crate::server) fn check(
    start: &Start<'_>,
    check: &LogCheck,
    events: &mut dyn Events,
) -> Result<(), Reason> {
    if check.level == LogLevel::Off {
        return Ok(());
    }
    let words = match Words::new(check.pattern.as_deref()) {
        Ok(words) => words,
        Err(error) => return unreadable(&format!("log-pattern: {error}"), check.level, events),
    };
    let read::Read { mut lines, unread } = read::read(start);
    let mut found = Found::of(&lines, &words);
    if !found.is_empty() && read::leave_out_the_ended(&mut lines, start) {
        found = Found::of(&lines, &words);
    }
    if check.level == LogLevel::Fail && !found.crashes.is_empty() {
        return Err(Reason::Log {
            lines: found.crashes,
        });
    }
    if let Some(why) = unread {
        events.emit(What::Warning(Warning::LogNotChecked(why)));
    }
    let worth_a_look = found.all();
    if !worth_a_look.is_empty() {
        events.emit(What::Warning(Warning::LogWords(worth_a_look)));
    }
    show(start.service, &lines, events);
    Ok(())
}

/// The same for the way back. What a release that was good says there it most often said before too, and there is
/// nothing better to go to: a crash word must not turn a release that answers into a rollback that failed.
pub(in crate::server) fn lenient(verification: &Verification) -> Verification {
    let mut verification = verification.clone();
    if verification.log.level == LogLevel::Fail {
        verification.log.level = LogLevel::Warn;
    }
    verification
}

/// The pattern was checked on the runner; here it is another version's, or a bug.
fn unreadable(why: &str, level: LogLevel, events: &mut dyn Events) -> Result<(), Reason> {
    if level == LogLevel::Fail {
        return Err(Reason::Unreadable(why.to_owned()));
    }
    events.emit(What::Warning(Warning::LogNotChecked(why.to_owned())));
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

/// The lines that tell of something, the first ones of each kind: what comes later most often follows from them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    crashes: Vec<Vec<u8>>,
    errors: Vec<Vec<u8>>,
}

/// Which line a crash is explained by.
enum Explained {
    /// It says itself.
    Here,
    /// `panicked at src/main.rs:2:5:`, by the next one.
    Next,
    /// A traceback, by the first line that is not of its frames.
    BelowFrames,
}

impl Found {
    fn of(lines: &[Vec<u8>], words: &Words) -> Self {
        let (mut found, mut awaited) = (Self::default(), Explained::Here);
        for line in lines {
            let text = words.plain(line);
            let judged = words.judge(&text);
            if judged == Some(Word::Crash) {
                add(&mut found.crashes, line);
                awaited = Explained::by(&text);
            } else if awaited.is_awaited(&text) {
                add(&mut found.crashes, line);
                awaited = Explained::Here;
            } else if judged == Some(Word::Error) {
                add(&mut found.errors, line);
            }
        }
        found
    }

    fn is_empty(&self) -> bool {
        self.crashes.is_empty() && self.errors.is_empty()
    }

    fn all(self) -> Vec<Vec<u8>> {
        self.crashes
            .into_iter()
            .chain(self.errors)
            .take(TOLD)
            .collect()
    }
}

fn add(lines: &mut Vec<Vec<u8>>, line: &[u8]) {
    // every worker tells the same
    if lines.len() < TOLD && !lines.iter().any(|known| known == line) {
        lines.push(line.to_owned());
    }
}

impl Explained {
    fn by(crash: &str) -> Self {
        if crash.ends_with("(most recent call last):") {
            Self::BelowFrames
        } else if crash.contains("panicked at ") && crash.ends_with(':') {
            Self::Next
        } else {
            Self::Here
        }
    }

    fn is_awaited(&self, line: &str) -> bool {
        // a group of exceptions is drawn with bars
        let text = line
            .trim_start()
            .strip_prefix('|')
            .map_or(line, |rest| rest.strip_prefix(' ').unwrap_or(rest));
        match self {
            Self::Here => false,
            Self::Next => !text.trim().is_empty(),
            Self::BelowFrames => !text.is_empty() && !text.starts_with(char::is_whitespace),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> [Vec<String>; 2] {
        let lines: Vec<Vec<u8>> = text.lines().map(|line| line.as_bytes().to_vec()).collect();
        let Found { crashes, errors } = Found::of(&lines, &Words::new(None).unwrap());
        [crashes, errors].map(|lines| {
            lines
                .into_iter()
                .map(|line| String::from_utf8(line).unwrap())
                .collect()
        })
    }

    #[test]
    fn a_traceback_is_told_with_the_exception_below_it() {
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
    fn a_group_of_exceptions_is_told_by_its_name() {
        let [crashes, _] = found(
            "  + Exception Group Traceback (most recent call last):\n  |   File \"x\", line 1\n  | ExceptionGroup: two\n  +-+---",
        );
        assert_eq!(crashes[1], "  | ExceptionGroup: two");
    }

    #[test]
    fn a_panic_is_told_with_its_message() {
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
    fn a_flood_is_told_by_its_first_lines() {
        let text: String = (0..100)
            .map(|number| format!("FATAL: {number}\nERROR: {number}\n"))
            .collect();
        let [crashes, errors] = found(&text);
        assert_eq!((crashes.len(), errors.len()), (TOLD, TOLD));
        assert_eq!(crashes[0], "FATAL: 0");
    }
}
