//! The outputs of the step: a file that the runner reads after the step, even if it failed.

use std::env;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use super::file::{append, described};

/// The file of outputs. There is none outside of GitHub Actions.
#[derive(Debug, Clone)]
pub struct Outputs {
    path: Option<PathBuf>,
}

/// Why outputs could not be written. The deployment is not affected.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The file could not be opened, read or written.
    #[error("{}: {}", path.display(), described(source))]
    File {
        /// The value of `GITHUB_OUTPUT`.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The system returned no random bytes for a delimiter.
    #[error("no random bytes: {0}")]
    Random(#[source] io::Error),
    /// A bug in deploy-action: a name must have only lower-case letters, digits, `-` and `_`.
    #[error("`{name}` is not a valid name")]
    Name {
        /// The name.
        name: String,
    },
}

impl Outputs {
    /// The file that `GITHUB_OUTPUT` names. Without that variable nothing is written.
    pub fn from_env() -> Self {
        Self::to(
            env::var_os("GITHUB_OUTPUT")
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
        )
    }

    /// Writes to this file.
    pub fn to(path: Option<PathBuf>) -> Self {
        Self { path }
    }

    /// Appends an output. If several have the same name, the runner uses the last.
    ///
    /// # Errors
    /// If nothing, or not everything, was written.
    pub fn set(&self, name: &str, value: &str) -> Result<(), OutputError> {
        self.set_all(&[(name, value)])
    }

    /// Appends outputs in one write, so a killed run leaves all of them or none.
    ///
    /// # Errors
    /// If nothing, or not everything, was written.
    pub fn set_all(&self, outputs: &[(&str, &str)]) -> Result<(), OutputError> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let mut text = String::new();
        for (name, value) in outputs {
            text += &entry(name, value)?;
        }
        append(path, text).map_err(|source| OutputError::File {
            path: path.clone(),
            source,
        })
    }
}

/// An output in heredoc form. Each has a new random delimiter, so no value can end it and add outputs.
fn entry(name: &str, value: &str) -> Result<String, OutputError> {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    if name.is_empty() || !name.bytes().all(allowed) {
        return Err(OutputError::Name {
            name: name.to_owned(),
        });
    }
    let delimiter = loop {
        let delimiter = delimiter()?;
        if !value.contains(&delimiter) {
            break delimiter;
        }
    };
    Ok(format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"))
}

fn delimiter() -> Result<String, OutputError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| OutputError::Random(error.into()))?;
    Ok(bytes
        .iter()
        .fold(String::from("ghadelimiter_"), |mut text, byte| {
            // writing to a String cannot fail
            let _ = write!(text, "{byte:02x}");
            text
        }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    /// A port of the runner's `EnvFileKeyValuePairs` (FileCommandManager.cs). On an error the runner fails the step.
    fn parsed(text: &str) -> Result<BTreeMap<String, String>, String> {
        let mut pairs = BTreeMap::new();
        let mut lines = text
            .split_inclusive('\n')
            .map(|line| line.strip_suffix('\n').unwrap_or(line));
        while let Some(line) = lines.next() {
            if line.is_empty() {
                continue;
            }
            let (equals, heredoc) = (line.find('='), line.find("<<"));
            let (key, value) = match (equals, heredoc) {
                (Some(at), _) if heredoc.is_none_or(|other| at < other) => {
                    (&line[..at], line[at + 1..].to_owned())
                }
                (_, Some(at)) => {
                    let (key, delimiter) = (&line[..at], &line[at + 2..]);
                    let mut value: Vec<&str> = Vec::new();
                    loop {
                        match lines.next() {
                            Some(line) if line == delimiter => break,
                            Some(line) => value.push(line),
                            None => return Err(format!("no end of {key}")),
                        }
                    }
                    (key, value.join("\n"))
                }
                _ => return Err(format!("invalid line {line:?}")),
            };
            if key.is_empty() {
                return Err("empty name".to_owned());
            }
            pairs.insert(key.to_owned(), value);
        }
        Ok(pairs)
    }

    fn written(before: &str, outputs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        fs::write(&path, before).unwrap();
        Outputs::to(Some(path.clone())).set_all(outputs).unwrap();
        parsed(&fs::read_to_string(path).unwrap()).unwrap()
    }

    #[test]
    fn outputs_are_appended_even_to_an_unfinished_line() {
        let pairs = written("other=1", &[("outcome", "deployed"), ("failed-step", "")]);
        let expected = [("other", "1"), ("outcome", "deployed"), ("failed-step", "")];
        assert_eq!(
            pairs,
            expected
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into()
        );
    }

    #[test]
    fn outside_of_actions_nothing_is_written() {
        assert!(Outputs::to(None).set("outcome", "deployed").is_ok());
    }

    #[test]
    fn a_failure_has_the_path_and_the_cause() {
        let error = Outputs::to(Some("/nonexistent/output".into()))
            .set("a", "b")
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "/nonexistent/output: No such file or directory (os error 2)"
        );
    }

    #[test]
    fn other_characters_in_names_are_refused() {
        for name in ["", "a=b", "a\nb", "a<<b", "A"] {
            assert!(
                matches!(entry(name, "x"), Err(OutputError::Name { .. })),
                "{name}"
            );
        }
    }

    proptest! {
        #[test]
        fn the_runner_reads_every_value_unchanged(value in "[a=<\r\n_]{0,40}|ghadelimiter_\nx=1\n") {
            let pairs = written("", &[("first", &value), ("second", "x")]);
            prop_assert_eq!(pairs.get("first"), Some(&value));
            prop_assert_eq!(pairs.len(), 2);
        }
    }
}
