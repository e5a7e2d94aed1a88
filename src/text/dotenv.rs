//! The `.env` format, as far as its readers (python-dotenv, systemd, docker compose) agree.

/// An assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its first line, from 1.
    pub line: usize,
    /// What stands before the `=`, without `export`. Not checked.
    pub name: &'a str,
    /// What stands behind it, quotes included, over several lines where the quotes say so.
    pub raw: &'a str,
}

/// A place that its readers would take for different things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    /// Its first line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: &'static str,
    /// How to fix it.
    pub fix: &'static str,
}

/// The assignments, without comments and empty lines.
pub fn entries(text: &str) -> impl Iterator<Item = Result<Entry<'_>, Bad>> {
    let (mut rest, mut line) = (text, 1);
    std::iter::from_fn(move || loop {
        if rest.is_empty() {
            return None;
        }
        let first = rest.lines().next().unwrap_or_default();
        if first.trim().is_empty() || first.trim_start().starts_with('#') {
            rest = after_line(rest, first.len());
            line += 1;
            continue;
        }
        let found = entry(rest, first, line);
        let length = found.as_ref().map_or(first.len(), |(_, length)| *length);
        line += rest[..length].matches('\n').count() + 1;
        rest = after_line(rest, length);
        return Some(found.map(|(entry, _)| entry));
    })
}

/// What follows the line end behind so many bytes.
fn after_line(text: &str, length: usize) -> &str {
    text[length..].split_once('\n').map_or("", |(_, rest)| rest)
}

/// The assignment that begins here, and how many bytes it has.
fn entry<'a>(text: &'a str, first: &'a str, line: usize) -> Result<(Entry<'a>, usize), Bad> {
    let bad = |what, fix| Bad { line, what, fix };
    let Some((name, _)) = first.split_once('=') else {
        let fix = "Write NAME=value; a value of several lines stands in quotes";
        return Err(bad("has no `=`", fix));
    };
    let start = name.len() + 1;
    let end = end_of_value(text, first, start).ok_or_else(|| {
        let fix = "Close it, or put a value that begins with one into the other kind";
        bad("opens a quote that nothing closes", fix)
    })?;
    let raw = &text[start..end];
    let is_bad = |c: char| c.is_control() && !['\t', '\n', '\r'].contains(&c);
    if raw.chars().any(is_bad) || name.chars().any(char::is_control) {
        return Err(bad("has a control character", "Write plain text"));
    }
    let name = name.trim();
    let name = name.strip_prefix("export ").map_or(name, str::trim);
    let raw = raw.trim();
    Ok((Entry { line, name, raw }, end))
}

/// Where the value that begins at `start` ends: with its line, or with the line in which its quote is closed.
fn end_of_value(text: &str, first: &str, start: usize) -> Option<usize> {
    let value = &first[start..];
    let blank = value.len() - value.trim_start().len();
    let quote = value.trim_start().chars().next();
    let Some(quote) = quote.filter(|c| ['"', '\''].contains(c)) else {
        return Some(first.len());
    };
    let open = start + blank + 1;
    let close = open + closing(&text[open..], quote)? + 1;
    Some(close + text[close..].lines().next().map_or(0, str::len))
}

/// Where the quote is that no backslash stands before.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let closes = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        closes.then_some(at)
    })
}

impl Entry<'_> {
    /// The value as most readers take it: without quotes, escapes in them and a comment. Nothing in it is expanded.
    pub fn value(&self) -> String {
        let (quote, inner) = self.inner();
        let Some(quote) = quote else {
            return inner.to_owned();
        };
        let (mut value, mut chars) = (String::new(), inner.chars().peekable());
        while let Some(c) = chars.next() {
            let meant = chars.peek().filter(|_| c == '\\').and_then(|next| {
                Some(match (quote, next) {
                    ('"', 'n') => '\n',
                    ('"', '"' | '$' | '`') | ('\'', '\'') | (_, '\\') => *next,
                    _ => return None,
                })
            });
            if meant.is_some() {
                chars.next();
            }
            value.push(meant.unwrap_or(c));
        }
        value
    }

    /// Everything that an app may take for the value: with and without quotes, comment and escapes.
    pub fn readings(&self) -> [String; 4] {
        let (_, inner) = self.inner();
        let unescaped = inner
            .replace("\\n", "\n")
            .replace("\\\"", "\"")
            .replace("\\'", "'")
            .replace("\\\\", "\\");
        [
            self.raw.to_owned(),
            inner.to_owned(),
            unescaped,
            self.value(),
        ]
    }

    /// The quotes around it, if there are any, and the text without them and without a comment.
    fn inner(&self) -> (Option<char>, &str) {
        let quote = self.raw.chars().next().filter(|c| ['"', '\''].contains(c));
        match quote.and_then(|quote| closing(&self.raw[1..], quote)) {
            Some(close) => (quote, &self.raw[1..=close]),
            None => {
                let comment = self.raw.split_once(" #");
                (
                    None,
                    comment.map_or(self.raw, |(value, _)| value.trim_end()),
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(usize, &str, &str)> {
        entries(text)
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.line, entry.name, entry.raw))
            .collect()
    }

    #[test]
    fn assignments_are_found_with_their_lines() {
        let text = "# c\r\nA=1\r\n\n export B = \"x\ny=z\"  # why\nC='it\\'s'\nD=don't\nE=";
        assert_eq!(
            read(text),
            [
                (2, "A", "1"),
                (4, "B", "\"x\ny=z\"  # why"),
                (6, "C", "'it\\'s'"),
                (7, "D", "don't"),
                (8, "E", "")
            ]
        );
    }

    #[test]
    fn a_command_gets_what_most_readers_take_for_the_value() {
        let value = |text: &str| entries(text).next().unwrap().unwrap().value();
        for (text, expected) in [
            ("A=plain value # c", "plain value"),
            ("A=a#b", "a#b"),
            ("A=", ""),
            ("A=\"\"", ""),
            ("A=a\\nb", "a\\nb"),
            (
                "A=\"a\\nb\\\\n \\\"c\\\" \\$d \\'\" # c",
                "a\nb\\n \"c\" $d \\'",
            ),
            ("A='a\\nb \\'c\\' \\\\ \\$'", "a\\nb 'c' \\ \\$"),
            ("A='x\ny'", "x\ny"),
            ("A=\"end\\\\\"", "end\\"),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn what_readers_disagree_about_is_refused() {
        for (text, line) in [
            ("A=1\nB", 2),
            ("A='x", 1),
            ("\nA=\"x\nB=1", 2),
            ("A=a\0", 1),
            ("A=\u{1b}[m", 1),
        ] {
            let bad = entries(text).find_map(Result::err).unwrap();
            assert_eq!(bad.line, line, "{text:?}");
        }
    }

    #[test]
    fn an_app_may_read_a_value_in_several_ways() {
        let entry = |text| entries(text).next().unwrap().unwrap().readings();
        assert_eq!(
            entry(r#"A="x\ny" # c"#),
            ["\"x\\ny\" # c", "x\\ny", "x\ny", "x\ny"]
        );
        assert_eq!(entry("A=x # c"), ["x # c", "x", "x", "x"]);
        assert_eq!(entry("A=''")[1], "");
        assert_eq!(entry("A=\"pass\\$word\"")[3], "pass$word");
    }
}
