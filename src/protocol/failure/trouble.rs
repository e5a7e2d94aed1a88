//! Well-known causes, by what programs print about them.

use regex::Regex;
use std::sync::LazyLock;

/// A cause that has a hint of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// A program is missing: its name.
    Missing(String),
    /// A program may not be executed: its name, if the line has it.
    NotExecutable(String),
    /// No space left.
    Full,
    /// A read-only file system.
    ReadOnly,
    /// A permission is missing.
    Denied,
    /// A name cannot be resolved.
    Dns,
    /// The lock file does not fit the project file.
    LockFile,
    /// A port or a socket is in use.
    AddressInUse,
    /// Memory ran out.
    OutOfMemory,
    /// The application does not allow the `Host` of a request.
    Host,
}

/// Makes it of the name in the line.
type Make = fn(String) -> Trouble;

/// The first that matches counts. A group is the name.
const PATTERNS: [(&str, Make); 17] = [
    (
        r"(?:^|: )(?:line )?[0-9]+: ([^: ]+): not found$",
        Trouble::Missing,
    ),
    (
        r"(?:^|: )([^: ]+): (?:command )?not found$",
        Trouble::Missing,
    ),
    (r"command not found: ([^ ]+)$", Trouble::Missing),
    (
        r"^(?:/usr/bin/)?env: [‘'`\x22]?([^’'`\x22:]+)[’'`\x22]?: No such file or directory",
        Trouble::Missing,
    ),
    (
        r"Unable to locate executable '([^']+)'|Failed to locate executable ([^ :]+)",
        Trouble::Missing,
    ),
    (
        r"(?:^|: )[0-9]+: ([^: ]+): Permission denied$",
        Trouble::NotExecutable,
    ),
    (
        r"(?:sh|bash|dash): (?:line [0-9]+: )?([^: ]+): (?:Permission denied|cannot execute.*)$",
        Trouble::NotExecutable,
    ),
    (
        r"(?i)No space left on device|\bENOSPC\b|Disk quota exceeded|\bEDQUOT\b",
        |_| Trouble::Full,
    ),
    (r"(?i)Read-only file system|\bEROFS\b", |_| {
        Trouble::ReadOnly
    }),
    (
        r"(?i)Could not resolve|Temporary failure in name resolution|Name or service not known|\bENOTFOUND\b|\bEAI_AGAIN\b|failed to lookup address|dns error|no such host|getaddrinfo",
        |_| Trouble::Dns,
    ),
    (
        r"(?i)lockfile .*(?:needs to be updated|out of (?:date|sync)|is not up to date|would be)|lock file.*(?:out of (?:date|sync)|not up to date|are in sync|needs to be updated)|Unable to find lockfile|lockfile had changes|frozen-lockfile|package-lock\.json .*in sync|cannot update the lock file",
        |_| Trouble::LockFile,
    ),
    (
        r"(?i)Address already in use|\bEADDRINUSE\b|Only one usage of each socket address",
        |_| Trouble::AddressInUse,
    ),
    (
        r"(?i)Out of memory|Cannot allocate memory|heap out of memory|\bENOMEM\b|oom-kill|OutOfMemoryError|^MemoryError",
        |_| Trouble::OutOfMemory,
    ),
    (
        r"(?i)Invalid HTTP_HOST header|DisallowedHost|Blocked hosts?:|Invalid host header|Invalid hostname|ALLOWED_HOSTS|host .{0,80} is not allowed|Misdirected Request",
        |_| Trouble::Host,
    ),
    (r"(?i)cannot execute binary file|Exec format error", |_| {
        Trouble::NotExecutable(String::new())
    }),
    (
        r"(?i)Permission denied|\bEACCES\b|\bEPERM\b|Operation not permitted",
        |_| Trouble::Denied,
    ),
    (
        r"(?i)No such file or directory: '(uv|node|npm|pnpm|yarn|bundle|composer|make)'",
        Trouble::Missing,
    ),
];

static COMPILED: LazyLock<Vec<(Regex, Make)>> = LazyLock::new(|| {
    let compile =
        |(pattern, trouble): (&str, Make)| Regex::new(pattern).ok().map(|regex| (regex, trouble));
    PATTERNS.into_iter().filter_map(compile).collect()
});

