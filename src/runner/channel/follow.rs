//! The pump on one channel: sends and listens at the same time, until the verdict or until nothing more can be known.

use super::listener::{Heard, Listener};
use crate::protocol::{Bug, ProtocolError, RunError, RunEvent, Verdict, What};
use crate::runner::progress::{Progress, Reached};
use crate::runner::server_part::Missing;
use crate::runner::ssh::{OutputTail, Pipes};
use crate::runner::upload::{send, Needed, Upload, UploadError, Word};
use crate::runner::watch::{Stop, Watch};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::mpsc::{unbounded_channel, UnboundedSender};
use tokio::time::{interval, timeout};

/// How long the server has to confirm that it stopped. A cancelled step is killed after ten seconds.
const CONFIRMATION: Duration = Duration::from_secs(4);
/// How long after its own deadline the server is still waited for.
const BEYOND_DEADLINE: Duration = Duration::from_secs(30);
/// How long standard error is read after standard output has ended.
const LAST_WORDS: Duration = Duration::from_secs(2);
const BUFFER: usize = 16 << 10;
/// Between two words about what is sent.
const TICK: Duration = Duration::from_millis(500);

/// How following ended.
#[derive(Debug)]
pub(in crate::runner) enum Followed {
    /// With the server's word; where we had told the server to stop before, why.
    Verdict(Box<Verdict>, Option<Stop>),
    /// There is no server part, and nothing was done.
    Missing(Missing),
    /// Without a word.
    Lost {
        /// How far it was.
        reached: Reached,
        /// Whether the server part had spoken at all.
        greeted: bool,
        /// What ended it.
        why: Why,
    },
}

/// What ended following.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::runner) enum Why {
    /// The channel ended; what was said on it last.
    Closed(Vec<u8>),
    /// We are to stop.
    Stop(Stop),
    /// What was sent, or what came back, was not right.
    Error(RunError),
}

type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), UploadError>> + 'a>>;

/// Follows one channel. Dropping what is left of it afterwards tells the server to stop, where it still can.
pub(in crate::runner) async fn follow<I, O, E>(
    pipes: Pipes<I, O, E>,
    upload: Upload<'_>,
    progress: &Progress,
    watch: &mut Watch,
    emit: &mut dyn FnMut(RunEvent),
) -> Followed
where
    I: AsyncWrite + Unpin,
    O: AsyncRead + Unpin,
    E: AsyncRead + Unpin,
{
    let unasked = match upload.unasked() {
        Ok(unasked) => unasked,
        Err(error) => return lost(progress.reached(), false, Why::Error(error_of(error))),
    };
    progress.begin_line();
    let (needs, needed) = unbounded_channel();
    let sending = send(pipes.stdin, upload, unasked.as_deref(), needed, progress);
    let mut pump = Pump {
        listener: Listener::new(&upload.plan.transaction, upload.plan.entries),
        tail: OutputTail::default(),
        upload,
        unasked: unasked.is_some(),
        needs,
        sending: Some(Box::pin(sending)),
        progress,
        stopping: None,
        emit,
    };
    pump.run(pipes.stdout, pipes.stderr, watch).await
}

struct Pump<'a> {
    listener: Listener<'a>,
    /// What was said on standard error, and before the first word.
    tail: OutputTail,
    upload: Upload<'a>,
    unasked: bool,
    needs: UnboundedSender<Needed>,
    /// Holds the stream to the server, also when all is sent: its end tells the server to stop.
    sending: Option<Sending<'a>>,
    progress: &'a Progress,
    /// Why the server was told to stop.
    stopping: Option<Stop>,
    emit: &'a mut dyn FnMut(RunEvent),
}

