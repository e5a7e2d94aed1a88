//! The one line of a log that best explains why a start failed. Best effort: if it cannot be read quickly it is left
//! out, because the rollback must not wait for it.

use super::classify::{Classifier, LineKind};
use super::crash::ExplainedBy;
use super::invocation::FailedStart;
use super::read;
use crate::protocol::{LogLevel, ProcessEnd, Reason, UnitState};
use std::thread;
use std::time::{Duration, Instant};

/// journald writes a line some time after it was logged.
const JOURNAL_DELAY: Duration = Duration::from_millis(150);
/// The log is not read a second time if the first time took longer.
const MAX_FIRST_READ: Duration = Duration::from_millis(500);
/// The longest line that is reported, in characters.
const MAX_CHARS: usize = 300;
/// Every line of a private key but the last has at least this many base64 characters.
const KEY_LINE: usize = 60;

/// The same reason, with the line of the log that explains it. Only a crash explains a failed health check.
pub(in crate::server::unit) fn explain(mut reason: Reason, failed: &FailedStart<'_>) -> Reason {
    let by_health = matches!(reason, Reason::Unhealthy { .. });
    let by_systemd = systemd_says_more(&reason);
    if let Some(log_line) = reason.log_line_mut() {
        let found = match failed.check.level {
            LogLevel::Off if by_health => None,
            _ if by_health => exception(failed),
            _ => line_of_ended_process(failed, by_systemd),
        };
        *log_line = found.or_else(|| log_line.take());
    }
    reason
}

/// Whether systemd gave up a process that was still starting: the last line of its log does not say why.
fn systemd_says_more(reason: &Reason) -> bool {
    match reason {
        Reason::Command { output, .. } => {
            let output = String::from_utf8_lossy(output);
            ["a timeout was exceeded", "did not take the steps required"]
                .iter()
                .any(|words| output.contains(words))
        }
        Reason::Crashed {
            end: ProcessEnd::Exited { result, .. } | ProcessEnd::Killed { result, .. },
            ..
        } => matches!(
            result.as_str(),
            "timeout" | "protocol" | "watchdog" | "oom-kill"
        ),
        Reason::NotRunning {
            state: UnitState::Changing { active, sub },
            ..
        } => active == "activating" && sub == "start",
        _ => false,
    }
}

/// The crash, else the last error, else the last line, unless `only_errors`.
fn line_of_ended_process(failed: &FailedStart<'_>, only_errors: bool) -> Option<String> {
    let read_once = || {
        let lines = read::quickly(failed)?;
        let pattern = failed.check.pattern.as_deref();
        let by_pattern = pattern.and_then(|pattern| Classifier::new(Some(pattern)).ok());
        let by_pattern = by_pattern.and_then(|classifier| LastLines::of(&lines, &classifier).crash);
        let LastLines { crash, error, any } = LastLines::of(&lines, &Classifier::new(None).ok()?);
        Some((by_pattern.or(crash), error.or(any.filter(|_| !only_errors))))
    };
    let start = Instant::now();
    let (crash, other) = read_once()?;
    // the last lines may not be written yet
    let read_again = || {
        if start.elapsed() > MAX_FIRST_READ {
            return None;
        }
        thread::sleep(JOURNAL_DELAY);
        read_once().and_then(|(crash, other)| crash.or(other))
    };
    crash.or_else(read_again).or(other)
}

/// The crash, else the last exception. An error message of another kind need not be the reason why it is unhealthy.
fn exception(failed: &FailedStart<'_>) -> Option<String> {
    let classifier = Classifier::new(failed.check.pattern.as_deref()).ok()?;
    let LastLines { crash, error, .. } = LastLines::of(&read::quickly(failed)?, &classifier);
    crash.or_else(|| error.filter(|line| classifier.is_exception(line)))
}

/// The last line of each kind: the process survived the earlier ones.
#[derive(Debug, Default, PartialEq, Eq)]
struct LastLines {
    crash: Option<String>,
    error: Option<String>,
    any: Option<String>,
}

impl LastLines {
    fn of(lines: &[Vec<u8>], classifier: &Classifier) -> Self {
        let (mut last, mut unexplained) = (Self::default(), None);
        let mut key = PrivateKeyFilter::default();
        for line in lines {
            let text = classifier.plain(line);
            if !text.trim().is_empty() && !key.matches(&text) {
                last.add(&text, classifier.classify(&text), &mut unexplained);
            }
        }
        last
    }

    /// `unexplained` is a crash whose explanation comes on a later line.
    fn add(
        &mut self,
        text: &str,
        kind: Option<LineKind>,
        unexplained: &mut Option<(ExplainedBy, String)>,
    ) {
        self.any = shortened("", text);
        match kind {
            // the second line of a panic in Go
            Some(LineKind::Crash) if text.starts_with("[signal ") && self.crash.is_some() => {}
            Some(LineKind::Crash) => match ExplainedBy::of(text) {
                ExplainedBy::Itself => self.crash = shortened("", text),
                explained_by => *unexplained = Some((explained_by, text.to_owned())),
            },
            _ if unexplained
                .as_ref()
                .is_some_and(|(explained_by, _)| explained_by.matches(text)) =>
            {
                self.crash = match unexplained.take() {
                    Some((ExplainedBy::NextLine, head)) => shortened(&head, text),
                    _ => shortened("", text),
                };
            }
            Some(LineKind::Error) => self.error = shortened("", text),
            None => {}
        }
    }
}

