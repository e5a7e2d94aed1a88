//! Runs the user's shell commands: several lines, with `sh -eu`. A failure names the line that failed.

use super::process::{self, command};
use super::recent::Printed;
use crate::logs::{find_cause, plain_lines, Rank, Source};
use crate::protocol::{Ending, Reason, Trouble};
use std::io;
use std::path::Path;
use std::time::Duration;

/// Only the first lines of a script are distinguished.
const MAX_LINES: usize = 200;
/// A line of output that names a cause is not longer, in bytes.
const LONGEST_CAUSE: usize = 500;

/// By default uv shares files between releases through its cache.
const ENVIRONMENT: [(&str, &str); 2] = [("UV_LINK_MODE", "copy"), ("UV_NO_PROGRESS", "1")];

/// What commands in a release find in their environment, unless the server says otherwise.
pub(in crate::server) fn environment<'a>() -> impl Iterator<Item = (&'a str, &'a str)> {
    let unset = |(name, _): &(&str, &str)| std::env::var_os(name).is_none();
    ENVIRONMENT.into_iter().filter(unset)
}

/// A script, and what it runs in.
pub(in crate::server) struct Script<'a> {
    pub(in crate::server) text: &'a str,
    pub(in crate::server) folder: &'a Path,
    /// Added to the environment of the server part.
    pub(in crate::server) environment: &'a [(&'a str, &'a str)],
}

/// Runs the script to its end, or until `stop` returns true. `line` gets every line of its output.
pub(in crate::server) fn run(
    script: &Script<'_>,
    stop: impl FnMut() -> bool,
    mut line: impl FnMut(Vec<u8>),
) -> Result<(), Reason> {
    let tracer = Tracer::new();
    let mut command = command("sh");
    command
        .arg("-c")
        .arg(tracer.instrument(script.text))
        .current_dir(script.folder)
        .envs(script.environment.iter().copied());
    let mut current = CurrentLine::default();
    let ending = process::run(&mut command, stop, |bytes| match tracer.take(bytes) {
        Traced::Line(number) => current = CurrentLine::new(number),
        Traced::Output(bytes) => {
            current.printed.push(bytes.clone());
            line(bytes);
        }
        Traced::Both(bytes, number) => {
            line(bytes);
            current = CurrentLine::new(number);
        }
    })
    .map_err(|error| not_started(&error))?;
    match ending {
        Ending::Exit(0) => Ok(()),
        ending => Err(Reason::Command {
            ending,
            line: text_of_line(script.text, current.number),
            output: Vec::new(),
            log_line: match ending {
                Ending::OutOfTime => None,
                _ => cause(&current.printed.into_lines()),
            },
        }),
    }
}

/// The line of a script that runs, and what it has printed.
#[derive(Default)]
struct CurrentLine {
    number: Option<usize>,
    printed: Printed,
}

impl CurrentLine {
    fn new(number: usize) -> Self {
        Self {
            number: Some(number),
            ..Self::default()
        }
    }
}

/// What a command printed about why it failed.
pub(in crate::server) fn cause(output: &[Vec<u8>]) -> Option<String> {
    let lines = plain_lines(output);
    let found = find_cause(Source::Script, lines.iter().map(String::as_str));
    let found = found.filter(|cause| cause.rank >= Rank::Minor);
    if found
        .as_ref()
        .is_some_and(|cause| cause.rank >= Rank::Error)
    {
        return found.map(|cause| cause.text);
    }
    let known = |line: &&String| line.len() <= LONGEST_CAUSE && Trouble::in_line(line).is_some();
    let known = lines.iter().rev().find(known).cloned();
    known.or(found.map(|cause| cause.text))
}

fn not_started(error: &io::Error) -> Reason {
    Reason::Command {
        ending: Ending::Exit(127),
        line: None,
        output: format!("sh: {error}").into_bytes(),
        log_line: None,
    }
}

fn text_of_line(script: &str, number: Option<usize>) -> Option<(u32, String)> {
    let number = number.filter(|number| *number > 0)?;
    let text = script.lines().nth(number - 1)?.trim().to_owned();
    Some((u32::try_from(number).ok()?, text))
}

/// Makes the shell print a random mark before each line, which is removed from the output again. (`set -x` would print
/// values, and dash has no `$LINENO`.)
struct Tracer {
    mark: String,
}

enum Traced {
    Line(usize),
    Output(Vec<u8>),
    Both(Vec<u8>, usize),
}

impl Tracer {
    fn new() -> Self {
        let mut bytes = [0; 16];
        // without randomness the mark could be forged: a failure would only name another line
        if let Err(error) = getrandom::fill(&mut bytes) {
            tracing::info!(%error, "no random mark");
        }
        let mark = bytes.iter().map(|b| format!("{b:02x}")).collect();
        Self { mark }
    }

    fn instrument(&self, script: &str) -> String {
        let mut text = String::from("set -eu\n");
        for (number, command) in commands(script) {
            if !command.trim().is_empty() {
                text.push_str(&format!("echo '{}:{number}:' >&2\n", self.mark));
            }
            text.push_str(&command);
            text.push('\n');
        }
        text
    }

