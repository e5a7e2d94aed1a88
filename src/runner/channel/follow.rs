//! Follows one channel: sends and receives at the same time, until the verdict arrives or the channel is lost.

use super::decoder::{Decoder, Received};
use crate::protocol::{
    Bug, Event, LoginScriptError, Outcome, ProtocolError, Refusal, RunError, RunEvent,
    ServerPartError, UnsafeFolder, Verdict, What, FIRST_WORD_TIME,
};
use crate::runner::progress::{Progress, Reached};
use crate::runner::server_part::MissingServerPart;
use crate::runner::ssh::{OutputTail, Pipes};
use crate::runner::upload::{send, Need, Request, Upload, UploadError};
use crate::runner::watch::{Stop, Watch};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::mpsc::{unbounded_channel, UnboundedSender};
use tokio::time::{interval, sleep_until, timeout, Instant};

/// Time limit for the server to confirm that it stopped. GitHub kills a cancelled step after ten seconds.
const CONFIRMATION_TIME: Duration = Duration::from_secs(4);
/// How long the runner waits for the server after the deadline of the transaction.
const DEADLINE_MARGIN: Duration = Duration::from_secs(30);
/// How long standard error is read after standard output has ended.
const STDERR_TIME: Duration = Duration::from_secs(2);
const BUFFER: usize = 16 << 10;
/// The most output before the greeting: more than any message of the day, and soon reached by a login script that prints
/// without end.
pub(super) const MAX_BEFORE_GREETING: u64 = 1 << 20;
/// How much more is read, to see whether the greeting follows: more than can be on the way, which is ssh's window
/// (2 MiB) and the buffers of the system. Without the greeting the server part had not been started when its input was
/// closed.
const MAX_ON_THE_WAY: u64 = 4 << 20;
/// Time limit for that.
const ON_THE_WAY_TIME: Duration = Duration::from_secs(30);
/// Interval between two events about the bytes that were sent.
const SENT_INTERVAL: Duration = Duration::from_millis(500);

/// The result of following.
#[derive(Debug)]
pub(in crate::runner) enum FollowResult {
    /// The verdict arrived. If the runner had stopped the server before: why.
    Verdict(Box<Verdict>, Option<Stop>),
    /// The server part is missing, and nothing was done.
    Missing(MissingServerPart),
    /// There is no verdict.
    Lost {
        /// How far the server part came.
        reached: Reached,
        /// Whether the server part had sent its greeting.
        greeted: bool,
        /// What ended it.
        cause: LostCause,
    },
}

/// Why a channel was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::runner) enum LostCause {
    /// The channel ended. Its last output.
    Closed(Vec<u8>),
    /// The run must stop.
    Stop(Stop),
    /// Sending failed, or the server sent something wrong.
    Error(RunError),
}

type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), UploadError>> + 'a>>;

/// Follows one channel. Dropping the rest of the channel afterwards makes the server stop, if it still can.
pub(in crate::runner) async fn follow<I, O, E>(
    pipes: Pipes<I, O, E>,
    upload: Upload<'_>,
    progress: &Progress,
    watch: &mut Watch,
    emit: &mut dyn FnMut(RunEvent),
) -> FollowResult
where
    I: AsyncWrite + Unpin,
    O: AsyncRead + Unpin,
    E: AsyncRead + Unpin,
{
    let unasked = match upload.unasked() {
        Ok(unasked) => unasked,
        Err(error) => {
            return lost(
                progress.reached(),
                false,
                LostCause::Error(run_error(error)),
            )
        }
    };
    progress.begin_connection();
    let (needs, needed) = unbounded_channel();
    let sending = send(pipes.stdin, upload, unasked.as_deref(), needed, progress);
    let mut follower = Follower {
        decoder: Decoder::new(&upload.plan.transaction, upload.plan.entries),
        tail: OutputTail::default(),
        upload,
        unasked: unasked.is_some(),
        needs,
        sending: Some(Box::pin(sending)),
        progress,
        first_word: Instant::now() + watch.first_word(),
        hindered: None,
        stopping: None,
        emit,
    };
    follower.run(pipes.stdout, pipes.stderr, watch).await
}

