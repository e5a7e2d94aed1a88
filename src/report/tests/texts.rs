//! The texts of the types that say what went wrong.

use super::*;
use crate::protocol::{Finding, HealthAnswer, ProcessEnd, Reason};
use crate::report::texts;

#[test]
#[expect(clippy::too_many_lines, reason = "it shows whole texts")]
fn every_reason_says_what_failed_and_where() {
    let all: Vec<_> = reasons().iter().map(Reason::to_string).collect();
    insta::assert_snapshot!(all.join("\n"), @r#"
    deploy may not run sudo -n systemctl restart diting on the server (sudo: a password is required), and 39 other findings
    another deployment holds the lock on the server
    another deployment holds the lock on the server (by alice, since 2025-11-03 05:16:40 UTC, https://github.com/diting/app/actions/runs/7)
    the server cannot write /opt/diting/releases/1762147999/app.py: No space left on device
    the server cannot write /opt/diting/releases/1762147999/app.py: Read-only file system
    the server cannot write /opt/diting/releases/1762147999/app.py: Permission denied
    the server cannot write /opt/diting/releases/1762147999/app.py: Input/output error
    the upload does not match what was announced: app.py did not arrive as it was sent
    the connection to the runner was lost, or the run was cancelled
    the time limit before the switch (30 min) was reached
    line 2, uv sync --frozen, ended with exit code 1 on the server
    the command ended with exit code 1 on the server; its output: sudo: @a
    the command was killed by signal 9 (SIGKILL) on the server
    the command did not end in time and was killed on the server
    the unit on the server needs /opt/diting/current/.venv/bin/uvicorn (ExecStart): it is not executable
    the unit on the server needs /opt/diting/current/.env (EnvironmentFile): it is missing; /opt/diting/current/web (WorkingDirectory): it leads to /opt/diting/shared/web, which is missing
    the unit files of the release cannot be used on the server: deploy/diting.service:7: Unknown key 'Userr' in section [Service], ignoring.; deploy/diting-dump.service: User=dump does not exist on the server
    shared/config/wechat.yaml on the server is missing
    the new process logged a crash: KeyError: 'DATABASE_URL'
    systemd on the server refuses to start the unit again within 10 s
    the unit's process on the server ended: exit-code, exit status 1
    the unit's process on the server ended: exit-code, exit status 203
    the unit's process on the server ended: exit-code, exit status 200
    the unit's process on the server ended: exit-code, exit status 217
    the unit's process on the server ended: signal, signal 9
    the unit on the server is failed/failed, exit-code, exit status 203
    the unit on the server still runs the old process
    systemd on the server did not start the unit, because a condition in its file is not met
    someone else changed the server during the deployment: current now points to 1762147001
    someone else changed the server during the deployment: the unit was stopped while it was verified
    the server is going down
    the systemd of the deploy user on the server (systemctl --user) is not running
    the unit's state cannot be read on the server: Failed to connect to bus
    the unit on the server is still running release 1762147685 (process 513, gunicorn)
    port 8000 on the server is held by process 4711 (uvicorn), left over from before the restart, not by the new process
    the process that deploys on the server was killed, or the server went down
    sudo -n systemctl daemon-reload ended with exit code 1 on the server; its output: sudo: a password is required
    3f2a1bc: 1762147685 failed when it went live
    there is no good release to roll back to
    health answered 500 with “{"status": ##\[error]"db"}” after 30 attempts in 1 min
    health answered 302, a redirect to https://web1/login after 30 attempts in 1 min
    health answered with a body that does not match “"release":"1762147999"”: “xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…” after 30 attempts in 1 min
    health refused the connection: no process listens there after 30 attempts in 1 min
    health timed out while waiting for the rest of the body after 30 attempts in 1 min
    health could not be checked: no HTTP after 30 attempts in 1 min
    health could not be checked: cannot read the .env of the release: Permission denied after 30 attempts in 1 min
    health command ended with exit code 3: “redis: ##\[error]refused” after 30 attempts in 1 min
    health command ended with exit code 127: “sh: 2: grpc-probe: not found” after 30 attempts in 1 min
    health command did not end in time and was killed (no output) after 30 attempts in 1 min
    the process ended with exit code 0
    the process ended with exit code 1; its output shows: ModuleNotFoundError: No module named 'x'
    the process ended with exit code 1; its output shows: OSError: [Errno 98] Address already in use
    the process ended with exit code 127; its output shows: sh: 1: ./serve: not found
    the process ended with exit code 3
    the process was killed by signal 9 (SIGKILL)
    the process was killed by signal 11 (SIGSEGV); its output shows: crash ##\[error]
    it listens on 0.0.0.0:41231, not on 127.0.0.1 only
    it listens on port 8000 too, which the live release uses
    it does not listen on port 41231 ($PORT), but on 8001, 9000
    port 41231 is held by process 4711 (nginx), not by what the smoke test started
    the process that answers runs release 1762147685
    the process that answers runs no release
    "#);
}

#[test]
fn the_log_line_that_explains_a_reason_is_shown_like_all_untrusted_text() {
    let all: Vec<_> = explained().iter().map(Reason::to_string).collect();
    insta::assert_snapshot!(all.join("\n"), @r"
    the command ended with exit code 1 on the server; its log shows: ValueError: no database
    systemd on the server refuses to start the unit again within 10 s; its log shows: ValueError: no database
    the unit's process on the server ended: exit-code, exit status 1; its log shows: ModuleNotFoundError: No module named 'x'
    the unit on the server is inactive/dead, success, exit status 0; its log shows: bye
    health refused the connection: no process listens there after 30 attempts in 1 min; its log shows: thread 'main' panicked at src/main.rs:2:5: no database ##\[error]
    ");
    let long = Reason::Crashed {
        end: ProcessEnd::StartLimit,
        log_line: Some("x".repeat(5000)),
    };
    assert!(long.to_string().chars().count() < 300);
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one snapshot, so that no finding is left out"
)]
fn every_finding_says_what_and_where() {
    let all: Vec<_> = findings().iter().map(Finding::to_string).collect();
    insta::assert_snapshot!(all.join("\n"), @"
    /opt/diting on the server cannot be created or written by deploy: Permission denied
    current on the server is not a link to a release, but a folder
    current on the server is not a link to a release, but a link to /srv/app, which is not a release
    systemd on the server cannot be used: systemctl: No such file or directory
    unit diting on the server is not-found
    unit diting on the server is masked
    unit diting on the server is bad-setting
    deploy may not run sudo -n systemctl restart diting on the server (sudo: a password is required)
    deploy may not run sudo -n systemctl restart diting on the server (sudo: sorry, you must have a tty to run sudo)
    logind on the server kills the processes of deploy at logout
    units of deploy end at logout on the server, because deploy does not linger
    the systemd of deploy on the server (systemctl --user) cannot be used: Failed to connect to bus: No such file or directory
    unit diting-dump.timer on the server is inactive: it must be active
    deploy may not run sudo -n systemctl stop diting on the server, as a change of diting.socket needs (sudo: a password is required)
    unit diting on the server is a unit of deploy (systemctl --user), not of the system
    unit diting on the server is a unit of the system, not of deploy (systemctl --user)
    uv is not on the server (searched: /home/deploy/.local/bin:/usr/bin)
    make is not on the server (searched: /usr/bin)
    the release needs 1.2 MB and 500.0 MB must stay free, but the target's disk has 400.0 MB
    the target's disk can hold only 12 more files
    unit diting on the server starts /opt/legacy/hello, which does not lead to /opt/diting/current
    the restart command only reloads diting, and deploy cannot see which release it runs then
    files on the server cannot be locked: No locks available
    /etc/systemd/system/diting.service on the server does not exist
    /etc/systemd/system/diting.service on the server is neither a link to current/deploy/diting.service nor a copy that the deploy user may renew
    /etc/systemd/system/diting.service on the server is a link to another file system, which systemd cannot read at boot
    /etc/systemd/system/diting.service on the server is a link to current/deploy/diting.service, which release 1762147685 does not have
    deploy may not run sudo -n systemctl daemon-reload on the server (sudo: a password is required)
    the unit runs as www-data on the server, which cannot read .env or write data, it's uploads in shared
    the unit runs as www-data on the server, which cannot read .env or write data, it's uploads in shared
    data/app.db is named in shared, but only release 1762147685 has it
    it's uploads/ is named in shared, but only release 1762147685 has it
    current on the server is not a link to a release, but a link to releases/.hidden, whose name cannot be used: a release's name starts with a letter, a digit or _, and has at most 200 bytes and no control or invisible characters
    current on the server is not a link to a release, but a link to releases/1, which does not exist
    shared/config/wechat.yaml on the server is missing
    shared/it's uploads on the server is missing, and deploy cannot create it in /opt/diting/shared: Permission denied
    shared/config/wechat.yaml on the server is a folder; write it with a / at the end
    cannot roll back: 3f2a1bc: no release on the server has this id or a commit that starts with it
    cannot roll back: there is no good release to roll back to
    smoke-test: auto cannot start diting on the server: it runs as www-data, not as deploy
    smoke-test: auto cannot start diting on the server: neither its command nor its environment has port 443 of health-url
    smoke-test: auto cannot start diting on the server: 8 in ExecStart, PORT=, WORKERS=, A=, B= and more may or may not mean the port
    smoke-test: auto cannot start diting on the server: it has no ExecStart command
    smoke-test: auto cannot start diting on the server: it has 2 ExecStart commands
    smoke-test: auto cannot start diting on the server: it needs LoadCredential=, which only systemd provides
    smoke-test: auto cannot start diting on the server: /etc/diting/env cannot be read: Permission denied
    smoke-test: auto cannot start diting on the server: it is a oneshot, which ends by itself
    ");
}

#[test]
fn every_health_answer_has_its_text() {
    let all: Vec<_> = answers().iter().map(HealthAnswer::to_string).collect();
    insta::assert_snapshot!(all.join("\n"), @r#"
    answered 200
    answered 500 with “{"status": ##\[error]"db"}”
    answered 302, a redirect to https://web1/login
    answered with a body that does not match “"release":"1762147999"”: “xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…”
    refused the connection: no process listens there
    timed out while waiting for the rest of the body
    could not be checked: no HTTP
    could not be checked: cannot read the .env of the release: Permission denied
    command ended with exit code 0
    command ended with exit code 3: “redis: ##\[error]refused”
    command ended with exit code 127: “sh: 2: grpc-probe: not found”
    command did not end in time and was killed (no output)
    "#);
}

#[test]
#[expect(clippy::too_many_lines, reason = "the snapshot is long")]
fn every_run_error_says_on_which_side() {
    let all: Vec<_> = run_errors().iter().map(texts::run_error).collect();
    for text in &all {
        let begins = ["on the runner: ", "on the server: "]
            .iter()
            .any(|side| text.starts_with(side));
        let names = ["the connection", "the server", "the jump host"]
            .iter()
            .any(|side| text.contains(side));
        let is_of_the_run = ["the time limit", "the run", "a bug"]
            .iter()
            .any(|it| text.starts_with(it));
        assert!(begins || names || is_of_the_run, "{text}");
    }
    insta::assert_snapshot!(all.join("\n"), @r#"
    on the runner: ssh-agent was not found; OpenSSH's client is needed (package openssh-client)
    on the runner: the private key could not be loaded (error in libcrypto)
    on the runner: run/app.sock is a socket, which cannot be deployed
    on the server: the server part could not be started (Permission denied)
    on the server: the server part was not started: /opt/diting/.deploy belongs to root, but the login is deploy
    on the runner: deploy-action-aarch64, the server part for the server's CPU (aarch64), is missing
    unexpected output from the server: a message cannot be read
    on the server: the server part did not receive what was sent: a login script reads its input
    on the server: the server part received nothing within 30 s: a login script reads its input
    on the server: the server part was not started: a login script prints without end (more than 1.0 MB) (y)
    on the server: the server part was not started within 2 min: a login script waits or reads the input (Press enter)
    on the server: nothing readable about this deployment is left on the server; .deploy in the target was deleted or damaged
    systemd on the server went down before the deployment was decided
    the run ended without a result: its process crashed or was killed, for example because memory ran out
    a bug in deploy-action: it crashed at src/runner/run.rs:12
    the run stopped watching after 18 min, before the server had finished
    the connection was lost before the switch
    the connection was lost before the server finished
    the time limit of 30 min was reached
    the run was cancelled
    the run was cancelled when the server could no longer be stopped
    a bug in deploy-action: reading the source stopped by itself
    known-hosts has no key for the server, which offers SHA256:47DEQpj8HBSa
    the server offers another host key than known-hosts has: SHA256:47DEQpj8HBSa
    the server offers a host key that known-hosts revokes: SHA256:47DEQpj8HBSa
    the server offers a key that known-hosts has only for another name: SHA256:47DEQpj8HBSa
    on the runner: the passphrase does not open the private key
    on the runner: the private key is in a format (PKCS#8) that the runner's OpenSSH cannot read for this type of key (Error loading key "(stdin)": invalid format)
    the jump host jump.example refused the login (Permission denied (publickey).)
    on the runner: ssh does not start (No user exists for uid 12345)
    the server refused the connection (what ssh said; before that: what the server said)
    the server did not answer in time (what ssh said; before that: what the server said)
    the name of the server is unknown (what ssh said; before that: what the server said)
    the host key of the server is not the one in known-hosts (ssh: what ssh said)
    the server refused the login (what ssh said; before that: what the server said)
    no connection to the server (what ssh said; before that: what the server said)
    the login on the server takes too long (what ssh said; before that: what the server said)
    the server and the runner's ssh have no algorithm in common (what ssh said; before that: what the server said)
    the server closed the connection before the login (what ssh said; before that: what the server said)
    the account on the server has expired (what ssh said; before that: what the server said)
    "#);
}