    fn take(&self, line: Vec<u8>) -> Traced {
        let mark = self.mark.as_bytes();
        let Some(at) = line.windows(mark.len()).position(|window| window == mark) else {
            return Traced::Output(line);
        };
        let digits = line[at + mark.len()..]
            .iter()
            .skip(1)
            .take_while(|b| b.is_ascii_digit());
        let number = digits.fold(0usize, |n, b| {
            n.saturating_mul(10).saturating_add(usize::from(b - b'0'))
        });
        match at {
            0 => Traced::Line(number),
            // output without a line break stood before it
            _ => Traced::Both(line[..at].to_vec(), number),
        }
    }
}

/// Splits a script where a command ends with its line; each with the number of its first line. From a here-document on
/// the rest is one command. A script that reads `$?` is not split.
fn commands(script: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = script.lines().collect();
    let (mut commands, mut start) = (Vec::new(), 0);
    for end in 1..=lines.len() {
        let command = lines[start..end].join("\n");
        // a mark would change `$?`
        let last = end == lines.len() || end > MAX_LINES || script.contains("$?");
        let whole =
            !lines[end - 1].ends_with('\\') && !command.contains("<<") && is_whole(&command);
        if last {
            commands.push((start + 1, lines[start..].join("\n")));
            break;
        }
        if whole {
            commands.push((start + 1, command));
            start = end;
        }
    }
    commands
}

/// Whether the shell can run this without the lines below.
fn is_whole(script: &str) -> bool {
    let mut check = command("sh");
    check.args(["-n", "-c", script]);
    matches!(
        process::quick(&mut check, Duration::from_secs(5)),
        Ok((Ending::Exit(0), _))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(script: &str) -> (Result<(), Reason>, String) {
        let mut output = String::new();
        let script = Script {
            text: script,
            folder: Path::new("/"),
            environment: &[("GREETING", "hello")],
        };
        let result = run(
            &script,
            || false,
            |line| {
                output.push_str(&String::from_utf8_lossy(&line));
                output.push('\n');
            },
        );
        (result, output)
    }

    #[test]
    fn a_line_that_names_the_cause_is_kept() {
        let cause = |script: &str| match outcome(script).0 {
            Err(Reason::Command { log_line, .. }) => log_line,
            other => panic!("{other:?}"),
        };
        let missing = cause("echo begun\nno-such-program --x").unwrap();
        assert_eq!(
            Trouble::in_line(&missing),
            Some(Trouble::Missing("no-such-program".into()))
        );
        let full = "error: No space left on device (os error 28)";
        assert_eq!(
            cause(&format!("echo '{full}' && echo bye && false")).as_deref(),
            Some(full)
        );
        // of another line
        assert_eq!(cause(&format!("echo '{full}'\nfalse")), None);
    }

    #[test]
    fn the_first_error_is_found_however_much_follows() {
        let flood = "echo 'ModuleNotFoundError: No module named nix'; seq 9000; false";
        let Err(Reason::Command { log_line, .. }) = outcome(flood).0 else {
            panic!()
        };
        let found = log_line.unwrap_or_default();
        assert!(found.contains("No module named nix"), "{found}");
    }

    fn failed_line(script: &str) -> Option<(u32, String)> {
        match outcome(script).0 {
            Err(Reason::Command { line, .. }) => line,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn output_is_shown_without_any_trace() {
        assert_eq!(
            outcome("echo $GREETING\nprintf 'no end' >&2\necho done"),
            (Ok(()), "hello\nno end\ndone\n".into())
        );
    }

    #[test]
    fn the_first_line_that_fails_stops_the_script_and_is_named() {
        let script = "echo one\n\n  false # here\necho never";
        assert_eq!(failed_line(script), Some((3, "false # here".into())));
        assert_eq!(outcome(script).1, "one\n");
    }

    #[test]
    fn a_block_that_fails_is_named_by_its_first_line() {
        let script = "true\nif true; then\n  cd /nowhere-at-all\nfi\ntrue";
        assert_eq!(failed_line(script), Some((2, "if true; then".into())));
        assert_eq!(
            failed_line("true\necho $UNSET_AT_ALL | cat; exit 3").map(|line| line.0),
            Some(2)
        );
    }

    #[test]
    fn commands_of_several_lines_run_unchanged() {
        let script = "cat <<END\nfirst\nsecond\nEND\necho 'a\nb' \\\n  c\nfalse";
        assert_eq!(outcome(script).1, "first\nsecond\na\nb c\n");
        assert_eq!(
            failed_line("echo 'a\nb' \\\n  c\nfalse\n"),
            Some((4, "false".into()))
        );
        assert_eq!(outcome("set +e\n(exit 7)\necho $?").1, "7\n");
        assert_eq!(
            outcome("f() {\n  echo in f\n}\nf &&\n  f").1,
            "in f\nin f\n"
        );
    }

    #[test]
    fn a_missing_program_is_exit_127() {
        let (result, output) = outcome("no-such-program --at-all");
        assert!(
            matches!(
                result,
                Err(Reason::Command {
                    ending: Ending::Exit(127),
                    ..
                })
            ),
            "{result:?}"
        );
        assert!(output.contains("not found"), "{output}");
    }
}
