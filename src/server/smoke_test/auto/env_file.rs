//! Reads environment files as systemd does: systemd.exec(5), "EnvironmentFile=". A port of its parser, because an app must
//! get the same values here as there.

/// Where the parser is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    BeforeName,
    Name,
    BeforeValue,
    Value,
    Escaped,
    SingleQuoted,
    DoubleQuoted,
    EscapedInQuotes,
    Comment,
    EscapedInComment,
}

/// The assignments with names that systemd accepts, in their order.
pub(super) fn parse(text: &str) -> Vec<(String, String)> {
    let mut parser = Parser::default();
    let mut state = State::BeforeName;
    for c in text.chars() {
        state = parser.next(state, c);
    }
    if !matches!(
        state,
        State::BeforeName | State::Name | State::Comment | State::EscapedInComment
    ) {
        parser.finish(state);
    }
    parser.all
}

/// Whether a variable may be called so.
pub(super) fn is_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.bytes().all(is_part)
}

#[derive(Default)]
struct Parser {
    all: Vec<(String, String)>,
    name: String,
    value: String,
    /// The length of the value without the blanks at its end, which count only in quotes.
    without_blanks: usize,
}

impl Parser {
    fn next(&mut self, state: State, c: char) -> State {
        let ends_line = matches!(c, '\n' | '\r');
        match state {
            State::BeforeName if matches!(c, '#' | ';') => State::Comment,
            State::BeforeName if is_blank(c) => state,
            State::BeforeName => {
                self.name.clear();
                self.name.push(c);
                State::Name
            }
            State::Name if ends_line => State::BeforeName,
            State::Name if c == '=' => State::BeforeValue,
            State::Name => {
                self.name.push(c);
                state
            }
            State::BeforeValue | State::Value if ends_line => self.finish(state),
            State::BeforeValue => self.begin(c),
            State::Value if c == '\\' => State::Escaped,
            State::Value => self.push(c, state, !is_blank(c)),
            // a line that is continued
            State::Escaped if ends_line => State::Value,
            State::Escaped => self.push(c, State::Value, true),
            State::SingleQuoted if c == '\'' => State::BeforeValue,
            State::DoubleQuoted if c == '"' => State::BeforeValue,
            State::DoubleQuoted if c == '\\' => State::EscapedInQuotes,
            State::SingleQuoted | State::DoubleQuoted => self.push(c, state, true),
            State::EscapedInQuotes if c == '\n' => State::DoubleQuoted,
            State::EscapedInQuotes => {
                if !matches!(c, '"' | '\\' | '`' | '$') {
                    self.value.push('\\');
                }
                self.push(c, State::DoubleQuoted, true)
            }
            State::Comment if c == '\\' => State::EscapedInComment,
            State::Comment | State::EscapedInComment if ends_line => State::BeforeName,
            State::Comment | State::EscapedInComment => State::Comment,
        }
    }

    fn begin(&mut self, c: char) -> State {
        match c {
            '\'' => State::SingleQuoted,
            '"' => State::DoubleQuoted,
            '\\' => State::Escaped,
            c if is_blank(c) => State::BeforeValue,
            c => self.push(c, State::Value, true),
        }
    }

    fn push(&mut self, c: char, next: State, counts: bool) -> State {
        self.value.push(c);
        if counts {
            self.without_blanks = self.value.len();
        }
        next
    }

    fn finish(&mut self, state: State) -> State {
        let mut value = std::mem::take(&mut self.value);
        if state == State::Value {
            value.truncate(self.without_blanks);
        }
        self.without_blanks = 0;
        let name = self.name.trim_end_matches(is_blank);
        if is_name(name) {
            self.all.push((name.to_owned(), value));
        }
        State::BeforeName
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_those_that_systemd_gives() {
        for (text, expected) in [
            ("A=1\nB = x y \t\n", &[("A", "1"), ("B", "x y")][..]),
            ("# A=1\n;B=2\n\n C='a b' \"c\"d e\n", &[("C", "a bcd e")]),
            ("A=a\"b\"'c'", &[("A", "a\"b\"'c'")]),
            ("A=\"x\ny\\n\\$\\\"\\\\ \"", &[("A", "x\ny\\n$\"\\ ")]),
            ("A=a\\\n  b\\ \\n\nB=1", &[("A", "a  b n"), ("B", "1")]),
            ("A='it\\'s'\nB=2", &[("A", "it\\s'"), ("B", "2")]),
            ("export A=1\n1B=2\nnothing\nC=", &[("C", "")]),
            ("A=a # no comment", &[("A", "a # no comment")]),
            ("A=\r\nB=1\r\n", &[("A", ""), ("B", "1")]),
            ("A='open", &[("A", "open")]),
        ] {
            let expected: Vec<(String, String)> = expected
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_quoted_value_is_what_it_was(value in "[ -~\t\n]{0,30}") {
            let quoted: String = value.chars().fold(String::new(), |mut quoted, c| {
                if "\"\\`$".contains(c) {
                    quoted.push('\\');
                }
                quoted.push(c);
                quoted
            });
            let text = format!("A=\"{quoted}\"\nB=1\n");
            let expected = vec![("A".to_owned(), value), ("B".to_owned(), "1".to_owned())];
            prop_assert_eq!(parse(&text), expected);
        }
    }
}
