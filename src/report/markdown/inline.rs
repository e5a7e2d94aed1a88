//! Text within a line of Markdown.

use super::lines::{clean, longest_run};
use crate::text::{Piece, Prose, Redactor};

/// Punctuation around words.
const BEFORE: &[char] = &['(', '“'];
const AFTER: &[char] = &[')', '”', ',', ';', '.', ':', '?', '!', '…'];
/// Words with which sentences of the server begin that are no names.
const BEGINNINGS: &[&str] = &[
    "a", "after", "an", "beside", "it", "members", "the", "unit", "what",
];
/// GitHub links commit hashes from this many digits on.
const HASH: usize = 7;

/// A sentence of deploy-action. Only the texts of others in it are escaped.
pub(in crate::report) fn prose(text: &Prose, redactor: &Redactor) -> String {
    prose_naming(text, redactor, |_| None)
}

/// The same; the texts of others that `name` knows are shown as the Markdown that it returns.
pub(in crate::report) fn prose_naming(
    text: &Prose,
    redactor: &Redactor,
    name: impl Fn(&str) -> Option<String>,
) -> String {
    if has_secret_across(text, redactor) {
        return foreign(&text.to_string(), redactor);
    }
    let mut out = String::new();
    for piece in text.pieces() {
        let named = match piece {
            Piece::Foreign(text) => name(text),
            _ => None,
        };
        let next = match piece {
            _ if named.is_some() => named.unwrap_or_default(),
            Piece::Words(words) => (*words).to_owned(),
            Piece::Code(text) | Piece::Verbatim(text) => code(text, redactor),
            Piece::Link(words, to) => link(words, Some(to)),
            // a number and the full stop after it would be an item of a list
            Piece::Foreign(text) if out.is_empty() && is_number(text) => code(text, redactor),
            Piece::Foreign(text) => between(text, out.ends_with('`'), redactor),
        };
        // they would become one piece of code
        if out.ends_with('`') && next.starts_with('`') {
            out.push(' ');
        }
        out += &next;
    }
    out
}

/// The same as a sentence of its own: with a capital letter if it begins with own words, and with an end.
pub(in crate::report) fn sentence(text: &Prose, redactor: &Redactor) -> String {
    as_sentence(text, prose(text, redactor))
}

/// The same for a text that is Markdown already.
pub(in crate::report) fn as_sentence(text: &Prose, shown: String) -> String {
    let begins = match text.pieces().first() {
        Some(Piece::Words(_)) => true,
        Some(Piece::Foreign(text)) => text
            .split_once(' ')
            .is_some_and(|(word, _)| BEGINNINGS.contains(&word)),
        _ => false,
    };
    let shown = if begins { capital(&shown) } else { shown };
    match shown.trim_end().ends_with(['.', ':', '?', '!']) || shown.is_empty() {
        true => shown,
        false => shown + ".",
    }
}

/// With a capital letter at its beginning.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(chars).collect()
}

/// Whether a secret begins in one piece and ends in another, where it would not be found in either.
fn has_secret_across(text: &Prose, redactor: &Redactor) -> bool {
    let whole = redactor.redact(&text.to_string());
    let pieces = text.pieces().iter();
    let pieces = pieces.map(|piece| redactor.redact(&piece.to_string()));
    whole != pieces.collect::<String>()
}

/// A text of others between other pieces: the white space at its ends stays, and punctuation that belongs to its neighbours.
fn between(text: &str, after_code: bool, redactor: &Redactor) -> String {
    let start = text.len() - text.trim_start().len();
    let closing = text[start..].len() - text[start..].trim_start_matches(AFTER).len();
    let closing = if start == 0 && after_code { closing } else { 0 };
    let (before, rest) = text.split_at(start + closing);
    let inner = rest.trim_end_matches(BEFORE);
    let is_end = inner.is_empty() || inner.ends_with(char::is_whitespace);
    let (inner, opening) = if is_end {
        (inner, &rest[inner.len()..])
    } else {
        (rest, "")
    };
    let space = |is: bool| if is { " " } else { "" };
    let shown = foreign(inner, redactor);
    let gap = space(inner.starts_with(char::is_whitespace) && !shown.is_empty());
    let end = space(inner.ends_with(char::is_whitespace));
    format!(
        "{}{}{gap}{shown}{end}{opening}",
        space(start > 0),
        before.trim_start()
    )
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A text of others: plain words stay, everything else becomes code - a quotation as a whole.
pub(in crate::report) fn foreign(text: &str, redactor: &Redactor) -> String {
    let text = clean(text.as_bytes(), redactor).join(" ");
    let mut out = Escaped::default();
    let mut rest = text.as_str();
    while let Some((before, quotation, after)) = quoted(rest) {
        let opening = before.trim_end_matches(BEFORE).len();
        let closing = after.len() - after.trim_start_matches(AFTER).len();
        words(&before[..opening], &mut out);
        out.quotation(&before[opening..], quotation, &after[..closing]);
        rest = &after[closing..];
    }
    words(rest, &mut out);
    out.finish()
}

/// The text before, in and after the first quotation that contains more than plain words.
fn quoted(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let begin = from + text[from..].find('“')?;
        let inner = begin + '“'.len_utf8();
        let end = inner + text[inner..].find('”')?;
        let quotation = &text[inner..end];
        if !quotation.trim().is_empty() && !quotation.split_whitespace().all(is_plain) {
            return Some((&text[..begin], quotation, &text[end + '”'.len_utf8()..]));
        }
        from = end;
    }
}

