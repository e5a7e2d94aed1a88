//! The ways in which programs write a character: JSON, Python and Rust, URLs, HTML and XML, shells.

/// The most digits in `\u{…}`, and the longest name in `&…;`.
const MOST_DIGITS: usize = 8;
const MOST_NAME: usize = 11;

/// A character, and how many bytes of the text are it.
type Escaped = Option<(char, usize)>;

/// How many bytes of the text are this character, escaped; `None` if it does not begin with it.
pub(super) fn escaped(text: &str, wanted: char) -> Option<usize> {
    let all = decoded(text).into_iter().flatten();
    let mut lengths = all.filter_map(|(found, length)| (found == wanted).then_some(length));
    lengths.next()
}

/// The characters that the text may begin with, escaped: more than one, because nobody knows how it was written.
pub(super) fn decoded(text: &str) -> [Escaped; 2] {
    match text.as_bytes().first() {
        Some(b'\\') => after_backslash(text),
        Some(b'%') => [percent_sign(text), percent(text)],
        Some(b'&') => entity(text),
        Some(b'\'' | b'"') => {
            let mut quotes = ["'\\''", "'\"'\"'"].iter();
            let quote = quotes.find(|quote| text.starts_with(**quote));
            [quote.map(|quote| ('\'', quote.len())), None]
        }
        _ => [None; 2],
    }
}

/// How many bytes of the text are a gap, escaped or not. In a query a `+` is one; if a `+` is wanted next, that is escaped there.
/// A text like `\ ` or `%20` may be a gap or what is wanted next: `shorter` gets the lengths that end before it.
pub(super) fn blank(
    text: &str,
    next: Option<char>,
    shorter: &mut dyn FnMut(usize),
) -> Option<usize> {
    let mut at = 0;
    while let Some(length) = one_blank(&text[at..]) {
        if at > 0 && next.is_some_and(|next| text[at..].starts_with(next)) {
            shorter(at);
        }
        at += length;
    }
    let plain = text.trim_start_matches('+');
    let signs = text.len() - plain.len();
    let is_blank = next != Some('+') || escaped(plain, '+').is_some();
    match (at, signs) {
        (0, 1..) if is_blank => Some(signs),
        (0, _) => None,
        _ => Some(at),
    }
}

fn one_blank(text: &str) -> Option<usize> {
    let first = text.chars().next().filter(|it| it.is_whitespace());
    if let Some(first) = first {
        return Some(first.len_utf8());
    }
    let slashes = leading_backslashes(text);
    match text.as_bytes().get(slashes) {
        Some(b'n' | b't' | b'r') if slashes > 0 => return Some(slashes + 1),
        _ => {}
    }
    if text.starts_with("&nbsp;") {
        return Some("&nbsp;".len());
    }
    [' ', '\n', '\t', '\r', '\u{a0}']
        .into_iter()
        .find_map(|blank| escaped(text, blank))
}

pub(super) fn leading_backslashes(text: &str) -> usize {
    text.len() - text.trim_start_matches('\\').len()
}

/// `\"`, `\u00e9`, `\u{e9}`, `\xc3\xa9`, also escaped more than once.
fn after_backslash(text: &str) -> [Escaped; 2] {
    let slashes = leading_backslashes(text);
    let rest = &text[slashes..];
    let Some(plain) = rest.chars().next() else {
        return [None; 2];
    };
    let coded = match plain {
        'U' => long(rest).map(|(c, length)| (c, slashes + length)),
        'u' if rest.starts_with("u{") => braced(rest).map(|(c, length)| (c, slashes + length)),
        'u' => units(text),
        'x' => bytes(text),
        _ => None,
    };
    [Some((plain, slashes + plain.len_utf8())), coded]
}

/// `U0001f4a1`
fn long(rest: &str) -> Escaped {
    let code = hex(rest.get(1..9)?)?;
    Some((char::from_u32(code)?, 9))
}

/// `u{1f4a1}`
fn braced(rest: &str) -> Escaped {
    let digits = up_to(rest.strip_prefix("u{")?, b'}', MOST_DIGITS)?;
    Some((char::from_u32(hex(digits)?)?, digits.len() + 3))
}

/// `\u00e9`, or two of them for a surrogate pair.
fn units(text: &str) -> Escaped {
    let (first, mut end) = numbered(text, 'u', 4)?;
    let mut units = vec![u16::try_from(first).ok()?];
    if (0xd800..0xdc00).contains(&first) {
        let (second, length) = numbered(&text[end..], 'u', 4)?;
        units.push(u16::try_from(second).ok()?);
        end += length;
    }
    let c = char::decode_utf16(units).next()?.ok()?;
    Some((c, end))
}

