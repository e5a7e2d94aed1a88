//! The runner half, as far as the server part can tell; good, dead or hostile.

use crate::app::App;
use deploy_action::protocol::wire::{FromServer, Packer};
use deploy_action::protocol::{
    greeting, KnownFile, Listing, Outcome, Plan, Refusal, Staged, ToRunner, ToServer, Verdict, What,
};
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{channel, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// Nothing of these tests takes so long, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// What was told until the end.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) events: Vec<What>,
    pub(crate) verdict: Option<Verdict>,
    pub(crate) errors: String,
    /// The entries of which the server knew chunks.
    pub(crate) known: Vec<u32>,
    /// Why the login does not do what it is for.
    pub(crate) refused: Option<Refusal>,
    /// How often it asked.
    pub(crate) asked: u32,
    /// Bytes of contents that were sent when it asked.
    pub(crate) received: usize,
}

impl Told {
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.verdict.as_ref().map(|verdict| verdict.outcome)
    }

    pub(crate) fn staged(&self) -> &Staged {
        let staged = |what: &'_ What| matches!(what, What::Staged(_));
        match self.events.iter().find(|what| staged(what)) {
            Some(What::Staged(staged)) => staged,
            _ => panic!("nothing was staged: {self:?}"),
        }
    }

    pub(crate) fn recovered(&self) -> Option<&Verdict> {
        self.events.iter().find_map(|what| match what {
            What::Recovered(verdict) => Some(verdict.as_ref()),
            _ => None,
        })
    }

    pub(crate) fn has(&self, wanted: impl Fn(&What) -> bool) -> bool {
        self.events.iter().any(wanted)
    }
}

/// How contents are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sending {
    Ask,
    Unasked,
}

pub(crate) struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    packer: Packer,
    heard: Receiver<ToRunner>,
    told: Told,
    errors: Receiver<String>,
    plan: Plan,
    /// What happens before the first answer.
    meanwhile: Option<Box<dyn FnOnce()>>,
}

impl Client {
    /// Starts `serve`; nothing is sent yet.
    pub(crate) fn start(mut serve: Command, plan: &Plan) -> Self {
        serve
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = serve.spawn().unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let heard = listen(stdout, greeting(&plan.transaction));
        let (sender, errors) = channel();
        thread::spawn(move || {
            let mut text = String::new();
            let mut stderr = stderr;
            drop(stderr.read_to_string(&mut text));
            drop(sender.send(text));
        });
        let stdin = child.stdin.take();
        Self {
            child,
            stdin,
            packer: Packer::default(),
            heard,
            told: Told::default(),
            errors,
            plan: plan.clone(),
            meanwhile: None,
        }
    }

    /// Between the first question for contents and the answer.
    pub(crate) fn meanwhile(&mut self, act: impl FnOnce() + 'static) {
        self.meanwhile = Some(Box::new(act));
    }

    /// What it was started for.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What does not arrive is the server part's to notice.
    pub(crate) fn send(&mut self, messages: impl IntoIterator<Item = ToServer>) {
        for message in messages {
            self.packer.push(&message).unwrap();
        }
        let packed = self.packer.flush().unwrap();
        self.send_raw(&packed);
    }

    pub(crate) fn send_raw(&mut self, bytes: &[u8]) -> bool {
        self.stdin
            .as_mut()
            .is_some_and(|stdin| stdin.write_all(bytes).and_then(|()| stdin.flush()).is_ok())
    }

    pub(crate) fn open(&mut self, plan: &Plan, app: &App) {
        self.send([
            ToServer::Start(Box::new(plan.clone())),
            ToServer::Entries(app.entries()),
        ]);
    }

    pub(crate) fn send_all(&mut self, plan: &Plan, app: &App, sending: Sending) {
        self.open(plan, app);
        match sending {
            Sending::Ask => self.send([ToServer::Ask]),
            Sending::Unasked => {
                self.send(app.pieces(0..u32::MAX).into_iter().chain([ToServer::Sent]))
            }
        }
    }

    /// The same once more, after a line that was cut, knowing the transaction's first `heard` events.
    pub(crate) fn come_back(&mut self, plan: &Plan, heard: u32, app: &App) {
        let resume = ToServer::Resume {
            plan: Box::new(plan.clone()),
            heard,
        };
        self.send([resume, ToServer::Entries(app.entries()), ToServer::Ask]);
    }

