//! What is wrong with a release's unit files fails before the switch, while the old release serves, and what is right goes
//! live.

use crate::app::App;
use crate::run::Run;
use crate::throwaway::{ThrowawayServer, TARGET};

const FILE: &str = "deploy/diting.service";
const PLACE: &str = "/etc/systemd/system/diting.service";

/// A server whose unit is a link to the file in `current`.
fn server() -> ThrowawayServer {
    let server = ThrowawayServer::up();
    server.exec(&format!(
        "ln -sf {TARGET}/current/{FILE} {PLACE}; mkdir -p {PLACE}.d; cd /etc/systemd/system/multi-user.target.wants; \
         ln -sf ../diting.service; systemctl daemon-reload; \
         echo 'deploy ALL=(root) NOPASSWD: /bin/systemctl daemon-reload' >> /etc/sudoers.d/deploy"
    ));
    server
}

/// The unit of an app with a program of its own.
fn unit(server: &ThrowawayServer, program: &str) -> String {
    format!(
        "[Unit]\nAfter=network.target not-installed.service\nWants=not-installed.service\n\n[Service]\nUser=deploy\n\
         WorkingDirectory={TARGET}/current\nExecStart={TARGET}/current/{program} app.py 127.0.0.1 {}\nRestart=always\n\n\
         [Install]\nWantedBy=multi-user.target\n",
        server.app_port
    )
}

fn app(version: &str, program: &str, unit: &str) -> App {
    App::plain(version)
        .file(program, "#!/bin/sh\nexec /usr/bin/python3 \"$@\"\n", 0o755)
        .file(FILE, unit, 0o644)
}

fn deploy(server: &ThrowawayServer, app: &App) -> Run {
    let run = server.deployment(app).input("install", "none");
    run.input("units", "deploy/**").run()
}

/// It fails with these words, and the old release serves on.
fn refused(server: &ThrowawayServer, app: &App, live: (&str, &str), words: &[&str]) {
    let run = deploy(server, app);
    run.assert_ended(5, "failed", "seal");
    for word in words {
        run.assert_says(word);
    }
    server.assert_live(live.0, live.1, None);
}

#[test]
fn broken_unit_files_are_refused_while_the_old_release_serves() {
    let server = server();
    let good = unit(&server, "bin/run");
    let first = deploy(&server, &app("1", "bin/run", &good)).assert_deployed(None);
    let live = (first.as_str(), "1");
    server.assert_live(&first, "1", None);
    let before = server.property("InvocationID");
    for (from, to, words) in [
        ("[Service]", "[Serviec]", &["deploy/diting.service:5: Unknown section 'Serviec'"][..]),
        ("Restart=always", "Restrat=always", &["deploy/diting.service:9: Unknown key 'Restrat' in section [Service]"]),
        ("Restart=always", "Restart=allways", &["deploy/diting.service:9: Failed to parse", "allways"]),
        ("User=deploy", "User=nobody-here", &["deploy/diting.service: User=nobody-here does not exist on the server"]),
        ("User=deploy", "User=deploy\nGroup=none-here", &["Group=none-here does not exist on the server"]),
        ("bin/run", "bin/renamed", &["/opt/diting/current/bin/renamed (ExecStart): it is missing"]),
        ("app.py", "\"app.py", &["deploy/diting.service:8: Unbalanced quoting"]),
        ("Restart=always", "ExecStartPre=/usr/bin/none-here", &["deploy/diting.service: Command /usr/bin/none-here is not executable: No such file or directory"]),
        ("Wants=not-installed", "Requires=not-installed", &["Unit not-installed.service not found"]),
        ("/opt/diting/current/bin/run app.py", "/bin/true", &["/bin/true", "/opt/diting/current"]),
    ] {
        let broken = good.replace(from, to);
        assert_ne!(broken, good);
        // only the last one must not lead to `current` at all
        let broken = match to {
            "/bin/true" => broken.replace("WorkingDirectory=", "#"),
            _ => broken,
        };
        refused(&server, &app("2", "bin/run", &broken), live, words);
    }
    let empty = app("2", "bin/run", "");
    refused(&server, &empty, live, &["deploy/diting.service: is masked"]);
    let without = App::plain("2");
    let run = server.deployment(&without).input("install", "none");
    let run = run.input("units", "deploy/*").run();
    assert_eq!(
        run.output("outcome"),
        "invalid",
        "the runner finds no unit file"
    );
    assert_eq!(
        server.property("InvocationID"),
        before,
        "users noticed nothing"
    );
    assert!(!server.has(&format!("{TARGET}/.deploy/unit-check")));
}