impl Pump<'_> {
    async fn run(
        &mut self,
        mut stdout: impl AsyncRead + Unpin,
        mut stderr: impl AsyncRead + Unpin,
        watch: &mut Watch,
    ) -> Followed {
        let (mut out, mut err) = (vec![0; BUFFER], vec![0; BUFFER]);
        let mut errors_end = false;
        let mut tick = interval(TICK);
        loop {
            let end = tokio::select! {
                read = stdout.read(&mut out) => match read {
                    Ok(n @ 1..) => self.output(&out[..n], watch),
                    Ok(0) | Err(_) => {
                        let reading = self.last_words(&mut stderr, &mut err);
                        let _cut_short = timeout(LAST_WORDS, reading).await;
                        return self.closed();
                    }
                },
                read = stderr.read(&mut err), if !errors_end => {
                    let n = read.unwrap_or(0);
                    errors_end = n == 0;
                    self.errors(&err[..n]);
                    None
                }
                sent = sent(&mut self.sending) => self.sent(sent),
                stop = watch.raised() => self.stop(stop, watch),
                _ = tick.tick(), if self.sending.is_some() => self.tell_sent(),
            };
            if let Some(end) = end {
                return end;
            }
        }
    }

    fn tell_sent(&mut self) -> Option<Followed> {
        let bytes = self.progress.sent();
        if bytes > 0 {
            (self.emit)(RunEvent::Sent { bytes });
        }
        None
    }

    fn output(&mut self, bytes: &[u8], watch: &mut Watch) -> Option<Followed> {
        if !self.listener.greeted() {
            self.tail.push(bytes);
        }
        let mut heard = Vec::new();
        let understood = self.listener.output(bytes, &mut |item| heard.push(item));
        let end = heard.into_iter().find_map(|item| self.heard(item, watch));
        end.or_else(|| {
            let error = understood.err()?;
            Some(self.lost(Why::Error(RunError::Protocol(error))))
        })
    }

    fn heard(&mut self, heard: Heard, watch: &mut Watch) -> Option<Followed> {
        match heard {
            Heard::Noise(line) => (self.emit)(RunEvent::UnexpectedOutput(line)),
            Heard::Greeted => self.greeted(),
            Heard::Missing(missing) => return Some(self.missing(missing)),
            Heard::Need(needed) => self.needed(needed),
            Heard::Listing(_) => {
                let error = RunError::Protocol(ProtocolError::Listing);
                return Some(self.lost(Why::Error(error)));
            }
            Heard::Event(event) => {
                let what = event.what.clone();
                (self.emit)(RunEvent::Server(event));
                return self.happened(what, watch);
            }
        }
        None
    }

    fn happened(&mut self, what: What, watch: &mut Watch) -> Option<Followed> {
        if let Some(deadline) = self.progress.hear(&what) {
            watch.set_limit(deadline.saturating_add(BEYOND_DEADLINE));
            // too late to stop: what is late may end well, what is cancelled can't be waited for
            return match self.stopping.take() {
                Some(Stop::Cancelled) => Some(self.lost(Why::Stop(Stop::Cancelled))),
                Some(Stop::TimeUp) | None => None,
            };
        }
        match what {
            What::Ended(verdict) => Some(Followed::Verdict(verdict, self.stopping)),
            _ => None,
        }
    }

    fn greeted(&mut self) {
        tracing::debug!("the server part speaks");
        self.tail.take();
        let tree = self.upload.tree;
        // nothing to say where there is no tree
        if self.unasked && tree.files() > 0 {
            (self.emit)(RunEvent::Sending {
                files: tree.files(),
                bytes: tree.bytes(),
                known: 0,
            });
        }
    }

    fn missing(&mut self, missing: Missing) -> Followed {
        tracing::debug!(?missing, "the server part is missing");
        if self.upload.word == Word::Start {
            self.progress.nothing_done();
        }
        match self.stopping {
            None => Followed::Missing(missing),
            Some(stop) => lost(self.progress.reached(), false, Why::Stop(stop)),
        }
    }

    fn needed(&mut self, needed: Needed) {
        let (files, bytes) = self.upload.sum(&needed);
        if files > 0 {
            let known = u32::try_from(needed.known.len()).unwrap_or(u32::MAX);
            (self.emit)(RunEvent::Sending {
                files,
                bytes,
                known,
            });
        }
        // fails only where sending has failed, which is told elsewhere
        let _sending_failed = self.needs.send(needed);
    }

    fn sent(&mut self, sent: Result<(), UploadError>) -> Option<Followed> {
        self.sending = None;
        match sent {
            Ok(()) => None,
            Err(UploadError::Line(error)) => {
                tracing::debug!(%error, "sending ended early");
                None
            }
            Err(error) => Some(self.lost(Why::Error(error_of(error)))),
        }
    }

    fn stop(&mut self, stop: Stop, watch: &mut Watch) -> Option<Followed> {
        tracing::debug!(?stop, "to be stopped");
        let told_before = self.stopping.is_some();
        if self.progress.reached() != Reached::Complete || told_before {
            return Some(self.lost(Why::Stop(self.stopping.unwrap_or(stop))));
        }
        self.stopping = Some(stop);
        // the end of its standard input tells the server to stop
        self.sending = None;
        watch.set_limit(CONFIRMATION);
        None
    }

    async fn last_words(&mut self, stderr: &mut (impl AsyncRead + Unpin), buffer: &mut [u8]) {
        while let Ok(n @ 1..) = stderr.read(buffer).await {
            self.errors(&buffer[..n]);
        }
    }

    fn errors(&mut self, bytes: &[u8]) {
        self.tail.push(bytes);
        let emit = &mut self.emit;
        self.listener.errors(bytes, &mut |heard| {
            if let Heard::Noise(line) = heard {
                emit(RunEvent::UnexpectedOutput(line));
            }
        });
    }

    fn closed(&mut self) -> Followed {
        let emit = &mut self.emit;
        self.listener.rest(&mut |heard| {
            if let Heard::Noise(line) = heard {
                emit(RunEvent::UnexpectedOutput(line));
            }
        });
        let said = self.tail.take();
        self.lost(match self.stopping {
            Some(stop) => Why::Stop(stop),
            None => Why::Closed(said),
        })
    }

    fn lost(&self, why: Why) -> Followed {
        lost(self.progress.reached(), self.listener.greeted(), why)
    }
}

fn lost(reached: Reached, greeted: bool, why: Why) -> Followed {
    Followed::Lost {
        reached,
        greeted,
        why,
    }
}

async fn sent(sending: &mut Option<Sending<'_>>) -> Result<(), UploadError> {
    match sending {
        Some(sending) => sending.await,
        None => std::future::pending().await,
    }
}

fn error_of(error: UploadError) -> RunError {
    match error {
        UploadError::Source(error) => error.into(),
        other => RunError::Bug(Bug::Message {
            error: other.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests;
