//! The command line: a flag for each input that is not a secret, and `--verbose`, `--help`, `--version`.

use crate::text::Prose;
use std::collections::BTreeMap;
use std::ffi::OsString;

use lexopt::{Arg, Parser};

use super::catalog::{named, nearest, Catalog};
use super::environment::not_utf8;
use super::input::Input;
use super::model::Command;
use super::problem::{Invalid, Problem};

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

/// One argument.
enum Argument {
    Verbose,
    Json,
    Help,
    Version,
    Input(&'static Input),
    Unknown(String),
    /// A command without its flag.
    Word(Command),
    Stray,
}

impl Flags {
    /// Reads the arguments that follow the program's name, flags of these inputs among them.
    ///
    /// # Errors
    /// Everything that is wrong with them. Parsing stops at an unknown flag, because what follows may be its value.
    pub fn parse(
        arguments: impl IntoIterator<Item = OsString>,
        inputs: &'static [&'static Input],
    ) -> Result<Self, Vec<Problem>> {
        let mut parser = Parser::from_args(arguments);
        let mut flags = Self::default();
        let mut problems = Vec::new();
        while let Some(argument) = next(&mut parser, inputs) {
            match argument {
                Argument::Verbose => flags.verbose = true,
                Argument::Json => flags.json = true,
                Argument::Help => flags.help = true,
                Argument::Version => flags.version = true,
                Argument::Input(input) => problems.extend(flags.take(input, &mut parser).err()),
                Argument::Unknown(name) => {
                    problems.push(unknown(&name, inputs));
                    break;
                }
                Argument::Word(command) => {
                    problems.push(word(command));
                    break;
                }
                Argument::Stray => {
                    problems.push(stray());
                    break;
                }
            }
        }
        // --help works whatever else is wrong
        if problems.is_empty() || flags.help {
            Ok(flags)
        } else {
            Err(problems)
        }
    }

    fn take(&mut self, input: &'static Input, parser: &mut Parser) -> Result<(), Problem> {
        let flag = format!("--{}", input.name);
        let missing = Invalid::new("has no value", Prose::of("Write `{} <value>`", [&flag]));
        let value = parser.value().map_err(|_| Problem::of(&flag, missing))?;
        if input.secret {
            let fix = Prose::of(
                "Every process can read command lines. Use the variable {}",
                [&input.variable()],
            );
            return Err(Problem::of(flag, Invalid::new("a secret has no flag", fix)));
        }
        let value = value
            .into_string()
            .map_err(|_| Problem::of(&flag, not_utf8()))?;
        match self.values.insert(input.name, value) {
            None => Ok(()),
            Some(_) => Err(Problem::of(
                flag,
                Invalid::new("is given twice", "Keep the one that is meant"),
            )),
        }
    }
}

/// The next argument, `None` at the end.
fn next(parser: &mut Parser, catalog: Catalog) -> Option<Argument> {
    Some(match parser.next() {
        Ok(None) => return None,
        Ok(Some(Arg::Short('v') | Arg::Long("verbose"))) => Argument::Verbose,
        Ok(Some(Arg::Long("json"))) => Argument::Json,
        Ok(Some(Arg::Short('h') | Arg::Long("help"))) => Argument::Help,
        Ok(Some(Arg::Short('V') | Arg::Long("version"))) => Argument::Version,
        Ok(Some(Arg::Long(name))) => {
            named(catalog, name).map_or_else(|| Argument::Unknown(name.to_owned()), Argument::Input)
        }
        Ok(Some(Arg::Short(name))) => Argument::Unknown(name.to_string()),
        Ok(Some(Arg::Value(word))) => word
            .to_str()
            .and_then(Command::nearest)
            .map_or(Argument::Stray, Argument::Word),
        Err(_) => Argument::Stray,
    })
}

fn unknown(name: &str, catalog: Catalog) -> Problem {
    let fix = match nearest(catalog, name) {
        Some(input) if input.secret => {
            let (name, variable) = (input.name, input.variable());
            Prose::of(
                "A secret has no flag: if you mean `{}`, use the variable {}",
                [&name, &variable],
            )
        }
        Some(input) => Prose::of("Did you mean `--{}`?", [&input.name]),
        None => "See `--help`".into(),
    };
    Problem::showing("command line", name, Invalid::new("unknown flag", fix))
}

/// Only the command is shown, not what was written.
fn word(command: Command) -> Problem {
    let fix = Prose::of("Did you mean `--command {}`?", [&command.word()]);
    let invalid = Invalid::new("holds a command without its flag", fix);
    Problem::of("command line", invalid)
}

/// The argument is not shown: it may be a secret whose flag was mistyped.
fn stray() -> Problem {
    Problem::of(
        "command line",
        Invalid::new(
            "holds a word that belongs to no flag",
            "Write `--<input> <value>`, see `--help`",
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::INPUTS;

    fn parse(arguments: &[&str]) -> Result<Flags, String> {
        Flags::parse(arguments.iter().map(Into::into), &INPUTS).map_err(|problems| {
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
        insta::assert_snapshot!(parse(&["--hots", "x"]).unwrap_err(), @r#"command line = "hots": unknown flag. Did you mean `--host`?"#);
        insta::assert_snapshot!(parse(&["--kee=hunter2hunter2"]).unwrap_err(), @r#"command line = "kee": unknown flag. A secret has no flag: if you mean `key`, use the variable INPUT_KEY."#);
        insta::assert_snapshot!(parse(&["-z"]).unwrap_err(), @r#"command line = "z": unknown flag. See `--help`."#);
    }

    #[test]
    fn a_command_without_its_flag_is_recognized() {
        insta::assert_snapshot!(parse(&["rollback", "--host", "a"]).unwrap_err(), @"command line: holds a command without its flag. Did you mean `--command rollback`?");
        for (word, command) in [
            ("deploy", "deploy"),
            ("list", ""),
            ("Releases", "releases"),
            ("rolback", "rollback"),
        ] {
            let problem = parse(&["--host", "a", word]).unwrap_err();
            let suggests = problem.ends_with(&format!("--command {command}`?"));
            assert_eq!(suggests, !command.is_empty(), "{problem}");
        }
    }

    #[test]
    fn missing_values_repeated_flags_and_stray_words_are_problems() {
        insta::assert_snapshot!(parse(&["--port", "1", "--port", "2", "--host"]).unwrap_err(), @"
        --port: is given twice. Keep the one that is meant.
        --host: has no value. Write `--host <value>`.
        ");
        insta::assert_snapshot!(parse(&["hunter2hunter2"]).unwrap_err(), @"command line: holds a word that belongs to no flag. Write `--<input> <value>`, see `--help`.");
    }
}
