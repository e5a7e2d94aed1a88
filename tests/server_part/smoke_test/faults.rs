//! However the smoke test is cut short, nothing that it has started is left, and the next run deploys.

use super::{app, assert_unchanged, left, output, trying};
use crate::app::App;
use crate::client::{Client, Sending, Told};
use crate::faults::{Fault, KILL};
use crate::interrupted::signal;
use crate::invariants::{processes_on, within_seconds, Invariants};
use crate::stub_server::{StubServer, BINARY};
use deploy_action::protocol::{Outcome, Reason, Step, Warning, What};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// Where the processes write down their numbers.
const NOTE: &str = "note() { echo $1 >> ../../../home/pids; }\nnote $$\n";

/// Ways to be hard to end; all of them print `ready`, and would go on for ten minutes.
const KINDS: [(&str, &str); 5] = [
    ("plain", "echo ready; exec sleep 600"),
    (
        "ignores SIGTERM",
        "trap '' TERM; sleep 600 & note $!; echo ready; while :; do wait; sleep 1; done",
    ),
    (
        "takes 3 s to end",
        "trap 'sleep 3; echo ended; exit 0' TERM; echo ready; while :; do sleep 0.1; done",
    ),
    (
        "leaves its group and its session",
        "setsid sh -c 'echo $$ >> ../../../home/pids; trap \"\" TERM; while :; do sleep 1; done' &\n\
         (setsid sleep 600 & note $!)\nsleep 1; echo ready; exec sleep 600",
    ),
    (
        "hides its environment, and its parent ends",
        "(env -i setsid sh -c 'echo $$ >> ../../../home/pids; (sleep 600 & echo $! >> ../../../home/pids); exec sleep 600' &)\n\
         sleep 1; echo ready; exit 0",
    ),
];

/// A way to cut it short, and the reason that follows if someone is left to see it.
type Way = (
    &'static str,
    fn(&StubServer, &mut Client),
    fn(&Told) -> bool,
);

const WAYS: [Way; 5] = [
    (
        "the server part is killed",
        |_, client| client.kill(),
        |told| told.verdict.is_none(),
    ),
    (
        "the supervisor is killed",
        |server, _| signal("-KILL", &supervisor(server)),
        |told| told.outcome() == Some(Outcome::Failed),
    ),
    (
        "the connection is lost",
        |_, client| client.hang_up(),
        |told| told.outcome() == Some(Outcome::Cancelled),
    ),
    (
        "it is cancelled",
        |_, client| signal("-TERM", &client.pid().to_string()),
        |told| told.outcome() == Some(Outcome::Cancelled),
    ),
    ("it is out of time", |_, _| (), is_out_of_time),
];

fn is_out_of_time(told: &Told) -> bool {
    let failure = told.verdict.as_ref().and_then(|it| it.failure.as_ref());
    failure
        .is_some_and(|it| matches!(it.reason, Reason::OutOfTime(_)) && it.step == Step::SmokeTest)
}

fn supervisor(server: &StubServer) -> String {
    let mut found = processes_on(&server.target());
    found.retain(|process| process.command.contains("\0smoke-test\0"));
    let [supervisor] = found.as_slice() else {
        panic!("{found:?}")
    };
    supervisor.pid.clone()
}

fn started(server: &StubServer, script: &str, limit: Duration) -> Client {
    let app = app("new");
    let mut plan = server.plan(&app);
    trying(&format!("{NOTE}{script}"))(&mut plan);
    plan.verification.settle = Duration::from_secs(300);
    plan.stage_limit = limit;
    let mut client = server.start(&plan);
    client.send_all(&plan, &app, Sending::Ask);
    let ready = |what: &What| *what == What::Output(b"ready".to_vec());
    assert!(client.follow_until(&app, ready), "{script}");
    assert!(!left(server).is_empty());
    client
}

fn nothing_is_left(server: &StubServer) -> bool {
    within_seconds(|| left(server).is_empty())
}

