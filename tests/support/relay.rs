//! A TCP relay that makes the loopback as slow as another continent, and its lines cuttable.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(
    clippy::expect_used,
    reason = "a test's relay that cannot start is a failed test"
)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const CHUNK: usize = 64 * 1024;
/// Chunks on their way at once: bounds memory, but is no throttle.
const IN_FLIGHT: usize = 1024;

/// Forwards what arrives at its port on 127.0.0.1; ends with all its connections when dropped.
pub(crate) struct Relay {
    port: u16,
    line: Arc<Line>,
    acceptor: Mutex<Option<JoinHandle<()>>>,
}

/// What the threads of one relay share.
struct Line {
    target: SocketAddr,
    round_trip: Duration,
    accepting: AtomicBool,
    connections: AtomicU64,
    first_bytes: Mutex<Vec<Instant>>,
    bytes_up: AtomicU64,
    bytes_down: AtomicU64,
    streams: Mutex<Vec<TcpStream>>,
    black: Mutex<Black>,
    light: Condvar,
}

/// What arrives nowhere, and nobody is told.
#[derive(Default)]
struct Black {
    all: bool,
    /// The first so many connections.
    first: u64,
}

#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
}

impl Relay {
    /// Listens at a free port; each byte takes half a round trip, the first ones of a connection a whole one.
    pub(crate) fn start(target: SocketAddr, round_trip: Duration) -> Self {
        let line = Arc::new(Line {
            target,
            round_trip,
            accepting: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            first_bytes: Mutex::new(Vec::new()),
            bytes_up: AtomicU64::new(0),
            bytes_down: AtomicU64::new(0),
            streams: Mutex::new(Vec::new()),
            black: Mutex::new(Black::default()),
            light: Condvar::new(),
        });
        let listener = listen(0);
        let port = listener
            .local_addr()
            .expect("a listener has an address")
            .port();
        let relay = Self {
            port,
            line,
            acceptor: Mutex::new(None),
        };
        relay.accept_at(listener);
        relay
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Connections accepted so far.
    pub(crate) fn connections(&self) -> u64 {
        self.line.connections.load(SeqCst)
    }

    /// How long after `started` the first byte of a client's connection came in.
    pub(crate) fn first_byte_after(&self, started: Instant) -> Duration {
        let all = lock(&self.line.first_bytes);
        let first = all
            .iter()
            .filter_map(|at| at.checked_duration_since(started))
            .min();
        first.expect("a client has connected and said something")
    }

    /// Bytes delivered to the target so far.
    pub(crate) fn bytes_up(&self) -> u64 {
        self.line.bytes_up.load(SeqCst)
    }

    /// Bytes delivered from the target so far.
    pub(crate) fn bytes_down(&self) -> u64 {
        self.line.bytes_down.load(SeqCst)
    }

    /// Closes every connection now, both ends; new ones are still taken.
    pub(crate) fn cut(&self) {
        for stream in lock(&self.line.streams).drain(..) {
            // an error means that it is closed already
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// From now on nothing arrives, and nobody is told.
    pub(crate) fn black_hole(&self) {
        lock(&self.line.black).all = true;
    }

    /// The same for the connections that exist, both ends of which stay open; new ones work.
    pub(crate) fn lose(&self) {
        lock(&self.line.black).first = self.connections();
    }

    /// Ends the black hole; what waited in it arrives.
    pub(crate) fn heal(&self) {
        *lock(&self.line.black) = Black::default();
        self.line.light.notify_all();
    }

    /// From now on new connections are refused; those that exist go on.
    pub(crate) fn refuse(&self) {
        let Some(acceptor) = lock(&self.acceptor).take() else {
            return;
        };
        self.line.accepting.store(false, SeqCst);
        // wakes the acceptor
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        acceptor.join().expect("the acceptor does not panic");
    }

    /// Takes new connections again, at the same port.
    pub(crate) fn accept(&self) {
        if lock(&self.acceptor).is_none() {
            self.accept_at(listen(self.port));
        }
    }

    fn accept_at(&self, listener: TcpListener) {
        self.line.accepting.store(true, SeqCst);
        let line = Arc::clone(&self.line);
        *lock(&self.acceptor) = Some(thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                if !line.accepting.load(SeqCst) {
                    return;
                }
                connect(&line, client);
            }
        }));
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.refuse();
        self.cut();
        self.heal();
    }
}

