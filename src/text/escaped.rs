//! The ways in which programs write a character: JSON, Python and Rust, URLs, HTML and XML, shells.

/// How many bytes of the text are this character, escaped; `None` if it does not begin with it.
pub(super) fn escaped(text: &str, wanted: char) -> Option<usize> {
    match text.as_bytes().first()? {
        b'\\' => after_backslash(text, wanted),
        b'%' => percent(text, wanted),
        b'&' => entity(text, wanted),
        b'\'' | b'"' if wanted == '\'' => ["'\\''", "'\"'\"'"]
            .iter()
            .find(|quote| text.starts_with(**quote))
            .map(|quote| quote.len()),
        _ => None,
    }
}

/// How many bytes of the text are a gap, escaped or not. In a query a `+` is one; if a `+` is wanted next, that is escaped there.
pub(super) fn blank(text: &str, next: Option<char>) -> Option<usize> {
    let mut at = 0;
    while let Some(length) = one_blank(&text[at..]) {
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
    let slashes = backslashes(text);
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

fn backslashes(text: &str) -> usize {
    text.len() - text.trim_start_matches('\\').len()
}

/// `\"`, `\u00e9`, `\u{e9}`, `\xc3\xa9`, also escaped more than once.
fn after_backslash(text: &str, wanted: char) -> Option<usize> {
    let slashes = backslashes(text);
    let rest = &text[slashes..];
    if rest.starts_with(wanted) {
        return Some(slashes + wanted.len_utf8());
    }
    let long = rest.strip_prefix('U').and_then(|digits| {
        let code = u32::from_str_radix(digits.get(..8)?, 16).ok()?;
        (code == u32::from(wanted)).then_some(slashes + 9)
    });
    let braced = || {
        let (digits, _) = rest.strip_prefix("u{")?.split_once('}')?;
        let code = u32::from_str_radix(digits, 16).ok()?;
        (code == u32::from(wanted)).then_some(slashes + digits.len() + 3)
    };
    let units = || {
        let units = wanted.encode_utf16(&mut [0; 2]).to_vec();
        let codes = units.iter().map(|unit| format!("{unit:04x}"));
        numbered(text, 'u', codes)
    };
    let bytes = || {
        let bytes = wanted.to_string().into_bytes();
        numbered(text, 'x', bytes.iter().map(|byte| format!("{byte:02x}")))
    };
    long.or_else(braced).or_else(units).or_else(bytes)
}

/// Backslashes, a letter and these digits, one after the other.
fn numbered(text: &str, letter: char, codes: impl Iterator<Item = String>) -> Option<usize> {
    let mut at = 0;
    for code in codes {
        let slashes = backslashes(&text[at..]);
        let digits = text[at + slashes..].strip_prefix(letter)?;
        let found = digits.get(..code.len())?;
        if slashes == 0 || !found.eq_ignore_ascii_case(&code) {
            return None;
        }
        at += slashes + 1 + code.len();
    }
    Some(at)
}

/// `%C3%A9`, also escaped more than once: `%2520`.
fn percent(text: &str, wanted: char) -> Option<usize> {
    let mut rest = text;
    for byte in wanted.to_string().into_bytes() {
        rest = rest.strip_prefix('%')?;
        if byte != b'%' {
            rest = without_all(rest, "25");
        }
        let digits = rest.get(..2)?;
        if !digits.eq_ignore_ascii_case(&format!("{byte:02x}")) {
            return None;
        }
        rest = &rest[2..];
        if byte == b'%' {
            rest = without_all(rest, "25");
        }
    }
    Some(text.len() - rest.len())
}

/// `&amp;`, `&#39;`, `&#x27;`, also escaped more than once.
fn entity(text: &str, wanted: char) -> Option<usize> {
    let rest = without_all(text.strip_prefix('&')?, "amp;");
    let doubled = text.len() - rest.len();
    if wanted == '&' && doubled > 1 {
        return Some(doubled);
    }
    let (name, _) = rest
        .get(..rest.len().min(12))
        .unwrap_or(rest)
        .split_once(';')?;
    let code = match name {
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let digits = name.strip_prefix('#')?;
            let hex = digits.strip_prefix(['x', 'X']);
            let code = hex.map_or_else(|| digits.parse(), |hex| u32::from_str_radix(hex, 16));
            char::from_u32(code.ok()?)?
        }
    };
    (code == wanted).then_some(doubled + name.len() + 1)
}

fn without_all<'a>(text: &'a str, prefix: &str) -> &'a str {
    text.trim_start_matches(prefix)
}
