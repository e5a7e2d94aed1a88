//! Health checks that are commands, run in the release.

use crate::app::{App, Node};
use crate::client::Told;
use crate::stub_server::StubServer;
use deploy_action::protocol::{Ending, HealthAnswer, Outcome, Plan, Reason, Restart, Units, What};
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Room for a busy machine.
const ENOUGH: Duration = Duration::from_secs(30);

fn asking(command: &str) -> impl Fn(&mut Plan) + '_ {
    move |plan| {
        plan.verification.command = Some(command.to_owned());
        plan.verification.timeout = ENOUGH;
    }
}

/// The answers, one after the other.
fn answers(told: &Told) -> Vec<HealthAnswer> {
    let answer = |what: &What| match what {
        What::Attempt(attempt) => Some(attempt.answer.clone()),
        _ => None,
    };
    told.events.iter().filter_map(answer).collect()
}

fn endings(told: &Told) -> Vec<Ending> {
    let ending = |answer: HealthAnswer| match answer {
        HealthAnswer::Command { ending, .. } => ending,
        other => panic!("{other}"),
    };
    answers(told).into_iter().map(ending).collect()
}

/// How the last run ended, as the verdict has it.
#[track_caller]
fn failed(told: &Told) -> (Ending, String) {
    let verdict = told.verdict.as_ref().unwrap();
    match verdict.failure.as_ref().map(|failure| &failure.reason) {
        Some(Reason::Unhealthy { last, .. }) => match last.as_ref() {
            HealthAnswer::Command { ending, output } => {
                (*ending, String::from_utf8(output.clone()).unwrap())
            }
            other => panic!("{other}"),
        },
        other => panic!("{other:?}"),
    }
}

fn lives(pid: &str) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !state.is_empty() && !state.contains(") Z ")
}

/// The process whose id is in the file is gone, or goes soon.
#[track_caller]
fn assert_gone(file: &Path) {
    let pid = fs::read_to_string(file).unwrap();
    let pid = pid.trim();
    let pause = || thread::sleep(Duration::from_millis(20));
    assert!(
        (0..500).any(|_| !lives(pid) || (pause(), false).1),
        "{pid} lives on"
    );
}

#[test]
fn a_release_is_healthy_when_its_command_ends_with_0_also_at_the_third_try() {
    let server = StubServer::new();
    let home = server.home();
    let script = format!(
        "cd {home}\necho x >> tries\necho \"try $(wc -l < tries)\"\ntest \"$(wc -l < tries)\" -ge 3",
        home = home.display()
    );
    let told = server.deploy_with(&App::good("new"), asking(&script));
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    assert_eq!(
        endings(&told),
        [Ending::Exit(1), Ending::Exit(1), Ending::Exit(0)]
    );
    let second = answers(&told).remove(1).to_string();
    assert_eq!(second, "command ended with exit code 1: “try 2”");
}

#[test]
fn a_release_whose_command_fails_is_rolled_back_to_one_that_its_own_command_finds_healthy() {
    let server = StubServer::new();
    let place = format!("pwd -P >> {}/asked", server.home().display());
    let own = format!("{place}; grep -q old name");
    let told = server.deploy_with(&App::good("old"), asking(&own));
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    let new = format!("{place}; echo new asked; echo no queue >&2; exit 3");
    let told = server.deploy_with(&App::good("new"), |plan| {
        asking(&new)(plan);
        plan.verification.timeout = Duration::from_secs(1);
    });
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
    assert_eq!(
        failed(&told),
        (Ending::Exit(3), "new asked\nno queue".into())
    );
    assert_eq!(endings(&told).last(), Some(&Ending::Exit(0)));
    let asked = fs::read_to_string(server.home().join("asked")).unwrap();
    let mut folders: Vec<&str> = asked.lines().collect();
    folders.dedup();
    let named = |folder: &&str| fs::read_to_string(Path::new(folder).join("name")).unwrap();
    let names: Vec<String> = folders.iter().map(named).collect();
    assert_eq!(names, ["old\n", "new\n", "old\n"]);
}

#[test]
fn a_command_that_hangs_is_ended_with_all_that_it_has_started_before_the_rollback() {
    let server = StubServer::with(&App::good("old"));
    let child = server.home().join("child");
    let script = format!(
        "echo asking the queue\nsh -c 'trap \"\" TERM; echo $$ > {}; exec sleep 600' & sleep 600",
        child.display()
    );
    let start = Instant::now();
    let told = server.deploy_with(&App::good("new"), |plan| {
        asking(&script)(plan);
        plan.verification.timeout = Duration::from_secs(2);
    });
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
    assert_eq!(
        failed(&told),
        (Ending::OutOfTime, "asking the queue".into())
    );
    assert!(start.elapsed() < ENOUGH, "{:?}", start.elapsed());
    assert_gone(&child);
}

