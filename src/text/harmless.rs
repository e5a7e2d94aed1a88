//! Turns one line of untrusted bytes into text without effects.

use super::escapes::without_escapes;

/// Marks a line from the server. It is visible and not white space, so `::name::` is never at the start of a line.
pub const SERVER_PREFIX: &str = "│ ";

/// One line as plain text: valid UTF-8 (other bytes become `�`) without terminal sequences, control characters except
/// tabs, invisible characters and bidirectional controls. `##[`, which the runner takes for a command anywhere in a
/// line, becomes `##\[`. Line ends become spaces. After a visible prefix the result is never a workflow command.
pub fn harmless(line: &[u8]) -> String {
    let text = without_escapes(&String::from_utf8_lossy(line));
    let visible: String = text.chars().filter_map(visible).collect();
    visible.replace("##[", "##\\[")
}

/// What replaces a character, if anything.
fn visible(character: char) -> Option<char> {
    match character {
        '\t' => Some('\t'),
        '\n' | '\r' | '\u{2028}' | '\u{2029}' => Some(' '),
        _ if character.is_control() || is_invisible(character) => None,
        _ => Some(character),
    }
}

/// Default-ignorable characters and bidirectional controls. The runner's search depends on the culture and may skip
/// them: it may find `##[` in `#<zero width space>#[`.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::runner::commands;
    use crate::text::Lines;

    #[test]
    fn untrusted_lines_become_plain_text() {
        for (line, text) in [
            (&b"ok \xff\xfe"[..], "ok \u{fffd}\u{fffd}"),
            (b"a\x00b\x07c\x1b[31md\x7f", "abcd"),
            (b"10%\r20%", "10% 20%"),
            (b"\tindented", "\tindented"),
            (b"x ##[error]y ###[z", "x ##\\[error]y ###\\[z"),
            (b"#\x01#[error]", "##\\[error]"),
            (b"#\x1b[0m#[error]", "##\\[error]"),
            ("#\u{200b}#\u{feff}[error]".as_bytes(), "##\\[error]"),
            ("admin\u{202e}txt.exe".as_bytes(), "admintxt.exe"),
            ("登録 – ü 🎉".as_bytes(), "登録 – ü 🎉"),
        ] {
            assert_eq!(harmless(line), text);
        }
    }

    #[test]
    fn the_port_of_the_runner_sees_commands_where_the_runner_does() {
        for text in [
            "::error::x",
            "  ::error::x",
            "a\r::error::x",
            "a ##[error]x",
            "##[group]x",
            "\u{feff}::add-mask::x",
        ] {
            assert_eq!(commands(text).len(), 1, "{text}");
        }
        for text in [
            "│ ::error::x",
            "##[nothing]",
            "##\\[error]x",
            "plain",
            "::nothing::x",
        ] {
            assert_eq!(commands(text).len(), 0, "{text}");
        }
    }

    fn printed(bytes: &[u8]) -> String {
        let mut lines = Lines::new();
        let mut all = lines.push(bytes);
        all.extend(lines.finish());
        all.iter()
            .map(|line| format!("{SERVER_PREFIX}{}\n", harmless(line)))
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn no_bytes_ever_yield_a_command(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(commands(&printed(&bytes)).len(), 0);
        }

        #[test]
        fn no_pieces_of_commands_ever_yield_a_command(
            pieces in prop::collection::vec(prop::sample::select(vec![
                "#", "##", "[", "##[", "error", "add-mask", "]", "::", ":", "\r", "\n", " ", "\t", "\u{1b}", "\u{1b}[",
                "\u{1b}]", "m", "\u{7}", "\u{9c}", "\\", "\u{200b}", "\u{feff}", "\u{85}", "\u{a0}", "\u{0}", "x", "\u{2028}",
            ]), 0..30)
        ) {
            let text = pieces.concat();
            prop_assert_eq!(commands(&printed(text.as_bytes())).len(), 0);
            // even without the splitter before it
            prop_assert_eq!(commands(&format!("{SERVER_PREFIX}{}", harmless(text.as_bytes()))).len(), 0);
        }

        #[test]
        fn what_is_harmless_stays_as_it_is(text in "[ -~äöü漢字]{0,80}") {
            let once = harmless(text.as_bytes());
            prop_assert_eq!(harmless(once.as_bytes()), once);
        }
    }
}
