//! The service runs as another user than the one that deploys.

use crate::app::App;
use crate::run::{Deployment, Run};
use crate::throwaway::{ThrowawayServer, TARGET};

/// Reads its `.env`, and writes an upload, at each request.
fn app(version: &str) -> App {
    App::plain(version)
        .replace_in(
            "app.py",
            "        body = f",
            "        open('.env').read(), open('uploads/x', 'a').write('x')\n        body = f",
        )
        .file("storage/logs/keep", "", 0o644)
}

fn deployment(server: &ThrowawayServer, version: &str) -> Deployment {
    server
        .deployment(&app(version))
        .input("env-file", "KEY=s3cret-of-the-app\n")
        .input("shared", "uploads/")
}

fn runs_as(server: &ThrowawayServer, user: &str) {
    server.drop_in(&format!("{}User={user}\n", server.plain_service("0.0.0.0")));
}

/// The commands of the hint.
fn commands(run: &Run) -> Vec<&str> {
    let lines = run.log.lines().map(str::trim);
    lines.filter(|line| line.starts_with("sudo ")).collect()
}

fn group_and_mode(server: &ThrowawayServer, path: &str) -> String {
    server.exec(&format!("stat -L -c '%G %a' {TARGET}/{path}"))
}

#[test]
fn what_the_services_user_cannot_use_is_told_before_the_upload_and_the_commands_help() {
    let server = ThrowawayServer::up();
    runs_as(&server, "www-data");
    let run = deployment(&server, "1").run();
    run.assert_ended(4, "not-ready", "check");
    run.assert_says(
        "the unit runs as www-data on the server, which cannot read .env or write uploads in shared",
    );
    assert!(server.releases().is_empty());
    let help = commands(&run);
    assert_eq!(help.len(), 2, "{}", run.log);
    help.iter().for_each(|command| drop(server.exec(command)));

    let first = deployment(&server, "1").run().assert_deployed(None);
    assert_eq!(group_and_mode(&server, "current/.env"), "www-data 640");
    assert_eq!(group_and_mode(&server, "shared/uploads"), "www-data 2775");
    // the group is handed down to all of the tree, though deploy is not in it
    for folder in ["", "/storage", "/storage/logs"] {
        assert_eq!(
            group_and_mode(&server, &format!("current{folder}")),
            "www-data 2755"
        );
    }
    assert_eq!(
        group_and_mode(&server, "current/storage/logs/keep"),
        "www-data 644"
    );
    let second = deployment(&server, "2").run().assert_deployed(Some(&first));
    server.assert_live(&second, "2", Some(&first));
    assert!(server.read(&format!("{TARGET}/shared/uploads/x")).len() > 1);
}

#[test]
fn a_group_that_both_users_are_in_is_used_and_what_is_in_use_is_only_a_warning() {
    let server = ThrowawayServer::up();
    runs_as(&server, "www-data");
    server.exec("groupadd app && usermod -aG app www-data && usermod -aG app deploy");
    // an earlier run has created it for deploy alone
    server.exec_as_deploy(&format!("mkdir -p {TARGET}/shared/uploads"));
    let first = deployment(&server, "1").run().assert_deployed(None);
    assert_eq!(group_and_mode(&server, "current/.env"), "app 640");
    assert_eq!(group_and_mode(&server, "shared/uploads"), "app 2775");

    // it may be there for the app to read
    server.exec(&format!(
        "chown deploy:deploy {TARGET}/shared/uploads && chmod 755 {TARGET}/shared/uploads"
    ));
    server.exec(&format!(
        "mkdir {TARGET}/shared/pages && touch {TARGET}/shared/pages/index"
    ));
    let reads = App::plain("2");
    let run = server.deployment(&reads).input("shared", "pages/").run();
    run.assert_deployed(Some(&first));
    run.assert_says("which cannot write pages in shared");
}

/// As it worked with earlier versions.
#[test]
fn what_a_good_release_lives_with_does_not_stop_the_next_one() {
    let server = ThrowawayServer::up();
    runs_as(
        &server,
        "www-data\nEnvironmentFile=/opt/diting/current/.env",
    );
    let reads = |version: &str| {
        App::plain(version).replace_in(
            "app.py",
            "        body = f",
            "        open('.env').read()\n        body = f",
        )
    };
    let opened = |version: &str| {
        server
            .deployment(&reads(version))
            .input("env-file", "KEY=s3cret-of-the-app\n")
            .input("before-switch", "chmod 644 .env")
    };
    // systemd reads it for the first one
    let first = opened("1").run().assert_deployed(None);
    server.exec_as_deploy(&format!("mkdir -p {TARGET}/shared/cache"));
    runs_as(&server, "www-data");
    let run = opened("2").input("shared", "cache/").run();
    let second = run.assert_deployed(Some(&first));
    run.assert_says("which cannot read .env or write cache in shared");
    server.assert_live(&second, "2", Some(&first));
}

/// systemd reads it as root.
#[test]
fn an_environment_file_needs_no_right_of_the_services_user() {
    let server = ThrowawayServer::up();
    server.exec("useradd -r web");
    runs_as(&server, "web\nEnvironmentFile=/opt/diting/current/.env");
    let run = server
        .deployment(&App::plain("1"))
        .input("env-file", "KEY=s3cret-of-the-app\n")
        .run();
    let first = run.assert_deployed(None);
    assert_eq!(group_and_mode(&server, "current/.env"), "deploy 600");
    server.assert_live(&first, "1", None);
    assert!(server
        .exec("cat /proc/$(systemctl show --value -p MainPID diting)/environ | tr '\\0' '\\n'")
        .contains("KEY="));

    // nobody knows the user that systemd will choose
    runs_as(&server, "ghost\nDynamicUser=yes");
    let run = server
        .deployment(&App::plain("2"))
        .input("env-file", "KEY=s3cret-of-the-app\n")
        .run();
    run.assert_deployed(Some(&first));
    run.assert_says("the unit runs as ghost on the server, which cannot read .env");
}
