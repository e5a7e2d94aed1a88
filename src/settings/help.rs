//! The text of `--help`.

use std::fmt::Write;

use super::inputs::{Fallback, Input, INPUTS};

/// No line is longer, in characters.
const WIDTH: usize = 100;

const HEAD: &str = "\
Deploys an application to a Linux server over OpenSSH: a healthy new release goes live, or the
server is as it was.

Usage: deploy-action [--<input> <value>]... [-v | --verbose] [-h | --help] [-V | --version]

Each input is a flag (--health-url) or a variable (INPUT_HEALTH_URL). A flag wins over the variable,
an empty value means not given, and no other variable is an input. Secrets have no flag.
With --json, command: releases prints JSON.
";

const FOOT: &str = "\
Example:
  INPUT_KEY=\"$(cat ~/.ssh/deploy)\" INPUT_KNOWN_HOSTS=\"$(cat known_hosts)\" deploy-action \\
    --host server.example --service diting --health-url http://localhost:8000/health

Exit codes:
    0  deployed         the release is live and healthy
    1  error            a bug of deploy-action
    2  invalid          bad input; nothing was contacted
    3  unreachable      no connection, login refused, or host key not trusted
    4  not-ready        the check found what must be fixed first
    5  failed           the server still runs what it ran; or there is nothing good to go back to
    6  rolled-back      the new release failed, the previous one is healthy again
    7  rollback-failed  a person is needed now
    8  busy             another deployment holds the lock
    9  unknown          contact lost after the point of no return; the server finishes alone
  130  cancelled        cancelled before it; the server still runs what it ran
";

