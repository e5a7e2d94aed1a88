//! What the session has started: its processes, its output, its end.

use super::start::Start;
use super::stop::{Stop, GRACE, KILL_TIME};
use super::supervisor::{Report, END};
use crate::protocol::{Operation, Reason};
use crate::server::exec::process::lines_of;
use crate::server::exec::processes::{children_of, descendants_of};
use crate::server::store::durable::failed;
use crate::server::store::layout::Layout;
use crate::server::subcommand::SUBCOMMAND;
use rustix::io::Errno;
use rustix::process::{getpid, set_child_subreaper, waitpid, Pid, WaitOptions};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(20);
/// A supervisor that needs longer than its processes may is stopped itself.
const SUPERVISOR_TIME: Duration = Duration::from_secs(3);
/// The most lines that are passed on at once.
const LINES: usize = 1000;

/// A supervisor and all that it has started. If the supervisor is killed, what it has started becomes this process's.
pub(super) struct Running {
    supervisor: Child,
    /// Its end ends everything.
    control: Option<ChildStdin>,
    reports: Receiver<Vec<u8>>,
    output: Receiver<Vec<u8>>,
    /// Children of this process that are not part of it.
    others: BTreeSet<u32>,
}

impl Running {
    pub(super) fn start(layout: &Layout, start: &Start) -> Result<Self, Reason> {
        let mut text = serde_json::to_vec(start).unwrap_or_default();
        text.push(b'\n');
        let program =
            std::env::current_exe().map_err(failed(Operation::Find, "/proc/self/exe".as_ref()))?;
        let others = children_of(std::process::id());
        Self::supervise(layout, &program, others)
            .and_then(|mut running| {
                let control = running.control.as_mut();
                control.map_or(Ok(()), |control| control.write_all(&text))?;
                Ok(running)
            })
            .map_err(failed(Operation::Start, &program))
    }

    fn supervise(
        layout: &Layout,
        program: &std::path::Path,
        others: BTreeSet<u32>,
    ) -> io::Result<Self> {
        set_child_subreaper(Some(getpid()))?;
        let (output, writer) = io::pipe()?;
        let (reports, report) = io::pipe()?;
        let mut command = Command::new(program);
        command
            .args([SUBCOMMAND, "smoke-test"])
            .arg(layout.target())
            .stdin(Stdio::piped())
            .stdout(report)
            .stderr(writer)
            .current_dir("/");
        let mut supervisor = command.spawn()?;
        Ok(Self {
            control: supervisor.stdin.take(),
            supervisor,
            reports: lines_of(reports),
            output: lines_of(output),
            others,
        })
    }

    /// Its processes, without the supervisor.
    pub(super) fn processes(&self) -> BTreeSet<u32> {
        let mut roots = self.adopted();
        let adopted = roots.clone();
        roots.insert(self.supervisor.id());
        let mut found = descendants_of(roots);
        found.extend(adopted);
        found
    }

    /// Those that became children of this process because their supervisor was killed.
    fn adopted(&self) -> BTreeSet<u32> {
        let mut found = children_of(std::process::id());
        found.retain(|pid| !self.others.contains(pid) && *pid != self.supervisor.id());
        found
    }

    /// What has been reported since the last time. `None`: the supervisor has ended without a last word.
    pub(super) fn reports(&self) -> Option<Vec<Report>> {
        let mut reports = Vec::new();
        loop {
            match self.reports.recv_timeout(Duration::ZERO) {
                Ok(line) => reports.extend(Report::parse(&line)),
                Err(RecvTimeoutError::Timeout) => return Some(reports),
                Err(RecvTimeoutError::Disconnected) if reports.is_empty() => return None,
                Err(RecvTimeoutError::Disconnected) => return Some(reports),
            }
        }
    }

    /// Passes on the output so far, after a while if there is none.
    pub(super) fn output(&self, pause: Duration, line: &mut dyn FnMut(Vec<u8>)) {
        let mut wait = pause;
        for _ in 0..LINES {
            match self.output.recv_timeout(wait) {
                Ok(bytes) => line(bytes),
                Err(RecvTimeoutError::Timeout) => return,
                Err(RecvTimeoutError::Disconnected) => return thread::sleep(wait),
            }
            wait = Duration::ZERO;
        }
    }

    /// Ends all of it. `line` gets what it prints meanwhile. Returns the processes that cannot be ended.
    pub(super) fn end(
        mut self,
        is_urgent: &mut dyn FnMut() -> bool,
        line: &mut dyn FnMut(Vec<u8>),
    ) -> BTreeSet<u32> {
        if let Some(control) = &mut self.control {
            if let Err(error) = control.write_all(&[END]) {
                tracing::info!(%error, "the supervisor has ended");
            }
        }
        let asked = Instant::now();
        while asked.elapsed() < GRACE + KILL_TIME + SUPERVISOR_TIME && self.is_supervised() {
            if is_urgent() {
                self.control = None;
            }
            self.output(TICK, line);
        }
        self.end_the_rest(is_urgent, line)
    }

    fn is_supervised(&mut self) -> bool {
        matches!(self.supervisor.try_wait(), Ok(None))
    }

    /// The supervisor is gone, or must go. If it has done its work, nothing is left to do.
    fn end_the_rest(
        &mut self,
        is_urgent: &mut dyn FnMut() -> bool,
        line: &mut dyn FnMut(Vec<u8>),
    ) -> BTreeSet<u32> {
        self.control = None;
        drop(self.supervisor.kill());
        drop(self.supervisor.wait());
        let left = Stop {
            find: &mut || self.left(),
            is_urgent,
            meanwhile: &mut || self.output(Duration::ZERO, line),
        }
        .run();
        if let Err(error) = set_child_subreaper(None) {
            tracing::info!(%error, "this process stays a subreaper");
        }
        left
    }

    fn left(&self) -> BTreeSet<u32> {
        for pid in self.adopted() {
            bury(pid);
        }
        // a process may be started, and its parent end, while they are looked for
        let found = self.processes();
        match found.is_empty() {
            true => self.processes(),
            false => found,
        }
    }
}

/// An error between the start and the end must leave nothing either.
impl Drop for Running {
    fn drop(&mut self) {
        if self.control.is_some() {
            let left = self.end_the_rest(&mut || true, &mut drop);
            tracing::info!(?left, "the smoke test was given up");
        }
    }
}

/// If it has ended.
fn bury(pid: u32) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(Err(error)) = pid.map(|pid| waitpid(Some(pid), WaitOptions::NOHANG)) {
        if error != Errno::CHILD {
            tracing::info!(%error, "a process of the smoke test cannot be buried");
        }
    }
}