/// Nothing was switched, and the next run goes well.
fn next_run(server: &StubServer) {
    Invariants::of(server);
    assert_unchanged(server);
    let told = server.deploy_with(&App::good("next"), |plan| {
        trying("exec sleep 600")(plan);
    });
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    assert_eq!(left(server), Vec::<String>::new());
}

/// Runs all cases a few at a time, and reports all that fail.
fn each<T: Sync>(cases: &[T], name: impl Fn(&T) -> String + Sync, run: impl Fn(&T) + Sync) {
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let run = std::panic::AssertUnwindSafe(|| run(case));
                    if std::panic::catch_unwind(run).is_err() {
                        failures.lock().unwrap().push(name(case));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(
        failures.is_empty(),
        "{} of {}: {failures:#?}",
        failures.len(),
        cases.len()
    );
}

#[test]
fn however_it_is_cut_short_nothing_is_left_running() {
    let cases: Vec<(&(&str, &str), &Way)> = KINDS
        .iter()
        .flat_map(|kind| WAYS.iter().map(move |way| (kind, way)))
        .collect();
    let live = StubServer::with(&App::good("old"));
    let name = |case: &(&(&str, &str), &Way)| format!("{}: {}", case.0 .0, case.1 .0);
    each(&cases, name, |((_, script), (way, act, is_right))| {
        let server = live.copy();
        let limit = match way.contains("out of time") {
            true => Duration::from_secs(20),
            false => Duration::from_secs(300),
        };
        let mut client = started(&server, script, limit);
        act(&server, &mut client);
        let told = client.finish(&app("new"));
        assert!(is_right(&told), "{told:?}");
        assert!(nothing_is_left(&server), "{:#?}", left(&server));
        next_run(&server);
    });
}

#[test]
fn a_run_that_nobody_waits_for_ends_soon() {
    let server = StubServer::with(&App::good("old"));
    let (_, stubborn) = KINDS[1];
    let mut client = started(&server, stubborn, Duration::from_secs(300));
    let start = Instant::now();
    client.hang_up();
    let told = client.finish(&app("new"));
    assert_eq!(told.outcome(), Some(Outcome::Cancelled));
    // before SIGKILL would come if it were not urgent
    assert!(
        start.elapsed() < Duration::from_secs(8),
        "{:?}",
        start.elapsed()
    );
    assert_unchanged(&server);
}

#[test]
fn a_process_has_time_to_end_by_itself() {
    let server = StubServer::with(&App::good("old"));
    let (_, slow) = KINDS[2];
    let told = server.deploy_with(&app("new"), trying(slow));
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    assert!(output(&told).contains(&"ended".to_owned()), "{told:?}");
    let (_, stubborn) = KINDS[1];
    let told = server.deploy_with(&app("newer"), trying(&format!("{NOTE}{stubborn}")));
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    assert_eq!(left(&server), Vec::<String>::new());
}

#[test]
fn what_is_left_if_everything_was_killed_at_once_the_next_run_ends() {
    let live = StubServer::with(&App::good("old"));
    // what has hidden its environment by then cannot be known
    each(
        &KINDS[..4],
        |kind| kind.0.to_owned(),
        |(kind, script)| {
            let server = live.copy();
            let mut client = started(&server, script, Duration::from_secs(300));
            let (serve, supervisor) = (client.pid().to_string(), supervisor(&server));
            let both = Command::new("kill")
                .args(["-KILL", &supervisor, &serve])
                .status();
            assert!(both.unwrap().success());
            client.wait();
            // the kernel ends what the supervisor itself has started
            assert!(*kind != "plain" || nothing_is_left(&server));
            let told = server.look_in();
            assert!(!told.has(|what| matches!(what, What::Warning(Warning::SmokeTestLeft { .. }))));
            next_run(&server);
        },
    );
}

/// What starts processes, and what keeps or ends them.
const CALLS: &str =
    "bind,setsockopt,prctl,pipe2,clone,clone3,vfork,execve,setsid,dup2,kill,wait4,exit_group,write";

fn under_strace(server: &StubServer, log: &Path, options: &[String]) -> (Client, App) {
    let app = app("new");
    let mut plan = server.plan(&app);
    let (_, script) = KINDS[3];
    trying(&format!("{NOTE}{script}"))(&mut plan);
    plan.verification.settle = Duration::from_millis(1500);
    let mut strace = Command::new("strace");
    strace.arg("-qq").arg("-o").arg(log).args(options);
    strace.arg(BINARY).args(server.serve_arguments(&plan));
    let mut client = Client::start(server.in_surroundings(strace), &plan);
    client.send_all(&plan, &app, Sending::Unasked);
    (client, app)
}

/// The calls of the server part's main thread from the choice of the port to the end of the processes.
fn calls(server: &StubServer) -> Vec<Fault> {
    let log = server.home().join("trace");
    let options = ["-e".to_owned(), format!("trace={CALLS}")];
    let (client, app) = under_strace(server, &log, &options);
    assert_eq!(client.finish(&app).outcome(), Some(Outcome::Deployed));
    let text = fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let first = lines
        .iter()
        .position(|line| line.starts_with("bind("))
        .unwrap();
    let last = lines
        .iter()
        .rposition(|line| line.starts_with("prctl("))
        .unwrap();
    let name = |line: &str| line.split_once('(').map(|(name, _)| name.to_owned());
    let number = |at: usize| {
        let call = name(lines[at])?;
        let same = lines[..=at]
            .iter()
            .filter(|line| name(line).as_ref() == Some(&call));
        Some(Fault::once(&call, same.count(), KILL))
    };
    (first..=last).filter_map(number).collect()
}

#[test]
fn killed_before_any_call_the_server_part_leaves_nothing_running() {
    let live = StubServer::with(&App::good("old"));
    let mut faults = calls(&live.copy());
    assert!(faults.len() > 20, "{}", faults.len());
    // most of them only look whether something has ended
    let step = faults.len().div_ceil(60);
    faults = faults.into_iter().step_by(step).collect();
    each(&faults, ToString::to_string, |fault| {
        let server = live.copy();
        let options = [
            "-e".to_owned(),
            format!("trace={CALLS}"),
            "-e".to_owned(),
            format!("inject={fault}"),
        ];
        let (client, app) = under_strace(&server, &server.home().join("trace"), &options);
        client.finish(&app);
        assert!(nothing_is_left(&server), "{:#?}", left(&server));
        Invariants::of(&server);
        // the calls are not as many in each run: the transaction may have begun
        if server.named_by("current").as_deref() != Some("new") {
            next_run(&server);
        }
    });
}

/// Every process of the run is killed before its own n-th call of a kind.
#[test]
fn whatever_is_killed_nothing_is_left_after_the_next_run() {
    let live = StubServer::with(&App::good("old"));
    let kinds = ["prctl", "setsid", "execve", "dup2", "kill", "exit_group"];
    let cases: Vec<Fault> = kinds
        .iter()
        .flat_map(|call| (1..=3).map(move |number| Fault::once(call, number, KILL)))
        .collect();
    each(&cases, ToString::to_string, |fault| {
        let server = live.copy();
        let options = [
            "-f",
            "-e",
            &format!("trace={CALLS}"),
            "-e",
            &format!("inject={fault}"),
        ];
        let options = options.map(str::to_owned);
        let (mut client, app) = under_strace(&server, &server.home().join("trace"), &options);
        thread::scope(|scope| {
            let strace = client.pid();
            let server = &server;
            scope.spawn(move || end_strace(server, strace));
            client.follow_until(&app, |_| false);
            client.hang_up();
            client.wait();
        });
        server.look_in();
        assert!(nothing_is_left(&server), "{:#?}", left(&server));
    });
}

/// It would wait for all that it traces, and keep the connection open as long.
fn end_strace(server: &StubServer, strace: u32) {
    let serves = || {
        let mut found = processes_on(&server.target());
        found.retain(|process| !process.command.starts_with("strace"));
        found
            .iter()
            .any(|process| process.command.contains("\0serve\0"))
    };
    within_seconds(serves);
    while serves() {
        thread::sleep(Duration::from_millis(50));
    }
    // if it has not ended by itself
    drop(
        Command::new("kill")
            .args(["-KILL", &strace.to_string()])
            .output(),
    );
}