fn words(text: &str, out: &mut Escaped) {
    for word in text.split_whitespace() {
        let core = word.trim_start_matches(BEFORE);
        let before = &word[..word.len() - core.len()];
        let after = &core[core.trim_end_matches(AFTER).len()..];
        let core = &core[..core.len() - after.len()];
        // at the start of a sentence it would be the number of a list
        let numbers = out.is_empty() && !after.is_empty() && is_number(core);
        match (core.is_empty(), is_plain(core) && !numbers) {
            (true, _) => out.code("", word, ""),
            (_, true) => out.text(word),
            (_, false) => out.code(before, core, after),
        }
    }
}

/// The same for a table.
pub(in crate::report) fn cell(text: &str, redactor: &Redactor) -> String {
    // parsers disagree about escapes of this character in code
    foreign(text, redactor).replace('|', "¦")
}

/// A text as code in one line; empty if the text is.
pub(in crate::report) fn code(text: &str, redactor: &Redactor) -> String {
    let text = clean(text.as_bytes(), redactor).join(" ");
    match text.trim() {
        "" => String::new(),
        text => span(text),
    }
}

/// A link if it is a plain one to the web, else only its label.
pub(in crate::report) fn link(label: &str, to: Option<&str>) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/:._~%#-".contains(c);
    match to.filter(|to| to.starts_with("https://") || to.starts_with("http://")) {
        Some(to) if to.chars().all(plain) => format!("[{label}]({to})"),
        _ => label.to_owned(),
    }
}

/// A word, number, name or path that GitHub does not interpret.
fn is_plain(word: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || "-./'%".contains(c);
    let inner = |c: char| c.is_alphanumeric() || c == '%';
    let ends = word.starts_with(char::is_alphanumeric) && word.ends_with(inner);
    let lower = word.to_lowercase();
    // also before the dot at the end of a sentence
    let web = lower.contains("www.") || lower.ends_with("www") || lower.contains("//");
    let refers = web || refers_to_issue(&lower);
    let hash = lower.split(|c: char| !c.is_alphanumeric()).any(is_hash);
    matches!(word, "–" | "—" | "✓" | "✗" | "%")
        || is_time(word)
        || (word.chars().all(allowed) && ends && !hash && !refers)
}

/// `03:46:03`: too short between its colons for the name of an emoji.
fn is_time(word: &str) -> bool {
    let parts: Vec<&str> = word.split(':').collect();
    parts.len() == 3 && parts.iter().all(|part| part.len() == 2 && is_number(part))
}

