//! Whole logs, as they are read.

use super::*;
use crate::protocol::{
    Answer, Attempt, ConnectionKind, Diagnostic, End, Ending, Event, Outcome, Reason, RunEvent, Staged, Step, Trouble,
    Unready, Verdict, Warning, What,
};
use crate::report::{Log, Page};
use std::time::Duration;

/// A run as it unfolds: each event of the server's 300 ms after the one before.
struct Run {
    log: Log,
    at: u64,
    lines: Vec<String>,
}

impl Run {
    fn connected(page: Page) -> Self {
        let mut run = Self { log: Log::new(page), at: 1_762_147_999_000, lines: Vec::new() };
        run.on(RunEvent::Planned(Box::new(planned())));
        run.on(RunEvent::Connecting);
        run
    }

    fn on(&mut self, event: RunEvent) {
        self.lines.extend(self.log.on(&event));
    }

    fn server(&mut self, what: What) {
        self.at += 300;
        self.on(RunEvent::Server(Event { at: self.at, what }));
    }

    fn steps(&mut self, steps: impl IntoIterator<Item = Step>) {
        steps.into_iter().for_each(|step| self.server(What::Step(step)));
    }

    fn output(&mut self, line: &str) {
        self.server(What::Output(line.as_bytes().to_vec()));
    }

    fn staged(page: Page) -> Self {
        let mut run = Self::connected(page);
        run.on(RunEvent::Connected { took: Duration::from_millis(1840) });
        run.steps([Step::Lock, Step::Check, Step::Upload]);
        run.on(RunEvent::Sending { files: 12, bytes: 34_567 });
        run.server(What::Staged(Staged { release: id(NEW), received: 12, received_bytes: 34_567, copied: 108 }));
        run.steps([Step::Install]);
        run.output("Resolved 42 packages in 1ms");
        run
    }

    fn switched(page: Page, previous: Option<&str>) -> Self {
        let mut run = Self::staged(page);
        run.steps([Step::Seal, Step::Switch]);
        let deadline = Duration::from_secs(310);
        run.server(What::PointOfNoReturn { release: id(NEW), previous: previous.map(id), deadline });
        run.steps([Step::Restart, Step::Verify]);
        run
    }

    fn attempts(&mut self, numbers: std::ops::RangeInclusive<u32>, answer: &Answer) {
        for number in numbers {
            self.server(What::Attempt(Attempt { number, answer: answer.clone(), took: Duration::from_millis(12) }));
        }
    }

    fn end(mut self, verdict: Verdict) -> String {
        self.server(What::Ended(Box::new(verdict.clone())));
        self.on(RunEvent::Ended(Box::new(by_verdict(verdict))));
        self.lines.join("\n")
    }

    fn cut(mut self, end: End) -> String {
        self.on(RunEvent::Ended(Box::new(end)));
        self.lines.join("\n")
    }
}

fn down() -> Answer {
    Answer::Status { status: 500, location: None, body: b"no database".to_vec() }
}

fn broken(run: &mut Run) {
    run.attempts(1..=2, &Answer::Refused);
    run.attempts(3..=12, &down());
    let text = b"INFO: started\nTraceback (most recent call last):\r\n##[error]x\n::set-output name=a::b\n\x1b[31mKeyError\x1b[0m\rz";
    run.server(What::Diagnostics(vec![Diagnostic { title: "journal of diting".into(), text: text.to_vec() }]));
    run.steps([Step::RollBack]);
}

