//! The transaction of the unmodified binary, killed before each of its system calls that change the disk, and each of
//! them failing; then a next run, which must end what is pending. The calls are learned from a run that is only watched.

use crate::app::App;
use crate::client::{Client, Sending};
use crate::invariants::{processes_on, within_seconds, Invariants};
use crate::stub_server::{StubServer, BINARY};
use crate::unit_files;
use deploy_action::protocol::wire::FromServer;
use deploy_action::protocol::{
    Install, Outcome, Plan, Restart, ToRunner, TransactionId, Verdict, What,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::thread;

pub(crate) const CALLS: &str =
    "rename,renameat,renameat2,fsync,fdatasync,syncfs,symlink,symlinkat,unlink,unlinkat,write,mkdir,chmod,fchmod";
/// The cases mostly wait for their processes.
const AT_ONCE: usize = 6;

/// Something that happens instead of system calls: strace's expressions for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault(Vec<String>);

pub(crate) const KILL: &str = "signal=KILL";

impl Fault {
    /// The call with this number, from 1.
    pub(crate) fn once(call: &str, number: usize, what: &str) -> Self {
        Self(vec![format!("{call}:{what}:when={number}")])
    }

    /// All that is possible, behind the first `done` of the calls that were seen.
    fn from_then_on(calls: &[(String, usize)], done: usize, what: &str) -> Self {
        let names: BTreeSet<&str> = calls.iter().map(|(call, _)| call.as_str()).collect();
        let seen = |name: &str| {
            calls[..done]
                .iter()
                .filter(|(call, _)| call == name)
                .count()
        };
        let inject = |name: &&str| format!("{name}:{what}:when={}+", seen(name) + 1);
        Self(
            names
                .iter()
                .filter(|name| is_possible(name, what))
                .map(inject)
                .collect(),
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

/// Runs `arguments` of the binary under strace; the trace is written to `log`.
pub(crate) fn strace(log: &Path, fault: Option<&Fault>) -> Command {
    let mut strace = Command::new("strace");
    strace
        .arg("-qq")
        .arg("-o")
        .arg(log)
        .arg("-e")
        .arg(format!("trace={CALLS}"));
    for inject in fault.iter().flat_map(|fault| &fault.0) {
        strace.arg("-e").arg(format!("inject={inject}"));
    }
    strace.arg(BINARY);
    strace
}

/// The calls in a trace, one after the other, each with its number among those of the same name.
pub(crate) fn calls(log: &Path) -> Vec<(String, usize)> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let text = String::from_utf8_lossy(&fs::read(log).unwrap()).into_owned();
    let names = text
        .lines()
        .filter_map(|line| line.split_once('('))
        .map(|(name, _)| name.to_owned());
    let number = |name: String| {
        let number = seen.entry(name.clone()).or_default();
        *number += 1;
        (name, *number)
    };
    names
        .filter(|name| name.bytes().all(|b| b.is_ascii_alphanumeric()))
        .map(number)
        .collect()
}

/// Whether the call may come to that.
fn is_possible(call: &str, what: &str) -> bool {
    match what {
        "error=EIO" => matches!(
            call,
            "fsync" | "fdatasync" | "syncfs" | "rename" | "chmod" | "fchmod"
        ),
        "error=ENOSPC" => matches!(call, "symlink" | "rename" | "write" | "mkdir" | "fsync"),
        "error=EROFS" => matches!(call, "symlink" | "unlink" | "mkdir" | "rename"),
        _ => true,
    }
}

/// Each of `calls` with each of `whats`.
pub(crate) fn faults(calls: &[(String, usize)], whats: &[&'static str]) -> Vec<Fault> {
    let each = |what: &&'static str| {
        let what = *what;
        calls
            .iter()
            .filter(move |(call, _)| is_possible(call, what))
            .map(move |(call, number)| Fault::once(call, *number, what))
    };
    whats.iter().flat_map(each).collect()
}

/// The same process takes up what current leads to; it works in the target.
const RELOAD: &str = r#"#!/bin/sh
read -r name < current/name && read -r behaviour < current/behaviour
echo "$name" >> ../home/unit/restarts
[ "$behaviour" = healthy ]
"#;

/// A server with everything sealed and the transaction not begun, to be copied for each case. `new` is to go live.
pub(crate) struct Prepared {
    pub(crate) server: StubServer,
    transaction: TransactionId,
    before: Links,
}

/// What `current` and `previous` lead to.
type Links = [Option<String>; 2];

impl Prepared {
    fn new(old: Option<&str>, behaviour: &str) -> Self {
        Self::with(old, behaviour, Restart::Systemctl)
    }

    fn with(old: Option<&str>, behaviour: &str, restart: Restart) -> Self {
        let server = StubServer::new();
        if let Some(old) = old {
            server.deploys(&App::good("first"));
            server.deploys(&App::good(old));
        }
        let app = App::new("new", behaviour);
        let plan = Plan {
            restart,
            ..server.plan(&app)
        };
        server.program("reload", RELOAD);
        Self::begin(server, &plan, &app)
    }

    /// Back from `old` to `new`, which was live before it and behaves so now.
    fn back(behaviour: &str) -> Self {
        let server = StubServer::new();
        for name in ["first", "new", "old"] {
            server.deploys(&App::good(name));
        }
        server.behaves("new", behaviour);
        let plan = server.plan_back(None);
        Self::begin(server, &plan, &App::empty(""))
    }

    pub(crate) fn begin(server: StubServer, plan: &Plan, app: &App) -> Self {
        let before = links(&server);
        // both processes stop for good where the transaction's would begin
        let mut serve = Command::new("strace");
        serve
            .args(["-f", "-qq", "-o", "/dev/null"])
            .args(["-e", "trace=setsid", "-e", "inject=setsid:signal=STOP"])
            .arg(BINARY)
            .args(server.serve_arguments(plan));
        let mut client = Client::start(server.in_surroundings(serve), plan);
        client.send_all(plan, app, Sending::Unasked);
        let begins = || {
            processes_on(&server.target())
                .iter()
                .any(|process| process.command.contains("transact\0"))
        };
        assert!(
            within_seconds(begins),
            "it does not come to the transaction"
        );
        kill_stopped(&server);
        client.wait();
        Self {
            server,
            transaction: plan.transaction.clone(),
            before,
        }
    }

    pub(crate) fn case(&self) -> Case {
        Case {
            server: self.server.copy(),
            transaction: self.transaction.clone(),
            before: self.before.clone(),
        }
    }

    pub(crate) fn learn(&self) -> Vec<(String, usize)> {
        let case = self.case();
        case.transact(None);
        calls(&case.log())
    }
}

/// At once, and serve first, which would end what is prepared; strace goes with them.
fn kill_stopped(server: &StubServer) {
    let mut both = processes_on(&server.target());
    both.retain(|process| !process.command.starts_with("strace"));
    both.sort_by_key(|process| process.command.contains("transact\0"));
    let pids = both.iter().map(|process| &process.pid);
    assert!(Command::new("kill")
        .arg("-KILL")
        .args(pids)
        .status()
        .unwrap()
        .success());
    assert!(
        within_seconds(|| processes_on(&server.target()).is_empty()),
        "stopped processes are left"
    );
}

fn links(server: &StubServer) -> Links {
    ["current", "previous"].map(|link| server.named_by(link))
}

pub(crate) struct Case {
    pub(crate) server: StubServer,
    transaction: TransactionId,
    before: Links,
}

impl Case {
    fn log(&self) -> std::path::PathBuf {
        self.server.home().join("trace")
    }

    /// As `serve` starts it: the lock is its standard input.
    pub(crate) fn transact(&self, fault: Option<&Fault>) -> ExitStatus {
        let lock = File::options()
            .write(true)
            .open(self.server.own().join("lock"))
            .unwrap();
        lock.try_lock().unwrap();
        let mut command = strace(&self.log(), fault);
        command
            .args(["server-part", "transact"])
            .arg(self.server.target())
            .arg(self.transaction.to_string());
        let mut command = self.server.in_surroundings(command);
        command
            .stdin(Stdio::from(lock))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().unwrap()
    }

    fn verdict(&self) -> Option<Verdict> {
        let kept = self
            .server
            .own()
            .join("verdicts")
            .join(self.transaction.to_string());
        serde_json::from_slice(&fs::read(kept).ok()?).ok()
    }

    fn told(&self) -> Option<Verdict> {
        let mut frames = FromServer::default();
        frames.push(
            &fs::read(
                self.server
                    .own()
                    .join("events")
                    .join(self.transaction.to_string()),
            )
            .ok()?,
        );
        std::iter::from_fn(|| frames.next_message().ok()?).find_map(|message| match message {
            ToRunner::Event(event) => match event.what {
                What::Ended(verdict) => Some(*verdict),
                _ => None,
            },
            ToRunner::Need { .. } | ToRunner::Listing(_) | ToRunner::Refused(_) => None,
        })
    }

    /// The fault, and everything that must hold after it. Says how it ended.
    pub(crate) fn run(&self, fault: &Fault) -> String {
        let status = self.transact(Some(fault));
        Invariants::of(&self.server).current_is_whole();
        let (kept, told) = (self.verdict(), self.told());
        if let (Some(kept), Some(told)) = (&kept, &told) {
            assert_eq!(kept, told, "what was told is not what is kept");
        }
        let committed = kept
            .as_ref()
            .is_some_and(|verdict| verdict.outcome.is_success());
        if told.is_some_and(|told| told.outcome.is_success()) || status.success() {
            assert!(committed, "success was told before it was durable");
        }
        let next = self.next_run(kept.as_ref());
        let by_itself = kept.map_or("nothing".to_owned(), |verdict| {
            verdict.outcome.word().to_owned()
        });
        format!("{by_itself}, then {next}")
    }

    /// The next run ends what is pending, the one after it finds nothing to do.
    fn next_run(&self, kept: Option<&Verdict>) -> &'static str {
        let server = &self.server;
        let restarts = server.restarts();
        let told = server.look_in();
        assert_eq!(told.outcome(), Some(Outcome::Failed), "{told:?}");
        let recovered = told.recovered();
        if let (Some(kept), Some(recovered)) = (kept, recovered) {
            assert_eq!(kept, recovered, "a verdict was changed");
            assert_eq!(
                server.restarts(),
                restarts,
                "a decided transaction restarts nothing"
            );
        }
        self.ended_as(kept.or(recovered));
        if recovered.is_some() {
            let after = server.restarts();
            let again = server.look_in();
            assert_eq!(
                (again.recovered(), server.restarts()),
                (None, after),
                "recovered twice"
            );
        }
        match recovered {
            None => "nothing",
            Some(_) if kept.is_some() => "told",
            Some(verdict) => verdict.outcome.word(),
        }
    }

    /// Confirmed means new, unconfirmed means old.
    fn ended_as(&self, verdict: Option<&Verdict>) {
        unit_files::check(&self.server);
        let [current, previous] = links(&self.server);
        let started = self.server.runs();
        if verdict.is_some_and(|verdict| verdict.outcome.is_success()) {
            assert_eq!(
                (current.as_deref(), &previous),
                (Some("new"), &self.before[0])
            );
            assert_eq!(started.as_deref(), Some("new"));
            return;
        }
        assert_eq!([&current, &previous], self.before.each_ref());
        match current {
            None => assert_ne!(
                started.as_deref(),
                Some("new"),
                "the failed process may be there"
            ),
            Some(_) => assert_eq!(started, current, "the old release is not what runs"),
        }
    }

    /// [`run`](Self::run) of a rollback: whatever became of it, both releases are there to go back and forth between.
    fn run_back(&self, fault: &Fault) -> String {
        let end = self.run(fault);
        self.server.behaves("new", "healthy");
        for _ in 0..2 {
            let [current, previous] = links(&self.server);
            let told = self.server.roll_back(None);
            assert_eq!(told.outcome(), Some(Outcome::Restored), "{told:?}");
            assert_eq!(links(&self.server), [previous, current]);
        }
        end
    }
}

/// Runs all cases; every failure is told, and how often each end was come to.
fn run_all(faults: &[Fault], run: impl Fn(&Fault) -> String + Sync) -> BTreeMap<String, usize> {
    let (next, ends, failures) = (
        AtomicUsize::new(0),
        Mutex::new(BTreeMap::new()),
        Mutex::new(Vec::new()),
    );
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(fault) = faults.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result =
                        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(fault)));
                    match result {
                        Ok(end) => *ends.lock().unwrap().entry(end).or_insert(0) += 1,
                        Err(_) => failures.lock().unwrap().push(fault.to_string()),
                    }
                }
            });
        }
    });
    let (ends, failures) = (ends.into_inner().unwrap(), failures.into_inner().unwrap());
    println!("{} cases: {ends:#?}", faults.len());
    assert!(
        failures.is_empty(),
        "{} of {} cases failed: {failures:#?}",
        failures.len(),
        faults.len()
    );
    ends
}