fn listen(port: u16) -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the relay's port is free")
}

/// The handshake is charged by holding the first bytes of both ways for a whole trip. A real one costs one more, the
/// same for every client; all figures of round trips are told by this measure (`ssh true`: 8.4, and the CPUs' time).
fn connect(line: &Arc<Line>, client: TcpStream) {
    let accepted = Instant::now();
    let number = line.connections.fetch_add(1, SeqCst) + 1;
    let Ok(server) = TcpStream::connect(line.target) else {
        return;
    };
    for stream in [&client, &server] {
        stream.set_nodelay(true).expect("TCP_NODELAY can be set");
        lock(&line.streams).push(twin(stream));
    }
    let open = accepted + line.round_trip / 2;
    carry(
        line,
        twin(&client),
        twin(&server),
        &Way {
            direction: Direction::Up,
            number,
            open,
        },
    );
    carry(
        line,
        server,
        client,
        &Way {
            direction: Direction::Down,
            number,
            open,
        },
    );
}

/// One way of one connection.
#[derive(Clone)]
struct Way {
    direction: Direction,
    /// Of the connection, from 1.
    number: u64,
    /// Before that nothing arrives.
    open: Instant,
}

/// Moves bytes one way: one thread stamps what arrives with the time it is due, the other delivers, so that any number
/// of chunks is on the way at once.
fn carry(line: &Arc<Line>, from: TcpStream, to: TcpStream, way: &Way) {
    let (way_in, way_out) = sync_channel(IN_FLIGHT);
    let (line_in, taken) = (Arc::clone(line), way.clone());
    thread::spawn(move || take(&line_in, from, &way_in, &taken));
    let (line_out, delivered) = (Arc::clone(line), way.clone());
    thread::spawn(move || deliver(&line_out, &way_out, to, &delivered));
}

/// Bytes and when they are due; none at all is the end.
type Parcel = (Instant, Vec<u8>);

fn take(line: &Line, mut from: TcpStream, parcels: &SyncSender<Parcel>, way: &Way) {
    let mut buffer = vec![0; CHUNK];
    let mut silent = matches!(way.direction, Direction::Up);
    loop {
        line.wait_for_light(way.number);
        let count = from.read(&mut buffer).unwrap_or(0);
        if std::mem::take(&mut silent) {
            lock(&line.first_bytes).push(Instant::now());
        }
        let due = Instant::now().max(way.open) + line.round_trip / 2;
        if parcels.send((due, buffer[..count].to_vec())).is_err() {
            // the other end is gone: whoever sends must learn it
            let _ = from.shutdown(Shutdown::Both);
            return;
        }
        if count == 0 {
            return;
        }
    }
}

fn deliver(line: &Line, parcels: &Receiver<Parcel>, mut to: TcpStream, way: &Way) {
    for (due, bytes) in parcels {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        line.wait_for_light(way.number);
        if bytes.is_empty() {
            // an error means that it is closed already
            let _ = to.shutdown(Shutdown::Write);
            return;
        }
        if to.write_all(&bytes).is_err() {
            let _ = to.shutdown(Shutdown::Both);
            return;
        }
        line.counter(way.direction)
            .fetch_add(bytes.len() as u64, SeqCst);
    }
}

impl Line {
    fn wait_for_light(&self, number: u64) {
        let black = lock(&self.black);
        drop(
            self.light
                .wait_while(black, |black| black.all || number <= black.first),
        );
    }

    fn counter(&self, direction: Direction) -> &AtomicU64 {
        match direction {
            Direction::Up => &self.bytes_up,
            Direction::Down => &self.bytes_down,
        }
    }
}

fn twin(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("a socket can be duplicated")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
