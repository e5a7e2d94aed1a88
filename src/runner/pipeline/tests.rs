//! Runs over a real sshd, with a script in place of the server part.

use super::*;
use crate::protocol::{
    greeting, ConnectionKind, Hop, KeyState, Made, Outcome, Secret, ServerPartError, Target, What,
};
use crate::runner::run::pause_after;
use crate::runner::ssh::{Connection, LoginOptions};
use crate::runner::testing::{self, deployment, ended, event, random_bytes, release, transaction};
use crate::settings::Jump;
use std::cell::Cell;
use std::fmt::Write as _;
use std::future::{pending, ready};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};
use tempfile::TempDir;

const NEEDS_A_SERVER: &str =
    "DEPLOY_ACTION_TEST_SERVER names the state folder of a throwaway server";

/// [`deploy`] with replacements.
async fn deploy_with(
    deployment: &Deployment,
    binaries: impl FnOnce() -> Result<Binaries, RunError> + Send + 'static,
    cancelled: impl Future<Output = ()> + 'static,
    emit: &mut dyn FnMut(RunEvent),
) -> End {
    run(
        deployment,
        Request::Start,
        External {
            binaries,
            cancelled,
        },
        emit,
    )
    .await
}

/// A run against the throwaway server.
struct Trial {
    _source: TempDir,
    parts: TempDir,
    deployment: Deployment,
    events: Vec<RunEvent>,
}

fn value(text: &str, name: &str) -> String {
    text.lines()
        .find_map(|line| line.strip_prefix(&format!("{name}=")))
        .unwrap()
        .to_owned()
}

impl Trial {
    /// With a server part that reads the upload, sends the greeting and continues with `script`.
    fn new(script: &str) -> Self {
        let state = PathBuf::from(env::var_os("DEPLOY_ACTION_TEST_SERVER").expect(NEEDS_A_SERVER));
        let read = |file: &str| fs::read_to_string(state.join(file)).unwrap();
        let source = tempfile::tempdir().unwrap();
        fs::write(source.path().join("app.py"), "print('hello')\n").unwrap();
        let parts = tempfile::tempdir().unwrap();
        fs::write(parts.path().join("own"), server_part(script)).unwrap();
        let mut deployment = deployment(source.path());
        deployment.server.port = value(&read("env"), "SSH_PORT").parse().unwrap();
        deployment.server.key = Some(Secret::from(read("key")));
        deployment.server.known_hosts = read("known_hosts").parse().unwrap();
        let target = format!("/home/deploy/{}", new_transaction_id().unwrap());
        deployment.plan.target = Target::checked(target);
        Self {
            _source: source,
            parts,
            deployment,
            events: Vec::new(),
        }
    }

    async fn run_until(&mut self, cancelled: impl Future<Output = ()> + 'static) -> End {
        let Self {
            parts,
            deployment,
            events,
            ..
        } = self;
        let binaries = found_in(parts.path(), "own");
        events.clear();
        let end = deploy_with(deployment, binaries, cancelled, &mut |event| {
            events.push(event)
        })
        .await;
        let ends = events
            .iter()
            .filter(|event| matches!(event, RunEvent::Ended(_)))
            .count();
        assert_eq!(ends, 1);
        assert_eq!(events.last(), Some(&RunEvent::Ended(Box::new(end.clone()))));
        end
    }

    async fn run(&mut self) -> End {
        self.run_until(pending()).await
    }

    fn copied(&self) -> bool {
        self.events
            .iter()
            .any(|event| matches!(event, RunEvent::CopyingServerPart { .. }))
    }
}

fn found_in(
    folder: &Path,
    own: &'static str,
) -> impl FnOnce() -> Result<Binaries, RunError> + Send + 'static {
    let folder = folder.to_owned();
    move || Binaries::of(&folder.join(own), &folder)
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
    print(&event(What::PointOfNoReturn {
        release: release(),
        previous: None,
        deadline: Duration::from_secs(100),
        commit: None,
        made: Made::default(),
    }))
}

#[tokio::test]
#[ignore = "needs a throwaway server"]
async fn the_server_part_is_copied_once_and_the_verdict_ends_the_run() {
    let script = greet() + &point_of_no_return() + &print(&ended(Outcome::Deployed)) + "sleep 30";
    let mut trial = Trial::new(&script);
    for copied in [true, false] {
        let end = trial.run().await;
        assert_eq!((end.outcome, &end.error), (Outcome::Deployed, &None));
        assert_eq!(trial.copied(), copied);
        assert!(
            end.took < Duration::from_secs(5),
            "the channel's end was waited for: {:?}",
            end.took
        );
    }
    assert!(trial
        .events
        .iter()
        .any(|event| matches!(event, RunEvent::Sending { files: 1, .. })));
}