/// `\xc3\xa9`
fn bytes(text: &str) -> Escaped {
    utf8(|at| {
        let (byte, length) = numbered(&text[at..], 'x', 2)?;
        Some((u8::try_from(byte).ok()?, length))
    })
}

/// Backslashes, a letter and so many digits: the number, and the length of all.
fn numbered(text: &str, letter: char, digits: usize) -> Option<(u32, usize)> {
    let slashes = leading_backslashes(text);
    let number = text[slashes..].strip_prefix(letter)?.get(..digits)?;
    let code = hex(number).filter(|_| slashes > 0)?;
    Some((code, slashes + 1 + digits))
}

/// The character whose bytes `next` gives, with the length of each in the text.
fn utf8(next: impl Fn(usize) -> Option<(u8, usize)>) -> Escaped {
    let mut bytes = [0; 4];
    let mut end = 0;
    for count in 1..=bytes.len() {
        let (byte, length) = next(end)?;
        bytes[count - 1] = byte;
        end += length;
        if let Ok(whole) = str::from_utf8(&bytes[..count]) {
            return Some((whole.chars().next()?, end));
        }
    }
    None
}

fn hex(digits: &str) -> Option<u32> {
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)
}

/// What stands before this byte, if that is among the first ones: the rest may be long.
fn up_to(text: &str, end: u8, most: usize) -> Option<&str> {
    let at = text.bytes().take(most + 1).position(|byte| byte == end)?;
    text.get(..at)
}

/// `%25`, also escaped more than once: `%2525`.
fn percent_sign(text: &str) -> Escaped {
    let rest = without_all(text.strip_prefix("%25")?, "25");
    Some(('%', text.len() - rest.len()))
}

/// `%C3%A9`, also escaped more than once: `%2520`.
fn percent(text: &str) -> Escaped {
    utf8(|at| {
        let text = &text[at..];
        let rest = without_all(text.strip_prefix('%')?, "25");
        let byte = hex(rest.get(..2)?)?;
        Some((u8::try_from(byte).ok()?, text.len() - rest.len() + 2))
    })
}

/// `&amp;`, `&#39;`, `&#x27;`, also escaped more than once.
fn entity(text: &str) -> [Escaped; 2] {
    let rest = without_all(text.strip_prefix('&').unwrap_or(text), "amp;");
    let doubled = text.len() - rest.len();
    let sign = (doubled > 1).then_some(('&', doubled));
    let name = up_to(rest, b';', MOST_NAME);
    let other = name.and_then(|name| Some((named(name)?, doubled + name.len() + 1)));
    [sign, other]
}

/// The character of `lt`, `#39` or `#x27`.
fn named(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = digits.strip_prefix(['x', 'X']).map_or_else(
                || digits.parse().ok(),
                |digits| u32::from_str_radix(digits, 16).ok(),
            );
            char::from_u32(code?)
        }
    }
}

fn without_all<'a>(text: &'a str, prefix: &str) -> &'a str {
    text.trim_start_matches(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_escape_has_at_most_two_meanings() {
        let found = |text: &str| decoded(text).into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(found(r"\\u00e9x"), [('u', 3), ('é', 7)]);
        assert_eq!(found(r"\ud83d\\udca1"), [('u', 2), ('💡', 13)]);
        assert_eq!(found(r"\ud83d\n"), [('u', 2)]);
        assert_eq!(found(r"\xc3\xa9"), [('x', 2), ('é', 8)]);
        assert_eq!(found(r"\u{1f4a1}"), [('u', 2), ('💡', 9)]);
        assert_eq!(found(r"\U0001f4a1"), [('U', 2), ('💡', 10)]);
        assert_eq!(found("%2541"), [('%', 3), ('A', 5)]);
        assert_eq!(found("%C3%25A9"), [('é', 8)]);
        assert_eq!(found("&amp;lt;"), [('&', 5), ('<', 8)]);
        assert_eq!(found("&#x27;"), [('\'', 6)]);
        assert_eq!(found(r"'\''"), [('\'', 4)]);
        for none in ["\\", "%", "%zz", "%C3", "&", "&é;", "'", "a", ""] {
            assert_eq!(found(none), [], "{none}");
        }
    }

    /// A log may have thousands of them, none of which ends.
    #[test]
    fn the_end_of_an_escape_is_not_looked_for_in_the_whole_text() {
        assert_eq!(escaped(r"\u{00000041}", 'A'), Some(12));
        assert_eq!(escaped(r"\u{000000041}", 'A'), None);
        assert_eq!(escaped("&#x0000041;", 'A'), Some(11));
        assert_eq!(escaped("&#x0000000041;", 'A'), None);
        assert_eq!(escaped("&#x41ééééé;", 'A'), None);
    }
}
