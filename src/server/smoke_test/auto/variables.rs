//! Puts environment variables into a command as systemd does: systemd.service(5), "Command lines".

/// The environment of a process, each name once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Variables(pub(super) Vec<(String, String)>);

impl Variables {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Sets it, in its old place if it has one.
    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Takes back `NAME`, or `NAME=VALUE` if it has just this value.
    pub(super) fn unset(&mut self, what: &str) {
        let is_meant = |name: &str, value: &str| match what.split_once('=') {
            Some((of, only)) => name == of && value == only,
            None => name == what,
        };
        self.0.retain(|(name, value)| !is_meant(name, value));
    }

    /// The words with values in place of variables: `$NAME` as a word of its own becomes any number of words.
    pub(super) fn expanded(&self, words: &[String]) -> Vec<String> {
        let mut all = Vec::new();
        for word in words {
            match whole_variable(word) {
                Some(name) => all.extend(split(self.get(name).unwrap_or_default())),
                None => all.push(self.filled(word)),
            }
        }
        all
    }

    fn filled(&self, word: &str) -> String {
        let piece = |piece: Piece<'_>| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Variable(name) => self.get(name).unwrap_or_default().to_owned(),
        };
        pieces(word).into_iter().map(piece).collect()
    }
}

/// A part of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Text(&'a str),
    /// `${NAME}`
    Variable(&'a str),
}

/// The name of the variable that the word is as a whole: `$NAME`.
pub(super) fn whole_variable(word: &str) -> Option<&str> {
    let name = word.strip_prefix('$')?;
    (!name.starts_with(['{', '$'])).then_some(name)
}

/// What a word is made of. `$$` is a dollar sign.
pub(super) fn pieces(word: &str) -> Vec<Piece<'_>> {
    let (mut all, mut rest) = (Vec::new(), word);
    while let Some(at) = rest.find('$') {
        let (text, after) = rest.split_at(at);
        let variable = after.strip_prefix("${").and_then(|it| it.split_once('}'));
        let (kept, piece, next) = match variable {
            // there are no defaults as in a shell
            Some((name, next)) if !name.contains(':') => (text, Some(Piece::Variable(name)), next),
            _ if after.starts_with("$$") => (&rest[..=at], None, &after[2..]),
            _ => (&rest[..=at], None, &after[1..]),
        };
        all.push(Piece::Text(kept));
        all.extend(piece);
        rest = next;
    }
    all.push(Piece::Text(rest));
    all.retain(|piece| *piece != Piece::Text(""));
    all
}

/// A value as several words. Unlike in a unit file, a backslash keeps just the character after it.
fn split(value: &str) -> Vec<String> {
    let (mut all, mut word) = (Vec::new(), None::<String>);
    let (mut quote, mut rest) = (None, value.chars());
    while let Some(c) = rest.next() {
        match c {
            '\\' => word.get_or_insert_with(String::new).extend(rest.next()),
            _ if quote == Some(c) => quote = None,
            '"' | '\'' if quote.is_none() => {
                quote = Some(c);
                word.get_or_insert_with(String::new);
            }
            c if matches!(c, ' ' | '\t' | '\n' | '\r') && quote.is_none() => {
                all.extend(word.take())
            }
            c => word.get_or_insert_with(String::new).push(c),
        }
    }
    all.extend(word);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(words: &[&str]) -> Vec<String> {
        let mut variables = Variables::default();
        variables.set("ONE", "a 'b c' \\d");
        variables.set("PORT", "8000");
        variables.set("EMPTY", "");
        let words: Vec<String> = words.iter().map(|it| (*it).to_owned()).collect();
        variables.expanded(&words)
    }

    #[test]
    fn variables_are_replaced_as_systemd_replaces_them() {
        for (word, expected) in [
            ("$ONE", &["a", "b c", "d"][..]),
            ("${ONE}", &["a 'b c' \\d"]),
            ("--port=${PORT}", &["--port=8000"]),
            ("--port=$PORT", &["--port=$PORT"]),
            ("$UNSET", &[]),
            ("$EMPTY", &[]),
            ("${UNSET}", &[""]),
            ("$$PORT", &["$PORT"]),
            ("a$$b$", &["a$b$"]),
            ("${PORT:-1}", &["${PORT:-1}"]),
            ("${PORT", &["${PORT"]),
            ("x${PORT}${PORT}y", &["x80008000y"]),
            ("$PORT:80", &[]),
        ] {
            assert_eq!(expanded(&[word]), expected, "{word}");
        }
    }

    #[test]
    fn a_variable_is_set_once_and_can_be_taken_back() {
        let mut variables = Variables::default();
        for (name, value) in [("A", "1"), ("B", "2"), ("A", "3"), ("C", "x=y")] {
            variables.set(name, value);
        }
        assert_eq!(variables.get("A"), Some("3"));
        variables.unset("B=1");
        variables.unset("C=x=y");
        variables.unset("A");
        assert_eq!(variables.0, [("B".to_owned(), "2".to_owned())]);
    }
}
