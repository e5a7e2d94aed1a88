//! Lines as they are, in a fence.

use crate::text::excerpt::lines;
use crate::text::Redactor;

/// Our own texts and foreign ones as lines: harmless, and without secrets.
pub(in crate::report) fn clean(text: &[u8], redactor: &Redactor) -> Vec<String> {
    redactor.lines(&lines(text))
}

/// Lines as they are. The fence is longer than any in them.
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

/// How many backticks stand in a row at the most.
pub(super) fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_is_longer_than_what_stands_in_it() {
        assert_eq!(
            fence("text", &["a ```` b".into(), "```".into()]),
            "`````text\na ```` b\n```\n`````\n"
        );
        assert_eq!(fence("", &[]), "```\n```\n");
    }
}