/// What `--help` prints: usage, all inputs, an example, the exit codes.
pub fn help() -> String {
    let mut text = format!("{HEAD}\nInputs:\n");
    for input in INPUTS {
        // writing to a String cannot fail
        let _ = writeln!(text, "  {}", title(input));
        for line in wrapped(&input.meaning.replace('`', ""), WIDTH - 6) {
            let _ = writeln!(text, "      {line}");
        }
    }
    text + "\n" + FOOT
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

    #[test]
    fn help_fits_and_names_every_input() {
        let help = help();
        assert!(help.lines().all(|line| line.chars().count() <= WIDTH));
        for input in INPUTS {
            assert!(help.contains(&title(input)));
        }
        assert!(!help.contains("--key"));
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "the snapshot is long")]
    fn help_reads_well() {
        insta::assert_snapshot!(help(), @r#"
        Deploys an application to a Linux server over OpenSSH: a healthy new release goes live, or the
        server is as it was.

        Usage: deploy-action [--<input> <value>]... [-v | --verbose] [-h | --help] [-V | --version]

        Each input is a flag (--health-url) or a variable (INPUT_HEALTH_URL). A flag wins over the variable,
        an empty value means not given, and no other variable is an input. Secrets have no flag.
        With --json, command: releases prints JSON.

        Inputs:
          --command (default: deploy)
              What to do: deploy; rollback, to a release that is on the server; releases, which lists them.
          --release
              For command: rollback: a release's id or the beginning of its commit (four digits or more).
              Empty: the previous good one.
          --host (required)
              Server name or address; name:port is allowed.
          --port (default: 22)
              Port of the server's SSH service.
          --user (default: deploy)
              User to log in as.
          INPUT_KEY (required)
              Private key. By hand it may be left out where SSH_AUTH_SOCK holds one.
          INPUT_PASSPHRASE
              The key's passphrase, if it has one.
          --known-hosts (required)
              The server's known_hosts line(s). Without them nothing is sent.
          --jump-host
              Server over which the other one is reached: [user@]host[:port], by default with the same user
              and port 22. Same key; known-hosts needs its line too.
          --service (default: the repository's name)
              systemd unit, passed on exactly as written. none: no systemd; restart and target are then
              required.
          --target (default: /opt/<service>)
              Folder on the server.
          --source (default: .)
              Folder on the runner, inside the workspace where there is one.
          --exclude (default: __pycache__/, *.pyc, .mypy_cache/, .pytest_cache/, .ruff_cache/)
              What is not uploaded: one pattern a line, as in .gitignore. Given, it replaces the default
              list; a .deployignore in the source adds to it.
          --shared
              Paths, one a line, that outlive releases: they live in <target>/shared and are linked into
              each release. A / at the end makes a folder, made where it is missing; a missing file stops
              the run before the switch.
          INPUT_ENV_FILE
              Content of the release's .env, kept byte for byte, readable by the app's user only, and
              written into each release, so that a rollback restores it. Its values are hidden in the log.
          --install (default: auto)
              Shell commands run in the release, several lines allowed (sh -eu). auto: uv sync --frozen
              where the source has uv.lock; pyproject.toml without uv.lock is bad input; else nothing. none:
              nothing.
          INPUT_ENV
              Variables for install and before-switch: NAME=value, one a line, the value as it stands there,
              without quotes. Never on a command line; hidden in the log.
          --before-switch
              Shell commands run in the installed release before it goes live, such as migrations (sh -eu).
              Empty or none: nothing.
          --restart (default: sudo -n systemctl restart <service>)
              Command that restarts the service. none: nothing is restarted and no unit looked at (static
              files); service then only names the default target.
          --health-url
              Asked on the server, http or https (certificate not checked on loopback, else against the
              server's CA roots). localhost is the loopback, both families are tried. No redirect is
              followed. Empty: only the unit is looked at, which is a warning.
          --health-status (default: 200)
              Status codes that are healthy, a comma list.
          --health-match
              Regular expression that the body must match; {release} and {sha} stand for those of the
              release being verified.
          --health-timeout (default: 60s)
              How long the release may take to become healthy.
          --health-interval (default: 1s)
              Pause between two health checks.
          --health-settle (default: 5s)
              How long it must stay healthy; may be 0s.
          --log-check (default: fail)
              What words of a crash do in the log of the new start (Traceback, panicked, FATAL, CRITICAL,
              segfault at their usual places): fail: the release fails, and other error words are warnings;
              warn: a warning; off: nothing.
          --log-pattern
              Regular expression for a line of the log that tells of a crash, in place of these words.
          --retention (default: 3, 7d)
              Releases kept: a good one goes when it is beyond the newest 3 or older than 7 days. 3: count
              only; 7d: age only. What current and previous point to always stays.
          --min-free (default: 500MB)
              The run stops before the upload if less than this would be left on the server's disk. 0: this
              is not looked at.
          --connect-timeout (default: 10s)
              How long connecting may take.
          --connect-attempts (default: 3)
              How often the first connection is tried, with growing pauses: 1 to 10. A line that is cut
              later is made anew as long as timeout allows, and after the switch until the server has
              finished.
          --wait-lock (default: 2m)
              How long to wait for another deployment of the same target; then the outcome is busy. May be
              0s.
          --timeout (default: 30m)
              How long the whole run may take until the point of no return; the transaction has its own
              limits, told when it begins.
          --issue (default: rollback)
              When an issue is opened, or the one that is open commented: rollback, when a release went live
              and failed; failure, whenever a deployment fails or its end is unknown; off. The next
              deployment that succeeds closes it. Needs permissions: issues: write; without that there is a
              warning.
          --issue-labels (default: ci-cd,bug)
              Labels of the issue, a comma list; missing ones are made. none: no labels.
          --issue-assignees
              Logins of those to whom the issue is assigned, a comma list.
          --issue-logs (default: auto)
              Whether the issue holds raw log lines of the server: auto, if the repository is private;
              always; never.
          INPUT_GITHUB_TOKEN (default: the job's own token)
              What the issue is written with. Used for nothing else.

        Example:
          INPUT_KEY="$(cat ~/.ssh/deploy)" INPUT_KNOWN_HOSTS="$(cat known_hosts)" deploy-action \
            --host server.example --service diting --health-url http://localhost:8000/health

        Exit codes:
            0  deployed         the release is live and healthy
            1  error            a bug of deploy-action
            2  invalid          bad input; nothing was contacted
            3  unreachable      no connection, login refused, or host key not trusted
            4  not-ready        the check found what must be fixed first
            5  failed           the server still runs what it ran; or there is nothing good to go back to
            6  rolled-back      the new release failed, the previous one is healthy again
            7  rollback-failed  a person is needed now
            8  busy             another deployment holds the lock
            9  unknown          contact lost after the point of no return; the server finishes alone
          130  cancelled        cancelled before it; the server still runs what it ran
        "#);
    }
}
