//! The command line: a flag for each input that is no secret, and `--verbose`, `--help`, `--version`.

use std::collections::BTreeMap;
use std::ffi::OsString;

use lexopt::{Arg, Parser};

use super::given::not_utf8;
use super::inputs::{nearest, Input};
use super::problem::{Problem, Wrong};

/// What the command line says.
#[derive(Debug, Default)]
pub struct Flags {
    pub(super) values: BTreeMap<&'static str, String>,
    /// `-v`, `--verbose`: more detail in the log.
    pub verbose: bool,
    /// `--json`: list as JSON.
    pub json: bool,
    /// `-h`, `--help`: print [`help()`](super::help()) and end.
    pub help: bool,
    /// `-V`, `--version`: print the version and end.
    pub version: bool,
}

/// One thing that a command line holds.
enum Word {
    Verbose,
    Json,
    Help,
    Version,
    Input(&'static Input),
    Unknown(String),
    Stray,
}

impl Flags {
    /// Reads the arguments that follow the program's name.
    ///
    /// # Errors
    /// All that is wrong with them; after an unknown flag nothing more is read, for what follows may be its value.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, Vec<Problem>> {
        let mut parser = Parser::from_args(arguments);
        let mut flags = Self::default();
        let mut problems = Vec::new();
        while let Some(word) = next(&mut parser) {
            match word {
                Word::Verbose => flags.verbose = true,
                Word::Json => flags.json = true,
                Word::Help => flags.help = true,
                Word::Version => flags.version = true,
                Word::Input(input) => problems.extend(flags.take(input, &mut parser).err()),
                Word::Unknown(name) => {
                    problems.push(unknown(&name));
                    break;
                }
                Word::Stray => {
                    problems.push(stray());
                    break;
                }
            }
        }
        // who asks for help has not got the rest right yet
        if problems.is_empty() || flags.help {
            Ok(flags)
        } else {
            Err(problems)
        }
    }

    fn take(&mut self, input: &'static Input, parser: &mut Parser) -> Result<(), Problem> {
        let flag = format!("--{}", input.name);
        let missing = Wrong::new("has no value", format!("Write {flag} <value>"));
        let value = parser.value().map_err(|_| Problem::of(&flag, missing))?;
        if input.secret {
            let cure = format!(
                "Every process can read command lines. Use the variable {}",
                input.variable()
            );
            return Err(Problem::of(flag, Wrong::new("a secret has no flag", cure)));
        }
        let value = value
            .into_string()
            .map_err(|_| Problem::of(&flag, not_utf8()))?;
        match self.values.insert(input.name, value) {
            None => Ok(()),
            Some(_) => Err(Problem::of(
                flag,
                Wrong::new("is given twice", "Keep the one that is meant"),
            )),
        }
    }
}

/// The next word, `None` at the end.
fn next(parser: &mut Parser) -> Option<Word> {
    Some(match parser.next() {
        Ok(None) => return None,
        Ok(Some(Arg::Short('v') | Arg::Long("verbose"))) => Word::Verbose,
        Ok(Some(Arg::Long("json"))) => Word::Json,
        Ok(Some(Arg::Short('h') | Arg::Long("help"))) => Word::Help,
        Ok(Some(Arg::Short('V') | Arg::Long("version"))) => Word::Version,
        Ok(Some(Arg::Long(name))) => {
            Input::named(name).map_or_else(|| Word::Unknown(name.to_owned()), Word::Input)
        }
        Ok(Some(Arg::Short(name))) => Word::Unknown(name.to_string()),
        Ok(Some(Arg::Value(_))) | Err(_) => Word::Stray,
    })
}

fn unknown(name: &str) -> Problem {
    let cure = match nearest(name) {
        Some(input) if input.secret => {
            format!(
                "A secret has no flag: if `{}` is meant, use the variable {}",
                input.name,
                input.variable()
            )
        }
        Some(input) => format!("Perhaps --{} is meant", input.name),
        None => "See --help".to_owned(),
    };
    Problem::showing("flag", name, Wrong::new("there is no such flag", cure))
}

/// Never shows the word: it may be a secret whose flag was mistyped.
fn stray() -> Problem {
    Problem::of(
        "command line",
        Wrong::new(
            "holds a word that belongs to no flag",
            "Write --<input> <value>, see --help",
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Flags, String> {
        Flags::parse(arguments.iter().map(Into::into)).map_err(|problems| {
            problems
                .iter()
                .map(Problem::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        })
    }

    #[test]
    fn both_ways_to_give_a_value_are_read() {
        let flags = parse(&["--host", "a", "--health-url=http://x", "-v"]).unwrap();
        assert_eq!(flags.values.get("host").map(String::as_str), Some("a"));
        assert_eq!(
            flags.values.get("health-url").map(String::as_str),
            Some("http://x")
        );
        assert!(flags.verbose && !flags.help && !flags.version);
        assert!(parse(&["--verbose", "--version"]).unwrap().version);
        assert!(parse(&["--json"]).unwrap().json && !flags.json);
    }

    #[test]
    fn help_wins_over_what_else_is_wrong() {
        assert!(parse(&["--help", "--hots", "x"]).unwrap().help);
    }

    #[test]
    fn a_secret_has_no_flag_and_its_value_is_not_shown() {
        for arguments in [&["--key", "hunter2hunter2"][..], &["--key=hunter2hunter2"]] {
            let text = parse(arguments).unwrap_err();
            assert_eq!(
                text,
                "--key: a secret has no flag. Every process can read command lines. Use the variable INPUT_KEY."
            );
        }
    }

    #[test]
    fn an_unknown_flag_is_a_problem_with_the_nearest_name() {
        insta::assert_snapshot!(parse(&["--hots", "x"]).unwrap_err(), @r#"flag = "hots": there is no such flag. Perhaps --host is meant."#);
        insta::assert_snapshot!(parse(&["--kee=hunter2hunter2"]).unwrap_err(), @r#"flag = "kee": there is no such flag. A secret has no flag: if `key` is meant, use the variable INPUT_KEY."#);
        insta::assert_snapshot!(parse(&["-z"]).unwrap_err(), @r#"flag = "z": there is no such flag. See --help."#);
    }

    #[test]
    fn missing_values_repeated_flags_and_stray_words_are_problems() {
        insta::assert_snapshot!(parse(&["--port", "1", "--port", "2", "--host"]).unwrap_err(), @r#"
        --port: is given twice. Keep the one that is meant.
        --host: has no value. Write --host <value>.
        "#);
        insta::assert_snapshot!(parse(&["deploy"]).unwrap_err(), @"command line: holds a word that belongs to no flag. Write --<input> <value>, see --help.");
    }
}
