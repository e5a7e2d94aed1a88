//! The one line of a log that says best why a start failed. Nothing depends on it: what can't be read soon is not told,
//! for the old release is to come back.

use super::read;
use super::words::{Word, Words};
use super::Explained;
use crate::protocol::{LogCheck, LogLevel, Reason};
use std::thread;
use std::time::{Duration, Instant};

/// The journal is written a moment later than it is told.
const MOMENT: Duration = Duration::from_millis(150);
/// A look that took longer is not taken twice.
const LONG: Duration = Duration::from_millis(500);
/// How much is told of the line, in characters.
const MOST: usize = 300;
/// A line of a private key has at least so many characters of base64, but for its last one.
const KEY_LINE: usize = 60;

/// The start that a restart ended. Its last words are not those of the new one.
#[derive(Debug, Clone, Copy)]
pub(in crate::server) struct Ended<'a> {
    pub(in crate::server) invocation: &'a str,
    /// Its processes. journald asks whose invocation it is only when it reads a line; then the next one may have begun.
    pub(in crate::server) processes: &'a [u32],
}

/// A start that failed.
pub(in crate::server) struct Failed<'a> {
    pub(in crate::server) service: &'a str,
    /// `None`: the same one goes on.
    pub(in crate::server) ended: Option<Ended<'a>>,
    /// When it was asked for, since the epoch.
    pub(in crate::server) since: Duration,
    pub(in crate::server) check: &'a LogCheck,
}

/// The same reason, with the line of the log that explains it. An answer of health is explained only by a crash.
pub(in crate::server) fn explain(mut reason: Reason, failed: &Failed<'_>) -> Reason {
    let is_answer = matches!(reason, Reason::Unhealthy { .. });
    if let Some(said) = reason.said_mut() {
        *said = match failed.check.level {
            LogLevel::Off if is_answer => None,
            _ if is_answer => crash(failed),
            _ => end(failed),
        };
    }
    reason
}

/// Of a process that ended: what it said last may not be written yet.
fn end(failed: &Failed<'_>) -> Option<String> {
    let look = || {
        let lines = read::soon(failed)?;
        let own = failed
            .check
            .pattern
            .as_deref()
            .and_then(|pattern| Words::new(Some(pattern)).ok());
        let own = own.and_then(|words| Telling::of(&lines, &words).crash);
        let Telling { crash, error, last } = Telling::of(&lines, &Words::new(None).ok()?);
        Some((own.or(crash), error.or(last)))
    };
    let began = Instant::now();
    let (first, other) = look()?;
    let again = || {
        // the way back has waited long enough
        if began.elapsed() > LONG {
            return None;
        }
        thread::sleep(MOMENT);
        look().and_then(|(crash, other)| crash.or(other))
    };
    first.or_else(again).or(other)
}

fn crash(failed: &Failed<'_>) -> Option<String> {
    let words = Words::new(failed.check.pattern.as_deref()).ok()?;
    Telling::of(&read::soon(failed)?, &words).crash
}

/// The last line of each kind: what came before did not end it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Telling {
    crash: Option<String>,
    error: Option<String>,
    last: Option<String>,
}

impl Telling {
    fn of(lines: &[Vec<u8>], words: &Words) -> Self {
        let (mut telling, mut awaited, mut key) = (Self::default(), None, Key::default());
        for line in lines {
            let text = words.plain(line);
            if !text.trim().is_empty() && !key.holds(&text) {
                telling.add(&text, words.judge(&text), &mut awaited);
            }
        }
        telling
    }

    fn add(&mut self, text: &str, judged: Option<Word>, awaited: &mut Option<(Explained, String)>) {
        self.last = told("", text);
        match judged {
            // Go's second line of a panic
            Some(Word::Crash) if text.starts_with("[signal ") && self.crash.is_some() => {}
            Some(Word::Crash) => match Explained::by(text) {
                Explained::Here => self.crash = told("", text),
                explained => *awaited = Some((explained, text.to_owned())),
            },
            _ if awaited
                .as_ref()
                .is_some_and(|(explained, _)| explained.is_awaited(text)) =>
            {
                self.crash = match awaited.take() {
                    Some((Explained::Next, head)) => told(&head, text),
                    _ => told("", text),
                };
            }
            Some(Word::Error) => self.error = told("", text),
            None => {}
        }
    }
}