fn is_hash(word: &str) -> bool {
    word.len() >= HASH && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `GH-1`.
pub(super) fn refers_to_issue(lower: &str) -> bool {
    lower
        .match_indices("gh-")
        .any(|(at, found)| lower[at + found.len()..].starts_with(|c: char| c.is_ascii_digit()))
}

fn span(text: &str) -> String {
    let ticks = "`".repeat(longest_run(text) + 1);
    let space = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{ticks}{space}{text}{space}{ticks}")
}

/// Words; neighbouring pieces of code become one.
#[derive(Default)]
struct Escaped {
    out: Vec<String>,
    code: Vec<String>,
    before: String,
}

impl Escaped {
    fn is_empty(&self) -> bool {
        self.out.is_empty() && self.code.is_empty()
    }

    /// Code in quotation marks, and the punctuation around them.
    fn quotation(&mut self, before: &str, text: &str, after: &str) {
        self.end_code("");
        self.code(&format!("{before}“"), text.trim(), &format!("”{after}"));
    }

    fn text(&mut self, word: &str) {
        self.end_code("");
        self.out.push(word.to_owned());
    }

    fn code(&mut self, before: &str, core: &str, after: &str) {
        if !before.is_empty() {
            self.end_code("");
        }
        if self.code.is_empty() {
            self.before = before.to_owned();
        }
        self.code.push(core.to_owned());
        if !after.is_empty() {
            self.end_code(after);
        }
    }

    fn end_code(&mut self, after: &str) {
        if !self.code.is_empty() {
            self.out.push(format!(
                "{}{}{after}",
                self.before,
                span(&self.code.join(" "))
            ));
            self.code.clear();
            self.before.clear();
        }
    }

    fn finish(mut self) -> String {
        self.end_code("");
        self.out.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn words_stay_and_everything_else_is_code() {
        let text = |text| foreign(text, &Redactor::new(["hunter2hunter2"]));
        for (given, markdown) in [
            (
                "health answered 500 with “no database” after 30 attempts",
                "health answered 500 with “no database” after 30 attempts",
            ),
            (
                "@alice, see #1 and o/r#2 or GH-3.",
                "`@alice`, see `#1` and `o/r#2` or `GH-3`.",
            ),
            (
                "1762147999 of 3f2a1bc is live",
                "`1762147999` of `3f2a1bc` is live",
            ),
            ("<b>x</b> <!-- y", "`<b>x</b> <!--` y"),
            (
                "go to https://x/y, www.x.y (me@x.y)",
                "go to `https://x/y`, `www.x.y` (`me@x.y`)",
            ),
            ("see (www. Then www", "see (`www`. Then `www`"),
            ("1. a - b * c", "`1`. a `-` b `*` c"),
            ("``` `` a", "```` ``` `` ```` a"),
            (
                "$x$ :smile: &amp; a_b [l](u) \\",
                "`$x$ :smile`: `&amp`; `a_b [l](u`) `\\`",
            ),
            (
                "answered 500 with “{\"a\": \"b c\"}” after 3",
                "answered 500 with “`{\"a\": \"b c\"}`” after 3",
            ),
            (
                "a body (“{a}”) that “b c.”: “#1”, and so",
                "a body (“`{a}`”) that “`b c.`”: “`#1`”, and so",
            ),
            ("used to 83 %, “a “b @c”", "used to 83 %, “`a “b @c`”"),
            (
                "/opt/diting on web1.example: read-only",
                "`/opt/diting` on web1.example: read-only",
            ),
            ("a hunter2hunter2 b", "a `***` b"),
            ("", ""),
        ] {
            assert_eq!(text(given), markdown);
        }
    }

    #[test]
    fn a_quoted_piece_is_one_piece_of_code_between_the_words_around_it() {
        let text = |text: &str, parts: &[&str]| {
            let parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
            prose(&Prose::quoting(text, &parts), &Redactor::default())
        };
        for (given, parts, markdown) in [
            (
                "line 2, echo \"error TS2304: a\", ended (sudo -n x): why",
                vec!["echo \"error TS2304: a\"", "sudo -n x"],
                "line 2, `echo \"error TS2304: a\"`, ended (`sudo -n x`): why",
            ),
            ("a ` b` c", vec!["` b`"], "a `` ` b` `` c"),
            ("make build", vec!["make build"], "`make build`"),
            (
                "my data/x: y z",
                vec!["my data/x", "y z"],
                "`my data/x`: `y z`",
            ),
            ("a @b@c d", vec!["a @b"], "`a @b` `@c` d"),
            ("x (y", vec!["x", "y"], "`x` (`y`"),
        ] {
            assert_eq!(text(given, &parts), markdown);
        }
    }

    #[test]
    fn a_secret_that_is_in_two_pieces_is_hidden() {
        let redactor = Redactor::new(["hunter2-is-my-word"]);
        let text = |quoted: &str| {
            let text = "line 2, echo hunter2-is-my-word, ended with 1";
            prose(&Prose::quoting(text, &[quoted.to_owned()]), &redactor)
        };
        // a server names the part
        for quoted in ["is", "my-word, ended", "echo hunter2"] {
            let shown = text(quoted);
            assert_eq!(shown, "line 2, echo `***`, ended with 1", "{quoted}");
        }
        assert_eq!(text("ended with"), "line 2, echo `***`, `ended with` 1");
    }

    #[test]
    fn a_link_is_one_only_to_a_plain_address() {
        assert_eq!(
            link("run", Some("https://github.com/o/r/actions/runs/7")),
            "[run](https://github.com/o/r/actions/runs/7)"
        );
        for to in [
            None,
            Some("javascript:x"),
            Some("https://x/) [y](https://z"),
            Some("https://x y"),
        ] {
            assert_eq!(link("run", to), "run");
        }
    }
}
