//! git's configuration files, as far as they are needed here: nothing is included from others.

/// The values of a file, in their order.
#[derive(Debug, Default)]
pub(super) struct Config(Vec<Value>);

#[derive(Debug)]
struct Value {
    section: String,
    subsection: String,
    key: String,
    value: String,
}

impl Config {
    pub(super) fn parse(text: &str) -> Self {
        let text = text.replace("\r\n", "\n").replace("\\\n", "");
        let mut values = Vec::new();
        let (mut section, mut subsection) = (String::new(), String::new());
        for line in text.lines().map(str::trim) {
            if let Some(header) = line.strip_prefix('[') {
                (section, subsection) = self::header(header);
            } else if !line.is_empty() && !line.starts_with(['#', ';']) {
                let (key, value) = line.split_once('=').unwrap_or((line, "true"));
                values.push(Value {
                    section: section.clone(),
                    subsection: subsection.clone(),
                    key: key.trim().to_ascii_lowercase(),
                    value: unquoted(value.trim()),
                });
            }
        }
        Self(values)
    }

    /// The value that counts: the last one. The names of section and key in lower case.
    pub(super) fn get(&self, section: &str, subsection: &str, key: &str) -> Option<&str> {
        let is_meant = |value: &&Value| {
            (value.section == section && value.subsection == subsection) && value.key == key
        };
        let found = self.0.iter().rev().find(is_meant);
        found.map(|found| found.value.as_str())
    }
}

/// `core]` or `remote "origin"]`.
fn header(text: &str) -> (String, String) {
    let text = text.rsplit_once(']').map_or(text, |(text, _)| text);
    match text.split_once('"') {
        Some((section, rest)) => {
            let subsection = rest.rsplit_once('"').map_or(rest, |(inner, _)| inner);
            let subsection = subsection.replace("\\\"", "\"").replace("\\\\", "\\");
            (section.trim().to_ascii_lowercase(), subsection)
        }
        None => (text.trim().to_ascii_lowercase(), String::new()),
    }
}

/// A value without quotes, escapes and the comment behind it.
fn unquoted(text: &str) -> String {
    let (mut value, mut quoted) = (String::new(), false);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => quoted = !quoted,
            '\\' => value.extend(letters.next().map(|next| match next {
                'n' => '\n',
                't' => '\t',
                other => other,
            })),
            '#' | ';' if !quoted => return value.trim_end().to_owned(),
            other => value.push(other),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_git_reads_them() {
        let config = Config::parse(
            "[core]\n\tFileMode = false ; no\n# [user]\n[User]\n name = \"Ada # \\\"L\\\" \"Lovelace # x\n\
             [remote \"a\\\"b\"]\nurl=x\n[remote \"origin\"]\n\turl = https://git\\\nhub.com/a/b\r\n[extensions]\n\
             partialClone\n",
        );
        assert_eq!(config.get("core", "", "filemode"), Some("false"));
        assert_eq!(config.get("user", "", "name"), Some("Ada # \"L\" Lovelace"));
        assert_eq!(config.get("remote", "a\"b", "url"), Some("x"));
        assert_eq!(
            config.get("remote", "origin", "url"),
            Some("https://github.com/a/b")
        );
        assert_eq!(config.get("extensions", "", "partialclone"), Some("true"));
        assert_eq!(config.get("core", "", "name"), None);
    }
}
