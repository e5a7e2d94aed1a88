//! The one table of inputs. `--help`, the documentation's table and the check of action.yml are made from it.

use std::fmt::Write;

/// An input of the action: `host` is the flag `--host` and the variable `INPUT_HOST`.
#[derive(Debug)]
pub struct Input {
    /// The name as in action.yml.
    pub name: &'static str,
    /// What holds where it is not given.
    pub fallback: Fallback,
    /// What it means, in Markdown of one line.
    pub meaning: &'static str,
    /// A secret has no flag, for command lines are seen by every process, and its value is never shown.
    pub secret: bool,
}

/// What holds where an input is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// It must be given.
    Required,
    /// Nothing.
    Nothing,
    /// This value, one entry a line.
    Value(&'static str),
    /// A value that follows from others.
    Derived(&'static str),
    /// A value that words describe.
    Words(&'static str),
}

use Fallback::{Derived, Nothing, Required, Value, Words};

const fn input(name: &'static str, fallback: Fallback, meaning: &'static str) -> Input {
    Input {
        name,
        fallback,
        meaning,
        secret: false,
    }
}

const fn secret(name: &'static str, fallback: Fallback, meaning: &'static str) -> Input {
    Input {
        name,
        fallback,
        meaning,
        secret: true,
    }
}

/// All inputs, in the order in which a person meets them.
pub const INPUTS: &[Input] = &[
    input(
        "command",
        Value("deploy"),
        "What to do: `deploy`; `rollback`, to a release that is on the server; `releases`, which lists them.",
    ),
    input(
        "release",
        Nothing,
        "For `command: rollback`: a release's id or the beginning of its commit (four digits or more). Empty: the \
         previous good one.",
    ),
    input("host", Required, "Server name or address; `name:port` is allowed."),
    input("port", Value("22"), "Port of the server's SSH service."),
    input("user", Value("deploy"), "User to log in as."),
    secret("key", Required, "Private key. By hand it may be left out where `SSH_AUTH_SOCK` holds one."),
    secret("passphrase", Nothing, "The key's passphrase, if it has one."),
    input("known-hosts", Required, "The server's known_hosts line(s). Without them nothing is sent."),
    input(
        "jump-host",
        Nothing,
        "Server over which the other one is reached: `[user@]host[:port]`, by default with the same `user` and port 22. \
         Same key; `known-hosts` needs its line too.",
    ),
    input(
        "service",
        Words("the repository's name"),
        "systemd unit, passed on exactly as written. `none`: no systemd; `restart` and `target` are then required.",
    ),
    input("target", Derived("/opt/<service>"), "Folder on the server."),
    input("source", Value("."), "Folder on the runner, inside the workspace where there is one."),
    input(
        "exclude",
        Value("__pycache__/\n*.pyc\n.mypy_cache/\n.pytest_cache/\n.ruff_cache/"),
        "What is not uploaded: one pattern a line, as in .gitignore. Given, it replaces the default list; a \
         `.deployignore` in the source adds to it.",
    ),
    input(
        "shared",
        Nothing,
        "Paths, one a line, that outlive releases: they live in `<target>/shared` and are linked into each release. A \
         `/` at the end makes a folder, made where it is missing; a missing file stops the run before the switch.",
    ),
    secret(
        "env-file",
        Nothing,
        "Content of the release's `.env`, kept byte for byte, readable by the app's user only, and written into each \
         release, so that a rollback restores it. Its values are hidden in the log.",
    ),
    input(
        "install",
        Value("auto"),
        "Shell commands run in the release, several lines allowed (`sh -eu`). `auto`: `uv sync --frozen` where the \
         source has uv.lock; pyproject.toml without uv.lock is bad input; else nothing. `none`: nothing.",
    ),
    secret(
        "env",
        Nothing,
        "Variables for `install` and `before-switch`: `NAME=value`, one a line, the value as it stands there, \
         without quotes. Never on a command line; hidden in the log.",
    ),
    input(
        "before-switch",
        Nothing,
        "Shell commands run in the installed release before it goes live, such as migrations (`sh -eu`). Empty or \
         `none`: nothing.",
    ),
    input(
        "restart",
        Derived("sudo -n systemctl restart <service>"),
        "Command that restarts the service. `none`: nothing is restarted and no unit looked at (static files); \
         `service` then only names the default target.",
    ),
    input(
        "health-url",
        Nothing,
        "Asked on the server, http or https (certificate not checked on loopback, else against the server's CA \
         roots). `localhost` is the loopback, both families are tried. No redirect is followed. Empty: only the unit \
         is looked at, which is a warning.",
    ),
    input("health-status", Value("200"), "Status codes that are healthy, a comma list."),
    input(
        "health-match",
        Nothing,
        "Regular expression that the body must match; `{release}` and `{sha}` stand for those of the release being \
         verified.",
    ),
    input("health-timeout", Value("60s"), "How long the release may take to become healthy."),
    input("health-interval", Value("1s"), "Pause between two health checks."),
    input("health-settle", Value("5s"), "How long it must stay healthy; may be `0s`."),
    input(
        "log-check",
        Value("fail"),
        "What words of a crash do in the log of the new start (Traceback, panicked, FATAL, CRITICAL, segfault at their \
         usual places): `fail`: the release fails, and other error words are warnings; `warn`: a warning; `off`: nothing.",
    ),
    input("log-pattern", Nothing, "Regular expression for a line of the log that tells of a crash, in place of these words."),
    input(
        "retention",
        Value("3, 7d"),
        "Releases kept: a good one goes when it is beyond the newest 3 or older than 7 days. `3`: count only; `7d`: \
         age only. What current and previous point to always stays.",
    ),
    input(
        "min-free",
        Value("500MB"),
        "The run stops before the upload if less than this would be left on the server's disk. `0`: this is \
         not looked at.",
    ),
    input("connect-timeout", Value("10s"), "How long connecting may take."),
    input("connect-attempts", Value("3"), "How often the first connection is tried, with growing pauses: 1 to 10. A line that is cut later is made anew as long as `timeout` allows, and after the switch until the server has finished."),
    input(
        "wait-lock",
        Value("2m"),
        "How long to wait for another deployment of the same target; then the outcome is `busy`. May be `0s`.",
    ),
    input(
        "timeout",
        Value("30m"),
        "How long the whole run may take until the point of no return; the transaction has its own limits, told when it \
         begins.",
    ),
    input(
        "issue",
        Value("rollback"),
        "When an issue is opened, or the one that is open commented: `rollback`, when a release went live and failed; \
         `failure`, whenever a deployment fails or its end is unknown; `off`. The next deployment that succeeds closes \
         it. Needs `permissions: issues: write`; without that there is a warning.",
    ),
    input("issue-labels", Value("ci-cd,bug"), "Labels of the issue, a comma list; missing ones are made. `none`: no labels."),
    input("issue-assignees", Nothing, "Logins of those to whom the issue is assigned, a comma list."),
    input(
        "issue-logs",
        Value("auto"),
        "Whether the issue holds raw log lines of the server: `auto`, if the repository is private; `always`; `never`.",
    ),
    secret("github-token", Words("the job's own token"), "What the issue is written with. Used for nothing else."),
];

impl Input {
    /// The input of that name.
    pub fn named(name: &str) -> Option<&'static Input> {
        INPUTS.iter().find(|input| input.name == name)
    }

    /// The variable that carries it: `INPUT_HEALTH_URL`.
    pub fn variable(&self) -> String {
        format!("INPUT_{}", self.name.to_uppercase().replace('-', "_"))
    }

    /// What action.yml says of it.
    pub fn description(&self) -> String {
        match self.default() {
            Some(default) => format!("{} Default: {default}.", self.meaning),
            None if self.fallback == Required => format!("{} Required.", self.meaning),
            None => self.meaning.to_owned(),
        }
    }

    /// The default in Markdown, if there is one.
    pub fn default(&self) -> Option<String> {
        match self.fallback {
            Required | Nothing => None,
            Value(value) => Some(
                value
                    .lines()
                    .map(|line| format!("`{line}`"))
                    .collect::<Vec<_>>()
                    .join(", "),
            ),
            Derived(value) => Some(format!("`{value}`")),
            Words(words) => Some(words.to_owned()),
        }
    }
}

/// The inputs whose name is nearest, if one is near enough to be meant.
pub(super) fn nearest(name: &str) -> Option<&'static Input> {
    let name = name.to_lowercase().replace('_', "-");
    let scored = INPUTS
        .iter()
        .map(|input| (strsim::jaro_winkler(input.name, &name), input));
    scored
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, input)| input)
}

/// The documentation's table of inputs.
pub fn markdown_table() -> String {
    let mut table = String::from("| input | default | meaning |\n|---|---|---|\n");
    for input in INPUTS {
        let default = match input.fallback {
            Required => "required".to_owned(),
            _ => input.default().unwrap_or_default(),
        };
        let meaning = input.meaning.replace('|', "\\|");
        // writing to a String cannot fail
        let _ = writeln!(table, "| `{}` | {default} | {meaning} |", input.name);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_found_and_a_far_one_is_not() {
        assert_eq!(
            nearest("KNOWN_HOST").map(|input| input.name),
            Some("known-hosts")
        );
        assert_eq!(nearest("hots").map(|input| input.name), Some("host"));
        assert_eq!(
            nearest("helth-url").map(|input| input.name),
            Some("health-url")
        );
        assert!(nearest("qqq").is_none());
    }

    #[test]
    fn descriptions_name_the_default() {
        let description = |name| Input::named(name).map(Input::description).unwrap();
        assert_eq!(
            description("port"),
            "Port of the server's SSH service. Default: `22`."
        );
        assert_eq!(
            description("host"),
            "Server name or address; `name:port` is allowed. Required."
        );
    }
}
