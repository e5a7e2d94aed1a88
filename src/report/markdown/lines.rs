//! Untrusted lines in Markdown, without effect.

use crate::text::excerpt::lines;
use crate::text::Redactor;

/// A text as lines: harmless, without secrets.
pub(in crate::report) fn clean(text: &[u8], redactor: &Redactor) -> Vec<String> {
    redactor.lines(&lines(text))
}

/// Lines as they are. The fence is longer than any in the lines.
pub(in crate::report) fn fence(language: &str, lines: &[String]) -> String {
    let fence = "`".repeat(
        lines
            .iter()
            .map(|line| longest_run(line))
            .max()
            .unwrap_or(0)
            .max(2)
            + 1,
    );
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    format!("{fence}{language}\n{lines}{fence}\n")
}

/// The longest run of backticks.
pub(super) fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}
