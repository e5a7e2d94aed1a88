//! Ends processes: SIGTERM, after a grace time SIGKILL, until none is left.

use crate::server::clock::ticks_since_boot;
use crate::server::exec::processes::start_of;
use rustix::io::Errno;
use rustix::process::{kill_process, test_kill_process, Pid, Signal};
use std::collections::{BTreeSet, HashSet};
use std::thread;
use std::time::{Duration, Instant};

/// Between SIGTERM and SIGKILL.
pub(super) const GRACE: Duration = Duration::from_secs(10);
/// The same if nobody waits any more, or nothing must.
pub(super) const SHORT_GRACE: Duration = Duration::from_secs(2);
/// How long SIGKILL is repeated. What is left then is another user's, or the kernel does not let it go.
pub(super) const KILL_TIME: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(20);

/// How processes are found and ended.
pub(super) struct Stop<'a> {
    /// Those that are left. Also buries those that have ended.
    pub(super) find: &'a mut dyn FnMut() -> BTreeSet<u32>,
    /// Whether the short grace time applies.
    pub(super) is_urgent: &'a mut dyn FnMut() -> bool,
    /// Called again and again meanwhile.
    pub(super) meanwhile: &'a mut dyn FnMut(),
}

impl Stop<'_> {
    /// Returns those that cannot be ended.
    pub(super) fn run(self) -> BTreeSet<u32> {
        let (start, since_boot) = (Instant::now(), ticks_since_boot());
        // what a process starts in order to end is left in peace
        let is_meant = |pid| start_of(pid) < since_boot;
        // a number may be given to another process
        let mut asked: HashSet<(u32, Option<u64>)> = HashSet::new();
        let (mut is_first, mut killing) = (true, None::<Instant>);
        loop {
            let left = (self.find)();
            if left.is_empty() {
                return left;
            }
            let grace = if (self.is_urgent)() {
                SHORT_GRACE
            } else {
                GRACE
            };
            if start.elapsed() >= grace {
                killing.get_or_insert_with(Instant::now);
            }
            for pid in &left {
                if killing.is_some() {
                    signal(*pid, Signal::KILL);
                } else if (is_first || is_meant(*pid)) && asked.insert((*pid, start_of(*pid))) {
                    signal(*pid, Signal::TERM);
                }
            }
            let in_vain = |since: Instant| {
                since.elapsed() >= KILL_TIME || !left.iter().any(|pid| can_end(*pid))
            };
            if killing.is_some_and(in_vain) {
                return left;
            }
            is_first = false;
            (self.meanwhile)();
            thread::sleep(TICK);
        }
    }
}

/// Another user's process cannot be ended from here. Whose it is, the kernel hides of some programs.
fn can_end(pid: u32) -> bool {
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
    raw.is_none_or(|pid| test_kill_process(pid) != Err(Errno::PERM))
}

fn signal(pid: u32, signal: Signal) {
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(Err(error)) = raw.map(|pid| kill_process(pid, signal)) {
        tracing::info!(%error, "a process of the smoke test cannot be signalled");
    }
}