#[tokio::test]
#[ignore = "needs a throwaway server"]
async fn an_unknown_host_key_and_a_refused_login_are_different_errors() {
    for (known_hosts, key, expected) in [
        (true, false, ConnectionKind::Login),
        (false, true, ConnectionKind::HostKey),
    ] {
        let mut trial = Trial::new("exit 1");
        if !known_hosts {
            trial.deployment.server.known_hosts = testing::server().known_hosts;
        }
        if !key {
            trial.deployment.server.key = None;
        }
        let end = trial.run().await;
        assert_eq!(end.outcome, Outcome::Unreachable);
        let Some(RunError::Connection { kind, error, .. }) = end.error else {
            panic!("{:?}", end.error)
        };
        assert_eq!(kind, expected, "{error}");
    }
}

/// The host key of the throwaway server, with the name that ssh searches.
fn line_of(trial: &Trial) -> String {
    let line = trial
        .deployment
        .server
        .known_hosts
        .text()
        .lines()
        .find(|line| line.contains("ssh-ed25519"))
        .unwrap();
    line.split_once(' ').unwrap().1.to_owned()
}

#[tokio::test]
#[ignore = "needs a throwaway server"]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn an_untrusted_host_key_is_reported_with_the_reason() {
    let new = Trial::new("exit 1");
    let (key, name) = (
        line_of(&new),
        format!("[127.0.0.1]:{}", new.deployment.server.port),
    );
    // of the same length and kind
    let (head, tail) = key.trim_end().split_at(60);
    let other = head.to_owned() + &tail.chars().rev().collect::<String>();
    for (known_hosts, state) in [
        (format!("example.org {other}\n"), KeyState::Unknown),
        (format!("{name} {other}\n"), KeyState::Changed),
        (format!("example.org {key}\n"), KeyState::OtherName),
        (
            format!("{name} {key}\n@revoked * {key}\n"),
            KeyState::Revoked,
        ),
        (format!("@cert-authority * {key}\n"), KeyState::OtherName),
    ] {
        let mut trial = Trial::new("exit 1");
        trial.deployment.server.known_hosts = known_hosts.parse().unwrap();
        let end = trial.run().await;
        let Some(RunError::Connection {
            kind,
            offered,
            hop,
            error,
        }) = end.error
        else {
            panic!("{:?}", end.error)
        };
        assert_eq!(
            (kind, hop),
            (ConnectionKind::HostKey, Hop::Server),
            "{error}"
        );
        let offered = offered.unwrap();
        assert_eq!(offered.state, state, "{known_hosts}");
        assert!(
            offered.line.starts_with(&format!("{name} ssh-ed25519 "))
                && offered.fingerprint.starts_with("SHA256:")
        );
        let blob = |line: &str| line.split(' ').nth_back(0).unwrap().to_owned();
        assert!(key.contains(&blob(&offered.line)));
    }
}

#[tokio::test]
#[ignore = "needs a throwaway server"]
async fn a_hashed_name_is_known() {
    let mut trial = Trial::new(&(greet() + &print(&ended(Outcome::Deployed))));
    let file = trial.parts.path().join("known_hosts");
    fs::write(&file, trial.deployment.server.known_hosts.text()).unwrap();
    let hashed = std::process::Command::new("ssh-keygen")
        .arg("-H")
        .arg("-f")
        .arg(&file)
        .output()
        .unwrap();
    assert!(hashed.status.success());
    let hashed = fs::read_to_string(&file).unwrap();
    assert!(hashed.starts_with("|1|"));
    trial.deployment.server.known_hosts = hashed.parse().unwrap();
    assert_eq!(trial.run().await.error, None);
}

