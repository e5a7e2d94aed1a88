//! Starts the transaction's own process, detached from the login, and passes its events on.

use super::check::{detaching, Detaching};
use super::clock::now;
use super::durable::failed;
use super::inbox::Limits;
use super::layout::Layout;
use super::links;
use super::lock;
use super::outbox::Outbox;
use super::pending::Pending;
use super::recover::recover;
use super::verdicts;
use crate::protocol::{wire, Event, Failure, Outcome, Reason, Step, ToRunner, Verdict, What};
use std::fs::File;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(20);
/// For the lock of a transaction whose process is gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// How following ended.
pub(super) enum Followed {
    /// The runner half has the verdict.
    Told,
    /// Nobody is there any more; the transaction goes on.
    Gone,
    /// The transaction's process could not tell: this is its end.
    Ended(Box<Verdict>),
}

/// Hands the sealed instruction over, together with the lock, and follows.
pub(super) fn hand_over(
    layout: &Layout,
    pending: &Pending,
    lock: File,
    limits: &Limits,
    outbox: &mut Outbox,
) -> Result<Followed, Reason> {
    let mut child = start(layout, pending, lock)?;
    let mut tail = Tail::new(layout, pending);
    loop {
        let gone = limits.gone();
        if tail.pass(outbox) {
            // whoever has the end closes the line; who closed it before can't have it
            return Ok(if gone { Followed::Gone } else { Followed::Told });
        }
        if gone {
            return Ok(Followed::Gone);
        }
        if let Ok(Some(status)) = child.try_wait() {
            if tail.pass(outbox) {
                return Ok(Followed::Told);
            }
            return end_of_the_untold(layout, pending, status, outbox)
                .map(|verdict| Followed::Ended(Box::new(verdict)));
        }
        thread::sleep(TICK);
    }
}

/// The lock is the process's standard input: it has the same open file, and nobody else does.
fn start(layout: &Layout, pending: &Pending, lock: File) -> Result<Child, Reason> {
    let program = std::env::current_exe().map_err(failed("find", "/proc/self/exe".as_ref()))?;
    let mut command = if detaching() == Detaching::Scope {
        let mut scope = Command::new("systemd-run");
        scope.args(["--user", "--scope", "--quiet", "--collect", "--"]).arg(&program);
        scope
    } else {
        Command::new(&program)
    };
    command.args(["server-part", "transact"]).arg(layout.target()).arg(pending.transaction.to_string());
    command.stdin(Stdio::from(lock)).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
    command.spawn().map_err(failed("start", &program))
}

/// The events of the transaction, from its file.
struct Tail {
    path: std::path::PathBuf,
    file: Option<File>,
    frames: wire::FromServer,
}

impl Tail {
    fn new(layout: &Layout, pending: &Pending) -> Self {
        Self { path: layout.events(&pending.transaction), file: None, frames: wire::FromServer::default() }
    }

    /// Passes on what is new; whether the last event was among it.
    fn pass(&mut self, outbox: &mut Outbox) -> bool {
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
        }
        let Some(file) = &mut self.file else { return false };
        let mut bytes = Vec::new();
        if file.read_to_end(&mut bytes).is_err() || bytes.is_empty() {
            return false;
        }
        self.frames.push(&bytes);
        outbox.pass(bytes);
        let mut ended = false;
        while let Ok(Some(message)) = self.frames.next_message() {
            ended |= matches!(message, ToRunner::Event(Event { what: What::Ended(_), .. }));
        }
        ended
    }
}

/// The process ended without telling: killed, or the disk is full. Whoever takes the lock ends what is pending.
fn end_of_the_untold(
    layout: &Layout,
    pending: &Pending,
    status: ExitStatus,
    outbox: &mut Outbox,
) -> Result<Verdict, Reason> {
    let start = Instant::now();
    let _lock = loop {
        match lock::try_take(layout)? {
            Some(lock) => break lock,
            None if start.elapsed() > PATIENCE => return Err(Reason::Busy(None)),
            None => thread::sleep(TICK),
        }
    };
    if let Some(verdict) = verdicts::get(layout, &pending.transaction) {
        return Ok(verdict);
    }
    // its exit code is the outcome's, for the case that nothing could be written
    let told = Outcome::ALL.into_iter().find(|outcome| status.code() == Some(i32::from(outcome.code())));
    match told.filter(|outcome| *outcome != Outcome::Error) {
        Some(outcome) => Ok(bare_verdict(layout, pending, outcome)),
        None => Ok(recover(layout, outbox)?.unwrap_or_else(|| bare_verdict(layout, pending, Outcome::Failed))),
    }
}

fn bare_verdict(layout: &Layout, pending: &Pending, outcome: Outcome) -> Verdict {
    let failure = Failure { step: Step::Recover, reason: Reason::Interrupted };
    Verdict {
        transaction: pending.transaction.clone(),
        outcome,
        release: Some(pending.release),
        previous: pending.old.as_ref().map(|old| old.release),
        live: links::live(layout),
        failure: (outcome != Outcome::Deployed).then_some(failure),
        rollback: None,
        switched: true,
        at: now(),
    }
}
