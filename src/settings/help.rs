//! The text of `--help`.

use std::fmt::Write;

use super::input::{Fallback, Input};
use super::inputs::GROUPS;

/// No line is longer, in characters.
const WIDTH: usize = 100;

const HEAD: &str = "\
Deploys an application to a Linux server over OpenSSH: a healthy new release goes live, or the
server stays on the old one.

Usage: deploy-action [--<input> <value>]... [--json] [-v | --verbose]
       deploy-action -h | --help | -V | --version

Each input is a flag (--health-url) or a variable (INPUT_HEALTH_URL). A flag wins over the variable,
an empty value means not given, and no other variable is an input. Secrets have no flag.
With --json, --command releases prints JSON, also if it fails.

Examples, with INPUT_KEY=\"$(cat ~/.ssh/deploy)\" and INPUT_KNOWN_HOSTS=\"$(cat known_hosts)\" exported:
  Deploy the folder that you are in:
    deploy-action --host server.example --service diting --health-url http://localhost:8000/health
  Roll back to the previous good release, or to the one of a commit:
    deploy-action --command rollback --host server.example --service diting
    deploy-action --command rollback --release 3f2a1bc --host server.example --service diting
  List the releases on the server, for people or for programs:
    deploy-action --command releases --host server.example --service diting
    deploy-action --command releases --host server.example --service diting --json
";

const FOOT: &str = "\
Exit codes:
    0  deployed         the release is live and healthy
    1  error            a bug in deploy-action
    2  invalid          a problem with the inputs; nothing was contacted
    3  unreachable      no connection, login refused, or host key not trusted
    4  not-ready        the check found what must be fixed first
    5  failed           the server still runs what it ran; or the first deployment failed
    6  rolled-back      the new release failed, the previous one is healthy again
    7  rollback-failed  manual intervention required
    8  busy             another deployment holds the lock
    9  unknown          contact lost after the point of no return; the server finishes alone
  130  cancelled        cancelled before it; the server still runs what it ran
";

/// What `--help` prints: usage, an example for each command, all inputs in groups, the exit codes.
pub fn help() -> String {
    let groups: String = GROUPS
        .iter()
        .map(|(name, inputs)| {
            let inputs: String = inputs.iter().map(|input| entry(input)).collect();
            format!("{name}:\n{inputs}\n")
        })
        .collect();
    format!("{HEAD}\n{groups}{FOOT}")
}

fn entry(input: &Input) -> String {
    let mut text = format!("  {}\n", title(input));
    for line in wrapped(&input.meaning.replace('`', ""), WIDTH - 6) {
        // writing to a String cannot fail
        let _ = writeln!(text, "      {line}");
    }
    text
}

fn title(input: &Input) -> String {
    let name = if input.secret {
        input.variable()
    } else {
        format!("--{}", input.name)
    };
    match (input.fallback, input.default()) {
        (_, Some(default)) => format!("{name} (default: {})", default.replace('`', "")),
        (Fallback::Required, None) => format!("{name} (required)"),
        _ => name,
    }
}

/// Words in lines of at most `width` characters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Command, INPUTS};

    #[test]
    fn help_fits_and_names_every_input() {
        let help = help();
        assert!(help.lines().all(|line| line.chars().count() <= WIDTH));
        for input in INPUTS.iter() {
            assert!(help.contains(&title(input)));
        }
        assert!(!help.contains("--key"));
    }

    #[test]
    fn help_is_in_groups_and_has_an_example_for_each_command() {
        let help = help();
        let mut rest = help.as_str();
        for (name, inputs) in GROUPS {
            let (_, group) = rest.split_once(&format!("\n\n{name}:\n")).unwrap();
            assert!(group.starts_with(&entry(inputs[0])), "{name}");
            rest = group;
        }
        for command in Command::ALL {
            let example = match command {
                Command::Deploy => "\n    deploy-action --host ".to_owned(),
                other => format!("\n    deploy-action --command {} --", other.word()),
            };
            assert!(help.contains(&example), "{example}");
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "the snapshot is long")]
    fn help_reads_well() {
        let help = help();
        let (start, rest) = help.split_once("  --known-hosts").unwrap();
        let (_, end) = rest.split_once("Exit codes:").unwrap();
        insta::assert_snapshot!(format!("{start}  …\n\nExit codes:{end}"), @r#"
        Deploys an application to a Linux server over OpenSSH: a healthy new release goes live, or the
        server stays on the old one.

        Usage: deploy-action [--<input> <value>]... [--json] [-v | --verbose]
               deploy-action -h | --help | -V | --version

        Each input is a flag (--health-url) or a variable (INPUT_HEALTH_URL). A flag wins over the variable,
        an empty value means not given, and no other variable is an input. Secrets have no flag.
        With --json, --command releases prints JSON, also if it fails.

        Examples, with INPUT_KEY="$(cat ~/.ssh/deploy)" and INPUT_KNOWN_HOSTS="$(cat known_hosts)" exported:
          Deploy the folder that you are in:
            deploy-action --host server.example --service diting --health-url http://localhost:8000/health
          Roll back to the previous good release, or to the one of a commit:
            deploy-action --command rollback --host server.example --service diting
            deploy-action --command rollback --release 3f2a1bc --host server.example --service diting
          List the releases on the server, for people or for programs:
            deploy-action --command releases --host server.example --service diting
            deploy-action --command releases --host server.example --service diting --json

        Command:
          --command (default: deploy)
              What to do: deploy; rollback, to a release on the server; releases, to list them.
          --release
              For command: rollback: a release's id, which is the name of its folder, or the beginning of
              its commit hash (at least four digits). Empty: the previous good release.

        Server and login:
          --host (required)
              Server name or address; name:port is allowed.
          --port (default: 22)
              Port of the server's SSH service.
          --user (default: deploy)
              User to log in as.
          INPUT_KEY (required)
              Private key. From the command line it may be left out if SSH_AUTH_SOCK names an agent that
              holds one.
          INPUT_PASSPHRASE
              The key's passphrase, if it has one.
          …

        Exit codes:
            0  deployed         the release is live and healthy
            1  error            a bug in deploy-action
            2  invalid          a problem with the inputs; nothing was contacted
            3  unreachable      no connection, login refused, or host key not trusted
            4  not-ready        the check found what must be fixed first
            5  failed           the server still runs what it ran; or the first deployment failed
            6  rolled-back      the new release failed, the previous one is healthy again
            7  rollback-failed  manual intervention required
            8  busy             another deployment holds the lock
            9  unknown          contact lost after the point of no return; the server finishes alone
          130  cancelled        cancelled before it; the server still runs what it ran
        "#);
    }
}