#[tokio::test]
#[ignore = "needs a throwaway server"]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn a_jump_host_is_used_and_errors_name_the_host_that_failed() {
    // the server itself, under another name
    let through = |script: &str| {
        let mut trial = Trial::new(script);
        let inside = line_of(&trial);
        let server = &mut trial.deployment.server;
        let port = server.port;
        server.host = "localhost".parse().unwrap();
        server.jump = Some(Jump {
            host: "127.0.0.1".parse().unwrap(),
            port,
            user: "deploy".parse().unwrap(),
        });
        let both = format!("{}[localhost]:{port} {inside}\n", server.known_hosts.text());
        server.known_hosts = both.parse().unwrap();
        trial
    };
    let mut trial = through(&(greet() + &print(&ended(Outcome::Deployed))));
    let end = trial.run().await;
    assert_eq!((end.outcome, end.error), (Outcome::Deployed, None));

    let told = |end: End| match end.error {
        Some(RunError::Connection {
            kind,
            hop,
            error,
            offered,
        }) => (
            kind,
            hop != Hop::Server,
            error.to_string(),
            offered.map(|it| it.state),
        ),
        other => panic!("{other:?}"),
    };
    let mut trial = through("");
    trial.deployment.server.jump.as_mut().unwrap().user = "nobody".parse().unwrap();
    let (kind, jump, said, _) = told(trial.run().await);
    assert!(
        kind == ConnectionKind::Login && jump && said.contains("nobody@"),
        "{kind:?} {said}"
    );

    let mut trial = through("");
    trial.deployment.server.user = "nobody".parse().unwrap();
    let (kind, jump, said, _) = told(trial.run().await);
    assert!(
        kind == ConnectionKind::Login && !jump && said.contains("nobody@"),
        "{kind:?} {said}"
    );

    let mut trial = through("");
    trial.deployment.server.port = "9".parse().unwrap();
    let (kind, jump, said, _) = told(trial.run().await);
    assert!(
        kind == ConnectionKind::Refused && !jump && said.contains("from the jump host"),
        "{kind:?} {said}"
    );

    for (kept, is_jump) in [("[localhost]", true), ("[127.0.0.1]", false)] {
        let mut trial = through("");
        let server = &mut trial.deployment.server;
        let lines = server.known_hosts.text().lines();
        let lines: Vec<_> = lines.filter(|line| line.starts_with(kept)).collect();
        server.known_hosts = lines
            .join(
                "
",
            )
            .parse()
            .unwrap();
        let (kind, jump, said, state) = told(trial.run().await);
        assert_eq!((kind, jump), (ConnectionKind::HostKey, is_jump), "{said}");
        assert_eq!(state, Some(KeyState::OtherName));
    }
}

#[tokio::test]
#[ignore = "needs a throwaway server"]
async fn a_server_part_that_does_not_start_is_reported_with_its_output() {
    let mut trial = Trial::new("echo cannot start >&2; exit 3");
    let end = trial.run().await;
    assert_eq!(end.outcome, Outcome::NotReady);
    let expected = RunError::ServerPart {
        error: ServerPartError::Start,
        output: b"cannot start\n".to_vec(),
    };
    assert_eq!(end.error, Some(expected));
}

#[tokio::test]
#[ignore = "needs a throwaway server"]
async fn a_target_that_cannot_be_created_is_reported_with_the_output() {
    let mut trial = Trial::new("");
    trial.deployment.plan.target = Target::checked("/nowhere");
    let end = trial.run().await;
    assert_eq!(end.outcome, Outcome::NotReady);
    let Some(RunError::ServerPart { output, .. }) = end.error else {
        panic!("{:?}", end.error)
    };
    assert!(String::from_utf8(output)
        .unwrap()
        .contains("Permission denied"));
}

/// Kills sshd's process for this login, the parent of the shell, after it has passed on what was printed.
const CUT: &str = "sleep 1; kill -9 $PPID\n";

/// `first` the first time, `then` after that.
fn once(first: &str, then: &str) -> String {
    format!("if [ -e \"$0.begun\" ]; then\n{then}\nelse\n: >\"$0.begun\"\n{first}\nfi\n")
}

#[tokio::test]
#[ignore = "needs a throwaway server"]
async fn a_lost_connection_is_made_again_and_the_verdict_received() {
    for before in [point_of_no_return(), String::new()] {
        let then = print(&ended(Outcome::RolledBack));
        let mut trial = Trial::new(&(greet() + &once(&(before.clone() + CUT), &then)));
        let end = trial.run().await;
        assert_eq!((end.outcome, end.error), (Outcome::RolledBack, None));
        let lost = trial.events.iter().find_map(|event| match event {
            RunEvent::ConnectionLost { finished_by } => Some(finished_by.is_some()),
            _ => None,
        });
        assert_eq!(lost, Some(!before.is_empty()));
    }
}

#[tokio::test]
#[ignore = "needs a throwaway server"]
async fn a_server_part_that_dies_is_started_again_over_the_same_connection() {
    let then = print(&ended(Outcome::Deployed));
    let mut trial = Trial::new(&(greet() + &once(&(point_of_no_return() + "kill -9 $$"), &then)));
    let end = trial.run().await;
    assert_eq!((end.outcome, end.error), (Outcome::Deployed, None));
    assert!(!trial
        .events
        .iter()
        .any(|event| matches!(event, RunEvent::ConnectionLost { .. })));
}