pub(crate) fn all_of(prepared: &Prepared, whats: &[&'static str], expected: &[&str]) {
    each_of(prepared, whats, Case::run, expected);
}

fn all_back(behaviour: &str, whats: &[&'static str], expected: &[&str]) {
    each_of(&Prepared::back(behaviour), whats, Case::run_back, expected);
}

fn each_of(
    prepared: &Prepared,
    whats: &[&'static str],
    run: fn(&Case, &Fault) -> String,
    expected: &[&str],
) {
    let calls = prepared.learn();
    let ends = run_all(&faults(&calls, whats), |fault| run(&prepared.case(), fault));
    let ends: Vec<&str> = ends.keys().map(String::as_str).collect();
    assert_eq!(ends, expected, "each end is come to, and no other");
}

pub(crate) const ERRORS: &[&str] = &["error=EIO", "error=ENOSPC", "error=EROFS"];

#[test]
fn killed_before_any_call_a_good_release_is_either_committed_or_gone() {
    let ends = [
        "deployed, then told",
        "nothing, then failed",
        "nothing, then nothing",
        "nothing, then rolled-back",
    ];
    all_of(&Prepared::new(Some("old"), "healthy"), &[KILL], &ends);
}

#[test]
fn killed_before_any_call_a_broken_release_is_gone() {
    let ends = [
        "nothing, then failed",
        "nothing, then nothing",
        "nothing, then rolled-back",
        "rolled-back, then told",
    ];
    all_of(&Prepared::new(Some("old"), "crash"), &[KILL], &ends);
}

#[test]
fn killed_before_any_call_a_broken_release_is_gone_also_where_the_unit_is_only_reloaded() {
    let reload = Restart::Commands("../home/reload".to_owned());
    let ends = [
        "nothing, then failed",
        "nothing, then nothing",
        "nothing, then rolled-back",
        "rolled-back, then told",
    ];
    all_of(
        &Prepared::with(Some("old"), "crash", reload),
        &[KILL],
        &ends,
    );
}

#[test]
fn killed_before_any_call_a_broken_first_release_leaves_nothing_live() {
    let ends = [
        "failed, then told",
        "nothing, then failed",
        "nothing, then nothing",
    ];
    all_of(&Prepared::new(None, "crash"), &[KILL], &ends);
}

#[test]
fn whatever_call_fails_a_good_release_is_either_committed_or_gone() {
    let ends = [
        "deployed, then told",
        "failed, then nothing",
        "failed, then told",
        "rolled-back, then told",
    ];
    all_of(&Prepared::new(Some("old"), "healthy"), ERRORS, &ends);
}

#[test]
fn whatever_call_fails_a_broken_release_is_gone() {
    let ends = [
        "failed, then nothing",
        "failed, then told",
        "nothing, then rolled-back",
        "rolled-back, then told",
    ];
    all_of(&Prepared::new(Some("old"), "crash"), ERRORS, &ends);
}

#[test]
fn whatever_call_fails_a_broken_first_release_leaves_nothing_live() {
    let ends = [
        "failed, then nothing",
        "failed, then told",
        "nothing, then failed",
    ];
    all_of(&Prepared::new(None, "crash"), ERRORS, &ends);
}

#[test]
fn killed_before_any_call_a_rollback_is_either_committed_or_undone_and_can_be_had_again() {
    let ends = [
        "nothing, then failed",
        "nothing, then nothing",
        "nothing, then rolled-back",
        "restored, then told",
    ];
    all_back("healthy", &[KILL], &ends);
}

#[test]
fn killed_before_any_call_a_rollback_to_what_is_broken_now_is_undone() {
    let ends = [
        "nothing, then failed",
        "nothing, then nothing",
        "nothing, then rolled-back",
        "rolled-back, then told",
    ];
    all_back("crash", &[KILL], &ends);
}

#[test]
fn whatever_call_fails_a_rollback_is_either_committed_or_undone_and_can_be_had_again() {
    let ends = [
        "failed, then nothing",
        "failed, then told",
        "restored, then told",
        "rolled-back, then told",
    ];
    all_back("healthy", ERRORS, &ends);
}

#[test]
fn whatever_call_fails_a_rollback_to_what_is_broken_now_is_undone() {
    let ends = [
        "failed, then nothing",
        "failed, then told",
        "nothing, then rolled-back",
        "rolled-back, then told",
    ];
    all_back("crash", ERRORS, &ends);
}

fn from_every_moment_on(behaviour: &str, what: &str, expected: &[&str]) {
    let prepared = Prepared::new(Some("old"), behaviour);
    let calls = prepared.learn();
    let faults: Vec<Fault> = (0..calls.len())
        .map(|done| Fault::from_then_on(&calls, done, what))
        .collect();
    let ends = run_all(&faults, |fault| prepared.case().run(fault));
    let ends: Vec<&str> = ends.keys().map(String::as_str).collect();
    assert_eq!(ends, expected, "each end is come to, and no other");
}

#[test]
fn a_disk_that_stays_read_only_is_put_right_by_the_next_run_that_can_write() {
    let ends = [
        "nothing, then failed",
        "nothing, then nothing",
        "nothing, then rolled-back",
        "rolled-back, then told",
    ];
    from_every_moment_on("crash", "error=EROFS", &ends);
}

#[test]
fn a_disk_that_stays_full_lets_nothing_live_that_was_not_committed() {
    let ends = [
        "deployed, then told",
        "nothing, then failed",
        "nothing, then nothing",
        "nothing, then rolled-back",
    ];
    from_every_moment_on("healthy", "error=ENOSPC", &ends);
}

impl Case {
    /// A next run, with a fault, that ends what is pending and then stages a release whose install fails.
    fn serve(&self, fault: Option<&Fault>) {
        let app = App::good("look-in");
        let mut plan = self.server.plan(&app);
        plan.staging.install = Install::Commands("exit 3".to_owned());
        let mut command = strace(&self.log(), fault);
        command.args(self.server.serve_arguments(&plan));
        let mut client = Client::start(self.server.in_surroundings(command), &plan);
        client.send_all(&plan, &app, Sending::Unasked);
        client.finish(&app);
    }

    /// The recovery is cut short; the one after it converges.
    fn run_recovery(&self, fault: &Fault) -> String {
        let before = self.verdict();
        self.serve(Some(fault));
        Invariants::of(&self.server).current_is_whole();
        let kept = self.verdict();
        assert!(before.is_none() || kept == before, "a verdict was changed");
        let next = self.next_run(kept.as_ref());
        let by_itself = kept.map_or("nothing", |verdict| verdict.outcome.word());
        format!("{by_itself}, then {next}")
    }
}

/// Cuts the recovery short, at each call of it, of a transaction that was killed before `call`.
fn recoveries_of(behaviour: &str, call: (&str, usize), whats: &[&'static str], expected: &[&str]) {
    let prepared = Prepared::new(Some("old"), behaviour);
    let start = prepared.case();
    start.transact(Some(&Fault::once(call.0, call.1, KILL)));
    Invariants::of(&start.server);
    let killed = Prepared {
        server: start.server,
        transaction: start.transaction,
        before: start.before,
    };
    let watched = killed.case();
    watched.serve(None);
    let faults = faults(&calls(&watched.log()), whats);
    let ends = run_all(&faults, |fault| killed.case().run_recovery(fault));
    let ends: Vec<&str> = ends.keys().map(String::as_str).collect();
    assert_eq!(ends, expected, "each end is come to, and no other");
}

/// The fifth rename is the switch, the first onto `current`; the sync after it is the fifth too.
const SWITCH: (&str, usize) = ("rename", 5);
const SWITCHED: (&str, usize) = ("fsync", 5);
/// The verdict is there, and the pending record is to be removed.
const DECIDED: (&str, usize) = ("unlink", 5);

#[test]
fn a_recovery_killed_before_any_call_is_ended_by_the_next() {
    let ends = [
        "nothing, then rolled-back",
        "rolled-back, then nothing",
        "rolled-back, then told",
    ];
    recoveries_of("healthy", SWITCHED, &[KILL], &ends);
}

#[test]
fn a_recovery_of_what_was_not_switched_yet_is_ended_by_the_next() {
    let ends = [
        "failed, then nothing",
        "failed, then told",
        "nothing, then failed",
    ];
    recoveries_of("healthy", SWITCH, &[KILL], &ends);
}

#[test]
fn a_recovery_of_what_was_committed_changes_nothing_wherever_it_is_killed() {
    recoveries_of(
        "healthy",
        DECIDED,
        &[KILL],
        &["deployed, then nothing", "deployed, then told"],
    );
}

#[test]
fn a_recovery_of_which_any_call_fails_is_ended_by_the_next() {
    let ends = [
        "nothing, then rolled-back",
        "rolled-back, then nothing",
        "rolled-back, then told",
    ];
    recoveries_of("healthy", SWITCHED, &["error=EIO", "error=EROFS"], &ends);
}
