//! A GitHub of the tests' own, over HTTP: it keeps issues, labels and comments, refuses what GitHub refuses, and complains
//! about every question that it does not know - a field, a header, a route. `DEPLOY_ACTION_EXCHANGES` names a folder for
//! all that was asked and answered, to be compared with GitHub's own description of its API.

mod answers;
mod http;
mod serve;
pub(crate) mod state;

pub(crate) use http::Wire;
pub(crate) use serve::Script;
pub(crate) use state::State;

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Barrier, Mutex, MutexGuard};
use std::thread;

pub(crate) const TOKEN: &str = "ghs_the-secret-token-of-the-job";
/// Where the API begins, as on an enterprise's own server.
pub(crate) const PREFIX: &str = "/api/v3";

/// Makes a wire of an accepted connection; TLS may lie in between.
type Accept = dyn Fn(TcpStream) -> io::Result<Box<dyn Wire>> + Send + Sync;

/// The server, until it is dropped; then all that was planned must have happened, and nothing else.
pub(crate) struct Hub {
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    book: Mutex<Book>,
    accept: Box<Accept>,
    /// Whether a proxy passes requests on, with the whole URL in their first line.
    forwarded: bool,
}

/// What was asked, and what is planned.
#[derive(Default)]
struct Book {
    calls: Vec<String>,
    complaints: Vec<String>,
    scripts: VecDeque<(String, Script)>,
    meetings: Vec<(String, usize, Arc<Barrier>)>,
    closed: bool,
}

impl Hub {
    /// Of a repository without issues; asked with a job's own token.
    pub(crate) fn new() -> Self {
        Self::with(|stream| Ok(Box::new(stream)), false)
    }

    /// Behind a proxy for plain HTTP.
    pub(crate) fn forwarded() -> Self {
        Self::with(|stream| Ok(Box::new(stream)), true)
    }

    pub(crate) fn with(
        accept: impl Fn(TcpStream) -> io::Result<Box<dyn Wire>> + Send + Sync + 'static,
        forwarded: bool,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (state, book) = (Mutex::new(State::new(port)), Mutex::default());
        let shared = Arc::new(Shared {
            state,
            book,
            accept: Box::new(accept),
            forwarded,
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if serving.book().closed {
                    break;
                }
                let shared = Arc::clone(&serving);
                thread::spawn(move || serve::connection(&shared, stream));
            }
        });
        Self { port, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}{PREFIX}", self.port)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap()
    }

    /// The next question of this kind, as in `POST /issues`, gets another answer than the usual one.
    pub(crate) fn plan(&self, kind: &str, script: Script) {
        self.shared
            .book()
            .scripts
            .push_back((kind.to_owned(), script));
    }

    /// The first questions of this kind get their answers only when so many have been answered.
    pub(crate) fn gather(&self, kind: &str, count: usize) {
        self.shared
            .book()
            .meetings
            .push((kind.to_owned(), count, Arc::new(Barrier::new(count))));
    }

    /// What was asked since the last time, a line each with the status of the answer.
    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.book().calls)
    }
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let (complaints, left) = {
            let mut book = self.shared.book();
            book.closed = true;
            (book.complaints.clone(), book.scripts.len())
        };
        // wakes who accepts
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        if !thread::panicking() {
            assert_eq!(complaints, Vec::<String>::new(), "complaints");
            assert_eq!(left, 0, "planned answers that nobody asked for");
        }
    }
}