struct Follower<'a> {
    decoder: Decoder<'a>,
    /// The last output on standard error, and on standard output before the greeting.
    tail: OutputTail,
    upload: Upload<'a>,
    unasked: bool,
    needs: UnboundedSender<Need>,
    /// Holds the stream to the server, even after everything is sent: its end makes the server stop.
    sending: Option<Sending<'a>>,
    progress: &'a Progress,
    /// When the greeting must have arrived.
    first_word: Instant,
    /// How a login script keeps the server part from its work. Its input was closed then.
    hindered: Option<LoginScriptError>,
    /// Why the runner stopped the server.
    stopping: Option<Stop>,
    emit: &'a mut dyn FnMut(RunEvent),
}

impl Follower<'_> {
    async fn run(
        &mut self,
        mut stdout: impl AsyncRead + Unpin,
        mut stderr: impl AsyncRead + Unpin,
        watch: &mut Watch,
    ) -> FollowResult {
        let (mut out, mut err) = (vec![0; BUFFER], vec![0; BUFFER]);
        let mut errors_end = false;
        let mut tick = interval(SENT_INTERVAL);
        loop {
            let end = tokio::select! {
                read = stdout.read(&mut out) => match read {
                    Ok(n @ 1..) => self.on_stdout(&out[..n], watch),
                    Ok(0) | Err(_) => {
                        let reading = self.drain_stderr(&mut stderr, &mut err);
                        let _incomplete = timeout(STDERR_TIME, reading).await;
                        return self.on_close();
                    }
                },
                read = stderr.read(&mut err), if !errors_end => {
                    let n = read.unwrap_or(0);
                    errors_end = n == 0;
                    self.on_stderr(&err[..n]);
                    None
                }
                sent = sent(&mut self.sending) => self.on_sent(sent),
                () = sleep_until(self.first_word), if self.waits_for_greeting() => {
                    self.on_silence(watch)
                }
                stop = watch.stop() => self.on_stop(stop, watch),
                _ = tick.tick(), if self.sending.is_some() => self.report_sent(),
            };
            if let Some(end) = end {
                return end;
            }
        }
    }

    fn report_sent(&mut self) -> Option<FollowResult> {
        let bytes = self.progress.sent();
        if bytes > 0 {
            (self.emit)(RunEvent::Sent { bytes });
        }
        None
    }

    fn on_stdout(&mut self, bytes: &[u8], watch: &mut Watch) -> Option<FollowResult> {
        if !self.decoder.greeted() {
            self.tail.push(bytes);
        }
        let mut received = Vec::new();
        let decoded = self.decoder.output(bytes, &mut |item| received.push(item));
        let end = received
            .into_iter()
            .find_map(|item| self.on_received(item, watch));
        end.or_else(|| {
            let error = decoded.err()?;
            Some(self.lost(LostCause::Error(RunError::Protocol(error))))
        })
        .or_else(|| self.check_noise(watch))
    }

    /// Ends a login that prints without end.
    fn check_noise(&mut self, watch: &mut Watch) -> Option<FollowResult> {
        let printed = self.decoder.before_greeting();
        if self.decoder.greeted() || printed <= MAX_BEFORE_GREETING {
            return None;
        }
        let error = LoginScriptError::Endless {
            limit: MAX_BEFORE_GREETING,
        };
        if self.hindered.is_none() && self.stopping.is_none() {
            return self.close_input(error, ON_THE_WAY_TIME, watch);
        }
        let over = printed > MAX_BEFORE_GREETING + MAX_ON_THE_WAY;
        (over && self.hindered.is_some()).then(|| self.not_begun(error))
    }

    fn waits_for_greeting(&self) -> bool {
        let is_past = matches!(self.progress.reached(), Reached::PointOfNoReturn { .. });
        // after the point of no return, the deadline of the transaction is the limit
        !self.decoder.greeted() && self.hindered.is_none() && self.stopping.is_none() && !is_past
    }

    fn on_silence(&mut self, watch: &mut Watch) -> Option<FollowResult> {
        let limit = watch.first_word();
        self.close_input(LoginScriptError::Silent { limit }, CONFIRMATION_TIME, watch)
    }

    /// Closes the input of the server part, which then begins nothing if it is started after all. Its greeting may be on
    /// the way, so that is awaited for `time`.
    fn close_input(
        &mut self,
        error: LoginScriptError,
        time: Duration,
        watch: &mut Watch,
    ) -> Option<FollowResult> {
        tracing::info!(%error, "a login script hinders the server part");
        if self.progress.reached() == Reached::Nothing {
            return Some(self.not_begun(error));
        }
        self.hindered = Some(error);
        self.sending = None;
        watch.set_limit(time);
        None
    }

    /// The server part has begun nothing in this login.
    fn not_begun(&mut self, error: LoginScriptError) -> FollowResult {
        if self.upload.request == Request::Start {
            self.progress.reset();
        }
        let output = self.tail.take();
        self.lost(LostCause::Error(RunError::LoginScript { error, output }))
    }

    fn on_refused(&mut self, refusal: Refusal) -> Option<FollowResult> {
        let error = match refusal {
            Refusal::NoTrace => return Some(self.lost(LostCause::Error(RunError::NoTrace))),
            Refusal::OtherPlan => {
                self.progress.reset();
                return Some(self.lost(LostCause::Error(RunError::ServerPart {
                    error: ServerPartError::OtherPlan,
                    output: Vec::new(),
                })));
            }
            Refusal::NoInput { limit } => LoginScriptError::NoInput { limit },
            Refusal::Unreadable => LoginScriptError::InputRead,
            Refusal::Late => LoginScriptError::Silent {
                limit: FIRST_WORD_TIME,
            },
        };
        // input that was closed here cannot be read there
        let error = self.hindered.take().unwrap_or(error);
        if self.upload.request != Request::Start {
            // the verdict follows
            self.hindered = Some(error);
            return None;
        }
        match self.stopping {
            Some(stop) => {
                self.progress.reset();
                Some(self.lost(LostCause::Stop(stop)))
            }
            None => Some(self.not_begun(error)),
        }
    }

    fn on_verdict(&mut self, verdict: Box<Verdict>) -> FollowResult {
        match self.hindered.take() {
            // nothing was begun, and nothing will be
            Some(error) if verdict.outcome == Outcome::Cancelled && self.stopping.is_none() => {
                self.progress.reset();
                let output = self.tail.take();
                self.lost(LostCause::Error(RunError::LoginScript { error, output }))
            }
            _ => FollowResult::Verdict(verdict, self.stopping),
        }
    }

    fn on_received(&mut self, received: Received, watch: &mut Watch) -> Option<FollowResult> {
        match received {
            Received::UnexpectedLine(line) => (self.emit)(RunEvent::UnexpectedOutput(line)),
            Received::Greeting => self.on_greeting(),
            Received::Missing(missing) => return Some(self.on_missing(missing)),
            Received::Unsafe(folder) => return Some(self.on_unsafe(folder)),
            Received::Need(need) => self.on_need(need),
            Received::Refused(refusal) => return self.on_refused(refusal),
            Received::Listing(_) => {
                let error = RunError::Protocol(ProtocolError::Listing);
                return Some(self.lost(LostCause::Error(error)));
            }
            Received::Event(event) => return self.on_event(event, watch),
        }
        None
    }

    fn on_event(&mut self, mut event: Event, watch: &mut Watch) -> Option<FollowResult> {
        let exceeds = bound_deadline(&mut event.what, self.upload.plan.watch_limit());
        let what = event.what.clone();
        (self.emit)(RunEvent::Server(event));
        if let Some(limit) = exceeds {
            (self.emit)(RunEvent::WatchLimited { limit });
        }
        if let Some(deadline) = self.progress.record(&what) {
            watch.set_limit(deadline.saturating_add(DEADLINE_MARGIN));
            // too late to stop: a late run may still succeed, but a cancelled one cannot wait
            return match self.stopping.take() {
                Some(Stop::Cancelled) => Some(self.lost(LostCause::Stop(Stop::Cancelled))),
                Some(Stop::TimeUp) | None => None,
            };
        }
        match what {
            What::Ended(verdict) => Some(self.on_verdict(verdict)),
            _ => None,
        }
    }

    fn on_greeting(&mut self) {
        tracing::info!("the server part sent its greeting");
        self.tail.take();
        let tree = self.upload.tree;
        // a rollback has no tree
        if self.unasked && tree.files() > 0 {
            (self.emit)(RunEvent::Sending {
                files: tree.files(),
                bytes: tree.bytes(),
                known: 0,
            });
        }
    }

    fn on_missing(&mut self, missing: MissingServerPart) -> FollowResult {
        tracing::info!(?missing, "the server part is missing");
        if self.upload.request == Request::Start {
            self.progress.reset();
        }
        match self.stopping {
            None => FollowResult::Missing(missing),
            Some(stop) => lost(self.progress.reached(), false, LostCause::Stop(stop)),
        }
    }

    fn on_unsafe(&mut self, folder: UnsafeFolder) -> FollowResult {
        if self.upload.request == Request::Start {
            self.progress.reset();
        }
        self.lost(LostCause::Error(RunError::ServerPart {
            error: ServerPartError::Unsafe(folder),
            output: Vec::new(),
        }))
    }

    fn on_need(&mut self, need: Need) {
        let (files, bytes) = self.upload.amount(&need);
        if files > 0 {
            let known = u32::try_from(need.known.len()).unwrap_or(u32::MAX);
            (self.emit)(RunEvent::Sending {
                files,
                bytes,
                known,
            });
        }
        // fails only if sending has failed, which is reported elsewhere
        let _sending_failed = self.needs.send(need);
    }

    fn on_sent(&mut self, sent: Result<(), UploadError>) -> Option<FollowResult> {
        self.sending = None;
        match sent {
            Ok(()) => None,
            Err(UploadError::Connection(error)) => {
                tracing::info!(%error, "sending ended early");
                None
            }
            Err(error) => Some(self.lost(LostCause::Error(run_error(error)))),
        }
    }

    fn on_stop(&mut self, stop: Stop, watch: &mut Watch) -> Option<FollowResult> {
        tracing::info!(?stop, "the run must stop");
        let greeted = self.decoder.greeted();
        if let Some(error) = self.hindered.take_if(|_| stop == Stop::TimeUp && !greeted) {
            return Some(self.not_begun(error));
        }
        let stopped_before = self.stopping.is_some();
        if self.progress.reached() != Reached::Complete || stopped_before {
            return Some(self.lost(LostCause::Stop(self.stopping.unwrap_or(stop))));
        }
        self.stopping = Some(stop);
        // the end of its standard input makes the server stop
        self.sending = None;
        watch.set_limit(CONFIRMATION_TIME);
        None
    }

    async fn drain_stderr(&mut self, stderr: &mut (impl AsyncRead + Unpin), buffer: &mut [u8]) {
        while let Ok(n @ 1..) = stderr.read(buffer).await {
            self.on_stderr(&buffer[..n]);
        }
    }

    fn on_stderr(&mut self, bytes: &[u8]) {
        self.tail.push(bytes);
        let emit = &mut self.emit;
        self.decoder.errors(bytes, &mut |received| {
            if let Received::UnexpectedLine(line) = received {
                emit(RunEvent::UnexpectedOutput(line));
            }
        });
    }

    fn on_close(&mut self) -> FollowResult {
        let emit = &mut self.emit;
        self.decoder.rest(&mut |received| {
            if let Received::UnexpectedLine(line) = received {
                emit(RunEvent::UnexpectedOutput(line));
            }
        });
        let greeted = self.decoder.greeted();
        if let Some(error) = self.hindered.take_if(|_| !greeted) {
            return self.not_begun(error);
        }
        let output = self.tail.take();
        self.lost(match self.stopping {
            Some(stop) => LostCause::Stop(stop),
            None => LostCause::Closed(output),
        })
    }

    fn lost(&self, cause: LostCause) -> FollowResult {
        lost(self.progress.reached(), self.decoder.greeted(), cause)
    }
}

/// Bounds what the server says about its own deadline. Returns the limit if the server may need longer.
fn bound_deadline(what: &mut What, limit: Duration) -> Option<Duration> {
    let What::PointOfNoReturn { deadline, .. } = what else {
        return None;
    };
    let exceeds = *deadline > limit;
    *deadline = (*deadline).min(limit);
    exceeds.then_some(limit)
}

fn lost(reached: Reached, greeted: bool, cause: LostCause) -> FollowResult {
    FollowResult::Lost {
        reached,
        greeted,
        cause,
    }
}

async fn sent(sending: &mut Option<Sending<'_>>) -> Result<(), UploadError> {
    match sending {
        Some(sending) => sending.await,
        None => std::future::pending().await,
    }
}

fn run_error(error: UploadError) -> RunError {
    match error {
        UploadError::Source(error) => error.into(),
        other => RunError::Bug(Bug::Message {
            error: other.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests;
