//! `systemctl status`, which shows a unit's last log lines to a user without the right to read the journal.

use super::invocation::PreviousInvocation;
use crate::protocol::UnitRef;
use crate::server::unit::systemd::privileged;
use std::process::Command;

/// `sudo systemctl status`, in the one literal form that a server's sudoers file may allow.
pub(in crate::server::unit) fn status(unit: UnitRef<'_>) -> Command {
    let mut status = privileged("status", unit);
    status.env("SYSTEMD_PAGER", "cat");
    status
}

/// Whether `process`, such as `diting[12]`, belongs to the previous invocation.
pub(super) fn is_of(previous: PreviousInvocation<'_>, process: &str) -> bool {
    let pid = process
        .strip_suffix(']')
        .and_then(|rest| rest.rsplit_once('['));
    pid.and_then(|(_, pid)| pid.parse().ok())
        .is_some_and(|pid| previous.processes.contains(&pid))
}

/// The messages that `systemctl status` shows below the first empty line, without time and host. `keep` selects them by
/// process.
pub(in crate::server::unit) fn messages(
    output: &[Vec<u8>],
    keep: impl Fn(&str) -> bool,
) -> Vec<Vec<u8>> {
    let below = output.iter().skip_while(|line| !line.is_empty()).skip(1);
    let mut messages = Vec::new();
    let mut indent = usize::MAX;
    for line in below {
        let text = String::from_utf8_lossy(line);
        if let Some((process, message)) = message_in(&text) {
            let kept = keep(process);
            indent = if kept {
                text.len() - message.len()
            } else {
                usize::MAX
            };
            messages.extend(kept.then(|| message.to_owned().into_bytes()));
        } else if let Some(more) = line
            .get(indent..)
            .filter(|_| line[..indent].iter().all(|b| *b == b' '))
        {
            // the next line of the same message
            messages.push(more.to_vec());
        }
    }
    messages
}

/// Process `diting[12]` and the message of `Nov 03 05:16:40 web1 diting[12]: message`.
fn message_in(line: &str) -> Option<(&str, &str)> {
    let (month, rest) = line.split_once(' ')?;
    let (day, rest) = rest.trim_start().split_once(' ')?;
    let (time, rest) = rest.split_once(' ')?;
    let is_time = time.len() == 8 && time.bytes().all(|b| b.is_ascii_digit() || b == b':');
    if month.is_empty() || !is_time || day.parse::<u8>().is_err() {
        return None;
    }
    rest.split_once(' ')?.1.split_once(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "\
● diting.service - The Diting Application
     Loaded: loaded (/etc/systemd/system/diting.service; enabled; preset: enabled)
     Active: active (running) since Mon 2025-11-03 05:16:40 UTC; 2s ago
   Main PID: 4711 (uvicorn)
      Tasks: 1 (limit: 4521)
     CGroup: /system.slice/diting.service
             └─4711 /opt/diting/current/.venv/bin/python3

Nov 03 05:16:40 web1 systemd[1]: Started diting.service - The Diting Application.
Nov 03 05:16:41 web1 uvicorn[4711]: INFO:     Started server process [4711]
Nov  3 05:16:41 web1 my app[4711]: Traceback (most recent call last):
                                     File \"x\"
Hint: Some lines were ellipsized, use -l to show in full.
";

    fn lines(text: &str) -> Vec<Vec<u8>> {
        text.lines().map(|line| line.as_bytes().to_vec()).collect()
    }

    fn texts(text: &str) -> Vec<String> {
        messages(&lines(text), |_| true)
            .into_iter()
            .map(|line| String::from_utf8(line).unwrap())
            .collect()
    }

    #[test]
    fn messages_are_read_from_a_status() {
        assert_eq!(
            texts(STATUS),
            [
                "Started diting.service - The Diting Application.",
                "INFO:     Started server process [4711]",
                "Traceback (most recent call last):",
                "  File \"x\""
            ]
        );
        assert!(texts("sudo: a password is required").is_empty());
        assert!(texts("").is_empty());
        assert!(texts("\nNov 03 05:16:40\nNov 03 05:16:40 a\nNov é3 05:16:40 b c: d\n").is_empty());
    }

    #[test]
    fn messages_of_systemd_can_be_left_out() {
        let status = format!(
            "{STATUS}Nov 03 05:16:42 web1 systemd[1]: diting.service: Failed.\n  of two lines\n"
        );
        let own = messages(&lines(&status), |process| !process.starts_with("systemd["));
        let own: Vec<_> = own
            .iter()
            .map(|line| String::from_utf8_lossy(line))
            .collect();
        assert_eq!(
            own,
            [
                "INFO:     Started server process [4711]",
                "Traceback (most recent call last):",
                "  File \"x\""
            ]
        );
    }
}