#[tokio::test]
#[ignore = "needs a throwaway server"]
async fn a_connection_that_remains_lost_after_the_point_of_no_return_ends_as_unknown() {
    let deadline = Duration::from_secs(1);
    let point = print(&event(What::PointOfNoReturn {
        release: release(),
        previous: None,
        deadline,
        commit: None,
        made: Made::default(),
    }));
    let mut trial = Trial::new(&(once(&(greet() + &point + CUT), "sleep 3600")));
    let end = trial.run().await;
    assert_eq!(end.outcome, Outcome::Unknown);
    assert!(
        matches!(
            end.error,
            Some(RunError::ConnectionLost {
                finished_by: Some(_)
            })
        ),
        "{:?}",
        end.error
    );
    // some time after its deadline
    assert!((30..40).contains(&end.took.as_secs()), "{:?}", end.took);
}

#[tokio::test]
#[ignore = "needs a throwaway server"]
async fn a_connection_that_is_lost_again_and_again_fails_at_the_time_limit() {
    let mut trial = Trial::new(&(greet() + CUT));
    trial.deployment.plan.stage_limit = Duration::from_secs(4);
    let source = trial.deployment.source.as_ref().unwrap();
    fs::write(source.path().join("big"), random_bytes(1, 300_000)).unwrap();
    let end = trial.run().await;
    assert_eq!(end.outcome, Outcome::Failed);
    // depends on whether it was connected at the time limit
    let told = matches!(
        end.error,
        Some(RunError::ConnectionLost { finished_by: None } | RunError::OutOfTime { .. })
    );
    assert!(told, "{:?}", end.error);
    assert!(trial
        .events
        .iter()
        .any(|event| matches!(event, RunEvent::ConnectionLost { .. })));
}

#[tokio::test]
#[ignore = "needs a throwaway server"]
async fn connections_without_a_greeting_are_not_repeated_forever() {
    let mut trial = Trial::new(CUT);
    let end = trial.run().await;
    assert_eq!(end.outcome, Outcome::Unknown, "{:?}", end.error);
    assert_eq!(
        trial
            .events
            .iter()
            .filter(|event| matches!(event, RunEvent::ConnectionLost { .. }))
            .count(),
        4
    );
}

#[tokio::test]
#[ignore = "needs a throwaway server"]
async fn when_cancelled_the_server_sees_the_end_of_its_input_and_confirms_that_it_stopped() {
    let mut trial =
        Trial::new(&(greet() + "cat >/dev/null\n" + &print(&ended(Outcome::Cancelled))));
    let cancelled = tokio::time::sleep(Duration::from_secs(2));
    let end = trial.run_until(cancelled).await;
    assert_eq!((end.outcome, end.error), (Outcome::Cancelled, None));
    assert!(end.verdict.is_some());
}

