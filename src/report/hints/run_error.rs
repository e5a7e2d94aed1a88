//! Hints for errors on the runner or on the way.

use super::connection::connection;
use super::steps::{on_server, steps, Hint};
use crate::protocol::{
    Hop, RunError, ServerPartError, SourceProblem, ToolError, Trouble, UnsafeFolder,
};
use crate::report::place::{shell, Place};
use crate::report::texts::finished_by;
use crate::text::excerpt::excerpt;
use crate::text::Prose;
use std::path::Path;

/// Where bugs are reported.
const ISSUES: &str = "https://github.com/diting/deploy-action/issues";

/// What to do about a bug in deploy-action.
pub(super) fn report(words: &'static str) -> Hint {
    Prose::from(words)
        .and(Prose::link("deploy-action's issues", ISSUES))
        .into()
}

/// The same if nothing else is known.
pub(super) fn report_it() -> Hint {
    report("please report it, with this log: ")
}

/// What to do about an error on the runner or on the way.
#[must_use]
#[expect(
    clippy::too_many_lines,
    reason = "one exhaustive match, so that no error is without a hint"
)]
pub fn run_error(error: &RunError, place: &Place) -> Hint {
    match error {
        RunError::Tool { program, error } => tool(program, error),
        RunError::Key { .. } => steps(
            "the input key must hold the whole private key, from its BEGIN line to its END line; where the key file is:",
            &["ssh-keygen -y -f KEYFILE".to_owned(), "gh secret set NAME < KEYFILE".to_owned()],
        ),
        RunError::KeyFormat { .. } => key_format(),
        RunError::Passphrase => steps(
            "the input passphrase must be the one that opens the key; where the key file is, this asks for it:",
            &["ssh-keygen -y -f KEYFILE".to_owned()],
        ),
        RunError::Source {
            problem: SourceProblem::NoFiles,
            path,
        } if path.is_empty() => {
            "does the input `source` name the right folder, and does `exclude` or `.deployignore` leave something to deploy?".into()
        }
        RunError::Source { .. } => "delete it, or add it to the input exclude".into(),
        RunError::Connection { kind, hop, offered, error: _ } => {
            connection(*kind, offered.as_deref(), &on_the_way(hop, place))
        }
        RunError::ServerPart { error: ServerPartError::Unsafe(folder), .. } => unsafe_folder(folder, place),
        RunError::ServerPart { .. } => server_part(place),
        RunError::LoginScript { .. } => login_script(place),
        RunError::NoTrace => steps(
            "find out who or what deletes files in the target, or whether its disk is damaged; on the server:",
            &[format!("ls -la {}", shell(&place.target)), format!("readlink {}", place.below("current"))],
        ),
        RunError::NoBinary { .. } => {
            "server parts exist for `x86_64` and `aarch64`; the files must be beside this program, as in the action's dist folder".into()
        }
        RunError::Protocol(_) => steps(
            "login scripts on the server must not fail or end the shell; this must print nothing and end with exit code 0:",
            &[format!("ssh -p {} {} true", place.port, place.login())],
        ),
        RunError::ConnectionLost { finished_by: Some(_) } | RunError::Cancelled { finished_by: Some(_) } => unfinished(error, place),
        RunError::Overdue { .. } => steps(
            "the next run reports how it ended; on the server:",
            &[format!("readlink {} {}", place.below("current"), place.below("previous"))],
        ),
        RunError::WentDown => steps(
            "when it is up again, the next run restores the old release and reports it; on the server:",
            &[format!("readlink {} {}", place.below("current"), place.below("previous"))],
        ),
        RunError::ConnectionLost { finished_by: None } | RunError::Cancelled { finished_by: None } => {
            "run it again: what was uploaded is kept".into()
        }
        RunError::OutOfTime { .. } => "check above which step took the time, or raise the input timeout".into(),
        RunError::Killed { .. } => {
            report("its log ends where it stopped; if the runner has enough memory, please report it with that log: ")
        }
        RunError::Bug(_) => report_it(),
    }
}