/// Without what draws a group of exceptions. Where it is cut, a mark says so, for a secret may be cut there.
fn told(head: &str, text: &str) -> Option<String> {
    let text = format!("{head} {}", text.trim_start_matches([' ', '\t', '|']));
    let text = text.trim();
    Some(match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    })
}

/// Whether lines may be of a private key: known as such only beside each other, so none of them is told alone.
#[derive(Default)]
struct Key {
    within: bool,
}

impl Key {
    fn holds(&mut self, line: &str) -> bool {
        let word = line.split_whitespace().next_back().unwrap_or_default();
        let is_base64 = word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
        let full = is_base64 && word.len() >= KEY_LINE;
        let holds = full || (self.within && is_base64);
        self.within = full;
        holds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn telling(text: &str) -> Telling {
        let lines: Vec<Vec<u8>> = text.lines().map(|line| line.as_bytes().to_vec()).collect();
        Telling::of(&lines, &Words::new(None).unwrap())
    }

    fn crash(text: &str) -> String {
        telling(text).crash.unwrap()
    }

    #[test]
    fn of_a_traceback_the_exception_is_told() {
        let text = "\
INFO:     Started server process [12]
Traceback (most recent call last):
  File \"config.py\", line 1, in <module>
KeyError: 'DATABASE_URL'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File \"app.py\", line 1, in <module>
    import x
\x1b[31mModuleNotFoundError\x1b[0m: No module named 'x'
  hint: install it
[12] [ERROR] Shutting down: Master
";
        assert_eq!(crash(text), "ModuleNotFoundError: No module named 'x'");
        let group =
            "  + Exception Group Traceback (most recent call last):\n  |   File \"x\", line 1\n  | ExceptionGroup: two";
        assert_eq!(crash(group), "ExceptionGroup: two");
        let cut_short =
            telling("starting\nTraceback (most recent call last):\n  File \"x\", line 1");
        assert_eq!(
            (cut_short.crash, cut_short.last.as_deref()),
            (None, Some("File \"x\", line 1"))
        );
    }

    #[test]
    fn of_a_panic_place_and_message_are_told() {
        assert_eq!(
            crash("thread 'main' panicked at src/main.rs:2:5:\nno database\nnote: run with `RUST_BACKTRACE=1`"),
            "thread 'main' panicked at src/main.rs:2:5: no database"
        );
        assert_eq!(
            crash(
                "panic: nil pointer\n[signal SIGSEGV: segmentation violation]\n\ngoroutine 1 [running]:\nmain.main()"
            ),
            "panic: nil pointer"
        );
        assert_eq!(crash("FATAL: no database\nbye"), "FATAL: no database");
    }

    #[test]
    fn without_a_crash_word_the_last_error_and_the_last_line_are_told() {
        let node = "node:internal/modules/cjs/loader:1228\n  throw err;\n  ^\n\nError: Cannot find module 'express'\n\
                    Require stack:\n    at Module._load (x:1:2)\n\nNode.js v22.0.0\n\n";
        let told = |text: &str| Some(text.to_owned());
        let error = told("Error: Cannot find module 'express'");
        assert_eq!(
            telling(node),
            Telling {
                crash: None,
                error,
                last: told("Node.js v22.0.0")
            }
        );
        assert_eq!(
            telling("a\n  b\n \n"),
            Telling {
                crash: None,
                error: None,
                last: told("b")
            }
        );
        assert_eq!(telling(""), Telling::default());
    }

    #[test]
    fn a_line_is_bounded_and_says_where_it_is_cut() {
        let line = crash(&format!("FATAL: {}", "é".repeat(5000)));
        assert!(
            line.chars().count() == MOST + 1 && line.ends_with('…'),
            "{line}"
        );
    }

    #[test]
    fn no_line_of_a_private_key_is_told() {
        let body = format!("web1 app: {}\nweb1 app: Qw9x==\n", "A".repeat(64));
        let told = |text: &str| telling(text).last;
        assert_eq!(told(&format!("first\n{body}")).as_deref(), Some("first"));
        assert_eq!(
            told(&format!("{body}-----END PRIVATE KEY-----")).as_deref(),
            Some("-----END PRIVATE KEY-----")
        );
        assert_eq!(
            told(&format!("{body}no such file: /opt/diting/config")).as_deref(),
            Some("no such file: /opt/diting/config")
        );
        assert_eq!(
            crash(&format!(
                "FATAL: x\nTraceback (most recent call last):\n{body}"
            )),
            "FATAL: x"
        );
    }
}
