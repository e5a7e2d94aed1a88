//! Warnings.

use crate::protocol::{UnreadLog, Warning};
use crate::report::hints::sudoers;
use crate::report::place::shell;

/// What is wrong, and what to do about it.
#[must_use]
pub fn warning(warning: &Warning) -> String {
    match to_do(warning) {
        Some(command) => format!("{warning}; on the server: {command}"),
        None => warning.to_string(),
    }
}

fn to_do(warning: &Warning) -> Option<String> {
    match warning {
        Warning::Leftover { path, .. } => Some(format!("sudo rm -rf {}", shell(path))),
        Warning::DaemonReload => Some("sudo systemctl daemon-reload".to_owned()),
        Warning::NotEnabled(unit) => Some(format!("sudo systemctl enable {}", shell(unit))),
        Warning::DiskNearlyFull(_) => Some("df -h && sudo du -xsh /var/log".to_owned()),
        Warning::LogNotChecked(
            UnreadLog::NothingSinceReload { user }
            | UnreadLog::Nothing { user, .. }
            | UnreadLog::OnlyLast { user, .. },
        ) => Some(format!("sudo usermod -aG systemd-journal {}", shell(user))),
        Warning::LogNotChecked(
            UnreadLog::NoInvocation | UnreadLog::Elsewhere(_) | UnreadLog::Pattern { .. },
        ) => None,
        Warning::NoResetFailed { service, user } => Some(sudoers(user, "reset-failed", service)),
        Warning::LoggedErrors(_) | Warning::OldUnhealthy(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Notice;
    use crate::report::tests::{notices, warnings};

    #[test]
    fn every_warning_says_what_to_do() {
        let all: Vec<_> = warnings().iter().map(warning).collect();
        insta::assert_snapshot!(all.join("\n"), @"
        an old release could not be deleted: /opt/diting/releases/1762000000: Permission denied; on the server: sudo rm -rf /opt/diting/releases/1762000000
        the unit's file was changed, but systemd still uses the old one; on the server: sudo systemctl daemon-reload
        unit diting is not started at boot; on the server: sudo systemctl enable diting
        the disk of the target is used to 87 %; on the server: df -h && sudo du -xsh /var/log
        deploy may not run sudo -n systemctl reset-failed diting, so that systemd's start limit has to be waited for; on the server's console: echo 'deploy ALL=(ALL) NOPASSWD: /bin/systemctl reset-failed diting' | sudo tee -a /etc/sudoers.d/deploy-action && sudo chmod 440 /etc/sudoers.d/deploy-action && sudo visudo -c
        the log of the new start deserves a look: ERROR: no cache; Exception in worker process
        the log of the new start is not known to be clean: only its last 10 lines can be read
        what ran before was not healthy: health refused the connection: nobody listens there; there is no good release to go back to
        ");
    }

    #[test]
    fn every_notice_has_its_text() {
        let all: Vec<_> = notices().iter().map(Notice::to_string).collect();
        insta::assert_snapshot!(all.join("\n"), @"
        1762147685 was live and healthy, and is taken over as good
        who listens on the health port was not checked: it is nginx.service
        whether logind kills what a user leaves running could not be read; if it does, a cut line can stop a deployment
        waiting up to 10 s for systemd's start limit; the old release serves meanwhile
        waiting up to 5 min for systemd's start limit; nothing serves meanwhile
        current was a link to /opt/diting/previous; the next switch writes a relative one
        ");
    }
}