/// The same if the server may not have finished: until then nobody runs it again.
pub(super) fn unfinished(error: &RunError, place: &Place) -> Hint {
    let text = match (error, finished_by(Some(error), place)) {
        (RunError::ConnectionLost { .. } | RunError::Cancelled { .. }, None) => {
            "the next run, or `command: releases`, reports how it ended; on the server:"
        }
        (RunError::ConnectionLost { .. } | RunError::Cancelled { .. }, Some(_)) => {
            "after that time the next run reports how it ended; on the server:"
        }
        _ => return run_error(error, place),
    };
    let links = ["current", "previous"].map(|link| place.below(link));
    steps(text, &[format!("readlink {}", links.join(" "))])
}

/// What openssl writes for an Ed25519 key, in OpenSSH's own format: the lengths in it never change.
/// <https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key>
const CONVERT: [&str; 3] = [
    "k() { openssl pkey -in KEYFILE -outform DER \"$@\" | tail -c 32; }",
    r"b() { printf 'openssh-key-v1\0\0\0\0\4none\0\0\0\4none\0\0\0\0\0\0\0\1\0\0\0\63\0\0\0\13ssh-ed25519\0\0\0 '; k -pubout; printf '\0\0\0\210\0\0\0\0\0\0\0\0\0\0\0\13ssh-ed25519\0\0\0 '; k -pubout; printf '\0\0\0@'; k; k -pubout; printf '\0\0\0\0\1\2\3\4\5'; }",
    "n='OPENSSH PRIVATE KEY'; (umask 077; { echo \"-----BEGIN $n-----\"; b | openssl base64; echo \"-----END $n-----\"; } > NEWKEYFILE)",
];

fn key_format() -> Hint {
    steps(
        "convert it to OpenSSH's own format, and store the new file as the secret. Where `ssh -V` shows OpenSSH 9.6 or newer (the new \
         passphrase may be empty):",
        &["ssh-keygen -p -f KEYFILE".to_owned()],
    )
    .then(steps(
        "With an older version, for an Ed25519 key:",
        &CONVERT.map(str::to_owned),
    ))
}

/// The runner's own set-up.
fn tool(program: &str, error: &ToolError) -> Hint {
    match error {
        ToolError::NotFound => on_server(
            "on the runner (a job container needs it in its image; Alpine: `apk add openssh-client`)",
            ["sudo apt-get update && sudo apt-get install -y openssh-client".to_owned()],
        ),
        ToolError::Folder { error }
        | ToolError::Config { error }
        | ToolError::Helper { error }
        | ToolError::Passphrase { error } => temporary_folder(error),
        ToolError::Io { error } => match Trouble::in_line(error) {
            Some(Trouble::Full | Trouble::ReadOnly) => temporary_folder(error),
            _ => version(program),
        },
        ToolError::Ended { stderr } if is_no_user(stderr) => no_user(),
        ToolError::Ended { stderr } => match Trouble::in_line(&String::from_utf8_lossy(stderr)) {
            Some(Trouble::Full | Trouble::ReadOnly | Trouble::Denied) => {
                temporary_folder(&String::from_utf8_lossy(stderr))
            }
            _ => version(program),
        },
        ToolError::NoAnswer | ToolError::Hangs => version(program),
    }
}

/// Keys, sockets and configuration are in a private folder in /tmp, or else in TMPDIR.
fn temporary_folder(error: &str) -> Hint {
    let text = match Trouble::in_line(error) {
        Some(Trouble::Full) => {
            "the runner's `/tmp` is full: free space there, or let TMPDIR name another folder with a short path; on the runner:"
        }
        Some(Trouble::ReadOnly) => {
            "the runner's `/tmp` is read-only: let TMPDIR name a folder that can be written, with a short path; on the runner:"
        }
        _ => {
            "the runner's user must be able to write and run files in `/tmp`, or in the folder that TMPDIR names, with a short path; on \
             the runner:"
        }
    };
    steps(
        text,
        &["id; df -h /tmp; df -i /tmp; findmnt -T /tmp; ls -ld /tmp".to_owned()],
    )
}

/// ssh needs a name and a home folder for the user that runs it.
fn is_no_user(stderr: &[u8]) -> bool {
    String::from_utf8_lossy(stderr).contains("No user exists for uid")
}

