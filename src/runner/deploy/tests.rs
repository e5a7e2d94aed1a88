//! Over a real sshd, with a stand-in for the server part: a script that was made for one transaction.

use super::*;
use crate::protocol::{greeting, ConnectionKind, Outcome, What};
use crate::runner::testing::{deployment, ended, event, random, release, transaction};
use crate::runner::KeyText;
use std::fmt::Write as _;
use std::future::{pending, ready};
use std::path::{Path, PathBuf};
use std::{env, fs};
use tempfile::TempDir;

const NEEDS_A_SERVER: &str = "DEPLOY_ACTION_TEST_SERVER names the state folder of a throwaway server";

/// A run against the throwaway server.
struct Trial {
    _source: TempDir,
    parts: TempDir,
    deployment: Deployment,
    events: Vec<RunEvent>,
}

fn value(text: &str, name: &str) -> String {
    text.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).unwrap().to_owned()
}

impl Trial {
    /// With a server part that takes what is sent unasked, greets, and goes on with `script`.
    fn new(script: &str) -> Self {
        let state = PathBuf::from(env::var_os("DEPLOY_ACTION_TEST_SERVER").expect(NEEDS_A_SERVER));
        let read = |file: &str| fs::read_to_string(state.join(file)).unwrap();
        let source = tempfile::tempdir().unwrap();
        fs::write(source.path().join("app.py"), "print('hello')\n").unwrap();
        let parts = tempfile::tempdir().unwrap();
        fs::write(parts.path().join("own"), server_part(script)).unwrap();
        let mut deployment = deployment(source.path());
        deployment.port = value(&read("env"), "SSH_PORT").parse().unwrap();
        deployment.key = Some(KeyText::from(read("key")));
        deployment.known_hosts = read("known_hosts");
        deployment.plan.target = format!("/home/deploy/{}", draw_transaction().unwrap());
        Self { _source: source, parts, deployment, events: Vec::new() }
    }

    async fn run_until(&mut self, cancelled: impl Future<Output = ()> + 'static) -> End {
        let Self { parts, deployment, events, .. } = self;
        let binaries = || Binaries::of(&parts.path().join("own"), parts.path());
        events.clear();
        let end = deploy_with(deployment, &transaction(), binaries, cancelled, &mut |event| events.push(event)).await;
        let ends = events.iter().filter(|event| matches!(event, RunEvent::Ended(_))).count();
        assert_eq!(ends, 1);
        assert_eq!(events.last(), Some(&RunEvent::Ended(Box::new(end.clone()))));
        end
    }

    async fn run(&mut self) -> End {
        self.run_until(pending()).await
    }

    fn copied(&self) -> bool {
        self.events.iter().any(|event| matches!(event, RunEvent::CopyingServerPart { .. }))
    }
}

fn server_part(script: &str) -> String {
    format!(
        "#!/bin/sh\n\
         if [ \"$2\" = install ]; then mv \"$0\" \"${{0%/*}}/$3\" && echo \"deploy-action-installed $3\"; exit; fi\n\
         {script}\n"
    )
}

/// A line of shell that prints `bytes`.
fn print(bytes: &[u8]) -> String {
    let mut line = "printf '".to_owned();
    for byte in bytes {
        write!(line, "\\{byte:03o}").unwrap();
    }
    line + "'\n"
}

fn greet() -> String {
    print(greeting(&transaction()).as_bytes())
}

fn point_of_no_return() -> String {
    print(&event(What::PointOfNoReturn { release: release(), previous: None, deadline: Duration::from_secs(100) }))
}

#[tokio::test]
#[ignore = "needs a throwaway server"]
async fn the_server_part_is_copied_once_and_the_verdict_ends_the_run() {
    let script = greet() + &point_of_no_return() + &print(&ended(Outcome::Deployed)) + "sleep 30";
    let mut trial = Trial::new(&script);
    for copied in [true, false] {
        let end = trial.run().await;
        assert_eq!((end.outcome, &end.trouble), (Outcome::Deployed, &None));
        assert_eq!(trial.copied(), copied);
        assert!(end.took < Duration::from_secs(5), "the channel's end was waited for: {:?}", end.took);
    }
    assert!(trial.events.iter().any(|event| matches!(event, RunEvent::Sending { files: 1, .. })));
}

#[tokio::test]
#[ignore = "needs a throwaway server"]
async fn an_unknown_host_key_and_a_refused_login_are_told_apart() {
    for (known_hosts, key, expected) in [(true, false, ConnectionKind::Login), (false, true, ConnectionKind::HostKey)] {
        let mut trial = Trial::new("exit 1");
        if !known_hosts {
            trial.deployment.known_hosts = "example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==\n".to_owned();
        }
        if !key {
            trial.deployment.key = None;
        }
        let end = trial.run().await;
        assert_eq!(end.outcome, Outcome::Unreachable);
        let Some(Trouble::Connection { kind, said }) = end.trouble else { panic!("{:?}", end.trouble) };
        assert_eq!(kind, expected, "{}", String::from_utf8_lossy(&said));
    }
}