#[tokio::test]
#[ignore = "needs a throwaway server"]
async fn a_closed_connection_leaves_no_process_and_no_folder() {
    let trial = Trial::new("");
    let deployment = &trial.deployment;
    let login = LoginOptions {
        server: &deployment.server,
        auth_sock: None,
        key_lifetime: Duration::from_secs(60),
    };
    let connection = Connection::open(&login, LocalSetup::create(&login).await.unwrap())
        .await
        .unwrap();
    let folder = connection.folder().to_owned();
    let (pipes, child) = connection.run("echo ready; sleep 60").await.unwrap();
    assert!(folder.exists() && processes_of(&folder) > 0 && connection.is_open().await);
    drop((pipes, child));
    connection.close().await;
    assert!(!folder.exists());
    let end = Instant::now() + Duration::from_secs(2);
    while processes_of(&folder) > 0 {
        assert!(
            Instant::now() < end,
            "a process of {} is still there",
            folder.display()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The number of processes with the folder on their command line: agent and ssh.
fn processes_of(folder: &Path) -> usize {
    let folder = folder.as_os_str().as_encoded_bytes();
    let processes = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read(entry.unwrap().path().join("cmdline")).ok());
    processes
        .filter(|line| line.windows(folder.len()).any(|part| part == folder))
        .count()
}

#[tokio::test]
async fn cancelled_at_once_nothing_is_contacted() {
    let source = tempfile::tempdir().unwrap();
    fs::write(source.path().join("a"), "x").unwrap();
    let mut events = Vec::new();
    let binaries = found_in(source.path(), "a");
    let end = deploy_with(
        &deployment(source.path()),
        binaries,
        ready(()),
        &mut |event| {
            events.push(event);
        },
    )
    .await;
    assert_eq!(end.outcome, Outcome::Cancelled);
    assert!(matches!(events.last(), Some(RunEvent::Ended(_))));
    assert!(!events
        .iter()
        .any(|event| matches!(event, RunEvent::Connected { .. })));
}

#[tokio::test]
async fn a_failed_connection_is_tried_again_with_growing_pauses() {
    let source = tempfile::tempdir().unwrap();
    fs::write(source.path().join("a"), "x").unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    for (attempts, timeout, expected) in [(2, 60, 1), (3, 2, 2)] {
        let limit = Duration::from_secs(timeout);
        let mut deployment = deployment(source.path());
        deployment.server.port = free.to_string().parse().unwrap();
        deployment.server.connect_attempts = attempts;
        deployment.plan.stage_limit = limit;
        let mut pauses = Vec::new();
        let binaries = found_in(source.path(), "a");
        let end = deploy_with(&deployment, binaries, pending(), &mut |event| {
            if let RunEvent::ConnectFailed { pause, .. } = event {
                pauses.push(pause.as_secs());
            }
        })
        .await;
        assert_eq!(pauses, [1, 2][..expected]);
        assert_eq!(end.outcome, Outcome::Unreachable);
        assert!(end.took < Duration::from_secs(3), "{:?}", end.took);
    }
    assert_eq!(
        [1, 2, 3, 4, 5, 99].map(|attempt| pause_after(attempt).as_secs()),
        [1, 2, 4, 8, 10, 10]
    );
}

#[tokio::test]
async fn a_source_that_cannot_be_deployed_is_bad_input() {
    let source = tempfile::tempdir().unwrap();
    // this is never uploaded
    fs::create_dir(source.path().join(".git")).unwrap();
    let mut events = Vec::new();
    let end = deploy(deployment(source.path()), &mut |event| events.push(event)).await;
    assert_eq!(end.outcome, Outcome::Invalid);
    assert!(matches!(&events[..], [RunEvent::Ended(_)]));
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn a_source_that_cannot_be_deployed_leaves_no_agent_and_no_folder_and_contacts_nothing() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("source")).unwrap();
    let _socket =
        std::os::unix::net::UnixListener::bind(place.path().join("source/app.sock")).unwrap();
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let key = place.path().join("k");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key)
        .status();
    assert!(made.unwrap().success());
    let mut deployment = deployment(&place.path().join("source"));
    let port = server.local_addr().unwrap().port();
    deployment.server.port = port.to_string().parse().unwrap();
    deployment.server.key = Some(Secret::from(fs::read_to_string(key).unwrap()));
    let watch = Watch::new(deployment.timeout(), pending());
    let (transaction, emit) = (transaction(), &mut |event| panic!("{event:?}"));
    let mut run = Run {
        deployment: &deployment,
        transaction: &transaction,
        progress: Progress::default(),
        watch,
        limit: deployment.timeout(),
        emit,
    };
    let login = run.login();
    let folder = Cell::new(None);
    let noted = async {
        let ready = LocalSetup::create(&login).await?;
        folder.set(Some(ready.folder().to_owned()));
        Ok(ready)
    };
    assert!(matches!(
        prepare(&mut run, Request::Start, noted).await,
        Err(EarlyEnd::Error(RunError::Source { .. }))
    ));
    let folder = folder.take().unwrap();
    assert!(!folder.exists() && server.accept().is_err());
    // the signal takes a moment
    let end = Instant::now() + Duration::from_secs(2);
    while processes_of(&folder) > 0 {
        assert!(
            Instant::now() < end,
            "a process of {} is still there",
            folder.display()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_bad_key_is_reported_after_the_plan_and_before_anything_is_contacted() {
    let source = tempfile::tempdir().unwrap();
    fs::write(source.path().join("a"), "x").unwrap();
    let mut deployment = deployment(source.path());
    deployment.server.key = Some(Secret::from("no key\n"));
    let mut events = Vec::new();
    let binaries = found_in(source.path(), "a");
    let end = deploy_with(&deployment, binaries, pending(), &mut |event| {
        events.push(event)
    })
    .await;
    assert!(
        matches!(end.error, Some(RunError::Key { .. })),
        "{:?}",
        end.error
    );
    assert!(
        matches!(
            &events[..],
            [
                RunEvent::Planned(_),
                RunEvent::Connecting,
                RunEvent::Ended(_)
            ]
        ),
        "{events:?}"
    );
}

#[test]
fn transactions_differ() {
    assert_ne!(new_transaction_id(), new_transaction_id());
}
