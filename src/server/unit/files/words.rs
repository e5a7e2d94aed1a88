//! Splits values into words as systemd does: systemd.syntax(7), "Quoting".

use std::str::Chars;

/// A word without its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    /// It had no quotes and no backslash.
    pub(super) is_plain: bool,
}

/// The words of a command, or of another value that systemd reads to its end: a backslash that means nothing stands for
/// itself.
pub(super) fn words(value: &str) -> Vec<Word> {
    split(value, Mistakes::Kept)
}

/// The words before the first mistake, at which systemd stops to read a list such as `Environment=`.
pub(super) fn words_until_mistake(value: &str) -> Vec<Word> {
    split(value, Mistakes::End)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mistakes {
    Kept,
    End,
}

fn split(value: &str, mistakes: Mistakes) -> Vec<Word> {
    let (mut all, mut word) = (Vec::new(), None::<Building>);
    let (mut quote, mut rest) = (None, value.chars());
    while let Some(c) = rest.next() {
        match c {
            '\\' => {
                let is_semicolon = word.is_none() && is_lone_semicolon(&rest);
                let word = word.get_or_insert_with(Building::default);
                word.is_special = true;
                match escaped(&rest) {
                    Some((bytes, after)) => {
                        word.bytes.extend(bytes);
                        rest = after;
                    }
                    None if is_semicolon => {}
                    None if mistakes == Mistakes::End => return all,
                    None => {
                        word.push('\\');
                        rest.next().into_iter().for_each(|c| word.push(c));
                    }
                }
            }
            _ if quote == Some(c) => quote = None,
            '"' | '\'' if quote.is_none() => {
                quote = Some(c);
                word.get_or_insert_with(Building::default).is_special = true;
            }
            c if c.is_ascii_whitespace() && quote.is_none() => all.extend(finish(&mut word)),
            c => word.get_or_insert_with(Building::default).push(c),
        }
    }
    if quote.is_none() || mistakes == Mistakes::Kept {
        all.extend(finish(&mut word));
    }
    all
}

/// A word of which more may follow. Escapes can stand for any bytes.
#[derive(Default)]
struct Building {
    bytes: Vec<u8>,
    is_special: bool,
}

impl Building {
    fn push(&mut self, c: char) {
        self.bytes
            .extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

fn finish(word: &mut Option<Building>) -> Option<Word> {
    word.take().map(|word| Word {
        text: String::from_utf8_lossy(&word.bytes).into_owned(),
        is_plain: !word.is_special,
    })
}

/// Whether `\;` is the whole word, which is a semicolon that ends no command.
fn is_lone_semicolon(rest: &Chars<'_>) -> bool {
    let after = rest.as_str().strip_prefix(';');
    after.is_some_and(|it| it.chars().next().is_none_or(|c| c.is_ascii_whitespace()))
}

/// What a backslash and the characters after it stand for, and what follows them; `None`: nothing.
fn escaped<'a>(rest: &Chars<'a>) -> Option<(Vec<u8>, Chars<'a>)> {
    let mut after = rest.clone();
    let byte = match after.next()? {
        'a' => 7,
        'b' => 8,
        't' => b'\t',
        'n' => b'\n',
        'v' => 11,
        'f' => 12,
        'r' => b'\r',
        's' => b' ',
        c @ ('\\' | '"' | '\'') => u8::try_from(c).ok()?,
        'x' => u8::try_from(number(&mut after, 2, 16)?).ok()?,
        kind @ ('u' | 'U') => {
            let c = number(&mut after, if kind == 'u' { 4 } else { 8 }, 16)?;
            let c = char::from_u32(c)?;
            return Some((c.to_string().into_bytes(), after));
        }
        '0'..='7' => {
            after = rest.clone();
            u8::try_from(number(&mut after, 3, 8)?).ok()?
        }
        _ => return None,
    };
    Some((vec![byte], after))
}

/// The number that so many digits make, unless it is 0.
fn number(rest: &mut Chars<'_>, digits: usize, radix: u32) -> Option<u32> {
    let text = rest.as_str().get(..digits)?;
    let is_digit = |c: char| c.is_digit(radix);
    let number = text
        .chars()
        .all(is_digit)
        .then(|| u32::from_str_radix(text, radix).ok())??;
    *rest = rest.as_str()[digits..].chars();
    (number != 0).then_some(number)
}

/// A value as systemd prints it: `$'a b'` if it has special characters.
pub(in crate::server) fn unquoted(value: &str) -> String {
    let quoted = value.strip_prefix('$').filter(|it| it.starts_with('\''));
    let word = quoted.and_then(|it| words(it).into_iter().next());
    word.map_or_else(|| value.to_owned(), |word| word.text)
}

/// One command of a line such as `ExecStart=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) struct ExecCommand {
    /// The characters before the path that say how it is started.
    pub(in crate::server) prefixes: String,
    pub(in crate::server) program: String,
    /// With the name that the program is called by first.
    pub(in crate::server) arguments: Vec<String>,
}

impl ExecCommand {
    pub(in crate::server) fn ignores_errors(&self) -> bool {
        self.prefixes.contains('-')
    }
}

/// The commands of a line: systemd.service(5), "Command lines".
pub(super) fn commands(value: &str) -> Vec<ExecCommand> {
    let words = words(value);
    let is_end = |word: &Word| word.is_plain && word.text == ";";
    words.split(is_end).filter_map(command).collect()
}

fn command(words: &[Word]) -> Option<ExecCommand> {
    let mut arguments: Vec<String> = words.iter().map(|word| word.text.clone()).collect();
    let first = arguments.first()?;
    let program = first.trim_start_matches(['-', '@', ':', '+', '!', '|']);
    let prefixes = first[..first.len() - program.len()].to_owned();
    let program = program.to_owned();
    match prefixes.contains('@') {
        true => drop(arguments.remove(0)),
        false => arguments[0].clone_from(&program),
    }
    Some(ExecCommand {
        prefixes,
        program,
        arguments,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(words: Vec<Word>) -> Vec<String> {
        words.into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn quotes_and_escapes_are_read_as_systemd_reads_them() {
        for (value, expected) in [
            ("a  b\\tc", &["a", "b\tc"][..]),
            ("'a b'c \"d 'e'\" ''", &["a bc", "d 'e'", ""]),
            (
                "a\\x20b \\u00e9\\303\\251 \\s",
                &["a b", "\u{e9}\u{e9}", " "],
            ),
            (
                "\\d+ a\\;b \\; \\x00 \\x4",
                &["\\d+", "a\\;b", ";", "\\x00", "\\x4"],
            ),
            ("\"a\\\"b\" 'c\\'d'", &["a\"b", "c'd"]),
            ("'open end", &["open end"]),
            ("a\\ b\\", &["a\\ b\\"]),
        ] {
            assert_eq!(text(words(value)), expected, "{value}");
        }
    }

    #[test]
    fn a_list_ends_at_its_first_mistake() {
        for (value, expected) in [
            ("A=1 'B=2 3' C=\\n", &["A=1", "B=2 3", "C=\n"][..]),
            ("A=1 B=\\d C=3", &["A=1"]),
            ("A=1 'B=2", &["A=1"]),
        ] {
            assert_eq!(text(words_until_mistake(value)), expected, "{value}");
        }
    }
}