fn no_user() -> Hint {
    steps(
        "the runner's user has no entry in `/etc/passwd`, which ssh needs. In a job container, set `options: --user root`, or \
         add the entry; in the container, as root (UID is the user's number):",
        &["echo 'runner:x:UID:UID::/home/runner:/bin/sh' >> /etc/passwd".to_owned()],
    )
}

fn version(program: &str) -> Hint {
    let command = match program {
        "ssh-agent" => "ssh-agent true",
        "ssh-add" => "ssh-agent ssh-add -l",
        _ => "ssh -V",
    };
    steps(
        "does it work on the runner, from the command line?",
        &[command.to_owned()],
    )
}

/// The place of the host that refused.
fn on_the_way(hop: &Hop, place: &Place) -> Place {
    match hop {
        Hop::Server => place.clone(),
        Hop::Jump { host, port, user } => Place {
            host: excerpt(host),
            port: *port,
            user: excerpt(user),
            ..place.clone()
        },
    }
}

/// The deploy user's shell runs it before every command.
fn login_script(place: &Place) -> Hint {
    let login = place.login();
    steps(
        "a login script (`~/.bashrc`, `~/.zshenv`, `~/.cshrc`, `/etc/profile.d`) must not read, wait or print without end when \
         nobody is at the terminal. As the first line of `~/.bashrc` on the server:",
        &["case $- in *i*) ;; *) return ;; esac".to_owned()],
    )
    .then(steps(
        "Then this ends at once and prints only the word:",
        &[format!("echo word | ssh -p {} {login} cat", place.port)],
    ))
}

/// It cannot be written or run there, or the user has no login shell.
fn server_part(place: &Place) -> Hint {
    let (target, user) = (shell(&place.target), shell(&place.user));
    steps(
        "are the inputs service and target right? The deploy user needs a login shell, which no login script ends or replaces \
         (exit, exec, tmux), and must be able to write and run files there (no noexec, free disk space); on the server's console, as root:",
        &[
            format!("sudo mkdir -p {target} && sudo chown -R {user}: {target}"),
            format!("getent passwd {user}; findmnt -T {target}; df -h {target}; ls -ld {target}"),
        ],
    )
}