impl Trouble {
    /// The cause that a line names.
    #[must_use]
    pub fn in_line(line: &str) -> Option<Self> {
        let line = line.trim_end();
        COMPILED.iter().find_map(|(regex, trouble)| {
            let found = regex.captures(line)?;
            let name = found.iter().skip(1).flatten().next();
            Some(trouble(
                name.map_or_else(String::new, |name| name.as_str().to_owned()),
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_a_regular_expression() {
        assert_eq!(COMPILED.len(), PATTERNS.len());
    }

    #[test]
    fn a_missing_program_is_named() {
        for (line, program) in [
            ("sh: 3: node: not found", "node"),
            ("/bin/sh: 1: npm: not found", "npm"),
            ("deploy.sh: line 4: bundle: command not found", "bundle"),
            ("bash: line 1: composer: command not found", "composer"),
            ("zsh:1: command not found: pnpm", "pnpm"),
            ("/usr/bin/env: ‘node’: No such file or directory", "node"),
            ("env: 'ruby': No such file or directory", "ruby"),
            ("diting.service: Failed to locate executable /opt/diting/current/run: No such file or directory", "/opt/diting/current/run"),
        ] {
            assert_eq!(Trouble::in_line(line), Some(Trouble::Missing(program.to_owned())), "{line}");
        }
        for line in [
            "sh: 1: ./build: Permission denied",
            "bash: line 1: ./build: Permission denied",
        ] {
            assert_eq!(
                Trouble::in_line(line),
                Some(Trouble::NotExecutable("./build".to_owned())),
                "{line}"
            );
        }
    }

    #[test]
    fn what_programs_print_about_a_cause_is_recognised() {
        let cases = [
            (Trouble::Full, "error: failed to write to file `/opt/x`: No space left on device (os error 28)"),
            (Trouble::Full, "npm ERR! code ENOSPC"),
            (Trouble::ReadOnly, "mkdir: cannot create directory ‘x’: Read-only file system"),
            (Trouble::Denied, "error: failed to create directory `/var/cache/uv`: Permission denied (os error 13)"),
            (Trouble::Denied, "npm ERR! Error: EACCES: permission denied, mkdir '/opt/x'"),
            (Trouble::Dns, "curl: (6) Could not resolve host: pypi.org"),
            (Trouble::Dns, "  Caused by: dns error: failed to lookup address information: Temporary failure in name resolution"),
            (Trouble::Dns, "npm ERR! request to https://registry.npmjs.org failed, reason: getaddrinfo EAI_AGAIN registry.npmjs.org"),
            (Trouble::LockFile, "error: The lockfile at `uv.lock` needs to be updated, but `--locked` was provided."),
            (Trouble::LockFile, "error: Unable to find lockfile at `uv.lock`. To create a lockfile, run `uv lock`"),
            (Trouble::LockFile, "npm ERR! `npm ci` can only install packages when your package.json and package-lock.json or npm-shrinkwrap.json are in sync."),
            (Trouble::LockFile, " ERR_PNPM_OUTDATED_LOCKFILE  Cannot install with \"frozen-lockfile\" because pnpm-lock.yaml is not up to date with package.json"),
            (Trouble::AddressInUse, "OSError: [Errno 98] Address already in use"),
            (Trouble::AddressInUse, "Error: listen EADDRINUSE: address already in use :::3000"),
            (Trouble::OutOfMemory, "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"),
            (Trouble::Host, "Invalid HTTP_HOST header: 'localhost:8000'. You may need to add 'localhost' to ALLOWED_HOSTS."),
            (Trouble::Host, "<h1>Blocked hosts: localhost:3000</h1>"),
            (Trouble::Host, "Invalid host header"),
            (Trouble::Host, "Blocked request. This host (\"localhost\") is not allowed."),
        ];
        for (trouble, line) in cases {
            assert_eq!(Trouble::in_line(line), Some(trouble), "{line}");
        }
        for line in [
            "404 page not found",
            "ValueError: no",
            "the file was not found here",
            "KeyError: 'x'",
        ] {
            assert_eq!(Trouble::in_line(line), None, "{line}");
        }
    }
}
