//! What must be fixed on the server first.

use crate::app::App;
use crate::poll::wait_for;
use crate::relay::Relay;
use crate::throwaway::{ThrowawayServer, TARGET};
use std::time::Duration;

#[test]
fn whatever_is_missing_on_the_server_is_named_at_once_with_its_cure() {
    let server = ThrowawayServer::up();
    server.exec(&format!("chown root:root {TARGET}"));
    let run = server.deploy(&App::version("1"));
    run.assert_ended(4, "not-ready", "connect");
    run.assert_says("sudo chown -R deploy: /opt/diting");

    server.exec(&format!("chown deploy:deploy {TARGET}"));
    let first = server.deploy_well(&App::version("1"), None);
    server.exec(&format!(
        "rm /etc/systemd/system/diting.service /etc/sudoers.d/deploy; systemctl daemon-reload; \
         mv /home/deploy/.local/bin/uv /root/; chown root:root {TARGET} {TARGET}/releases; install -d {TARGET}/shared"
    ));
    let run = server
        .deployment(&App::version("2"))
        .input("shared", "config/app.yaml\nlogs/")
        .run();
    run.assert_ended(4, "not-ready", "check");
    let findings = [
        "/opt/diting on the server cannot be created or written by deploy",
        "unit diting on the server is not-found",
        "deploy may not run sudo -n systemctl restart diting",
        "uv is not on the server",
        "shared/config/app.yaml on the server is missing",
        "shared/logs on the server is missing, and deploy cannot create it in /opt/diting/shared",
    ];
    let cures = [
        "sudo chown",
        "/etc/sudoers.d/",
        "NOPASSWD",
        "astral.sh/uv",
        "systemctl daemon-reload",
        "sudo install -d -o deploy /opt/diting/shared/logs",
    ];
    for text in findings.iter().chain(&cures) {
        run.assert_says(text);
    }
    assert_eq!(server.releases(), [first]);
}

#[test]
fn where_logind_kills_what_a_login_leaves_the_user_must_linger_and_then_a_killed_client_kills_nothing(
) {
    let server = ThrowawayServer::up_with(&["--kill-user-processes"]);
    let run = server.deploy(&App::version("1"));
    run.assert_ended(4, "not-ready", "check");
    run.assert_says("logind on the server kills the processes of deploy at logout");
    run.assert_says("loginctl enable-linger deploy");

    server.exec("loginctl enable-linger deploy");
    server.wait_for("systemctl is-active user@1000.service");
    let first = server.deploy_well(&App::version("1"), None);
    let relay = Relay::start(server.ssh_address(), Duration::ZERO);
    let run = server
        .deployment(&App::version("2"))
        .input("health-settle", "20s")
        .at_port(&server, relay.port())
        .start();
    run.wait_for("== verify");
    run.kill();
    // else ssh's master keeps the login for a while
    drop(relay);
    server.wait_for("! loginctl list-sessions --no-legend | grep deploy");
    assert!(
        server.has(&format!("{TARGET}/.deploy/pending")),
        "ended before the login did"
    );
    wait_for("the transaction ends", || {
        !server.has(&format!("{TARGET}/.deploy/pending"))
    });
    let second = server.releases().pop().unwrap();
    server.assert_live(&second, "2", Some(&first));
}

#[test]
fn with_the_right_to_read_the_journal_the_failed_starts_own_words_are_shown() {
    let server = ThrowawayServer::up_with(&["--journal-access"]);
    let good = server.deploy_well(&App::version("1"), None);
    let run = server.deploy(&App::import_error("2"));
    run.assert_rolled_back("verify", &good);
    run.assert_says("ModuleNotFoundError: No module named 'no_module_of_this_name'");
    server.assert_live(&good, "1", None);
}