#[test]
fn first_deployment() {
    let mut run = Run::switched(Page::Actions, None);
    run.attempts(1..=2, &Answer::Refused);
    run.attempts(3..=6, &Answer::Healthy { status: 200 });
    run.steps([Step::Commit]);
    insta::assert_snapshot!(run.end(Verdict { previous: None, ..verdict(Outcome::Deployed, Some(NEW), None) }), @"
    deploy to deploy@web1.example, /opt/diting, unit diting
    commit 3f2a1bc, 120 entries, 1.2 MB; 30 min until the switch at the most
    ::group::connect: log in to deploy@web1.example and start the server part
    ::endgroup::
    ✓ connect, 1.8 s
    ::group::lock: take the lock of /opt/diting on web1.example, so that nobody else deploys there meanwhile
    ::endgroup::
    ✓ lock, 0.3 s
    ::group::check: look on web1.example for what must be fixed first
    ::endgroup::
    ✓ check, 0.3 s
    ::group::upload: bring the tree into /opt/diting/releases on web1.example
    sending 12 files, 34.6 kB
    ::endgroup::
    ✓ upload, 0.6 s: release 1762147999, 12 files sent (34.6 kB), 108 already there
    ::group::install: run install in the new release on web1.example
    │ Resolved 42 packages in 1ms
    ::endgroup::
    ✓ install, 0.6 s
    ::group::seal: make the new release durable on web1.example
    ::endgroup::
    ✓ seal, 0.3 s
    ::group::switch: point /opt/diting/current at the new release on web1.example
    ::endgroup::
    1762147999 goes live; from here on the server finishes alone, within 5 min 10 s; nothing to go back to
    ✓ switch, 0.6 s
    ::group::restart: restart unit diting on web1.example
    ::endgroup::
    ✓ restart, 0.3 s
    ::group::verify: watch unit diting on web1.example
    attempt 1: health refused the connection: nobody listens there, 0.0 s
    attempt 3: health answered 200, as it should, 0.0 s
    ::endgroup::
    ✓ verify, 2.1 s
    ::group::commit: make the new release the one to stay
    ::endgroup::
    ✓ commit, 0.3 s
    ::notice title=Deployed::1762147999 is live and healthy
    deployed: 1762147999 is live and healthy; 21.4 s
    ");
}

#[test]
fn redeployment_on_a_terminal() {
    let mut run = Run::switched(Page::Terminal, Some(OLD));
    run.server(What::Warning(Warning::DaemonReload));
    run.attempts(1..=5, &Answer::Healthy { status: 200 });
    run.steps([Step::Commit]);
    insta::assert_snapshot!(run.end(verdict(Outcome::Deployed, Some(NEW), None)), @"
    deploy to deploy@web1.example, /opt/diting, unit diting
    commit 3f2a1bc, 120 entries, 1.2 MB; 30 min until the switch at the most
    == connect: log in to deploy@web1.example and start the server part
    ✓ connect, 1.8 s
    == lock: take the lock of /opt/diting on web1.example, so that nobody else deploys there meanwhile
    ✓ lock, 0.3 s
    == check: look on web1.example for what must be fixed first
    ✓ check, 0.3 s
    == upload: bring the tree into /opt/diting/releases on web1.example
    sending 12 files, 34.6 kB
    ✓ upload, 0.6 s: release 1762147999, 12 files sent (34.6 kB), 108 already there
    == install: run install in the new release on web1.example
    │ Resolved 42 packages in 1ms
    ✓ install, 0.6 s
    == seal: make the new release durable on web1.example
    ✓ seal, 0.3 s
    == switch: point /opt/diting/current at the new release on web1.example
    1762147999 goes live; from here on the server finishes alone, within 5 min 10 s; 1762147685 is the way back
    ✓ switch, 0.6 s
    == restart: restart unit diting on web1.example
    ✓ restart, 0.3 s
    == verify: watch unit diting on web1.example
    warning: On the server
    the unit's file was changed, but systemd still uses the old one; on the server: sudo systemctl daemon-reload
    attempt 1: health answered 200, as it should, 0.0 s
    ✓ verify, 2.1 s
    == commit: make the new release the one to stay
    ✓ commit, 0.3 s
    notice: Deployed
    1762147999 is live and healthy
    deployed: 1762147999 is live and healthy; 21.4 s
    ");
}

#[test]
fn redeployment_that_waits_and_finds_an_unfinished_run() {
    let mut run = Run::connected(Page::Actions);
    run.on(RunEvent::Noise(b"Welcome to web1!".to_vec()));
    run.on(RunEvent::Connected { took: Duration::from_millis(1840) });
    run.on(RunEvent::CopyingServerPart { bytes: 2_345_678 });
    run.steps([Step::Lock]);
    run.server(What::Waiting(Some(held())));
    run.steps([Step::Recover]);
    let earlier = verdict(Outcome::RolledBack, Some(OLD), failed(Step::Verify, Reason::Interrupted));
    run.server(What::Recovered(Box::new(earlier)));
    run.output("a line after it");
    run.steps([Step::Check, Step::Upload]);
    insta::assert_snapshot!(run.end(verdict(Outcome::Deployed, Some(NEW), None)), @"
    deploy to deploy@web1.example, /opt/diting, unit diting
    commit 3f2a1bc, 120 entries, 1.2 MB; 30 min until the switch at the most
    ::group::connect: log in to deploy@web1.example and start the server part
    │ Welcome to web1!
    ::endgroup::
    ✓ connect, 1.8 s
    copying the server part (2.3 MB), once for each version
    ::group::lock: take the lock of /opt/diting on web1.example, so that nobody else deploys there meanwhile
    ::endgroup::
    waiting: another deployment holds the lock (by alice, since 2025-11-03 05:16:40 UTC, https://github.com/diting/app/actions/runs/7)
    ✓ lock, 0.6 s
    ::group::recover: bring what an earlier run left unfinished on web1.example to its end
    ::endgroup::
    ::warning title=An earlier run was unfinished::an earlier run left release 1762147999 unfinished, now brought to its end: rolled-back; it failed to verify (the process that deploys on the server was killed, or the server went down); 1762147685 is live
    ::group::recover, continued
    │ a line after it
    ::endgroup::
    ✓ recover, 0.9 s
    ::group::check: look on web1.example for what must be fixed first
    ::endgroup::
    ✓ check, 0.3 s
    ::group::upload: bring the tree into /opt/diting/releases on web1.example
    ::endgroup::
    ✓ upload, 0.3 s
    ::notice title=Deployed::1762147999 is live and healthy
    deployed: 1762147999 is live and healthy; 21.4 s
    ");
}

#[test]
fn rolled_back() {
    let mut run = Run::switched(Page::Actions, Some(OLD));
    broken(&mut run);
    run.attempts(1..=2, &Answer::Healthy { status: 200 });
    insta::assert_snapshot!(run.end(verdict(Outcome::RolledBack, Some(OLD), failed(Step::Verify, unhealthy(down())))), @r"
    deploy to deploy@web1.example, /opt/diting, unit diting
    commit 3f2a1bc, 120 entries, 1.2 MB; 30 min until the switch at the most
    ::group::connect: log in to deploy@web1.example and start the server part
    ::endgroup::
    ✓ connect, 1.8 s
    ::group::lock: take the lock of /opt/diting on web1.example, so that nobody else deploys there meanwhile
    ::endgroup::
    ✓ lock, 0.3 s
    ::group::check: look on web1.example for what must be fixed first
    ::endgroup::
    ✓ check, 0.3 s
    ::group::upload: bring the tree into /opt/diting/releases on web1.example
    sending 12 files, 34.6 kB
    ::endgroup::
    ✓ upload, 0.6 s: release 1762147999, 12 files sent (34.6 kB), 108 already there
    ::group::install: run install in the new release on web1.example
    │ Resolved 42 packages in 1ms
    ::endgroup::
    ✓ install, 0.6 s
    ::group::seal: make the new release durable on web1.example
    ::endgroup::
    ✓ seal, 0.3 s
    ::group::switch: point /opt/diting/current at the new release on web1.example
    ::endgroup::
    1762147999 goes live; from here on the server finishes alone, within 5 min 10 s; 1762147685 is the way back
    ✓ switch, 0.6 s
    ::group::restart: restart unit diting on web1.example
    ::endgroup::
    ✓ restart, 0.3 s
    ::group::verify: watch unit diting on web1.example
    attempt 1: health refused the connection: nobody listens there, 0.0 s
    attempt 3: health answered 500 with no database, 0.0 s
    attempt 10: health answered 500 with no database, 0.0 s
    ::endgroup::
    ✗ verify failed, 3.9 s: health answered 500
    --- journal of diting
    │ INFO: started
    │ Traceback (most recent call last):
    │ ##\[error]x
    │ ::set-output name=a::b
    │ �[31mKeyError�[0m
    │ z
    ::group::roll back: go back to the previous release on web1.example
    attempt 1: health answered 200, as it should, 0.0 s
    ::endgroup::
    ✓ roll back, 0.9 s
    ::error title=Deployment rolled back::1762147999 failed to verify (health answered 500 with no database after 30 attempts in 1 min)%0A1762147685 is live and healthy again%0Athe app's log says why:%0A  sudo journalctl -u diting -n 50 --no-pager
    rolled-back: 1762147999 failed to verify (health answered 500 with no database after 30 attempts in 1 min); 1762147685 is live and healthy again; 21.4 s
    ");
}

#[test]
fn rollback_failed() {
    let mut run = Run::switched(Page::Actions, Some(OLD));
    broken(&mut run);
    run.attempts(1..=2, &Answer::Refused);
    let rollback = failed(Step::RollBack, Reason::Crashed { result: "exit-code, 203".into() });
    let verdict = verdict(Outcome::RollbackFailed, Some(OLD), failed(Step::Verify, unhealthy(down())));
    insta::assert_snapshot!(run.end(Verdict { rollback, ..verdict }), @r"
    deploy to deploy@web1.example, /opt/diting, unit diting
    commit 3f2a1bc, 120 entries, 1.2 MB; 30 min until the switch at the most
    ::group::connect: log in to deploy@web1.example and start the server part
    ::endgroup::
    ✓ connect, 1.8 s
    ::group::lock: take the lock of /opt/diting on web1.example, so that nobody else deploys there meanwhile
    ::endgroup::
    ✓ lock, 0.3 s
    ::group::check: look on web1.example for what must be fixed first
    ::endgroup::
    ✓ check, 0.3 s
    ::group::upload: bring the tree into /opt/diting/releases on web1.example
    sending 12 files, 34.6 kB
    ::endgroup::
    ✓ upload, 0.6 s: release 1762147999, 12 files sent (34.6 kB), 108 already there
    ::group::install: run install in the new release on web1.example
    │ Resolved 42 packages in 1ms
    ::endgroup::
    ✓ install, 0.6 s
    ::group::seal: make the new release durable on web1.example
    ::endgroup::
    ✓ seal, 0.3 s
    ::group::switch: point /opt/diting/current at the new release on web1.example
    ::endgroup::
    1762147999 goes live; from here on the server finishes alone, within 5 min 10 s; 1762147685 is the way back
    ✓ switch, 0.6 s
    ::group::restart: restart unit diting on web1.example
    ::endgroup::
    ✓ restart, 0.3 s
    ::group::verify: watch unit diting on web1.example
    attempt 1: health refused the connection: nobody listens there, 0.0 s
    attempt 3: health answered 500 with no database, 0.0 s
    attempt 10: health answered 500 with no database, 0.0 s
    ::endgroup::
    ✗ verify failed, 3.9 s: health answered 500
    --- journal of diting
    │ INFO: started
    │ Traceback (most recent call last):
    │ ##\[error]x
    │ ::set-output name=a::b
    │ �[31mKeyError�[0m
    │ z
    ::group::roll back: go back to the previous release on web1.example
    attempt 1: health refused the connection: nobody listens there, 0.0 s
    ::endgroup::
    ✗ roll back failed, 0.9 s: health refused the connection: nobody listens there
    ::error title=Rollback failed%3A a person is needed now::1762147999 failed to verify (health answered 500 with no database after 30 attempts in 1 min)%0Acurrent is 1762147685, but it is not healthy: the unit's process on the server ended: exit-code, 203; a person is needed on web1.example now%0Aon the server:%0A  systemctl status diting%0A  sudo journalctl -u diting -n 50 --no-pager%0A203/EXEC: the program of ExecStart cannot be run; compare its path, and the first line of a script, with:%0A  systemctl cat diting
    rollback-failed: 1762147999 failed to verify (health answered 500 with no database after 30 attempts in 1 min); current is 1762147685, but it is not healthy: the unit's process on the server ended: exit-code, 203; a person is needed on web1.example now; 21.4 s
    ");
}

#[test]
fn failed_first_deployment() {
    let mut run = Run::switched(Page::Actions, None);
    broken(&mut run);
    let verdict = verdict(Outcome::Failed, None, failed(Step::Verify, unhealthy(down())));
    insta::assert_snapshot!(run.end(Verdict { previous: None, ..verdict }), @r"
    deploy to deploy@web1.example, /opt/diting, unit diting
    commit 3f2a1bc, 120 entries, 1.2 MB; 30 min until the switch at the most
    ::group::connect: log in to deploy@web1.example and start the server part
    ::endgroup::
    ✓ connect, 1.8 s
    ::group::lock: take the lock of /opt/diting on web1.example, so that nobody else deploys there meanwhile
    ::endgroup::
    ✓ lock, 0.3 s
    ::group::check: look on web1.example for what must be fixed first
    ::endgroup::
    ✓ check, 0.3 s
    ::group::upload: bring the tree into /opt/diting/releases on web1.example
    sending 12 files, 34.6 kB
    ::endgroup::
    ✓ upload, 0.6 s: release 1762147999, 12 files sent (34.6 kB), 108 already there
    ::group::install: run install in the new release on web1.example
    │ Resolved 42 packages in 1ms
    ::endgroup::
    ✓ install, 0.6 s
    ::group::seal: make the new release durable on web1.example
    ::endgroup::
    ✓ seal, 0.3 s
    ::group::switch: point /opt/diting/current at the new release on web1.example
    ::endgroup::
    1762147999 goes live; from here on the server finishes alone, within 5 min 10 s; nothing to go back to
    ✓ switch, 0.6 s
    ::group::restart: restart unit diting on web1.example
    ::endgroup::
    ✓ restart, 0.3 s
    ::group::verify: watch unit diting on web1.example
    attempt 1: health refused the connection: nobody listens there, 0.0 s
    attempt 3: health answered 500 with no database, 0.0 s
    attempt 10: health answered 500 with no database, 0.0 s
    ::endgroup::
    ✗ verify failed, 3.9 s: health answered 500
    --- journal of diting
    │ INFO: started
    │ Traceback (most recent call last):
    │ ##\[error]x
    │ ::set-output name=a::b
    │ �[31mKeyError�[0m
    │ z
    ::group::roll back: go back to the previous release on web1.example
    ::endgroup::
    ✓ roll back, 0.3 s
    ::error title=Deployment failed::1762147999 failed to verify (health answered 500 with no database after 30 attempts in 1 min)%0Anothing to go back to: no release is live%0Athe app's log says why:%0A  sudo journalctl -u diting -n 50 --no-pager
    failed: 1762147999 failed to verify (health answered 500 with no database after 30 attempts in 1 min); nothing to go back to: no release is live; 21.4 s
    ");
}

#[test]
fn not_ready() {
    let mut run = Run::connected(Page::Actions);
    run.on(RunEvent::Connected { took: Duration::from_millis(1840) });
    run.steps([Step::Lock, Step::Check]);
    let user = || "deploy".to_owned();
    let found = vec![
        Unready::Target { path: "/opt/diting".into(), user: user(), error: "Permission denied".into() },
        Unready::Sudo { service: "diting".into(), user: user() },
    ];
    let verdict = verdict(Outcome::NotReady, None, failed(Step::Check, Reason::NotReady(found)));
    insta::assert_snapshot!(run.end(Verdict { release: None, previous: None, switched: false, ..verdict }), @"
    deploy to deploy@web1.example, /opt/diting, unit diting
    commit 3f2a1bc, 120 entries, 1.2 MB; 30 min until the switch at the most
    ::group::connect: log in to deploy@web1.example and start the server part
    ::endgroup::
    ✓ connect, 1.8 s
    ::group::lock: take the lock of /opt/diting on web1.example, so that nobody else deploys there meanwhile
    ::endgroup::
    ✓ lock, 0.3 s
    ::group::check: look on web1.example for what must be fixed first
    ::endgroup::
    ✗ check failed, 0.3 s
    ::error title=Server is not ready::/opt/diting on the server cannot be made or written by deploy: Permission denied%0Aon the server's console:%0A  sudo mkdir -p /opt/diting && sudo chown deploy: /opt/diting%0Adeploy may not run sudo -n systemctl restart diting on the server%0Aon the server's console:%0A  echo 'deploy ALL=(ALL) NOPASSWD: /bin/systemctl restart diting' | sudo tee -a /etc/sudoers.d/deploy-action && sudo visudo -c
    not-ready: the deployment failed to check (/opt/diting on the server cannot be made or written by deploy: Permission denied, and 1 other finding); nothing was switched; no release is live yet; 21.4 s
    ");
}

#[test]
fn busy() {
    let mut run = Run::connected(Page::Actions);
    run.on(RunEvent::Connected { took: Duration::from_millis(1840) });
    run.steps([Step::Lock]);
    run.server(What::Waiting(Some(held())));
    let verdict = verdict(Outcome::Busy, None, failed(Step::Lock, Reason::Busy(Some(held()))));
    insta::assert_snapshot!(run.end(Verdict { release: None, previous: None, switched: false, ..verdict }), @"
    deploy to deploy@web1.example, /opt/diting, unit diting
    commit 3f2a1bc, 120 entries, 1.2 MB; 30 min until the switch at the most
    ::group::connect: log in to deploy@web1.example and start the server part
    ::endgroup::
    ✓ connect, 1.8 s
    ::group::lock: take the lock of /opt/diting on web1.example, so that nobody else deploys there meanwhile
    ::endgroup::
    waiting: another deployment holds the lock (by alice, since 2025-11-03 05:16:40 UTC, https://github.com/diting/app/actions/runs/7)
    ✗ lock failed, 0.6 s
    ::error title=Another deployment is at work::the deployment failed to lock (another deployment holds the lock on the server (by alice, since 2025-11-03 05:16:40 UTC, https://github.com/diting/app/actions/runs/7))%0Athis run changed nothing; the other deployment decides what is live%0Await for that run to end, or cancel it, then run this one again; to have runs wait for each other, give the job a concurrency group
    busy: the deployment failed to lock (another deployment holds the lock on the server (by alice, since 2025-11-03 05:16:40 UTC, https://github.com/diting/app/actions/runs/7)); this run changed nothing; the other deployment decides what is live; 21.4 s
    ");
}

#[test]
fn unreachable_by_host_key() {
    let said =
        b"@@@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @@@\r\nHost key verification failed.\r\n".to_vec();
    let trouble = Trouble::Connection { kind: ConnectionKind::HostKey, said };
    insta::assert_snapshot!(Run::connected(Page::Actions).cut(by_trouble(Outcome::Unreachable, Some(trouble))), @"
    deploy to deploy@web1.example, /opt/diting, unit diting
    commit 3f2a1bc, 120 entries, 1.2 MB; 30 min until the switch at the most
    ::group::connect: log in to deploy@web1.example and start the server part
    ::endgroup::
    ✗ connect failed
    │ @@@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @@@
    │ Host key verification failed.
    ::error title=Server is unreachable::on the way: the server's host key is not the one in known-hosts (Host key verification failed.)%0Anothing was changed; the server runs what it ran%0Aeither the server was set up anew, or somebody stands between; only the server itself can tell. On its console (not over ssh) show the right line for the input known-hosts, and the fingerprint to compare:%0A  awk -v host=web1.example '{print host, $1, $2}' /etc/ssh/ssh_host_ed25519_key.pub%0A  ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub
    unreachable: on the way: the server's host key is not the one in known-hosts (Host key verification failed.); nothing was changed; the server runs what it ran; 12.3 s
    ");
}

#[test]
fn install_failed() {
    let mut run = Run::staged(Page::Actions);
    run.output("sh: 2: uv: not found");
    let verdict = verdict(Outcome::Failed, Some(OLD), failed(Step::Install, command(Ending::Exit(127), b"")));
    insta::assert_snapshot!(run.end(Verdict { switched: false, ..verdict }), @"
    deploy to deploy@web1.example, /opt/diting, unit diting
    commit 3f2a1bc, 120 entries, 1.2 MB; 30 min until the switch at the most
    ::group::connect: log in to deploy@web1.example and start the server part
    ::endgroup::
    ✓ connect, 1.8 s
    ::group::lock: take the lock of /opt/diting on web1.example, so that nobody else deploys there meanwhile
    ::endgroup::
    ✓ lock, 0.3 s
    ::group::check: look on web1.example for what must be fixed first
    ::endgroup::
    ✓ check, 0.3 s
    ::group::upload: bring the tree into /opt/diting/releases on web1.example
    sending 12 files, 34.6 kB
    ::endgroup::
    ✓ upload, 0.6 s: release 1762147999, 12 files sent (34.6 kB), 108 already there
    ::group::install: run install in the new release on web1.example
    │ Resolved 42 packages in 1ms
    │ sh: 2: uv: not found
    ::endgroup::
    ✗ install failed, 0.9 s
    │ Resolved 42 packages in 1ms
    │ sh: 2: uv: not found
    ::error title=Deployment failed::1762147999 failed to install (line 2, uv sync --frozen, ended with exit code 127 on the server)%0A1762147685 is still live%0Aa program was not found: install runs without login scripts, with ~/.local/bin on its PATH; for uv, on the server as the deploy user:%0A  curl -LsSf https://astral.sh/uv/install.sh | sh && ~/.local/bin/uv --version
    failed: 1762147999 failed to install (line 2, uv sync --frozen, ended with exit code 127 on the server); 1762147685 is still live; 21.4 s
    ");
}

#[test]
fn cancelled() {
    let trouble = Trouble::Cancelled { finished_by: None };
    insta::assert_snapshot!(Run::staged(Page::Actions).cut(by_trouble(Outcome::Cancelled, Some(trouble))), @"
    deploy to deploy@web1.example, /opt/diting, unit diting
    commit 3f2a1bc, 120 entries, 1.2 MB; 30 min until the switch at the most
    ::group::connect: log in to deploy@web1.example and start the server part
    ::endgroup::
    ✓ connect, 1.8 s
    ::group::lock: take the lock of /opt/diting on web1.example, so that nobody else deploys there meanwhile
    ::endgroup::
    ✓ lock, 0.3 s
    ::group::check: look on web1.example for what must be fixed first
    ::endgroup::
    ✓ check, 0.3 s
    ::group::upload: bring the tree into /opt/diting/releases on web1.example
    sending 12 files, 34.6 kB
    ::endgroup::
    ✓ upload, 0.6 s: release 1762147999, 12 files sent (34.6 kB), 108 already there
    ::group::install: run install in the new release on web1.example
    │ Resolved 42 packages in 1ms
    ::endgroup::
    ✗ install was not seen to end
    │ Resolved 42 packages in 1ms
    ::error title=Deployment cancelled::on the runner: the run was cancelled%0Anothing was switched; the server runs what it ran%0Arun it again: what was uploaded is kept
    cancelled: on the runner: the run was cancelled; nothing was switched; the server runs what it ran; 12.3 s
    ");
}

#[test]
fn unknown() {
    let mut run = Run::switched(Page::Actions, Some(OLD));
    run.attempts(1..=1, &Answer::Refused);
    let trouble = Trouble::LineCut { finished_by: Some(1_762_148_300) };
    insta::assert_snapshot!(run.cut(by_trouble(Outcome::Unknown, Some(trouble))), @"
    deploy to deploy@web1.example, /opt/diting, unit diting
    commit 3f2a1bc, 120 entries, 1.2 MB; 30 min until the switch at the most
    ::group::connect: log in to deploy@web1.example and start the server part
    ::endgroup::
    ✓ connect, 1.8 s
    ::group::lock: take the lock of /opt/diting on web1.example, so that nobody else deploys there meanwhile
    ::endgroup::
    ✓ lock, 0.3 s
    ::group::check: look on web1.example for what must be fixed first
    ::endgroup::
    ✓ check, 0.3 s
    ::group::upload: bring the tree into /opt/diting/releases on web1.example
    sending 12 files, 34.6 kB
    ::endgroup::
    ✓ upload, 0.6 s: release 1762147999, 12 files sent (34.6 kB), 108 already there
    ::group::install: run install in the new release on web1.example
    │ Resolved 42 packages in 1ms
    ::endgroup::
    ✓ install, 0.6 s
    ::group::seal: make the new release durable on web1.example
    ::endgroup::
    ✓ seal, 0.3 s
    ::group::switch: point /opt/diting/current at the new release on web1.example
    ::endgroup::
    1762147999 goes live; from here on the server finishes alone, within 5 min 10 s; 1762147685 is the way back
    ✓ switch, 0.6 s
    ::group::restart: restart unit diting on web1.example
    ::endgroup::
    ✓ restart, 0.3 s
    ::group::verify: watch unit diting on web1.example
    attempt 1: health refused the connection: nobody listens there, 0.0 s
    ::endgroup::
    ✗ verify was not seen to end
    ::error title=Deployment unknown%3A the server finishes alone::on the way: the line ended after the point of no return; the server finishes by 2025-11-03 05:38:20 UTC%0Aweb1.example finishes alone by 2025-11-03 05:38:20 UTC: on the new release if it is healthy, else on the old one%0Aafter that time the next run tells how it ended; on the server:%0A  readlink /opt/diting/current /opt/diting/previous
    unknown: on the way: the line ended after the point of no return; the server finishes by 2025-11-03 05:38:20 UTC; web1.example finishes alone by 2025-11-03 05:38:20 UTC: on the new release if it is healthy, else on the old one; 12.3 s
    ");
}

#[test]
fn a_chatty_step_is_cut_in_the_middle() {
    let mut run = Run::staged(Page::Actions);
    (1..3000).for_each(|n| run.output(&format!("line {n}")));
    run.steps([Step::Seal]);
    let shown = run.lines.iter().filter(|line| line.contains("line ")).count();
    assert_eq!(shown, 2000 - 1 + 30);
    assert!(run.lines.contains(&"… 970 lines left out here …".to_owned()), "{:#?}", &run.lines[2000..]);
    assert!(run.lines.contains(&"│ line 2999".to_owned()));
}

#[test]
fn many_warnings_leave_room_for_other_annotations() {
    let mut run = Run::staged(Page::Actions);
    (0..20).for_each(|_| run.server(What::Warning(Warning::DaemonReload)));
    assert_eq!(run.lines.iter().filter(|line| line.starts_with("::warning")).count(), 9);
    assert_eq!(run.lines.iter().filter(|line| line.starts_with("warning: ")).count(), 11);
}
