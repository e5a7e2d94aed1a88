//! Removes terminal sequences: colours, cursor movements, titles, links.

const ESC: char = '\u{1b}';

/// The text without terminal sequences. Of one without an end only the introducer is removed, so no text is lost.
pub(super) fn without_escapes(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let after = &rest[character.len_utf8()..];
        rest = match sequence(character, after) {
            Some(tail) => tail,
            None => {
                clean.push(character);
                after
            }
        };
    }
    clean
}

/// The text after the sequence that starts with this character; `None` if there is no sequence.
fn sequence(character: char, after: &str) -> Option<&str> {
    match character {
        ESC => Some(match after.chars().next() {
            Some('[') => control(&after[1..]),
            Some(']' | 'P' | 'X' | '^' | '_') => string(&after[1..]),
            _ => short(after),
        }),
        '\u{9b}' => Some(control(after)),
        '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => Some(string(after)),
        _ => None,
    }
}

/// CSI: parameters and intermediates, then one final character.
fn control(after: &str) -> &str {
    let tail = after
        .trim_start_matches(|c| matches!(c, '0'..='?'))
        .trim_start_matches(|c| matches!(c, ' '..='/'));
    match tail.chars().next() {
        Some('@'..='~') => &tail[1..],
        _ => tail,
    }
}

/// OSC, DCS, SOS, PM, APC: a text up to BEL or ST.
fn string(after: &str) -> &str {
    let ends = [("\u{7}", 1), ("\u{1b}\\", 2), ("\u{9c}", 2)];
    let nearest = ends
        .iter()
        .filter_map(|(end, length)| after.find(end).map(|at| at + length))
        .min();
    nearest.map_or(after, |end| &after[end..])
}

/// Two characters, possibly with intermediates between them.
fn short(after: &str) -> &str {
    let tail = after.trim_start_matches(|c| matches!(c, ' '..='/'));
    match tail.chars().next() {
        Some('0'..='~') => &tail[1..],
        _ => tail,
    }
}

#[cfg(test)]
mod tests {
    use super::without_escapes;

    #[test]
    fn sequences_are_removed_and_text_stays() {
        for (text, clean) in [
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}[2J\u{1b}[1;1Htop", "top"),
            ("\u{1b}]0;title\u{7}a\u{1b}]8;;http://x\u{1b}\\b", "ab"),
            ("\u{1b}Pq#0\u{1b}\\a", "a"),
            ("\u{9b}31ma", "a"),
            ("\u{1b}(Ba\u{1b}7b\u{1b}", "ab"),
            ("\u{1b}]0;never ended", "0;never ended"),
            ("\u{1b}[é", "é"),
            ("plain", "plain"),
        ] {
            assert_eq!(without_escapes(text), clean, "{text:?}");
        }
    }
}
