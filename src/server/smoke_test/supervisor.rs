//! The process that has started what is tried, and ends all of it: when it is asked to, and when the login that has started
//! it is gone, however that came. It is a subreaper: what leaves its parent, its group or its session becomes its child.

use super::launch;
use super::stop::Stop;
use crate::protocol::Ending;
use crate::server::exec::processes::descendants_of;
use rustix::io::Errno;
use rustix::process::{getpid, set_child_subreaper, setsid, wait, WaitOptions, WaitStatus};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

const TICK: Duration = Duration::from_millis(20);
/// Asks it to end everything. The end of its input does too, and is urgent.
pub(super) const END: u8 = b'e';

/// What it reports on its standard output, a line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Report {
    /// The main process has ended.
    Ended(Ending),
    /// Nothing runs.
    Gone,
}

impl Report {
    fn line(&self) -> String {
        match self {
            Self::Ended(Ending::Signal(number)) => format!("signal {number}\n"),
            Self::Ended(Ending::Exit(code)) => format!("exit {code}\n"),
            Self::Ended(Ending::OutOfTime) | Self::Gone => "gone\n".to_owned(),
        }
    }

    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?;
        let number = |text: &str| text.parse::<i32>().ok();
        match line.split_once(' ') {
            Some(("exit", code)) => Some(Self::Ended(Ending::Exit(number(code)?))),
            Some(("signal", signal)) => Some(Self::Ended(Ending::Signal(number(signal)?))),
            _ => (line == "gone").then_some(Self::Gone),
        }
    }

    fn send(&self) {
        let mut output = io::stdout();
        let sent = output.write_all(self.line().as_bytes());
        if sent.and_then(|()| output.flush()).is_err() {
            tracing::info!("nobody reads the reports of the smoke test");
        }
    }
}

/// What it was asked to do.
#[derive(Default)]
struct Asked {
    end: Arc<AtomicBool>,
    is_urgent: Arc<AtomicBool>,
}

impl Asked {
    /// Reads it until the input ends.
    fn listen(&self, mut input: impl Read + Send + 'static) {
        let (end, is_urgent) = (Arc::clone(&self.end), Arc::clone(&self.is_urgent));
        thread::spawn(move || {
            let mut byte = [0];
            while matches!(input.read(&mut byte), Ok(1)) {
                end.fetch_or(byte[0] == END, Ordering::SeqCst);
            }
            is_urgent.store(true, Ordering::SeqCst);
            end.store(true, Ordering::SeqCst);
        });
    }

    /// A login that ends may end its processes.
    fn survive_signals(&self) {
        for (signal, flag) in [
            (SIGHUP, Arc::default()),
            (SIGINT, Arc::default()),
            (SIGQUIT, Arc::default()),
            (SIGTERM, Arc::clone(&self.end)),
        ] {
            if let Err(error) = signal_hook::flag::register(signal, flag) {
                tracing::info!(%error, "cannot handle a signal");
            }
        }
    }
}

/// Runs until nothing is left of what it starts. Its first line of input is what to start.
pub(in crate::server) fn supervise() -> ExitCode {
    let mut input = BufReader::new(io::stdin());
    let mut start = Vec::new();
    let is_whole = input.read_until(b'\n', &mut start).is_ok() && start.ends_with(b"\n");
    // whoever has started it may be gone already
    if !is_whole || setsid().is_err() || set_child_subreaper(Some(getpid())).is_err() {
        return ExitCode::FAILURE;
    }
    let asked = Asked::default();
    asked.survive_signals();
    asked.listen(input);
    let Ok(main) = launch::start(&start) else {
        return ExitCode::FAILURE;
    };
    drop(start);
    while bury(main) && !asked.end.load(Ordering::SeqCst) {
        thread::sleep(TICK);
    }
    Stop {
        find: &mut || match bury(main) {
            true => own_descendants(),
            false => BTreeSet::new(),
        },
        is_urgent: &mut || asked.is_urgent.load(Ordering::SeqCst),
        meanwhile: &mut || (),
    }
    .run();
    if !bury(main) {
        Report::Gone.send();
    }
    ExitCode::SUCCESS
}

/// Without the processes that it has started, there are none that these have started.
fn own_descendants() -> BTreeSet<u32> {
    let own = std::process::id();
    let mut found = descendants_of([own]);
    if found.is_empty() {
        // one may have been started, and its parent ended, while they were looked for
        found.extend(descendants_of([own]));
    }
    found
}

/// Buries the processes that have ended, and reports the main one's end. Returns whether others are left.
fn bury(main: u32) -> bool {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid.as_raw_nonzero().get().unsigned_abs() == main => {
                if let Some(ending) = ending_of(status) {
                    Report::Ended(ending).send();
                }
            }
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

fn ending_of(status: WaitStatus) -> Option<Ending> {
    let exit = status.exit_status().map(Ending::Exit);
    exit.or(status.terminating_signal().map(Ending::Signal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read_as_they_were_written() {
        for report in [
            Report::Ended(Ending::Exit(0)),
            Report::Ended(Ending::Exit(127)),
            Report::Ended(Ending::Signal(9)),
            Report::Gone,
        ] {
            let line = report.line();
            let line = line.strip_suffix('\n').unwrap();
            assert_eq!(Report::parse(line.as_bytes()), Some(report));
        }
        for line in ["", "exit", "exit x", "gone 1", "signal", "\u{fffd}"] {
            assert_eq!(Report::parse(line.as_bytes()), None, "{line}");
        }
    }
}