/// The commands are made of what is known here: the server's words may be anyone's there.
fn unsafe_folder(found: &UnsafeFolder, place: &Place) -> Hint {
    let (user, own) = (shell(&place.user), place.below(".deploy"));
    let anew = format!("sudo rm -rf {}", place.below(".deploy/bin"));
    match found {
        UnsafeFolder::OtherOwner { .. } => steps(
            "is this the right login for this target? If another user has deployed there before, and you trust what it left, give \
             it to the login; on the server's console, as root:",
            &[format!("sudo chown -R {user}: {own} && {anew}")],
        ),
        UnsafeFolder::Writable { .. } => steps(
            "anyone who can write there can run programs as the deploy user. If you trust what is there, on the server's console, as root:",
            &[format!("sudo chmod -R go-rwx {own} && {anew}")],
        ),
        UnsafeFolder::Everyone { path, .. } if Path::new(&place.target).starts_with(path) => steps(
            "anyone who can write there can replace what is deployed, and run programs as the deploy user; on the server's console, as root:",
            &[format!("sudo chmod o-w {}", shell(path))],
        ),
        UnsafeFolder::Everyone { .. } => steps(
            "the target leads through a link to a folder that every user can write to. Take that right away from others; on the server:",
            &[format!("realpath {0}; namei -l {0}", shell(&place.target))],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::place;

    #[test]
    fn a_folder_is_made_safe_by_commands_that_the_server_did_not_choose() {
        let hint = |folder: UnsafeFolder| unsafe_folder(&folder, &place()).to_string();
        let (path, mode) = ("/etc/x; reboot".to_owned(), "drwxrwxrwx".to_owned());
        let everyone = |path: &str| UnsafeFolder::Everyone {
            path: path.to_owned(),
            mode: mode.clone(),
        };
        let all = [
            hint(UnsafeFolder::OtherOwner {
                path: path.clone(),
                owner: path.clone(),
                user: path.clone(),
            }),
            hint(UnsafeFolder::Writable {
                path: path.clone(),
                mode: mode.clone(),
            }),
            hint(everyone("/opt")),
            hint(everyone("/opt/diting")),
            hint(everyone(&path)),
        ];
        insta::assert_snapshot!(all.join("\n---\n"), @"
        is this the right login for this target? If another user has deployed there before, and you trust what it left, give it to the login; on the server's console, as root:
          sudo chown -R deploy: /opt/diting/.deploy && sudo rm -rf /opt/diting/.deploy/bin
        ---
        anyone who can write there can run programs as the deploy user. If you trust what is there, on the server's console, as root:
          sudo chmod -R go-rwx /opt/diting/.deploy && sudo rm -rf /opt/diting/.deploy/bin
        ---
        anyone who can write there can replace what is deployed, and run programs as the deploy user; on the server's console, as root:
          sudo chmod o-w /opt
        ---
        anyone who can write there can replace what is deployed, and run programs as the deploy user; on the server's console, as root:
          sudo chmod o-w /opt/diting
        ---
        the target leads through a link to a folder that every user can write to. Take that right away from others; on the server:
          realpath /opt/diting; namei -l /opt/diting
        ");
    }

    #[test]
    fn a_temporary_folder_that_cannot_be_used_needs_no_package() {
        let error = |text: &str| text.to_owned();
        let cases = [
            ToolError::Folder {
                error: error("No space left on device (os error 28)"),
            },
            ToolError::Folder {
                error: error("Read-only file system (os error 30)"),
            },
            ToolError::Config {
                error: error("Permission denied (os error 13)"),
            },
            ToolError::Ended {
                stderr: b"mkdtemp: private socket dir: No space left on device\n".to_vec(),
            },
            ToolError::NoAnswer,
            ToolError::NotFound,
        ];
        let all = cases.map(|error| {
            let program = "ssh-agent".to_owned();
            run_error(&RunError::Tool { program, error }, &place()).to_string()
        });
        insta::assert_snapshot!(all.join("\n---\n"), @"
        the runner's `/tmp` is full: free space there, or let TMPDIR name another folder with a short path; on the runner:
          id; df -h /tmp; df -i /tmp; findmnt -T /tmp; ls -ld /tmp
        ---
        the runner's `/tmp` is read-only: let TMPDIR name a folder that can be written, with a short path; on the runner:
          id; df -h /tmp; df -i /tmp; findmnt -T /tmp; ls -ld /tmp
        ---
        the runner's user must be able to write and run files in `/tmp`, or in the folder that TMPDIR names, with a short path; on the runner:
          id; df -h /tmp; df -i /tmp; findmnt -T /tmp; ls -ld /tmp
        ---
        the runner's `/tmp` is full: free space there, or let TMPDIR name another folder with a short path; on the runner:
          id; df -h /tmp; df -i /tmp; findmnt -T /tmp; ls -ld /tmp
        ---
        does it work on the runner, from the command line?
          ssh-agent true
        ---
        on the runner (a job container needs it in its image; Alpine: `apk add openssh-client`), as root:
          sudo apt-get update && sudo apt-get install -y openssh-client
        ");
    }

    #[test]
    fn the_commands_that_convert_a_key_do_so() {
        use std::process::Command;
        let folder = tempfile::tempdir().unwrap();
        let make = "openssl genpkey -algorithm ed25519 -out KEYFILE\n".to_owned();
        let script = make + &CONVERT.join("\n") + "\nssh-keygen -y -f NEWKEYFILE; openssl pkey -in KEYFILE -pubout -outform DER | tail -c 32 | base64";
        let output = Command::new("sh")
            .args(["-euc", &script])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        let (ssh, openssl) = shown.split_once('\n').unwrap_or_default();
        assert!(
            openssl.len() > 40,
            "{shown} {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let decoded = |text: &str| {
            use base64::prelude::{Engine as _, BASE64_STANDARD};
            BASE64_STANDARD.decode(text.trim()).unwrap()
        };
        let ssh = ssh.split(' ').nth(1).unwrap_or_default();
        assert!(decoded(ssh).ends_with(&decoded(openssl)));
    }
}