#[test]
fn a_command_that_hangs_hides_no_crash() {
    let server = StubServer::with(&App::good("old"));
    let (running, child) = (server.home().join("running"), server.home().join("child"));
    // the release crashes once its command runs
    let script = format!(
        "echo $$ > {0}; sed -i s/SubState=running/SubState=auto-restart/ {1}/unit/state; touch {2}; exec sleep 600",
        child.display(),
        server.home().display(),
        running.display()
    );
    let start = Instant::now();
    let told = server.deploy_with(&App::good("new"), |plan| {
        asking(&script)(plan);
        plan.verification.timeout = Duration::from_secs(300);
    });
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
    let failure = told.verdict.unwrap().failure.unwrap();
    assert!(
        matches!(failure.reason, Reason::Crashed { .. }),
        "{failure:?}"
    );
    assert!(start.elapsed() < ENOUGH, "{:?}", start.elapsed());
    assert_gone(&child);
}

#[test]
fn much_output_is_cut_and_a_child_that_keeps_the_pipe_open_delays_nothing() {
    let server = StubServer::new();
    let child = server.home().join("child");
    let script = format!(
        "head -c 10000000 /dev/zero | tr '\\0' x; echo; seq 9000\nsleep 600 & echo $! > {}",
        child.display()
    );
    let start = Instant::now();
    let told = server.deploy_with(&App::good("new"), asking(&script));
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    assert!(start.elapsed() < ENOUGH, "{:?}", start.elapsed());
    let HealthAnswer::Command { output, .. } = answers(&told).remove(0) else {
        panic!()
    };
    assert!(
        output.len() <= 2000 && output.ends_with(b"8999\n9000"),
        "{}",
        output.len()
    );
    assert_gone(&child);
}

#[test]
fn it_has_the_env_file_no_input_and_none_of_our_files() {
    let server = StubServer::new();
    let script = "test \"$QUEUE\" = 'redis://a b'\n! read line\nls -l /proc/self/fd >&2\nfalse";
    let told = server.deploy_with(&App::good("new"), |plan| {
        asking(script)(plan);
        plan.verification.timeout = Duration::from_secs(1);
        plan.staging.env_file = Some("QUEUE=\"redis://a b\" # c\n".into());
    });
    let (ending, open) = failed(&told);
    assert_eq!(ending, Ending::Exit(1));
    assert!(
        open.contains("/dev/null") && open.contains("pipe:"),
        "{open}"
    );
    assert!(!open.contains(server.own().to_str().unwrap()), "{open}");
    let secret = told.verdict.as_ref().map(|verdict| format!("{verdict:?}"));
    assert!(!secret.unwrap().contains("redis://"));
}

#[test]
fn without_a_unit_the_command_is_all_that_is_asked() {
    let server = StubServer::new();
    let deploy = |name: &str, command: &str| {
        server.deploy_with(&App::good(name), |plan| {
            asking(command)(plan);
            plan.verification.timeout = Duration::from_secs(1);
            (plan.units, plan.restart) = (Units::default(), Restart::Commands("true".into()));
        })
    };
    let told = deploy(
        "old",
        "grep -q old current-of-nothing || test -f src/main.py",
    );
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    assert_eq!(endings(&told), [Ending::Exit(0)]);
    let told = deploy("new", "test -f no-such-file");
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
    assert_eq!(failed(&told), (Ending::Exit(1), String::new()));
}

#[test]
fn a_rollback_to_what_is_live_asks_its_command_once() {
    let server = StubServer::new();
    let told = server.deploy_with(
        &App::good("a"),
        asking("test -f ok || test ! -f ../../asked"),
    );
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    let id = server.id_by("current");
    let again = || server.roll_back(Some(&id));
    let told = again();
    assert_eq!(told.outcome(), Some(Outcome::Restored), "{told:?}");
    assert_eq!(endings(&told), [Ending::Exit(0)]);
    fs::write(server.target().join("asked"), "").unwrap();
    let told = again();
    assert_eq!(failed(&told), (Ending::Exit(1), String::new()));
}

#[test]
fn a_release_that_is_older_than_the_command_is_not_asked_it() {
    let server = StubServer::new();
    server.foreign_release("1762147000", &App::good("old"));
    server.link("current", "releases/1762147000");
    server.unit("active", "running");
    let told = server.deploy_with(
        &App::new("new", "crash").with("check", Node::File(0o755, b"#!/bin/sh\n".to_vec())),
        asking("./check"),
    );
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
    assert_eq!(answers(&told), []);
}
