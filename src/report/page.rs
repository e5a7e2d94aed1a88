//! Where the log is read: the only place that makes workflow commands.

use crate::text::excerpt::{lines, truncate};
use crate::text::{commands, LineState, Redactor, SERVER_PREFIX};

/// Where the log is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The job page of GitHub Actions: with workflow commands.
    Actions,
    /// A terminal: plain.
    Terminal,
}

impl Page {
    /// In GitHub Actions, or from the command line.
    #[must_use]
    pub fn of(is_actions: bool) -> Self {
        match is_actions {
            true => Self::Actions,
            false => Self::Terminal,
        }
    }
}

/// The runner keeps so many annotations of each kind per step.
pub const ANNOTATIONS: usize = 10;

/// How serious an annotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Error,
    Warning,
    Notice,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

/// The runner cuts an annotation's message at 4096 characters (`ExecutionContext.cs`, `_maxIssueMessageLength`).
const MESSAGE: usize = 4000;

/// Turns texts into lines: harmless, without secrets, and with escaped commands.
#[derive(Debug)]
pub(super) struct LinePrinter {
    pub(super) page: Page,
    redactor: Redactor,
    /// For text that comes line by line.
    state: LineState,
    lines: Vec<String>,
}

impl LinePrinter {
    pub(super) fn new(page: Page, redactor: Redactor) -> Self {
        Self {
            page,
            redactor,
            state: LineState::default(),
            lines: Vec::new(),
        }
    }

    pub(super) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// The lines since the last call.
    pub(super) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    /// Opens a group.
    pub(super) fn open(&mut self, title: &str) {
        let title = self.clean(title).join(" ");
        self.lines.push(match self.page {
            Page::Actions => commands::group(&title),
            Page::Terminal => format!("== {title}"),
        });
    }

    /// Closes it.
    pub(super) fn close(&mut self) {
        match self.page {
            Page::Actions => self.lines.push(commands::end_group()),
            Page::Terminal => {}
        }
    }

    /// A text of deploy-action. Quoted parts cannot become workflow commands.
    pub(super) fn plain(&mut self, text: &str) {
        let lines = self.clean(text);
        self.lines.extend(lines.into_iter().map(guarded));
    }

    /// Untrusted text as lines for [`LinePrinter::print`].
    pub(super) fn untrusted(&self, text: &[u8]) -> Vec<String> {
        self.redactor
            .foreign(&lines(text))
            .iter()
            .map(marked)
            .collect()
    }

    /// The same for text that comes line by line.
    pub(super) fn more_untrusted(&mut self, text: &[u8]) -> Vec<String> {
        let Self {
            redactor, state, ..
        } = self;
        lines(text)
            .iter()
            .map(|line| marked(&redactor.next(state, line)))
            .collect()
    }

    /// The same for lines that are already harmless.
    pub(super) fn known<'a>(&self, lines: impl IntoIterator<Item = &'a String>) -> Vec<String> {
        let lines: Vec<String> = lines.into_iter().cloned().collect();
        self.redactor.foreign(&lines).iter().map(marked).collect()
    }

    /// Prints lines from [`LinePrinter::untrusted`].
    pub(super) fn print(&mut self, lines: impl IntoIterator<Item = String>) {
        self.lines.extend(lines);
    }

    /// A message that is also shown outside the log.
    pub(super) fn annotation(&mut self, level: Level, title: &str, text: &str) {
        let title = &self.clean(title).join(" ");
        match self.page {
            Page::Actions => {
                let message = truncate(&self.clean(text).join("\n"), MESSAGE);
                self.lines.push(match level {
                    Level::Error => commands::error(title, &message),
                    Level::Warning => commands::warning(title, &message),
                    Level::Notice => commands::notice(title, &message),
                });
            }
            Page::Terminal => self.plain(&format!("{}: {title}\n{text}", level.word())),
        }
    }

    fn clean(&self, text: &str) -> Vec<String> {
        self.redactor.lines(&lines(text.as_bytes()))
    }
}

fn marked(line: &String) -> String {
    format!("{SERVER_PREFIX}{line}")
}

/// The runner treats a line that begins with `::`, after white space, as a command.
fn guarded(line: String) -> String {
    match line.trim_start().starts_with("::") {
        true => format!("{SERVER_PREFIX}{line}"),
        false => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(page: Page, print: impl FnOnce(&mut LinePrinter)) -> Vec<String> {
        let mut printer = LinePrinter::new(page, Redactor::new(["secret-%-word"]));
        print(&mut printer);
        printer.take()
    }

    #[test]
    fn a_command_carries_its_text_escaped() {
        let text = "one\ntwo\r##[x] 100 %";
        let lines = printed(Page::Actions, |it| {
            it.annotation(Level::Error, "a: b, 5 %", text)
        });
        assert_eq!(
            lines,
            ["::error title=a%3A b%2C 5 %25::one%0Atwo%0A##\\[x] 100 %25"]
        );
        assert_eq!(
            printed(Page::Actions, |it| it.open("a\n::b")),
            ["::group::a ::b"]
        );
    }

    #[test]
    fn a_terminal_sees_no_commands() {
        let lines = printed(Page::Terminal, |it| {
            it.open("a");
            it.annotation(Level::Warning, "title", "one\n ::two");
            it.close();
        });
        assert_eq!(lines, ["== a", "warning: title", "one", "│  ::two"]);
    }

    #[test]
    fn a_secret_is_hidden_everywhere() {
        let text = "a secret-%-word b";
        let lines = printed(Page::Actions, |it| {
            it.open(text);
            it.plain(text);
            it.annotation(Level::Notice, text, text);
            let untrusted = it.untrusted(text.as_bytes());
            it.print(untrusted);
        });
        assert_eq!(
            lines,
            [
                "::group::a *** b",
                "a *** b",
                "::notice title=a *** b::a *** b",
                "│ a *** b"
            ]
        );
    }

    #[test]
    fn a_private_key_is_hidden_though_its_lines_come_one_by_one() {
        let key = [
            "-----BEGIN PRIVATE KEY-----",
            "MIIEowIBAAKCAQEAxxxx",
            "Qw==",
            "-----END PRIVATE KEY-----",
            "Qw==",
        ];
        let lines = printed(Page::Actions, |it| {
            for line in key {
                let line = it.more_untrusted(line.as_bytes());
                it.print(line);
            }
        });
        assert_eq!(
            lines,
            [key[0], "***", "***", key[3], key[4]].map(|line| format!("│ {line}"))
        );
    }

    #[test]
    fn a_message_is_as_long_as_the_runner_shows() {
        let line = printed(Page::Actions, |it| {
            it.annotation(Level::Error, "t", &"%".repeat(9999))
        })
        .concat();
        assert_eq!(line.matches("%25").count(), MESSAGE);
    }
}
