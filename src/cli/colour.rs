//! Colours of the log, for terminals and the job's page. Only how a line of ours begins decides; what comes from the server
//! stands behind a mark, and holds no control characters. Workflow commands have none: titles, annotations and outputs are
//! shown elsewhere too.

use crate::protocol::Outcome;
use crate::text::SERVER_PREFIX;

const GREEN: &str = "32";
const RED: &str = "31";
const BOLD_RED: &str = "1;31";
const YELLOW: &str = "33";
const GREY: &str = "90";
const BOLD: &str = "1";

/// What of a line has the colour.
enum Part {
    /// All of it.
    Whole,
    /// How it begins.
    Beginning,
}

/// The line with its colour.
pub(super) fn coloured(line: &str) -> String {
    match colour(line) {
        Some((code, end)) => {
            let (beginning, rest) = line.split_at(end);
            format!("\x1b[{code}m{beginning}\x1b[0m{rest}")
        }
        None => line.to_owned(),
    }
}

/// The colour, and where it ends.
fn colour(line: &str) -> Option<(&'static str, usize)> {
    use Part::{Beginning, Whole};
    const BEGINNINGS: [(&str, &str, Part); 10] = [
        ("== ", BOLD, Whole),
        ("── ", BOLD, Whole),
        ("✓ ", GREEN, Beginning),
        ("✗ ", BOLD_RED, Whole),
        ("warning: ", YELLOW, Whole),
        ("error: ", RED, Whole),
        ("notice: ", GREEN, Whole),
        ("problem: ", RED, Whole),
        ("note: ", GREY, Whole),
        (SERVER_PREFIX, GREY, Beginning),
    ];
    let is_it = |it: &&(&str, &str, Part)| line.starts_with(it.0);
    match BEGINNINGS.iter().find(is_it) {
        Some((_, code, Whole)) => Some((code, line.len())),
        Some((beginning, code, Beginning)) => Some((code, beginning.len())),
        None => of_outcome(line).map(|code| (code, line.len())),
    }
}

/// The last line begins with the outcome's word.
fn of_outcome(line: &str) -> Option<&'static str> {
    let (word, _) = line.split_once(": ")?;
    let outcome = Outcome::ALL
        .into_iter()
        .find(|outcome| outcome.word() == word)?;
    Some(match outcome {
        outcome if outcome.is_success() => GREEN,
        Outcome::RolledBack | Outcome::Unknown | Outcome::Busy | Outcome::Cancelled => YELLOW,
        _ => BOLD_RED,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_line_is_shows_in_its_colour() {
        for (line, code) in [
            ("✗ verify              0.3 s   FAILED", BOLD_RED),
            ("== verify: health checks", BOLD),
            ("── 1 goes live; ──", BOLD),
            ("note: waiting", GREY),
            ("deployed: 1 is live and healthy; 3 s", GREEN),
            ("rolled-back: 2 failed; 1 is live", YELLOW),
            ("rollback-failed: nobody knows", BOLD_RED),
        ] {
            assert_eq!(coloured(line), format!("\x1b[{code}m{line}\x1b[0m"));
        }
        assert_eq!(
            coloured("✓ install             2.2 s"),
            "\x1b[32m✓ \x1b[0minstall             2.2 s"
        );
        assert_eq!(
            coloured("│ ✓ error: from the server"),
            "\x1b[90m│ \x1b[0m✓ error: from the server"
        );
    }

    #[test]
    fn commands_and_everything_else_have_no_colour() {
        for line in [
            "::group::✓ verify",
            "::error title=x::rolled-back: y",
            "::endgroup::",
            "attempt 1: health answered 200",
            "{\"outcome\": \"deployed: \"}",
        ] {
            assert_eq!(coloured(line), line);
        }
    }
}
