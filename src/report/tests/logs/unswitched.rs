//! Runs that end before it.

use super::*;

#[test]
fn not_ready() {
    let mut run = Run::connected(Page::Actions);
    run.on(RunEvent::Connected {
        took: Duration::from_millis(1840),
    });
    run.steps([Step::Lock, Step::Check]);
    let user = || "deploy".to_owned();
    let found = vec![
        Finding::Target {
            path: "/opt/diting".into(),
            user: user(),
            error: "Permission denied".into(),
        },
        Finding::Sudo {
            service: "diting".into(),
            user: user(),
            output: Vec::new(),
        },
    ];
    let verdict = verdict(
        Outcome::NotReady,
        None,
        failed(Step::Check, Reason::NotReady(found)),
    );
    insta::assert_snapshot!(run.end(Verdict { release: None, previous: None, switched: false, ..verdict }), @r#"
    deploy 3f2a1bc (alice) to diting on web1.example (/opt/diting)
    120 files, 1.2 MB; time limit before the switch: 30 min
    ✓ connect             1.8 s
    ✓ lock                0.3 s
    ✗ check               0.3 s   FAILED
    ::error title=diting on web1.example%3A not ready%3A something must be fixed first::1. /opt/diting on the server cannot be created or written by deploy: Permission denied%0Aon the server's console, as root:%0A  sudo mkdir -p /opt/diting && sudo chown -R deploy: /opt/diting%0A2. deploy may not run sudo -n systemctl restart diting on the server%0Aon the server's console, as root:%0A  new=$(mktemp) && { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; echo 'deploy ALL=(root) NOPASSWD: /bin/systemctl restart diting'; } >"$new" && sudo visudo -cf "$new" && sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
    not-ready: diting on web1.example; nothing was switched; the server still runs what it ran before; 2 findings; 21.4 s
    "#);
}

#[test]
fn busy() {
    let mut run = Run::connected(Page::Actions);
    run.on(RunEvent::Connected {
        took: Duration::from_millis(1840),
    });
    run.steps([Step::Lock]);
    run.server(What::Waiting(Some(held())));
    let verdict = verdict(
        Outcome::Busy,
        None,
        failed(Step::Lock, Reason::Busy(Some(held()))),
    );
    insta::assert_snapshot!(run.end(Verdict { release: None, previous: None, switched: false, ..verdict }), @"
    deploy 3f2a1bc (alice) to diting on web1.example (/opt/diting)
    120 files, 1.2 MB; time limit before the switch: 30 min
    ✓ connect             1.8 s
    waiting: another deployment holds the lock (by alice, since 2025-11-03 05:16:40 UTC, https://github.com/diting/app/actions/runs/7)
    ✗ lock                0.6 s   FAILED
    ::error title=diting on web1.example%3A another deployment is running::another deployment holds the lock on the server (by alice, since 2025-11-03 05:16:40 UTC, https://github.com/diting/app/actions/runs/7)%0Athis run changed nothing; the other deployment decides which release is live%0Await for that run to end, or cancel it, then run this one again; to make runs wait for each other, give the job a concurrency group
    busy: diting on web1.example; this run changed nothing; the other deployment decides which release is live; 21.4 s
    ");
}

#[test]
fn unreachable_by_host_key() {
    let stderr =
        b"@@@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @@@\r\nHost key verification failed.\r\n".to_vec();
    let error = RunError::Connection {
        kind: ConnectionKind::HostKey,
        error: ConnectionError::Ssh { stderr },
        hop: Hop::Server,
        offered: None,
    };
    insta::assert_snapshot!(Run::connected(Page::Actions).cut(by_error(Outcome::Unreachable, Some(error))), @"
    deploy 3f2a1bc (alice) to diting on web1.example (/opt/diting)
    120 files, 1.2 MB; time limit before the switch: 30 min
    ✗ connect            12.3 s   FAILED
    │ @@@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @@@
    │ Host key verification failed.
    ::error title=diting on web1.example%3A server unreachable::the host key of the server is not the one in known-hosts (Host key verification failed.)%0Anothing was changed; the server still runs what it ran before%0Aeither the server was set up again, or someone intercepts the connection; only the server itself can show its key. On its console (not over ssh), the line for the input known-hosts and the fingerprint to compare:%0A  sed 's/^/web1.example /' /etc/ssh/ssh_host_ed25519_key.pub%0A  ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub
    unreachable: diting on web1.example; nothing was changed; the server still runs what it ran before; 12.3 s
    ");
}

#[test]
fn install_failed() {
    let mut run = Run::staged(Page::Actions).without_beginning();
    run.output("sh: 2: uv: not found");
    let verdict = verdict(
        Outcome::Failed,
        Some(OLD),
        failed(Step::Install, command(Ending::Exit(127), b"")),
    );
    insta::assert_snapshot!(run.end(Verdict { switched: false, ..verdict }), @"
    │ sh: 2: uv: not found
    ::endgroup::
    ✗ install             0.9 s   FAILED
    │ Resolved 42 packages in 1ms
    │ sh: 2: uv: not found
    ::error title=diting on web1.example%3A deployment failed::1762147999 failed to install (line 2, uv sync --frozen, ended with exit code 127 on the server)%0A1762147685 is still live%0Aa program was not found: install runs without login scripts, so without what nvm, rbenv or pyenv add to PATH, and with `~/.local/bin` in it; its last lines name the program
    failed: diting on web1.example; 1762147685 is still live; 1762147999 failed to install; 21.4 s
    ");
}

#[test]
fn cancelled() {
    let error = RunError::Cancelled { finished_by: None };
    insta::assert_snapshot!(Run::staged(Page::Actions).without_beginning().cut(by_error(Outcome::Cancelled, Some(error))), @"
    ::endgroup::
    ✗ install                     cancelled
    │ Resolved 42 packages in 1ms
    ::error title=diting on web1.example%3A deployment cancelled::the run was cancelled%0Anothing was switched; the server still runs what it ran before%0Arun it again: what was uploaded is kept
    cancelled: diting on web1.example; nothing was switched; the server still runs what it ran before; 12.3 s
    ");
}

/// The sentence has ssh's words without ssh's name.
#[test]
fn what_ssh_said_is_not_printed_above_the_error_that_has_it() {
    let said = "connect to host web1.example port 22: Connection refused";
    let error = |more: &str| RunError::Connection {
        kind: ConnectionKind::Refused,
        error: ConnectionError::Ssh {
            stderr: format!("{more}ssh: {said}\r\n").into_bytes(),
        },
        hop: Hop::Server,
        offered: None,
    };
    for (more, times) in [("", 1), ("debug: one line more\r\n", 2)] {
        let end = by_error(Outcome::Unreachable, Some(error(more)));
        let log = Run::connected(Page::Actions).cut(end);
        assert_eq!(log.matches(said).count(), times, "{log}");
    }
}
