//! Which commit is recorded and shown: the one that is checked out, whatever GitHub names.

use crate::app::App;
use crate::hub::{Hub, TOKEN};
use crate::run::Deployment;
use crate::throwaway::ThrowawayServer;
use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Command;

/// What GitHub names: the head of the default branch.
const NAMED: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
/// Whoever checked it out.
const STRANGER: u32 = 54_321;

fn git(app: &App, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=a", "-c", "user.email=a@b.example"]);
    let done = git
        .args(arguments)
        .current_dir(app.path())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

/// A checkout of the app, and its commit.
fn checked_out(version: &str) -> (App, String) {
    let app = App::version(version);
    git(&app, &["init", "--quiet", "--initial-branch=release/1"]);
    git(&app, &["add", "--all"]);
    git(&app, &["commit", "--quiet", "--message=x"]);
    let hash = git(&app, &["rev-parse", "HEAD"]);
    (app, hash)
}

fn give_away(path: &Path) {
    chown(path, Some(STRANGER), Some(STRANGER)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).unwrap() {
            give_away(&entry.unwrap().path());
        }
    }
}

fn job(server: &ThrowawayServer, hub: &Hub, app: &App) -> Deployment {
    server
        .deployment(app)
        .on_github()
        .env("GITHUB_SHA", NAMED)
        .env("GITHUB_WORKSPACE", app.path().to_str().unwrap())
        .env("GITHUB_API_URL", &hub.url())
        .input("github-token", TOKEN)
}

#[test]
fn the_commit_that_is_checked_out_is_recorded_and_shown() {
    let (server, hub) = (ThrowawayServer::up(), Hub::new());
    let (app, hash) = checked_out("1");
    give_away(&app.path());
    let run = job(&server, &hub, &app).run();
    let release = run.assert_deployed(None);
    let origin = &server.record(&release)["origin"];
    assert_eq!(origin["commit"], hash);
    assert_eq!(origin["reference"], "refs/heads/release/1");
    assert_eq!(
        (&origin["changed"], &origin["actor"]),
        (&false.into(), &"alice".into())
    );
    run.assert_says(&format!("deploy {} (alice) to ", &hash[..7]));
    let link = format!("https://github.example/diting/app/commit/{hash}");
    assert!(run.summary.contains(&link), "{}", run.summary);
    run.assert_silent_about("bbbb");

    let (app, hash) = checked_out("2");
    let broken = app.at_start("raise Exception('no database')");
    let run = job(&server, &hub, &broken).run();
    let failed = run.assert_rolled_back("verify", &release);
    let origin = &server.record(&failed)["origin"];
    assert_eq!(
        (&origin["commit"], &origin["changed"]),
        (&hash.clone().into(), &true.into())
    );
    run.assert_says(&format!("deploy {}+changes (alice) to ", &hash[..7]));
    run.assert_silent_about("bbbb");
    let body = hub.state().issue(1).body.clone().unwrap();
    for text in [format!("{}+changes", &hash[..7]), format!("commit/{hash})")] {
        assert!(body.contains(&text), "{text} is not in {body}");
    }
    assert!(!body.contains("bbbb"), "{body}");
}

#[test]
fn without_a_checkout_it_is_the_commit_of_the_run_that_started_this_one() {
    let server = ThrowawayServer::up();
    let app = App::version("1");
    let event = tempfile::NamedTempFile::new().unwrap();
    let hash = "3f2a1bc0de0a3f5a7f1d8f3c0b3b1f0f1a2b3c4d";
    let text = format!(r#"{{"workflow_run": {{"head_sha": "{hash}", "head_branch": "fix"}}}}"#);
    fs::write(event.path(), text).unwrap();
    let run = server.deployment(&app).on_github();
    let run = run
        .env("GITHUB_EVENT_NAME", "workflow_run")
        .env("GITHUB_EVENT_PATH", event.path().to_str().unwrap())
        .run();
    let origin = &server.record(&run.assert_deployed(None))["origin"];
    assert_eq!(
        (&origin["commit"], &origin["reference"]),
        (&hash.into(), &"fix".into())
    );
}

#[test]
fn by_hand_the_commit_and_the_persons_name_are_recorded() {
    let server = ThrowawayServer::up();
    let (app, hash) = checked_out("1");
    git(&app, &["config", "user.name", "Ada Lovelace"]);
    let run = server.deployment(&app).env("USER", "root").run();
    let origin = &server.record(&run.assert_deployed(None))["origin"];
    assert_eq!(
        (&origin["commit"], &origin["actor"]),
        (&hash.into(), &"Ada Lovelace".into())
    );
}
