//! The hint follows the cause, and its commands show what failed.

use crate::app::App;
use crate::run::Run;
use crate::throwaway::ThrowawayServer;

/// The command of the hint that has this word, as it is printed.
fn command<'a>(run: &'a Run, word: &str) -> &'a str {
    let lines = run.log.lines().map(str::trim);
    let mut commands = lines.filter(|line| {
        let first = line.trim_start_matches("sudo ");
        first.starts_with(word)
    });
    commands
        .next_back()
        .unwrap_or_else(|| panic!("{}", run.log))
}

/// Whoever reads the hint later finds the start that failed, not the one of the old release.
#[test]
fn the_command_after_a_rollback_shows_the_start_that_failed() {
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    let run = server.deploy(&App::import_error("2"));
    run.assert_rolled_back("verify", &first);
    let shown = server.exec(command(&run, "journalctl").trim_start_matches("sudo "));
    assert!(shown.contains("no_module_of_this_name"), "{shown}");
    assert!(!shown.contains("Application startup complete"), "{shown}");
    assert!(!run.log.contains("journalctl -u diting -n"), "{}", run.log);
}

#[test]
fn a_log_in_a_file_is_named() {
    let server = ThrowawayServer::up();
    let file = "/var/log/diting.log";
    server.drop_in(&format!(
        "[Service]\nStandardOutput=append:{file}\nStandardError=append:{file}\n"
    ));
    let run = server.deploy(&App::version("1"));
    let first = run.assert_deployed(None);
    run.assert_says(&format!(
        "the unit's log goes to the file {file}, not to the journal"
    ));
    let run = server.deploy(&App::import_error("2"));
    run.assert_rolled_back("verify", &first);
    let shown = server.exec(command(&run, "tail -n 50").trim_start_matches("sudo "));
    assert!(shown.contains("no_module_of_this_name"), "{shown}");
}

#[test]
fn a_unit_of_type_notify_that_is_never_ready_is_told_so() {
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    server.drop_in("[Service]\nType=notify\nTimeoutStartSec=3\n");
    let run = server.deploy(&App::version("2"));
    assert_ne!(run.code, 0, "{}", run.log);
    run.assert_says("a timeout was exceeded");
    run.assert_says("never reported READY=1 within TimeoutStartSec (3s)");
    assert_eq!(server.link("current"), Some(format!("releases/{first}")));
}

#[test]
fn a_request_that_is_refused_because_of_its_host_needs_another_one() {
    let server = ThrowawayServer::up();
    server.drop_in(&server.plain_service("0.0.0.0"));
    let first = server.deploy_well(&App::plain("1"), None);
    let strict = App::plain("2").replace_in(
        "app.py",
        "        body = f",
        "        if self.headers['Host'] != 'app.example':\n            \
         self.send_response(400); self.end_headers(); self.wfile.write(b'Invalid host header'); return\n        body = f",
    );
    let run = server
        .deployment(&strict)
        .input("health-timeout", "3s")
        .run();
    run.assert_rolled_back("verify", &first);
    run.assert_says("set the input health-headers");
    run.assert_silent_about("health-status");
    let run = server
        .deployment(&strict)
        .input("health-headers", "Host: app.example")
        .run();
    run.assert_deployed(Some(&first));
}

#[test]
fn a_program_that_is_missing_is_named() {
    let server = ThrowawayServer::up();
    let run = server
        .deployment(&App::version("1"))
        .input("install", "echo begun\nno-such-program --all")
        .run();
    run.assert_ended(5, "failed", "install");
    run.assert_says("no-such-program was not found");
    run.assert_silent_about("astral.sh");
}

#[test]
fn no_word_of_the_server_gets_into_a_command() {
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    let left = "/opt/diting/releases/1000000000";
    server.exec_as_deploy(&format!(
        r#"echo '[["/etc","Permission denied"],["{left}","Permission denied"]]' >/opt/diting/.deploy/leftovers"#
    ));
    let run = server.deployment(&App::version("2")).on_github().run();
    run.assert_deployed(Some(&first));
    run.assert_says("an old release could not be deleted: /etc: Permission denied");
    run.assert_silent_about("sudo rm -rf /etc");
    run.assert_says(&format!("sudo rm -rf {left}"));
}

#[test]
fn what_is_odd_about_the_source_is_a_warning_before_the_upload() {
    let server = ThrowawayServer::up();
    let pointer = format!(
        "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12345\n",
        "a".repeat(64)
    );
    let app = App::version("1").file("logo.png", &pointer, 0o644);
    std::os::unix::fs::symlink("/etc", app.path().join("conf")).unwrap();
    let run = server.deployment(&app).on_github().run();
    run.assert_deployed(None);
    let warning = "::warning title=In the source::1 link in the source points outside the release, to other files on the server: conf.";
    run.assert_says(warning);
    run.assert_says("1 file in the source is a pointer of Git LFS, without the content: logo.png.");
    let at = |text: &str| run.log.find(text).unwrap();
    assert!(at(warning) < at("✓ upload"), "{}", run.log);
    assert!(
        run.summary.contains("points outside the release"),
        "{}",
        run.summary
    );
    assert!(!run.log.contains("static site"), "{}", run.log);
}
