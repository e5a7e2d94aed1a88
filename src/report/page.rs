use super::foreign::{cut, lines, SERVER_PREFIX};

/// Where the log is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The job page of GitHub Actions: with workflow commands.
    Actions,
    /// A terminal: plain.
    Terminal,
}

/// How serious an annotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Error,
    Warning,
    Notice,
}

/// The runner cuts an annotation's message at 4096 characters (`ExecutionContext.cs`, `_maxIssueMessageLength`).
const MESSAGE: usize = 4000;

impl Page {
    /// What opens a step.
    pub(super) fn open(self, title: &str) -> String {
        let title = lines(title.as_bytes()).collect::<Vec<_>>().join(" ");
        match self {
            Self::Actions => format!("::group::{}", data(&title)),
            Self::Terminal => format!("== {title}"),
        }
    }

    /// What closes it.
    pub(super) fn close(self) -> Option<String> {
        match self {
            Self::Actions => Some("::endgroup::".to_owned()),
            Self::Terminal => None,
        }
    }

    /// A text of ours. What it quotes can't become a command of the runner.
    pub(super) fn plain(text: &str) -> Vec<String> {
        lines(text.as_bytes()).map(guarded).collect()
    }

    /// A text of the server's.
    pub(super) fn foreign(text: &[u8]) -> Vec<String> {
        lines(text).map(|line| format!("{SERVER_PREFIX}{line}")).collect()
    }

    /// Something that is to be seen outside of the log, too.
    pub(super) fn annotation(self, level: Level, title: &str, text: &str) -> Vec<String> {
        let word = match level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Notice => "notice",
        };
        match self {
            Self::Actions => {
                let message = cut(&lines(text.as_bytes()).collect::<Vec<_>>().join("\n"), MESSAGE);
                vec![format!("::{word} title={}::{}", property(title), data(&message))]
            }
            Self::Terminal => Self::plain(&format!("{word}: {title}\n{text}")),
        }
    }
}

/// The runner takes a line for a command where it begins with `::`, white space aside.
fn guarded(line: String) -> String {
    match line.trim_start().starts_with("::") {
        true => format!("{SERVER_PREFIX}{line}"),
        false => line,
    }
}

/// Escaped as the runner undoes it: <https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts>.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_carries_its_text_escaped() {
        let lines = Page::Actions.annotation(Level::Error, "a: b, 5 %", "one\ntwo\r##[x] 100 %");
        assert_eq!(lines, ["::error title=a%3A b%2C 5 %25::one%0Atwo%0A##\\[x] 100 %25"]);
        assert_eq!(Page::Actions.open("a\n::b"), "::group::a ::b");
    }

    #[test]
    fn a_terminal_sees_no_commands() {
        let lines = Page::Terminal.annotation(Level::Warning, "title", "one\n ::two");
        assert_eq!(lines, ["warning: title", "one", "│  ::two"]);
        assert_eq!((Page::Terminal.open("a"), Page::Terminal.close()), ("== a".to_owned(), None));
    }

    #[test]
    fn a_message_is_as_long_as_the_runner_shows() {
        let line = Page::Actions.annotation(Level::Error, "t", &"%".repeat(9999)).concat();
        assert_eq!(line.matches("%25").count(), MESSAGE);
    }
}
