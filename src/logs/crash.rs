//! Which line explains a crash: often not the one that reports it, but one below.

use super::level;

/// The line that explains a crash.
pub(crate) enum ExplainedBy {
    /// The line that reports it.
    Itself,
    /// `panicked at src/main.rs:2:5:`: the next line.
    NextLine,
    /// A traceback: the first line below its frames.
    LineBelowFrames,
}

impl ExplainedBy {
    pub(crate) fn of(crash: &str) -> Self {
        if crash.ends_with("(most recent call last):") {
            Self::LineBelowFrames
        } else if crash.contains("panicked at ") && crash.ends_with(':') {
            Self::NextLine
        } else {
            Self::Itself
        }
    }

    /// Whether a line below the crash explains it.
    pub(crate) fn matches(&self, line: &str) -> bool {
        // Python draws exception groups with bars
        let text = line
            .trim_start()
            .strip_prefix('|')
            .map_or(line, |rest| rest.strip_prefix(' ').unwrap_or(rest));
        match self {
            Self::Itself => false,
            Self::NextLine => !text.trim().is_empty(),
            // another process may log at the same time
            Self::LineBelowFrames => {
                !text.is_empty()
                    && !text.starts_with(char::is_whitespace)
                    && !is_within_traceback(text)
                    && level::split(text).0.is_none()
            }
        }
    }
}

/// Whether an unindented line belongs to a traceback all the same: loguru's frames, the bars of an exception group, a box.
pub(super) fn is_within_traceback(text: &str) -> bool {
    text.starts_with(['>', '|', '│', '╭', '╰', '❱', '└', '+'])
}
