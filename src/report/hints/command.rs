//! Hints for a command that failed.

use super::cause;
use super::finding::missing;
use super::steps::{on_server, steps, Hint};
use super::sudoers::{needs_terminal, no_terminal, sudoers, ALLOW, NO_SUDO};
use super::unit;
use crate::protocol::{Ending, Scope, Step, Trouble};
use crate::report::place::{shell, Place};
use crate::text::excerpt::excerpt;
use crate::text::Prose;

/// How a command failed.
pub(super) struct Failed<'a> {
    pub(super) ending: Ending,
    pub(super) output: &'a [u8],
    /// The line of its output, or of the unit's log, that explains it best.
    pub(super) log_line: Option<&'a str>,
}

/// What to do about a command that failed.
pub(super) fn command(step: Step, failed: &Failed<'_>, place: &Place) -> Hint {
    if needs_terminal(failed.output)
        || failed
            .log_line
            .is_some_and(|line| needs_terminal(line.as_bytes()))
    {
        return no_terminal(&place.user);
    }
    if sudo_refused(failed.output)
        || failed
            .log_line
            .is_some_and(|line| sudo_refused(line.as_bytes()))
    {
        return match place.service.as_deref() {
            _ if place.scope == Scope::User => NO_SUDO.into(),
            Some(unit) => steps(
                "the deploy user may not run it with sudo; on the server's console, as root:",
                &[sudoers(&place.user, "restart", unit)],
            ),
            None => ALLOW.into(),
        };
    }
    match step {
        Step::Restart | Step::RollBack | Step::Verify => {
            unit::restart(failed.ending, failed.output, failed.log_line, place)
        }
        Step::Connect
        | Step::Lock
        | Step::Recover
        | Step::Check
        | Step::Upload
        | Step::Install
        | Step::Seal
        | Step::Switch
        | Step::Commit
        | Step::Retention => install("install", failed, place),
        Step::BeforeSwitch => before_switch(failed, place),
        Step::SmokeTest => install("smoke-test", failed, place),
    }
}

/// It may have changed what the live release uses, most often a database.
fn before_switch(failed: &Failed<'_>, place: &Place) -> Hint {
    match failed.ending {
        Ending::OutOfTime => {
            "it may have left something half done (a migration?), which the old release now uses: read its last lines and \
             fix it before you deploy again; if it needs longer, raise the input timeout".into()
        }
        Ending::Signal(_) => install("before-switch", failed, place).after("it may have left something half done; "),
        Ending::Exit(_) => install("before-switch", failed, place).after(
            "the lines before it were run, and it may have left a database migration half done, which the live release now uses; ",
        ),
    }
}

fn install(name: &str, failed: &Failed<'_>, place: &Place) -> Hint {
    let known = failed.log_line.and_then(Trouble::in_line);
    if let Some(hint) = known.and_then(|it| trouble(&it, name, place)) {
        return hint;
    }
    if let Some(hint) = failed.log_line.and_then(cause::in_the_code) {
        return hint;
    }
    match failed.ending {
        Ending::Exit(127) => Prose::of(
            "a program was not found: {} runs without login scripts, so without what nvm, rbenv or pyenv add to PATH, and with \
             `~/.local/bin` in it; its last lines name the program",
            [&name],
        )
        .into(),
        Ending::Exit(126) => "a program cannot be executed: check its mode and its first line".into(),
        Ending::Exit(137) | Ending::Signal(9) => {
            unit::out_of_memory("most likely the server ran out of memory; on the server")
        }
        Ending::OutOfTime => "it hangs or needs longer: read its last lines, or raise the input timeout".into(),
        Ending::Exit(_) | Ending::Signal(_) => steps(
            "its last lines show why; to run it by hand, on the server, as the deploy user, go to the newest release:",
            &in_newest_release(place),
        ),
    }
}

/// Where the commands of the release that failed were run.
pub(super) fn in_newest_release(place: &Place) -> [String; 2] {
    [
        format!("cd {}", place.below("releases")),
        "cd \"$(ls -t | head -n 1)\"".to_owned(),
    ]
}

