//! What a plan contains besides its tree: an environment, before-switch commands.

use crate::app::{App, Node};
use crate::client::{Sending, Told};
use crate::stub_server::StubServer;
use deploy_action::protocol::{
    Ending, Install, Outcome, Plan, Reason, Restart, SharedPath, Step, What,
};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) fn share(paths: &[&str]) -> Vec<SharedPath> {
    let shared = |path: &&str| match path.strip_suffix('/') {
        Some(path) => SharedPath {
            path: path.to_owned(),
            folder: true,
        },
        None => SharedPath {
            path: (*path).to_owned(),
            folder: false,
        },
    };
    paths.iter().map(shared).collect()
}

pub(crate) fn sharing(paths: &[&str]) -> impl FnOnce(&mut Plan) {
    let shared = share(paths);
    |plan| plan.staging.shared = shared
}

pub(crate) fn put(server: &StubServer, path: &str, content: &str) -> PathBuf {
    let path = server.target().join("shared").join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path
}

pub(crate) fn in_current(server: &StubServer, path: &str) -> PathBuf {
    server.target().join("current").join(path)
}

pub(crate) fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

pub(crate) fn is_deployed(told: &Told) {
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
}

/// Nothing was switched or restarted; why.
pub(crate) fn failed_before_the_switch(server: &StubServer, told: &Told) -> (Step, Reason) {
    let verdict = told.verdict.clone().unwrap();
    assert!(!verdict.switched, "{verdict:?}");
    assert_eq!(
        (server.named_by("current").as_deref(), server.restarts()),
        (Some("old"), vec!["old".to_owned()])
    );
    let failure = verdict.failure.unwrap();
    (failure.step, failure.reason)
}

pub(crate) fn mode(path: impl AsRef<Path>) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn with_env_file(content: &str) -> impl FnOnce(&mut Plan) {
    let content = content.to_owned();
    |plan| plan.staging.env_file = Some(content.into())
}

#[test]
fn the_env_file_is_the_releases_own_and_comes_back_with_it() {
    let server = StubServer::new();
    is_deployed(&server.deploy_with(&App::good("old"), with_env_file("KEY=old-secret\n")));
    assert_eq!(
        (
            read(in_current(&server, ".env")),
            mode(in_current(&server, ".env"))
        ),
        ("KEY=old-secret\n".into(), 0o600)
    );
    let told = server.deploy_with(&App::new("new", "crash"), with_env_file("KEY=new-secret\n"));
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
    assert_eq!(read(in_current(&server, ".env")), "KEY=old-secret\n");
    is_deployed(&server.deploy(&App::good("bare")));
    assert!(
        !in_current(&server, ".env").exists(),
        "taken from another release"
    );
}

#[test]
fn install_finds_the_env_file_and_what_is_shared() {
    let server = StubServer::new();
    put(&server, "config.yaml", "shared");
    let told = server.deploy_with(&App::good("one"), |plan| {
        plan.staging.env_file = Some("A=1".to_owned().into());
        plan.staging.shared = share(&["config.yaml"]);
        plan.staging.install = Install::Commands("cat .env config.yaml > found".to_owned());
    });
    is_deployed(&told);
    assert_eq!(read(in_current(&server, "found")), "A=1shared");
}

#[test]
fn the_env_file_takes_the_place_of_the_trees_and_writes_through_no_link() {
    let server = StubServer::new();
    let outside = server.home().join("outside");
    fs::write(&outside, "as it was").unwrap();
    let link = Node::Link(outside.to_str().unwrap().as_bytes().to_vec());
    for (node, sending) in [
        (Node::File(0o644, b"A=tree".to_vec()), Sending::Ask),
        (link, Sending::Unasked),
    ] {
        let tree = App::good("one").with(".env", node);
        let mut plan = server.plan(&tree);
        plan.staging.env_file = Some("A=input".to_owned().into());
        // what is checked of the release from now on
        server.remember(&App::good("one"));
        is_deployed(&server.run(&plan, &tree, sending));
        assert_eq!(
            (
                read(in_current(&server, ".env")),
                mode(in_current(&server, ".env"))
            ),
            ("A=input".into(), 0o600)
        );
    }
    assert_eq!(read(outside), "as it was");
    let both = server.deploy_with(&App::good("two"), |plan| {
        put(&server, ".env", "A=shared");
        plan.staging.shared = share(&[".env"]);
        plan.staging.env_file = Some("A=input".to_owned().into());
    });
    assert!(matches!(
        both.verdict.unwrap().failure.unwrap().reason,
        Reason::Shared { .. }
    ));
    assert_eq!(read(server.target().join("shared/.env")), "A=shared");
}

