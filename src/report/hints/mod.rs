//! What to do next, for everything that can go wrong. Text and commands alternate; a command has a line of its own,
//! indented, to be copied.

mod command;
mod connection;
mod finding;
mod health;
mod reason;
mod run_error;
mod steps;
mod unit;

pub use finding::finding;
pub(super) use finding::sudoers;
pub use reason::reason;
pub use run_error::run_error;

use super::Place;
use crate::protocol::{End, Outcome};
use steps::steps;

/// What to do about how the run ended.
#[must_use]
pub fn hint(end: &End, place: &Place) -> String {
    let why = why(end, place);
    match end.outcome {
        Outcome::RollbackFailed => {
            steps(&format!("now, on {}:", place.host), &unit::commands(place)) + "\n" + &why
        }
        Outcome::Error if why.is_empty() => run_error::REPORT.to_owned(),
        Outcome::Deployed
        | Outcome::Restored
        | Outcome::Error
        | Outcome::Invalid
        | Outcome::Unreachable
        | Outcome::NotReady
        | Outcome::Failed
        | Outcome::RolledBack
        | Outcome::Busy
        | Outcome::Unknown
        | Outcome::Cancelled => why,
    }
}

/// What to do about the cause; after a failed rollback, about that first.
fn why(end: &End, place: &Place) -> String {
    let verdict = end.verdict.as_ref();
    let failed = verdict.and_then(|verdict| match end.outcome {
        Outcome::RollbackFailed => verdict.rollback.as_ref().or(verdict.failure.as_ref()),
        _ => verdict.failure.as_ref(),
    });
    let own = end.error.as_ref().map(|it| run_error(it, place));
    own.or_else(|| failed.map(|failure| reason(failure, place)))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Failure, Step};
    use crate::report::tests::{ends, findings, place, reasons, run_errors};

    #[test]
    #[expect(clippy::too_many_lines, reason = "it shows whole texts")]
    fn a_reason_says_what_to_do() {
        let of = |reason| {
            crate::report::hints::reason(
                &Failure {
                    step: Step::Verify,
                    reason,
                },
                &place(),
            )
        };
        let all: Vec<_> = reasons().into_iter().map(of).collect();
        insta::assert_snapshot!(all.join("\n---\n"), @"
        on the server's console:
          echo 'deploy ALL=(ALL) NOPASSWD: /bin/systemctl restart diting' | sudo tee -a /etc/sudoers.d/deploy-action && sudo chmod 440 /etc/sudoers.d/deploy-action && sudo visudo -c
        on the server's console:
          sudo loginctl enable-linger deploy
        install it on the server, as the deploy user, into ~/.local/bin:
          curl -LsSf https://astral.sh/uv/install.sh | sh && ~/.local/bin/uv --version
        install it on the server; a program of the deploy user's own belongs into ~/.local/bin:
          sudo apt-get install make || sudo dnf install make
        make room on the server, or lower the input min-free:
          df -h /opt/diting; df -i /opt/diting
          sudo du -xsh /opt/diting/releases /var/log
        make room on the server, or lower the input min-free:
          df -h /opt/diting; df -i /opt/diting
          sudo du -xsh /opt/diting/releases /var/log
        the target must be on a local file system, not on a network share; on the server:
          findmnt -T /opt/diting
        ---
        wait for that run to end, or cancel it, then run this one again; to have runs wait for each other, give the job a concurrency group
        ---
        wait for that run to end, or cancel it, then run this one again; to have runs wait for each other, give the job a concurrency group
        ---
        make room on the server (files may be used up, too):
          df -h /opt/diting; df -i /opt/diting
          sudo du -xsh /opt/diting/releases /var/log
          sudo journalctl --vacuum-time=7d
        ---
        the file system is read-only, often after an error of the disk; on the server:
          findmnt -T /opt/diting/releases/1762147999/app.py
          sudo dmesg -T | tail -n 30
        ---
        see on the server who may what, and give to the deploy user what it needs:
          namei -l /opt/diting/releases/1762147999/app.py
          sudo chown deploy: /opt/diting/releases/1762147999
        ---
        look at it on the server:
          namei -l /opt/diting/releases/1762147999/app.py
        ---
        run it again: what arrived whole is kept; if it happens again, it is a bug
        ---
        run it again: what was uploaded is kept
        ---
        see above which step took the time, or raise the input timeout
        ---
        on the server:
          systemctl status diting
          sudo journalctl -u diting -n 50 --no-pager
        ---
        on the server:
          systemctl status diting
          sudo journalctl -u diting -n 50 --no-pager
        ---
        on the server:
          systemctl status diting
          sudo journalctl -u diting -n 50 --no-pager
        ---
        the unit stops or starts too slowly; does the old process react to SIGTERM? On the server:
          systemctl status diting
          sudo journalctl -u diting -n 50 --no-pager
        ---
        does install make it (is it among the dependencies in uv.lock)? Does the unit name the right path? Compare:
          systemctl cat diting
        ---
        put it there on the server, readable for the service, or take it out of the input shared:
          ls -la /opt/diting/shared/config/wechat.yaml
        ---
        these lines are of the new start; what is no crash can be told apart by the inputs log-pattern and log-check
        ---
        it crashed too often; first find out why, then let systemd forget it:
          sudo journalctl -u diting -n 50 --no-pager
          sudo systemctl reset-failed diting && sudo systemctl restart diting
        ---
        its log says why; most often an import error, a missing dependency or a missing configuration file:
          systemctl status diting
          sudo journalctl -u diting -n 50 --no-pager
        ---
        203/EXEC: the program of ExecStart cannot be run; compare its path, and a script's first line:
          systemctl cat diting
        ---
        200/CHDIR: the unit's WorkingDirectory is not in the new release; compare:
          systemctl cat diting
        ---
        217/USER: the unit's User does not exist on the server; compare:
          systemctl cat diting
        ---
        most likely the server ran out of memory; on the server:
          sudo dmesg -T | grep -iE 'oom|out of memory'
          free -h
        ---
        203/EXEC: the program of ExecStart cannot be run; compare its path, and a script's first line:
          systemctl cat diting
        ---
        does the input restart really restart this unit? A reload keeps the old process
        ---
        which Condition… line does this release not meet? On the server:
          systemctl cat diting
          systemctl status diting
        ---
        while a deployment runs, nobody else may restart the unit or change current; who it was:
          last -n 5
          sudo journalctl _COMM=sudo -n 20 --no-pager
        ---
        this must work on the server for the deploy user:
          sudo -iu deploy systemctl show diting
        ---
        an old process, often one started by hand; find it on the server, end it, then deploy again:
          sudo ss -tlnp 'sport = :8000'
          sudo kill PID
        ---
        run it again: the next run first brings it to its end; on the server, why it happened:
          uptime
          sudo dmesg -T | grep -iE 'oom|out of memory'
        ---
        see what there is by command: releases
        ---
        see what there is by command: releases
        ---
        the app's log says why:
          sudo journalctl -u diting -n 50 --no-pager
        ---
        no redirect is followed: set health-url to where it leads (https://web1/login), or add its status to health-status
        ---
        compare the body with health-match; does an old process answer, or a proxy before it?
        ---
        nobody listens on the port of health-url: is it the one that the app takes? If the app is slow to start, raise health-timeout; on the server:
          sudo ss -tlnp
          sudo journalctl -u diting -n 50 --no-pager
        ---
        something listens, but does not answer: the app hangs at start, or waits for a database or another service:
          sudo journalctl -u diting -n 50 --no-pager
        ---
        is health-url right: http or https, port, path? Try it with curl -v on the server
        ");
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "it shows whole texts")]
    fn a_finding_says_what_to_do() {
        let all: Vec<_> = findings()
            .iter()
            .map(|found| finding(found, &place()))
            .collect();
        insta::assert_snapshot!(all.join("\n---\n"), @"
        on the server's console:
          sudo mkdir -p /opt/diting && sudo chown -R deploy: /opt/diting
        ---
        a folder can't be replaced in one step. Make a release of it, so that it can be gone back to, then deploy again:
          cd /opt/diting && sudo install -d -o deploy releases && id=$(date +%s) && sudo mv current releases/$id && sudo ln -s releases/$id current
        ---
        it must be a link into releases, or not exist; look at it, and move it away just before you deploy again:
          ls -ld /opt/diting/current
          sudo mv /opt/diting/current /opt/diting/current.before
        ---
        the service must be a systemd unit of the server itself, not of a container; for files that nothing serves as a unit, set the inputs service: none and restart: none
        ---
        is the input service the unit's name? The server knows these; a new unit file needs a daemon-reload:
          systemctl list-unit-files --type=service
          sudo systemctl daemon-reload
        ---
        on the server's console:
          sudo systemctl unmask diting
        ---
        the unit's file has a mistake; on the server:
          systemctl cat diting
          sudo systemd-analyze verify diting
        ---
        on the server's console:
          echo 'deploy ALL=(ALL) NOPASSWD: /bin/systemctl restart diting' | sudo tee -a /etc/sudoers.d/deploy-action && sudo chmod 440 /etc/sudoers.d/deploy-action && sudo visudo -c
        ---
        on the server's console:
          sudo loginctl enable-linger deploy
        ---
        install it on the server, as the deploy user, into ~/.local/bin:
          curl -LsSf https://astral.sh/uv/install.sh | sh && ~/.local/bin/uv --version
        ---
        install it on the server; a program of the deploy user's own belongs into ~/.local/bin:
          sudo apt-get install make || sudo dnf install make
        ---
        make room on the server, or lower the input min-free:
          df -h /opt/diting; df -i /opt/diting
          sudo du -xsh /opt/diting/releases /var/log
        ---
        make room on the server, or lower the input min-free:
          df -h /opt/diting; df -i /opt/diting
          sudo du -xsh /opt/diting/releases /var/log
        ---
        the target must be on a local file system, not on a network share; on the server:
          findmnt -T /opt/diting
        ");
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "it shows whole texts")]
    fn a_run_error_says_what_to_do() {
        let all: Vec<_> = run_errors()
            .iter()
            .map(|it| run_error(it, &place()))
            .collect();
        insta::assert_snapshot!(all.join("\n---\n"), @"
        on the runner:
          sudo apt-get update && sudo apt-get install -y openssh-client
        ---
        the input key must hold the whole private key, from its BEGIN line to its END line; where the key file is:
          ssh-keygen -y -f KEYFILE
          gh secret set NAME < KEYFILE
        ---
        remove it, or name it in the input exclude
        ---
        are the inputs service and target right? The deploy user must have a login shell, and be able to write and run files there (no noexec, space left); on the server's console:
          sudo mkdir -p /opt/diting && sudo chown -R deploy: /opt/diting
          getent passwd deploy; findmnt -T /opt/diting; df -h /opt/diting; ls -ld /opt/diting
        ---
        there are server parts for x86_64 and aarch64; they lie beside this program, as in the action's dist folder
        ---
        login scripts on the server must not fail, or end the shell; this must end with 0 and print nothing:
          ssh -p 22 deploy@web1.example true
        ---
        run it again: what was uploaded is kept
        ---
        after that time the next run tells how it ended; on the server:
          readlink /opt/diting/current /opt/diting/previous
        ---
        see above which step took the time, or raise the input timeout
        ---
        run it again: what was uploaded is kept
        ---
        after that time the next run tells how it ended; on the server:
          readlink /opt/diting/current /opt/diting/previous
        ---
        please report it, with this log: https://github.com/diting/deploy-action/issues
        ---
        what is offered may be the server, or somebody who stands between; only the server itself can tell. On its console (not over ssh):
          ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub
        only if that shows SHA256:47DEQpj8HBSa, this is the line for the input known-hosts:
          web1.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==
        ---
        either the server was set up anew, or somebody stands between; only the server itself can tell. On its console (not over ssh):
          ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub
        only if that shows SHA256:47DEQpj8HBSa, this is the line for the input known-hosts:
          web1.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==
        ---
        a revoked key may be in wrong hands: give the server a new one, and put its line into the input known-hosts
        ---
        what is offered may be the server, or somebody who stands between; only the server itself can tell. On its console (not over ssh):
          ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub
        only if that shows SHA256:47DEQpj8HBSa, this is the line for the input known-hosts:
          web1.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==
        ---
        the input passphrase must be the one that opens the key; where the key file is, this asks for it:
          ssh-keygen -y -f KEYFILE
        ---
        the public half of the key (ssh-keygen -y -f KEYFILE) must stand in authorized_keys of that user, in a folder that nobody else may write; on the server's console:
          sudo cat ~hop/.ssh/authorized_keys
          sudo chown -R hop: ~hop/.ssh && sudo chmod 700 ~hop/.ssh && sudo chmod 600 ~hop/.ssh/*
          sudo journalctl -u ssh -u sshd -n 20 --no-pager
        ---
        does sshd listen on port 22, and do firewall and the provider's security group let it through? On the server's console:
          sudo systemctl status ssh sshd; sudo ss -tlnp | grep sshd
          sudo firewall-cmd --list-all || sudo ufw status
          sudo firewall-cmd --permanent --add-port=22/tcp && sudo firewall-cmd --reload
        ---
        are host and port (22) right? Firewall and the provider's security group must let the runner in; runners hosted by GitHub change their addresses and have no IPv6
        ---
        is the input host right (web1.example)? If it is, its name is not in the public DNS
        ---
        either the server was set up anew, or somebody stands between; only the server itself can tell. On its console (not over ssh) show the right line for the input known-hosts, and the fingerprint to compare:
          sed 's/^/web1.example /' /etc/ssh/ssh_host_ed25519_key.pub
          ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub
        ---
        the public half of the key (ssh-keygen -y -f KEYFILE) must stand in authorized_keys of that user, in a folder that nobody else may write; on the server's console:
          sudo cat ~deploy/.ssh/authorized_keys
          sudo chown -R deploy: ~deploy/.ssh && sudo chmod 700 ~deploy/.ssh && sudo chmod 600 ~deploy/.ssh/*
          sudo journalctl -u ssh -u sshd -n 20 --no-pager
        ---
        on the server's console, what sshd says:
          sudo journalctl -u ssh -u sshd -n 20 --no-pager
        ");
    }

    #[test]
    fn whatever_goes_wrong_there_is_a_hint() {
        for end in ends() {
            let may_be_silent = matches!(
                end.outcome,
                Outcome::Deployed | Outcome::Restored | Outcome::Invalid
            );
            assert!(may_be_silent || !hint(&end, &place()).is_empty(), "{end:?}");
        }
    }

    #[test]
    fn no_hint_takes_a_host_key_from_the_network() {
        let texts = run_errors()
            .iter()
            .map(|it| run_error(it, &place()))
            .collect::<String>();
        assert!(!texts.contains("keyscan"), "{texts}");
    }
}
