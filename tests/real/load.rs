//! The users of an app while it is deployed: a request every few milliseconds, each on a new connection, whether the ones
//! before were answered or not.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::net::{self, Ipv4Addr};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::{spawn_blocking, JoinSet};
use tokio::time::{interval, timeout};

/// 66 requests in a second.
const INTERVAL: Duration = Duration::from_millis(15);
/// After that a user gives up.
const PATIENCE: Duration = Duration::from_secs(60);
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Users who ask for `/` until they are told to stop.
pub(crate) struct Load {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<Counts>,
}

/// What became of their requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) requests: u32,
    /// Answered completely, with status 200.
    pub(crate) good: u32,
    /// No process listened.
    pub(crate) refused: u32,
    /// Connected, and then reset.
    pub(crate) reset: u32,
    /// Answered completely, with another status.
    pub(crate) not_200: u32,
    /// Closed before the answer was complete, or not answered in time.
    pub(crate) errors: u32,
    /// The longest time in which no user got a good answer.
    pub(crate) longest_gap: Duration,
    /// The longest time that one user waited for a good answer.
    pub(crate) longest_wait: Duration,
}

impl Load {
    /// At this port of this machine, as all throwaway servers are reached.
    pub(crate) fn on(port: u16) -> Self {
        Self::with_patience(port, PATIENCE)
    }

    fn with_patience(port: u16, patience: Duration) -> Self {
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let thread = thread::spawn(move || runtime.block_on(users(port, patience, stopped)));
        Self { stop, thread }
    }

    /// Lets no more come, and waits for the answers to those that have.
    pub(crate) fn stop(self) -> Counts {
        self.stop.send(()).unwrap();
        self.thread.join().unwrap()
    }
}

impl Counts {
    /// Requests that got no good answer.
    pub(crate) fn failed(&self) -> u32 {
        self.requests - self.good
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            requests,
            refused,
            reset,
            not_200,
            errors,
            longest_gap,
            ..
        } = self;
        write!(f, "{requests} requests: {refused} refused, {reset} reset, {not_200} not 200, {errors} other errors, ")?;
        write!(f, "longest gap {:.2} s", longest_gap.as_secs_f64())
    }
}

/// How a request ended, and when.
struct Ended {
    began: Instant,
    at: Instant,
    /// The status.
    answer: io::Result<u16>,
}

async fn users(port: u16, patience: Duration, mut stopped: oneshot::Receiver<()>) -> Counts {
    let mut all = JoinSet::new();
    let began = Instant::now();
    // late ticks are made up for
    let mut ticks = interval(INTERVAL);
    loop {
        tokio::select! {
            biased;
            _ = &mut stopped => break,
            _ = ticks.tick() => { all.spawn(user(port, patience)); }
        }
    }
    let until = Instant::now();
    count(all.join_all().await, began, until)
}

async fn user(port: u16, patience: Duration) -> Ended {
    let began = Instant::now();
    let answer = match timeout(patience, ask(port)).await {
        Ok(answer) => answer,
        Err(_) => Err(ErrorKind::TimedOut.into()),
    };
    Ended {
        began,
        at: Instant::now(),
        answer,
    }
}

async fn ask(port: u16) -> io::Result<u16> {
    let mut stream = TcpStream::from_std(spawn_blocking(move || send(port)).await??)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    status(&String::from_utf8_lossy(&answer)).ok_or(ErrorKind::UnexpectedEof.into())
}

/// The request follows the connection at once, as it does in a network: an app that stops may close a connection without one.
fn send(port: u16) -> io::Result<net::TcpStream> {
    let mut stream = net::TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.write_all(REQUEST)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// The status of a complete answer.
fn status(answer: &str) -> Option<u16> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut lengths = lines.filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then_some(value)
    });
    let is_whole = lengths
        .next()
        .is_none_or(|length| length == body.len().to_string());
    is_whole.then_some(status)
}

fn count(mut all: Vec<Ended>, began: Instant, until: Instant) -> Counts {
    all.sort_by_key(|it| it.at);
    let mut counts = Counts {
        requests: all.len().try_into().unwrap(),
        good: 0,
        refused: 0,
        reset: 0,
        not_200: 0,
        errors: 0,
        longest_gap: Duration::ZERO,
        longest_wait: Duration::ZERO,
    };
    let mut last = began;
    for it in all {
        let counter = match it.answer.as_ref().map_err(io::Error::kind) {
            Ok(200) => {
                counts.longest_gap = counts.longest_gap.max(it.at - last);
                counts.longest_wait = counts.longest_wait.max(it.at - it.began);
                last = it.at;
                &mut counts.good
            }
            Ok(_) => &mut counts.not_200,
            Err(ErrorKind::ConnectionRefused) => &mut counts.refused,
            Err(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => &mut counts.reset,
            Err(_) => &mut counts.errors,
        };
        *counter += 1;
    }
    counts.longest_gap = counts
        .longest_gap
        .max(until.saturating_duration_since(last));
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::TcpListener;

    const WHILE: Duration = Duration::from_millis(400);

    /// Accepts for a while, and gives how many it has accepted.
    fn serve(listener: &TcpListener, mut with: impl FnMut(std::net::TcpStream)) -> u32 {
        listener.set_nonblocking(true).unwrap();
        let until = Instant::now() + WHILE;
        let mut accepted = 0;
        while Instant::now() < until {
            match listener.accept() {
                Ok((stream, _)) => {
                    accepted += 1;
                    stream.set_nonblocking(false).unwrap();
                    with(stream);
                }
                Err(_) => thread::sleep(Duration::from_millis(1)),
            }
        }
        accepted
    }

    fn answer(mut stream: std::net::TcpStream, text: &str) {
        let mut request = [0; REQUEST.len()];
        stream.read_exact(&mut request).unwrap();
        write!(stream, "HTTP/1.1 {text}").unwrap();
    }

    #[test]
    fn users_count_every_answer_and_every_failure() {
        const GOOD: &str = "200 OK\r\nContent-Length: 2\r\n\r\nok";
        const TOO_SHORT: &str = "200 OK\r\nContent-Length: 3\r\n\r\nok";
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let load = Load::with_patience(address.port(), 2 * WHILE);
        let before = serve(&listener, |stream| answer(stream, GOOD));
        let not_200 = serve(&listener, |stream| answer(stream, "500 Oops\r\n\r\n"));
        // what is closed with bytes that nobody has read is reset
        let reset = serve(&listener, |stream| {
            stream.peek(&mut [0]).unwrap();
        });
        let cut = serve(&listener, |stream| answer(stream, TOO_SHORT));
        let mut kept = Vec::new();
        let ignored = serve(&listener, |stream| kept.push(stream));
        drop(listener);
        thread::sleep(3 * WHILE);
        drop(kept);
        let listener = TcpListener::bind(address).unwrap();
        let serving = thread::spawn(move || serve(&listener, |stream| answer(stream, GOOD)));
        thread::sleep(WHILE / 2);
        let counts = load.stop();
        let good = before + serving.join().unwrap();
        assert_eq!((counts.good, counts.not_200), (good, not_200), "{counts}");
        assert_eq!(counts.errors, cut + ignored, "{counts}");
        // some waited for the listener that was closed
        assert!((reset..reset + 3).contains(&counts.reset), "{counts}");
        assert!(counts.refused > 10, "{counts}");
        let failed = counts.refused + counts.reset + counts.not_200 + counts.errors;
        assert_eq!(counts.failed(), failed, "{counts}");
        assert!(counts.longest_gap >= 7 * WHILE, "{counts}");
        assert!(counts.longest_wait < 2 * WHILE, "{counts}");
    }
}
