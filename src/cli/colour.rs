//! Colours for a terminal. Only how a line of ours begins decides; what comes from the server stands behind a mark, and
//! holds no control characters.

use crate::protocol::Outcome;
use crate::text::SERVER_PREFIX;

const GREEN: &str = "32";
const RED: &str = "31";
const YELLOW: &str = "33";
const DIM: &str = "2";
const BOLD: &str = "1";

/// The line with its colour.
pub(super) fn coloured(line: &str) -> String {
    match colour(line) {
        Some(code) => format!("\x1b[{code}m{line}\x1b[0m"),
        None => line.to_owned(),
    }
}

fn colour(line: &str) -> Option<&'static str> {
    const BEGINNINGS: [(&str, &str); 9] = [
        ("== ", BOLD),
        ("✓ ", GREEN),
        ("✗ ", RED),
        ("warning: ", YELLOW),
        ("error: ", RED),
        ("notice: ", GREEN),
        ("problem: ", RED),
        ("note: ", DIM),
        (SERVER_PREFIX, DIM),
    ];
    let known = BEGINNINGS
        .iter()
        .find(|(beginning, _)| line.starts_with(beginning))
        .map(|(_, code)| *code);
    known.or_else(|| of_outcome(line))
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
        _ => RED,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_line_is_shows_in_its_colour() {
        for (line, code) in [
            ("✓ install, 2.2 s", GREEN),
            ("✗ verify failed", RED),
            ("== verify: watch unit diting", BOLD),
            ("│ ✓ error: from the server", DIM),
            ("deployed: 1 is live and healthy; 3 s", GREEN),
            ("rolled-back: 2 failed; 1 is live", YELLOW),
            ("rollback-failed: nobody knows", RED),
        ] {
            assert_eq!(coloured(line), format!("\x1b[{code}m{line}\x1b[0m"));
        }
        assert_eq!(
            coloured("attempt 1: health answered 200"),
            "attempt 1: health answered 200"
        );
    }
}
