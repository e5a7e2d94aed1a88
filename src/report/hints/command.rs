//! Hints for a command that failed.

use super::finding::{sudoers, INSTALL_UV};
use super::steps::{steps, Hint};
use super::unit;
use crate::protocol::{Ending, Step};
use crate::report::place::{shell, Place};
use crate::text::Prose;

/// What to do about a command that failed.
pub(super) fn command(step: Step, ending: Ending, output: &[u8], place: &Place) -> Hint {
    if sudo_refused(output) {
        let unit = place.service.as_deref().unwrap_or("UNIT");
        let line = sudoers(&place.user, "restart", unit);
        return steps(
            "the deploy user may not run it with sudo; on the server's console:",
            &[line],
        );
    }
    match step {
        Step::Restart | Step::RollBack | Step::Verify => unit::restart(ending, place),
        Step::Connect
        | Step::Lock
        | Step::Recover
        | Step::Check
        | Step::Upload
        | Step::Install
        | Step::Seal
        | Step::Switch
        | Step::Commit
        | Step::Retention => install("install", ending, place),
        Step::BeforeSwitch => before_switch(ending, place),
    }
}

/// It may have changed what the live release uses, most often a database.
fn before_switch(ending: Ending, place: &Place) -> Hint {
    match ending {
        Ending::OutOfTime => {
            "it may have left something half done (a migration?), which the old release now uses: read its last lines and \
             fix it before you deploy again; if it needs longer, raise the input timeout".into()
        }
        Ending::Signal(_) => install("before-switch", ending, place).after("it may have left something half done; "),
        Ending::Exit(_) => install("before-switch", ending, place).after("the lines before it were run; "),
    }
}

fn install(name: &str, ending: Ending, place: &Place) -> Hint {
    match ending {
        Ending::Exit(127) => steps(
            Prose::of(
                "a program was not found: {} runs without login scripts and with `~/.local/bin` in its PATH; to install uv, \
                 on the server as the deploy user:",
                [&name],
            ),
            &[INSTALL_UV.to_owned()],
        ),
        Ending::Exit(126) => {
            "a program cannot be executed: check its mode and its first line".into()
        }
        Ending::Exit(137) | Ending::Signal(9) => unit::out_of_memory(),
        Ending::OutOfTime => "it hangs or needs longer: read its last lines, or raise the input timeout".into(),
        Ending::Exit(_) | Ending::Signal(_) => steps(
            "its last lines show why; run it from the command line on the server, in the newest folder of:",
            &[format!("sudo -iu {} ls -t {}", shell(&place.user), place.below("releases"))],
        ),
    }
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
        let all = endings.map(|ending| command(Step::Install, ending, b"", &place()));
        insta::assert_snapshot!(all.map(|it| it.to_string()).join("\n---\n"), @"
        a program was not found: install runs without login scripts and with `~/.local/bin` in its PATH; to install uv, on the server as the deploy user:
          curl -LsSf https://astral.sh/uv/install.sh | sh && ~/.local/bin/uv --version
        ---
        a program cannot be executed: check its mode and its first line
        ---
        most likely the server ran out of memory; on the server:
          sudo dmesg -T | grep -iE 'oom|out of memory'
          free -h
        ---
        most likely the server ran out of memory; on the server:
          sudo dmesg -T | grep -iE 'oom|out of memory'
          free -h
        ---
        it hangs or needs longer: read its last lines, or raise the input timeout
        ---
        its last lines show why; run it from the command line on the server, in the newest folder of:
          sudo -iu deploy ls -t /opt/diting/releases
        ---
        its last lines show why; run it from the command line on the server, in the newest folder of:
          sudo -iu deploy ls -t /opt/diting/releases
        ");
    }

    #[test]
    fn a_killed_before_switch_may_have_left_something_half_done() {
        let endings = [
            Ending::OutOfTime,
            Ending::Signal(9),
            Ending::Exit(127),
            Ending::Exit(1),
        ];
        let all = endings.map(|ending| command(Step::BeforeSwitch, ending, b"", &place()));
        insta::assert_snapshot!(all.map(|it| it.to_string()).join("\n---\n"), @"
        it may have left something half done (a migration?), which the old release now uses: read its last lines and fix it before you deploy again; if it needs longer, raise the input timeout
        ---
        it may have left something half done; most likely the server ran out of memory; on the server:
          sudo dmesg -T | grep -iE 'oom|out of memory'
          free -h
        ---
        the lines before it were run; a program was not found: before-switch runs without login scripts and with `~/.local/bin` in its PATH; to install uv, on the server as the deploy user:
          curl -LsSf https://astral.sh/uv/install.sh | sh && ~/.local/bin/uv --version
        ---
        the lines before it were run; its last lines show why; run it from the command line on the server, in the newest folder of:
          sudo -iu deploy ls -t /opt/diting/releases
        ");
    }

    #[test]
    fn how_restart_ended_decides_the_hint() {
        let refused = b"sudo: a password is required\n";
        let all = [
            command(Step::Restart, Ending::Exit(1), refused, &place()),
            command(Step::Restart, Ending::Exit(1), b"Job failed", &place()),
            command(Step::Restart, Ending::OutOfTime, b"", &place()),
        ];
        insta::assert_snapshot!(all.map(|it| it.to_string()).join("\n---\n"), @"
        the deploy user may not run it with sudo; on the server's console:
          echo 'deploy ALL=(ALL) NOPASSWD: /bin/systemctl restart diting' | sudo tee -a /etc/sudoers.d/deploy-action && sudo chmod 440 /etc/sudoers.d/deploy-action && sudo visudo -c
        ---
        on the server:
          systemctl status diting
          sudo journalctl -u diting -n 50 --no-pager
        ---
        the unit stops or starts too slowly; does the old process react to SIGTERM? On the server:
          systemctl status diting
          sudo journalctl -u diting -n 50 --no-pager
        ");
    }
}
