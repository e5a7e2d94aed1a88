//! What keeps `smoke-test: auto` from starting a unit is told before the upload, with the reason and the command to write.

use crate::app::App;
use crate::run::{Deployment, Run};
use crate::throwaway::{ThrowawayServer, TARGET};

const FILE: &str = "deploy/diting.service";

fn deployment(server: &ThrowawayServer, app: &App) -> Deployment {
    let deployment = server.deployment(app).input("install", "none");
    deployment.input("smoke-test", "auto")
}

/// Nothing was uploaded, and the log has the words.
fn refused(server: &ThrowawayServer, section: &str, words: &[&str]) {
    server.drop_in(section);
    let run = deployment(server, &App::plain("1")).run();
    run.assert_ended(4, "not-ready", "check");
    run.assert_says("smoke-test: auto cannot start diting on the server");
    for word in words {
        run.assert_says(word);
    }
    assert!(server.releases().is_empty(), "{section}");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn a_unit_that_cannot_be_started_twice_is_told_before_the_upload() {
    let server = ThrowawayServer::up();
    let port = server.app_port;
    let app = format!("/usr/bin/python3 {TARGET}/current/app.py");
    let exec = |lines: &str| format!("[Service]\nExecStart=\n{lines}\n");
    let known = format!("{app} 0.0.0.0 {port}");
    server.exec("install -m 600 /dev/null /etc/secret.env");
    for (section, words) in [
        (
            format!("{}User=www-data\n", exec(&format!("ExecStart={known}"))),
            "it runs as www-data, not as deploy",
        ),
        (
            exec(&format!("ExecStart={app} 0.0.0.0 9")),
            "neither its command nor its environment has port",
        ),
        (
            exec(&format!("ExecStart={app} 0.0.0.0 {port} --limit {port}")),
            &format!("{port} in {port}, --limit {port} may or may not mean the port"),
        ),
        (
            format!(
                "{}Type=oneshot\n",
                exec("ExecStart=/bin/true\nExecStart=/bin/true")
            ),
            "it is a oneshot, which ends by itself",
        ),
        (
            format!(
                "{}SetCredential=key:value\n",
                exec(&format!("ExecStart={known}"))
            ),
            "it needs SetCredential=, which only systemd provides",
        ),
        (
            format!(
                "{}EnvironmentFile=/etc/secret.env\n",
                exec(&format!("ExecStart={known}"))
            ),
            "/etc/secret.env cannot be read: Permission denied",
        ),
    ] {
        refused(&server, &section, &[words]);
    }
}

/// What the files of the release change is found in the release, and before anything is switched.
#[test]
fn a_unit_file_of_the_release_counts_instead_of_the_servers() {
    let server = ThrowawayServer::up();
    server.exec(&format!(
        "ln -sf {TARGET}/current/{FILE} /etc/systemd/system/diting.service; systemctl daemon-reload; \
         echo 'deploy ALL=(root) NOPASSWD: /bin/systemctl daemon-reload' >> /etc/sudoers.d/deploy"
    ));
    let release = |version: &str, arguments: &str| -> Run {
        let unit = format!(
            "[Service]\nUser=deploy\nWorkingDirectory={TARGET}/current\nExecStart=/usr/bin/python3 {TARGET}/current/app.py \
             127.0.0.1 {arguments}\nRestart=always\n[Install]\nWantedBy=multi-user.target\n"
        );
        let app = App::plain(version).file(FILE, &unit, 0o644);
        deployment(&server, &app).input("units", "deploy/**").run()
    };
    let port = server.app_port;
    let first = release("1", &port.to_string()).assert_deployed(None);
    let run = release("2", &format!("{port} --limit {port}"));
    assert_eq!(run.output("failed-step"), "smoke-test", "{}", run.log);
    run.assert_says("may or may not mean the port");
    server.assert_live(&first, "1", None);
}