/// The files below the folder that hold the text.
fn holding(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else if String::from_utf8_lossy(&fs::read(&path).unwrap()).contains(text) {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_environment_reaches_install_and_before_switch_and_nothing_else() {
    let server = StubServer::new();
    let check = "case $TOKEN in 'sesame'?open) ;; *) exit 9 ;; esac\ntest $UV_LINK_MODE = symlink && test $UV_NO_PROGRESS = 1\n";
    let look = "cat /proc/$$/cmdline /proc/$PPID/cmdline | tr '\\0' ' ' > ../../command-lines\n";
    let told = server.deploy_with(&App::good("one"), |plan| {
        plan.staging.env = vec![
            ("TOKEN".to_owned(), "sesame open".to_owned().into()),
            ("UV_LINK_MODE".to_owned(), "symlink".to_owned().into()),
        ];
        plan.staging.install = Install::Commands(format!("{check}{look}"));
        plan.staging.before_switch = Some(format!("{check}{look}touch checked"));
        plan.restart =
            Restart::Commands("test -z \"${TOKEN-}\" && sudo -n systemctl restart app".to_owned());
    });
    is_deployed(&told);
    assert!(in_current(&server, "checked").exists());
    assert!(read(server.target().join("command-lines")).contains("server-part"));
    assert_eq!(
        holding(server.target().parent().unwrap(), "sesame open"),
        Vec::<PathBuf>::new()
    );
    assert!(!format!("{:?}", told.events).contains("sesame"), "{told:?}");
}

#[test]
fn before_switch_runs_in_the_installed_release_before_it_is_sealed() {
    let server = StubServer::with(&App::good("old"));
    let told = server.deploy_with(&App::good("new"), |plan| {
        plan.staging.install = Install::Commands("echo installed > made".to_owned());
        plan.staging.before_switch = Some(
            "cat made; cat ../../current/name; cat ../../.deploy/records/${PWD##*/}.json"
                .to_owned(),
        );
    });
    is_deployed(&told);
    let said = told.events.iter().filter_map(|what| match what {
        What::Output(line) => Some(String::from_utf8_lossy(line).trim().to_owned()),
        _ => None,
    });
    let said: Vec<String> = said.collect();
    assert_eq!(said[..2], ["installed", "old"]);
    assert!(
        said.iter().any(|line| line.contains("Incomplete")),
        "{said:?}"
    );
    let steps = told.events.iter().filter_map(|what| match what {
        What::Step(step) => Some(*step),
        _ => None,
    });
    let steps: Vec<Step> = steps.collect();
    assert!(
        steps
            .windows(3)
            .any(|three| three == [Step::Install, Step::BeforeSwitch, Step::Seal]),
        "{steps:?}"
    );
}

#[test]
fn a_before_switch_that_fails_or_takes_too_long_changes_nothing_that_runs() {
    for (script, ending) in [
        ("true\nexit 7", Ending::Exit(7)),
        ("true\nsleep 60", Ending::OutOfTime),
    ] {
        let server = StubServer::with(&App::good("old"));
        let told = server.deploy_with(&App::good("new"), |plan| {
            plan.staging.before_switch = Some(script.to_owned());
            plan.stage_limit = if ending == Ending::OutOfTime {
                Duration::from_secs(2)
            } else {
                plan.stage_limit
            };
        });
        assert_eq!(told.outcome(), Some(Outcome::Failed), "{told:?}");
        let (step, reason) = failed_before_the_switch(&server, &told);
        assert_eq!(step, Step::BeforeSwitch);
        assert!(
            matches!(reason, Reason::Command { ending: it, line: Some((2, _)), .. } if it == ending),
            "{reason:?}"
        );
    }
}