#[test]
fn a_renamed_program_and_a_drop_in_go_live_with_their_release() {
    let server = server();
    let first =
        deploy(&server, &app("1", "bin/run", &unit(&server, "bin/run"))).assert_deployed(None);
    let renamed = app("2", "bin/renamed", &unit(&server, "bin/renamed"));
    let run = deploy(&server, &renamed);
    let second = run.assert_deployed(Some(&first));
    run.assert_silent_about("systemd-analyze");
    server.assert_live(&second, "2", Some(&first));
    // a drop-in replaces the program, which its file names wrongly
    server.exec(&format!(
        "ln -s {TARGET}/current/deploy/diting.service.d/x.conf {PLACE}.d/"
    ));
    let drop_in = |program: &str| {
        let line = format!(
            "{TARGET}/current/{program} app.py 127.0.0.1 {}",
            server.app_port
        );
        let drop_in = format!("[Service]\nExecStart=\nExecStart={line}\n");
        app("3", "bin/third", &unit(&server, "bin/renamed")).file(
            "deploy/diting.service.d/x.conf",
            &drop_in,
            0o644,
        )
    };
    let run = deploy(&server, &drop_in("bin/gone"));
    run.assert_ended(5, "failed", "seal");
    run.assert_says("/opt/diting/current/bin/gone (ExecStart): it is missing");
    server.assert_live(&second, "2", Some(&first));
    let third = deploy(&server, &drop_in("bin/third")).assert_deployed(Some(&second));
    server.assert_live(&third, "3", Some(&second));
}

#[test]
fn instances_of_a_template_are_judged_by_the_file_of_the_template() {
    let server = server();
    let place = "/etc/systemd/system/app@.service";
    server.exec(&format!(
        "ln -s {TARGET}/current/deploy/app@.service {place}"
    ));
    server.exec(
        "sed 's/restart diting/restart app@1/' /etc/sudoers.d/deploy >> /etc/sudoers.d/deploy",
    );
    let deploy = |version: &str, text: &str| {
        let text = text.replace("app.py 127.0.0.1", "app.py 127.0.0.%i");
        let app = App::plain(version)
            .file(
                "bin/run",
                "#!/bin/sh\nexec /usr/bin/python3 \"$@\"\n",
                0o755,
            )
            .file("deploy/app@.service", &text, 0o644);
        let run = server
            .deployment(&app)
            .input("install", "none")
            .input("service", "app@1");
        run.input("target", TARGET)
            .input("units", "deploy/app@.service")
            .run()
    };
    let good = unit(&server, "bin/run");
    let first = deploy("1", &good).assert_deployed(None);
    let run = deploy("2", &good.replace("User=deploy", "User=%i%i-x"));
    run.assert_ended(5, "failed", "seal");
    run.assert_says("User=11-x does not exist on the server");
    let run = deploy("2", &good.replace("Restart=always", "Restrat=always"));
    run.assert_ended(5, "failed", "seal");
    run.assert_says("deploy/app@.service:9: Unknown key 'Restrat'");
    let second = deploy("2", &good.replace("Restart=always", "Restart=on-failure"))
        .assert_deployed(Some(&first));
    assert_eq!(server.link("current"), Some(format!("releases/{second}")));
}