/// Without the bars of an exception group. A mark shows where it is cut, because a secret may be cut there.
fn shortened(head: &str, text: &str) -> Option<String> {
    let text = format!("{head} {}", text.trim_start_matches([' ', '\t', '|']));
    let text = text.trim();
    Some(match text.char_indices().nth(MAX_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    })
}

/// Finds lines that may belong to a private key. They are recognised only next to each other, so none is reported alone.
#[derive(Default)]
struct PrivateKeyFilter {
    within: bool,
}

impl PrivateKeyFilter {
    fn matches(&mut self, line: &str) -> bool {
        let word = line.split_whitespace().next_back().unwrap_or_default();
        let is_base64 = word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
        let full = is_base64 && word.len() >= KEY_LINE;
        let matches = full || (self.within && is_base64);
        self.within = full;
        matches
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Ending;

    fn last_lines(text: &str) -> LastLines {
        let lines: Vec<Vec<u8>> = text.lines().map(|line| line.as_bytes().to_vec()).collect();
        LastLines::of(&lines, &Classifier::new(None).unwrap())
    }

    fn crash(text: &str) -> String {
        last_lines(text).crash.unwrap()
    }

    #[test]
    fn a_traceback_is_explained_by_its_exception() {
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
            last_lines("starting\nTraceback (most recent call last):\n  File \"x\", line 1");
        assert_eq!(
            (cut_short.crash, cut_short.any.as_deref()),
            (None, Some("File \"x\", line 1"))
        );
    }

    #[test]
    fn a_panic_is_explained_by_its_place_and_message() {
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
    fn without_a_crash_the_last_error_and_the_last_line_are_kept() {
        let node = "node:internal/modules/cjs/loader:1228\n  throw err;\n  ^\n\nError: Cannot find module 'express'\n\
                    Require stack:\n    at Module._load (x:1:2)\n\nNode.js v22.0.0\n\n";
        let some = |text: &str| Some(text.to_owned());
        let error = some("Error: Cannot find module 'express'");
        assert_eq!(
            last_lines(node),
            LastLines {
                crash: None,
                error,
                any: some("Node.js v22.0.0")
            }
        );
        assert_eq!(
            last_lines("a\n  b\n \n"),
            LastLines {
                crash: None,
                error: None,
                any: some("b")
            }
        );
        assert_eq!(last_lines(""), LastLines::default());
    }

    #[test]
    fn an_error_of_node_is_kept_with_its_code() {
        let missing = "node:internal/errors:496\n    ErrorCaptureStackTrace(err);\n    ^\n\n\
                       Error [ERR_MODULE_NOT_FOUND]: Cannot find module '/opt/x/lib/x' imported from /opt/x/server.js\n    \
                       at new NodeError (node:internal/errors:405:5) {\n  code: 'ERR_MODULE_NOT_FOUND'\n}\n\nNode.js v18.20.4";
        let error = last_lines(missing).error.unwrap();
        assert!(
            error.contains("Cannot find module '/opt/x/lib/x'"),
            "{error}"
        );
        let wrong = "TypeError [ERR_INVALID_ARG_TYPE]: The \"path\" argument must be of type string. Received undefined\n\nNode.js v18";
        let error = last_lines(wrong).error.unwrap();
        assert!(error.contains("must be of type string"), "{error}");
    }

    #[test]
    fn the_last_line_is_no_cause_of_what_systemd_gave_up() {
        let command = |output: &str| Reason::Command {
            ending: Ending::Exit(1),
            line: None,
            output: output.as_bytes().to_vec(),
            log_line: None,
        };
        assert!(systemd_says_more(&command(
            "Job for a.service failed because a timeout was exceeded.\nSee x"
        )));
        assert!(systemd_says_more(&command(
            "Job for a.service failed because the service did not take the steps required by its unit configuration."
        )));
        assert!(!systemd_says_more(&command(
            "Job for a.service failed because the control process exited with error code."
        )));
    }

    #[test]
    fn a_long_line_is_cut_with_a_mark() {
        let line = crash(&format!("FATAL: {}", "é".repeat(5000)));
        assert!(
            line.chars().count() == MAX_CHARS + 1 && line.ends_with('…'),
            "{line}"
        );
    }

    #[test]
    fn no_line_of_a_private_key_is_reported() {
        let body = format!("web1 app: {}\nweb1 app: Qw9x==\n", "A".repeat(64));
        let last = |text: &str| last_lines(text).any;
        assert_eq!(last(&format!("first\n{body}")).as_deref(), Some("first"));
        assert_eq!(
            last(&format!("{body}-----END PRIVATE KEY-----")).as_deref(),
            Some("-----END PRIVATE KEY-----")
        );
        assert_eq!(
            last(&format!("{body}no such file: /opt/diting/config")).as_deref(),
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
