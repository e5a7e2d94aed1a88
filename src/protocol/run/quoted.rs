//! Output of a program inside a text.

use crate::text::excerpt::last_line;

/// The last line of `output` in parentheses: most programs print the error there.
pub(super) fn quoted(output: &[u8]) -> String {
    match last_line(output) {
        line if line.is_empty() => String::new(),
        line => format!(" ({line})"),
    }
}
