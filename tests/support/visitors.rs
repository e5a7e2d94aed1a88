//! Visitors of the application: each opens a connection of its own, and what happens to it is counted.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Between two visitors.
const EVERY: Duration = Duration::from_millis(20);
/// How long a visitor waits for its answer.
const PATIENCE: Duration = Duration::from_secs(100);

/// When a visitor came and left, and what it met: a status, or how it failed.
struct Visit {
    came: Instant,
    left: Instant,
    met: Result<u16, ErrorKind>,
}

/// Visitors that come until they are counted.
pub(crate) struct Visitors {
    stop: Arc<AtomicBool>,
    visits: Receiver<Visit>,
    coming: Option<JoinHandle<()>>,
}

/// What they met.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) all: usize,
    pub(crate) refused: usize,
    /// Connections that ended without an answer.
    pub(crate) reset: usize,
    /// Other failures, and answers that are not 200, by their names.
    pub(crate) others: BTreeMap<String, usize>,
    /// The longest time in which no visitor came that was served.
    pub(crate) longest_gap: Duration,
    /// The longest time that a visitor waited for an answer of 200.
    pub(crate) longest_wait: Duration,
}

impl Visitors {
    /// 50 a second, each for this path.
    pub(crate) fn of(port: u16, path: &'static str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, visits) = channel();
        let stopped = Arc::clone(&stop);
        let coming = thread::spawn(move || {
            let start = Instant::now();
            let mut next = start;
            while !stopped.load(Ordering::Relaxed) {
                let sender: Sender<Visit> = sender.clone();
                thread::spawn(move || {
                    let came = Instant::now();
                    let met = visit(port, path).map_err(|error| error.kind());
                    let left = Instant::now();
                    let _ = sender.send(Visit { came, left, met });
                });
                next += EVERY;
                thread::sleep(next.saturating_duration_since(Instant::now()));
            }
        });
        Self {
            stop,
            visits,
            coming: Some(coming),
        }
    }

    /// Lets no more come, and waits until all have left.
    pub(crate) fn count(mut self) -> Counted {
        self.stop.store(true, Ordering::Relaxed);
        self.coming.take().unwrap().join().unwrap();
        let mut all: Vec<Visit> = self.visits.iter().collect();
        all.sort_by_key(|visit| visit.came);
        let mut counted = Counted {
            all: all.len(),
            refused: 0,
            reset: 0,
            others: BTreeMap::new(),
            longest_gap: Duration::ZERO,
            longest_wait: Duration::ZERO,
        };
        let mut last = all.first().map(|visit| visit.came);
        for Visit { came, left, met } in all {
            match met {
                Ok(200) => {
                    let gap = last.map_or(Duration::ZERO, |last| came - last);
                    counted.longest_gap = counted.longest_gap.max(gap);
                    counted.longest_wait = counted.longest_wait.max(left - came);
                    last = Some(came);
                }
                Ok(status) => *counted.others.entry(status.to_string()).or_default() += 1,
                Err(ErrorKind::ConnectionRefused) => counted.refused += 1,
                Err(
                    ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe,
                ) => counted.reset += 1,
                Err(kind) => *counted.others.entry(kind.to_string()).or_default() += 1,
            }
        }
        counted
    }
}

impl Drop for Visitors {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn visit(port: u16, path: &str) -> io::Result<u16> {
    let mut stream = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|it| it.parse().ok());
    status.ok_or_else(|| ErrorKind::UnexpectedEof.into())
}