/// What to do about a cause that its output names.
fn trouble(trouble: &Trouble, name: &str, place: &Place) -> Option<Hint> {
    Some(match trouble {
        Trouble::Missing(program) => not_found(program, name),
        Trouble::NotExecutable(program) if program.is_empty() => {
            "a program cannot be executed: check its mode, its first line, and whether it is built for the server's CPU".into()
        }
        Trouble::NotExecutable(program) => Prose::of(
            "{} cannot be executed: check its mode (git keeps it with `git update-index --chmod=+x`) and its first line",
            [&excerpt(program)],
        )
        .into(),
        Trouble::Full => unit::full(place),
        Trouble::ReadOnly => steps(
            "it writes where the file system is read-only, perhaps after an error of the disk; on the server:",
            &[format!("findmnt -T {}; findmnt -T /tmp", shell(&place.target))],
        ),
        Trouble::Denied => steps(
            "the deploy user may not read or write what it needs; on the server, as the deploy user:",
            &[format!("id; ls -ld {} ~/.cache /tmp", shell(&place.target))],
        ),
        Trouble::Dns => steps(
            "the server cannot resolve a name: is its DNS set up, and does it reach the internet? On the server:",
            &["cat /etc/resolv.conf; getent hosts pypi.org registry.npmjs.org".to_owned()],
        ),
        Trouble::LockFile => {
            "the lock file does not fit the project file: renew it (`uv lock`, `npm install`, `pnpm install`), commit it, and deploy \
             again".into()
        }
        Trouble::OutOfMemory => unit::out_of_memory("it needs more memory than there is; on the server"),
        Trouble::AddressInUse => on_server(
            "it needs a port that another process uses; on the server",
            ["sudo ss -tlnp".to_owned()],
        ),
        Trouble::Host => return None,
    })
}

fn not_found(program: &str, name: &str) -> Hint {
    let program = excerpt(program);
    if program.contains('/') {
        let text =
            "{} is not there: {} runs in the folder of the new release; is the file part of it?";
        return Prose::of(text, [&program, &name]).into();
    }
    let text = Prose::of(
        "{} was not found: {} runs without login scripts, so without what nvm, rbenv or pyenv add to PATH, and with \
         `~/.local/bin` in it",
        [&program, &name],
    );
    Hint::from(text).then(missing(&program))
}

