use super::answer;
use crate::protocol::{Notice, Warning};
use crate::report::hints::sudoers;
use crate::report::place::shell;
use crate::text::amounts::limit;
use crate::text::excerpt::excerpt;

/// Something a person should act on, and how.
#[must_use]
pub fn warning(warning: &Warning) -> String {
    match warning {
        Warning::Leftover { path, error } => format!(
            "an old release could not be deleted: {}: {}; on the server: sudo rm -rf {}",
            excerpt(path),
            excerpt(error),
            shell(path)
        ),
        Warning::DaemonReload => {
            "the unit's file was changed, but systemd still uses the old one; on the server: sudo systemctl daemon-reload"
                .to_owned()
        }
        Warning::NotEnabled(unit) => {
            format!("unit {} is not started at boot; on the server: sudo systemctl enable {}", excerpt(unit), shell(unit))
        }
        Warning::DiskNearlyFull(used) => {
            format!("the disk of the target is used to {used} %; on the server: df -h && sudo du -xsh /var/log")
        }
        Warning::LogWords(lines) => {
            let all: Vec<String> = lines.iter().map(excerpt).collect();
            format!("the log of the new start deserves a look: {}", all.join("; "))
        }
        Warning::LogNotChecked(why) => format!("the log of the new start is not known to be clean: {}", excerpt(why)),
        Warning::NoResetFailed { service, user } => format!(
            "{} may not run sudo -n systemctl reset-failed {}, so that systemd's start limit has to be waited for; on the \
             server's console: {}",
            excerpt(user),
            excerpt(service),
            sudoers(user, "reset-failed", service)
        ),
        Warning::OldUnhealthy(last) => {
            format!("what ran before was not healthy: health {}; there is no good release to go back to", answer(last))
        }
    }
}

/// Something a person should know.
#[must_use]
pub fn notice(notice: &Notice) -> String {
    match notice {
        Notice::TakenOver(id) => format!("{id} was live and healthy, and is taken over as good"),
        Notice::ListenerNotChecked(why) => format!("who listens on the health port was not checked: {}", excerpt(why)),
        Notice::LingerNotChecked => {
            "whether logind kills what a user leaves running could not be read; if it does, a cut line can stop a \
             deployment"
                .to_owned()
        }
        Notice::StartLimitWait { up_to, serving: true } => {
            format!("waiting up to {} for systemd's start limit; the old release serves meanwhile", limit(*up_to))
        }
        Notice::StartLimitWait { up_to, serving: false } => {
            format!("waiting up to {} for systemd's start limit; nothing serves meanwhile", limit(*up_to))
        }
        Notice::Adopted(found) => adopted(found),
    }
}

/// A link as `ls -l` shows it: name and text.
fn adopted(found: &str) -> String {
    let (name, text) = found.split_once(" -> ").unwrap_or(("current", found));
    format!(
        "{} was a link to {}; the next switch writes a relative one",
        excerpt(name),
        excerpt(text)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn every_notice_has_its_words() {
        let all: Vec<_> = notices().iter().map(notice).collect();
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