    /// The line ends.
    pub(crate) fn hang_up(&mut self) {
        self.stdin = None;
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Answers what is asked for, until `enough` or the end.
    pub(crate) fn follow_until(&mut self, app: &App, enough: impl Fn(&What) -> bool) -> bool {
        loop {
            match self.heard.recv_timeout(PATIENCE) {
                Ok(ToRunner::Listing(listing)) => panic!("{listing:?}"),
                Ok(ToRunner::Refused(refusal)) => {
                    assert!(
                        self.told.refused.replace(refusal).is_none(),
                        "refused twice"
                    );
                }
                Ok(ToRunner::Need {
                    ranges,
                    known,
                    last,
                }) => self.answer(app, &ranges, &known, last),
                Ok(ToRunner::Event(event)) => {
                    if let What::Ended(verdict) = &event.what {
                        assert!(
                            self.told.verdict.is_none(),
                            "ended twice: {verdict:?} {:?}",
                            self.told
                        );
                        self.told.verdict = Some((**verdict).clone());
                    }
                    self.told.events.push(event.what);
                    if self.told.events.last().is_some_and(&enough) {
                        return true;
                    }
                    if self.told.verdict.is_some() {
                        return false;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => panic!("silence after {:?}", self.told),
            }
        }
    }

    fn answer(&mut self, app: &App, ranges: &[(u32, u32)], known: &[KnownFile], last: bool) {
        self.told.asked += 1;
        if let Some(act) = self.meanwhile.take() {
            act();
        }
        self.told
            .known
            .extend(known.iter().map(|known| known.entry));
        let content = |index: u32| match known.iter().find(|known| known.entry == index) {
            Some(known) => app.changes(known),
            None => app.pieces(index..index + 1),
        };
        let contents: Vec<_> = ranges
            .iter()
            .flat_map(|(from, to)| *from..*to)
            .flat_map(content)
            .collect();
        self.told.received += contents.iter().map(size_of).sum::<usize>();
        self.send(contents.into_iter().chain(last.then_some(ToServer::Sent)));
    }

    /// What is there, of a login that asks for it; that and nothing else is the answer, and the process goes by itself.
    pub(crate) fn list(mut self) -> Listing {
        let Ok(ToRunner::Listing(listing)) = self.heard.recv_timeout(PATIENCE) else {
            panic!("no listing")
        };
        assert!(self.wait().is_some_and(|status| status.success()));
        let more = self.heard.recv_timeout(PATIENCE);
        assert!(more.is_err(), "{more:?} after the end");
        *listing
    }

    /// Follows to the end; the process must go by itself although the line is open.
    pub(crate) fn finish_open(mut self, app: &App) -> Told {
        self.follow_until(app, |_| false);
        assert!(self.wait().is_some(), "serve does not end: {:?}", self.told);
        self.told
    }

    /// Follows to the end, then closes the line; the process must go by itself.
    pub(crate) fn finish(mut self, app: &App) -> Told {
        self.follow_until(app, |_| false);
        self.hang_up();
        let left = self.wait();
        self.told.errors = self.errors.recv_timeout(PATIENCE).unwrap_or_default();
        assert!(left.is_some(), "serve does not end: {:?}", self.told);
        let more = self.heard.recv_timeout(PATIENCE);
        assert!(more.is_err(), "{more:?} after the end");
        self.told
    }

    pub(crate) fn wait(&mut self) -> Option<ExitStatus> {
        (0..3000).find_map(|_| {
            let status = self.child.try_wait().unwrap();
            if status.is_none() {
                thread::sleep(Duration::from_millis(10));
            }
            status
        })
    }
}

fn size_of(message: &ToServer) -> usize {
    match message {
        ToServer::Content { bytes, .. } => bytes.len(),
        _ => 0,
    }
}

fn listen(mut stdout: impl Read + Send + 'static, greeting: String) -> Receiver<ToRunner> {
    let (sender, heard) = channel();
    thread::spawn(move || {
        let mut first = vec![0; greeting.len()];
        if stdout.read_exact(&mut first).is_err() {
            return;
        }
        assert_eq!(
            first,
            greeting.as_bytes(),
            "{}",
            String::from_utf8_lossy(&first)
        );
        let (mut frames, mut buffer) = (FromServer::default(), vec![0; 1 << 16]);
        while let Ok(length @ 1..) = stdout.read(&mut buffer) {
            frames.push(&buffer[..length]);
            // what can't be read ends the thread, and with it the test that waits
            while let Some(message) = frames.next_message().unwrap() {
                drop(sender.send(message));
            }
        }
    });
    heard
}