/// Whether sudo refused: `sudo -n` ends with 1, as the command itself may.
fn sudo_refused(output: &[u8]) -> bool {
    let output = String::from_utf8_lossy(output);
    output.contains("sudo")
        && ["password is required", "not allowed", "not in the sudoers"]
            .iter()
            .any(|it| output.contains(it))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::place;

    fn failed<'a>(ending: Ending, output: &'a [u8], log_line: Option<&'a str>) -> Failed<'a> {
        Failed {
            ending,
            output,
            log_line,
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "it shows whole texts")]
    fn a_cause_that_the_output_names_decides_the_hint() {
        let lines = [
            (127, "sh: 2: node: not found"),
            (127, "sh: 1: uv: not found"),
            (127, "sh: 1: ./bin/build: not found"),
            (126, "sh: 1: ./build: Permission denied"),
            (1, "error: failed to write: No space left on device (os error 28)"),
            (1, "cp: cannot create regular file '/tmp/x': Read-only file system"),
            (2, "error: failed to create directory `/var/cache/uv`: Permission denied (os error 13)"),
            (1, "curl: (6) Could not resolve host: pypi.org"),
            (1, "error: The lockfile at `uv.lock` needs to be updated, but `--locked` was provided."),
            (134, "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"),
        ];
        let all = lines.map(|(code, line)| {
            command(
                Step::Install,
                &failed(Ending::Exit(code), b"", Some(line)),
                &place(),
            )
            .to_string()
        });
        insta::assert_snapshot!(all.join("\n---\n"), @"
        node was not found: install runs without login scripts, so without what nvm, rbenv or pyenv add to PATH, and with `~/.local/bin` in it
        install it on the server, as root; a program for the deploy user alone belongs in `~/.local/bin`:
          sudo apt-get install nodejs || sudo dnf install nodejs
        ---
        uv was not found: install runs without login scripts, so without what nvm, rbenv or pyenv add to PATH, and with `~/.local/bin` in it
        install it on the server as the deploy user, in `~/.local/bin`:
          curl -LsSf https://astral.sh/uv/install.sh | sh && ~/.local/bin/uv --version
        ---
        ./bin/build is not there: install runs in the folder of the new release; is the file part of it?
        ---
        ./build cannot be executed: check its mode (git keeps it with `git update-index --chmod=+x`) and its first line
        ---
        free disk space on the server (inodes may be used up, too):
          df -h /opt/diting /tmp; df -i /opt/diting /tmp
        as root:
          sudo du -xsh /opt/diting/releases /var/log
          sudo journalctl --vacuum-time=7d
        ---
        it writes where the file system is read-only, perhaps after an error of the disk; on the server:
          findmnt -T /opt/diting; findmnt -T /tmp
        ---
        the deploy user may not read or write what it needs; on the server, as the deploy user:
          id; ls -ld /opt/diting ~/.cache /tmp
        ---
        the server cannot resolve a name: is its DNS set up, and does it reach the internet? On the server:
          cat /etc/resolv.conf; getent hosts pypi.org registry.npmjs.org
        ---
        the lock file does not fit the project file: renew it (`uv lock`, `npm install`, `pnpm install`), commit it, and deploy again
        ---
        it needs more memory than there is; on the server:
          free -h
        as root:
          sudo dmesg -T | grep -iE 'oom|out of memory'
        ");
    }

    #[test]
    fn how_install_ended_decides_the_hint() {
        let endings = [
            Ending::Exit(127),
            Ending::Exit(126),
            Ending::Exit(137),
            Ending::Signal(9),
            Ending::OutOfTime,
            Ending::Exit(1),
            Ending::Signal(15),
        ];
        let all =
            endings.map(|ending| command(Step::Install, &failed(ending, b"", None), &place()));
        insta::assert_snapshot!(all.map(|it| it.to_string()).join("\n---\n"), @r#"
        a program was not found: install runs without login scripts, so without what nvm, rbenv or pyenv add to PATH, and with `~/.local/bin` in it; its last lines name the program
        ---
        a program cannot be executed: check its mode and its first line
        ---
        most likely the server ran out of memory; on the server:
          free -h
        as root:
          sudo dmesg -T | grep -iE 'oom|out of memory'
        ---
        most likely the server ran out of memory; on the server:
          free -h
        as root:
          sudo dmesg -T | grep -iE 'oom|out of memory'
        ---
        it hangs or needs longer: read its last lines, or raise the input timeout
        ---
        its last lines show why; to run it by hand, on the server, as the deploy user, go to the newest release:
          cd /opt/diting/releases
          cd "$(ls -t | head -n 1)"
        ---
        its last lines show why; to run it by hand, on the server, as the deploy user, go to the newest release:
          cd /opt/diting/releases
          cd "$(ls -t | head -n 1)"
        "#);
    }

    #[test]
    fn a_killed_before_switch_may_have_left_something_half_done() {
        let endings = [
            Ending::OutOfTime,
            Ending::Signal(9),
            Ending::Exit(127),
            Ending::Exit(1),
        ];
        let all =
            endings.map(|ending| command(Step::BeforeSwitch, &failed(ending, b"", None), &place()));
        insta::assert_snapshot!(all.map(|it| it.to_string()).join("\n---\n"), @r#"
        it may have left something half done (a migration?), which the old release now uses: read its last lines and fix it before you deploy again; if it needs longer, raise the input timeout
        ---
        it may have left something half done; most likely the server ran out of memory; on the server:
          free -h
        as root:
          sudo dmesg -T | grep -iE 'oom|out of memory'
        ---
        the lines before it were run, and it may have left a database migration half done, which the live release now uses; a program was not found: before-switch runs without login scripts, so without what nvm, rbenv or pyenv add to PATH, and with `~/.local/bin` in it; its last lines name the program
        ---
        the lines before it were run, and it may have left a database migration half done, which the live release now uses; its last lines show why; to run it by hand, on the server, as the deploy user, go to the newest release:
          cd /opt/diting/releases
          cd "$(ls -t | head -n 1)"
        "#);
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "it shows whole texts")]
    fn how_restart_ended_decides_the_hint() {
        let refused = b"sudo: a password is required\n";
        let all = [
            failed(Ending::Exit(1), refused, None),
            failed(Ending::Exit(1), b"Job failed", None),
            failed(
                Ending::Exit(1),
                b"Job for a.service failed because a timeout was exceeded.",
                None,
            ),
            failed(
                Ending::Exit(1),
                b"",
                Some("OSError: [Errno 98] Address already in use"),
            ),
            failed(Ending::OutOfTime, b"", None),
        ];
        let all = all.map(|it| command(Step::Restart, &it, &place()));
        insta::assert_snapshot!(all.map(|it| it.to_string()).join("\n---\n"), @r#"
        the deploy user may not run it with sudo; on the server's console, as root:
          new=$(mktemp) && { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; echo 'deploy ALL=(root) NOPASSWD: /bin/systemctl restart diting'; } >"$new" && sudo visudo -cf "$new" && sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
        ---
        on the server:
          systemctl status diting
        as root:
          sudo journalctl -u diting -n 50 --no-pager
        ---
        the unit was not ready within TimeoutStartSec: with Type=notify it must report READY=1 in that time; otherwise one of its commands takes too long; compare:
          systemctl cat diting
        its log:
          systemctl status diting
        as root:
          sudo journalctl -u diting -n 50 --no-pager
        ---
        another process listens on the app's port; find it on the server, as root:
          sudo ss -tlnp
        ---
        the unit stops or starts too slowly; does the old process react to SIGTERM? On the server:
          systemctl status diting
        as root:
          sudo journalctl -u diting -n 50 --no-pager
        "#);
    }
}
