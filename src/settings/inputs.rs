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
    Input { name, fallback, meaning, secret: false }
}

/// All inputs, in the order in which a person meets them.
pub const INPUTS: &[Input] = &[
    input("command", Value("deploy"), "What to do: `deploy`."),
    input("host", Required, "Server name or address; `name:port` is allowed."),
    input("port", Value("22"), "Port of the server's SSH service."),
    input("user", Value("deploy"), "User to log in as."),
    Input {
        name: "key",
        fallback: Required,
        meaning: "Private key, without passphrase. By hand it may be left out where `SSH_AUTH_SOCK` holds one.",
        secret: true,
    },
    input("known-hosts", Required, "The server's known_hosts line(s). Without them nothing is sent."),
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
        "install",
        Value("auto"),
        "Shell commands run in the release, several lines allowed (`sh -eu`). `auto`: `uv sync --frozen` where the \
         source has uv.lock; pyproject.toml without uv.lock is bad input; else nothing. `none`: nothing.",
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
        "retention",
        Value("3, 7d"),
        "Releases kept: a good one goes when it is beyond the newest 3 or older than 7 days. `3`: count only; `7d`: \
         age only. What current and previous point to always stays.",
    ),
    input("connect-timeout", Value("10s"), "How long connecting may take."),
    input(
        "timeout",
        Value("30m"),
        "How long the whole run may take until the point of no return; the transaction has its own limits, printed at \
         the start.",
    ),
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
            Value(value) => Some(value.lines().map(|line| format!("`{line}`")).collect::<Vec<_>>().join(", ")),
            Derived(value) => Some(format!("`{value}`")),
            Words(words) => Some(words.to_owned()),
        }
    }
}

/// The inputs whose name is nearest, if one is near enough to be meant.
pub(super) fn nearest(name: &str) -> Option<&'static Input> {
    let name = name.to_lowercase().replace('_', "-");
    let scored = INPUTS.iter().map(|input| (strsim::jaro_winkler(input.name, &name), input));
    scored.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, input)| input)
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
        assert_eq!(nearest("KNOWN_HOST").map(|input| input.name), Some("known-hosts"));
        assert_eq!(nearest("hots").map(|input| input.name), Some("host"));
        assert_eq!(nearest("helth-url").map(|input| input.name), Some("health-url"));
        assert!(nearest("qqq").is_none());
    }

    #[test]
    fn descriptions_name_the_default() {
        let description = |name| Input::named(name).map(Input::description).unwrap();
        assert_eq!(description("port"), "Port of the server's SSH service. Default: `22`.");
        assert_eq!(description("host"), "Server name or address; `name:port` is allowed. Required.");
    }
}