#[tokio::test]
#[ignore = "needs a throwaway server"]
async fn a_server_part_that_does_not_start_brings_the_servers_words() {
    let mut trial = Trial::new("echo cannot start >&2; exit 3");
    let end = trial.run().await;
    assert_eq!(end.outcome, Outcome::NotReady);
    let expected = Trouble::ServerPart { operation: "start".to_owned(), said: b"cannot start\n".to_vec() };
    assert_eq!(end.trouble, Some(expected));
}

#[tokio::test]
#[ignore = "needs a throwaway server"]
async fn a_target_that_may_not_be_made_brings_the_servers_words() {
    let mut trial = Trial::new("");
    trial.deployment.plan.target = "/nowhere".to_owned();
    let end = trial.run().await;
    assert_eq!(end.outcome, Outcome::NotReady);
    let Some(Trouble::ServerPart { said, .. }) = end.trouble else { panic!("{:?}", end.trouble) };
    assert!(String::from_utf8(said).unwrap().contains("Permission denied"));
}

#[tokio::test]
#[ignore = "needs a throwaway server"]
async fn a_line_that_is_cut_after_the_point_of_no_return_leaves_the_end_open() {
    // its parent is sshd's process for this login
    let mut trial = Trial::new(&(greet() + &point_of_no_return() + "sleep 1; kill -9 $PPID"));
    let end = trial.run().await;
    assert_eq!(end.outcome, Outcome::Unknown);
    assert!(matches!(end.trouble, Some(Trouble::LineCut { finished_by: Some(_) })), "{:?}", end.trouble);
}

#[tokio::test]
#[ignore = "needs a throwaway server"]
async fn a_line_that_is_cut_while_more_is_asked_for_is_a_failure() {
    let mut trial = Trial::new(&(greet() + "sleep 1; kill -9 $PPID"));
    fs::write(trial.deployment.source.join("big"), random(300_000)).unwrap();
    let end = trial.run().await;
    assert_eq!((end.outcome, end.trouble), (Outcome::Failed, Some(Trouble::LineCut { finished_by: None })));
}

#[tokio::test]
#[ignore = "needs a throwaway server"]
async fn cancelled_the_server_sees_the_end_of_its_input_and_says_that_it_stopped() {
    let mut trial = Trial::new(&(greet() + "cat >/dev/null\n" + &print(&ended(Outcome::Cancelled))));
    let cancelled = tokio::time::sleep(Duration::from_secs(2));
    let end = trial.run_until(cancelled).await;
    assert_eq!((end.outcome, end.trouble), (Outcome::Cancelled, None));
    assert!(end.verdict.is_some());
}

#[tokio::test]
#[ignore = "needs a throwaway server"]
async fn a_closed_connection_leaves_neither_process_nor_folder() {
    let trial = Trial::new("");
    let deployment = &trial.deployment;
    let login = Login {
        host: &deployment.host,
        port: deployment.port,
        user: &deployment.user,
        key: deployment.key.as_ref(),
        auth_sock: None,
        known_hosts: &deployment.known_hosts,
        connect_timeout: deployment.connect_timeout,
        key_life: Duration::from_secs(60),
    };
    let connection = Connection::open(&login).await.unwrap();
    let folder = connection.folder().to_owned();
    let (pipes, child) = connection.run("echo ready; sleep 60").await.unwrap();
    assert!(folder.exists() && processes_of(&folder) > 0 && connection.stands().await);
    drop((pipes, child));
    connection.close().await;
    assert!(!folder.exists());
    let end = Instant::now() + Duration::from_secs(2);
    while processes_of(&folder) > 0 {
        assert!(Instant::now() < end, "a process of {} is still there", folder.display());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How many processes have the folder on their command lines: agent and ssh.
fn processes_of(folder: &Path) -> usize {
    let folder = folder.as_os_str().as_encoded_bytes();
    let processes =
        fs::read_dir("/proc").unwrap().filter_map(|entry| fs::read(entry.unwrap().path().join("cmdline")).ok());
    processes.filter(|line| line.windows(folder.len()).any(|part| part == folder)).count()
}

#[tokio::test]
async fn cancelled_at_once_nothing_is_contacted() {
    let source = tempfile::tempdir().unwrap();
    fs::write(source.path().join("a"), "x").unwrap();
    let mut events = Vec::new();
    let binaries = || Binaries::of(&source.path().join("a"), source.path());
    let end = deploy_with(&deployment(source.path()), &transaction(), binaries, ready(()), &mut |event| {
        events.push(event);
    })
    .await;
    assert_eq!(end.outcome, Outcome::Cancelled);
    assert!(matches!(events.last(), Some(RunEvent::Ended(_))));
    assert!(!events.iter().any(|event| matches!(event, RunEvent::Connected { .. })));
}

#[tokio::test]
async fn a_source_that_cannot_be_deployed_is_bad_input() {
    let source = tempfile::tempdir().unwrap();
    let mut events = Vec::new();
    let end = deploy(deployment(source.path()), transaction(), &mut |event| events.push(event)).await;
    assert_eq!(end.outcome, Outcome::Invalid);
    assert!(matches!(&events[..], [RunEvent::Ended(_)]));
}

#[test]
fn transactions_differ() {
    assert_ne!(draw_transaction(), draw_transaction());
}
