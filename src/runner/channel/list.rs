//! Requests the list of what is on the server, over one channel.

use super::decoder::{Decoder, Received};
use super::follow::MAX_BEFORE_GREETING;
use crate::protocol::{
    Listing, LoginScriptError, ProtocolError, RunError, RunEvent, ServerPartError, TransactionId,
};
use crate::runner::server_part::MissingServerPart;
use crate::runner::ssh::{OutputTail, Pipes};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{sleep_until, Instant};

const ENDLESS: LoginScriptError = LoginScriptError::Endless {
    limit: MAX_BEFORE_GREETING,
};
const BUFFER: usize = 16 << 10;

/// The reply to the request.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::runner) enum ListReply {
    Listing(Box<Listing>),
    Missing(MissingServerPart),
}

/// Waits for the reply to the request, and `limit` at most until the server part is there. The request is the command
/// line: nothing is sent that a login script could take.
pub(in crate::runner) async fn request_list<I, O, E>(
    pipes: Pipes<I, O, E>,
    transaction: &TransactionId,
    limit: Duration,
    emit: &mut dyn FnMut(RunEvent),
) -> Result<ListReply, RunError>
where
    O: AsyncRead + Unpin,
    E: AsyncRead + Unpin,
{
    let Pipes {
        // open until the reply has arrived
        stdin: _stdin,
        mut stdout,
        mut stderr,
    } = pipes;
    let first_word = Instant::now() + limit;
    let mut reply = ReplyReader {
        decoder: Decoder::new(transaction, 0),
        tail: OutputTail::default(),
        reply: None,
        emit,
    };
    let (mut out, mut err) = (vec![0; BUFFER], vec![0; BUFFER]);
    let (mut output_ends, mut errors_end) = (false, false);
    while !(output_ends && errors_end) {
        tokio::select! {
            read = stdout.read(&mut out), if !output_ends => {
                let n = read.unwrap_or(0);
                output_ends = n == 0;
                reply.output(&out[..n])?;
            }
            read = stderr.read(&mut err), if !errors_end => {
                let n = read.unwrap_or(0);
                errors_end = n == 0;
                reply.errors(&err[..n]);
            }
            () = sleep_until(first_word), if !reply.decoder.greeted() => {
                return Err(reply.hindered(LoginScriptError::Silent { limit }));
            }
        }
        if reply.is_noise() {
            return Err(reply.hindered(ENDLESS));
        }
        if let Some(found) = reply.reply.take() {
            return Ok(found);
        }
    }
    Err(reply.no_reply())
}

struct ReplyReader<'a> {
    decoder: Decoder<'a>,
    /// The last output on standard error, and on standard output before the greeting.
    tail: OutputTail,
    reply: Option<ListReply>,
    emit: &'a mut dyn FnMut(RunEvent),
}

impl ReplyReader<'_> {
    fn output(&mut self, bytes: &[u8]) -> Result<(), RunError> {
        if !self.decoder.greeted() {
            self.tail.push(bytes);
        }
        let Self { reply, emit, .. } = self;
        let (mut unasked, mut distrusted) = (false, None);
        let decoded = self.decoder.output(bytes, &mut |received| match received {
            Received::UnexpectedLine(line) => emit(RunEvent::UnexpectedOutput(line)),
            Received::Greeting => {}
            Received::Missing(missing) => *reply = Some(ListReply::Missing(missing)),
            Received::Unsafe(folder) => distrusted = Some(folder),
            Received::Listing(listing) => *reply = Some(ListReply::Listing(listing)),
            Received::Event(_) | Received::Need(_) | Received::Refused(_) => unasked = true,
        });
        if let Some(folder) = distrusted {
            return Err(RunError::ServerPart {
                error: ServerPartError::Unsafe(folder),
                output: Vec::new(),
            });
        }
        match decoded {
            Err(error) => Err(RunError::Protocol(error)),
            Ok(()) if unasked => Err(RunError::Protocol(ProtocolError::NoListing)),
            Ok(()) => Ok(()),
        }
    }

    fn errors(&mut self, bytes: &[u8]) {
        self.tail.push(bytes);
        let emit = &mut self.emit;
        self.decoder.errors(bytes, &mut |received| {
            if let Received::UnexpectedLine(line) = received {
                emit(RunEvent::UnexpectedOutput(line));
            }
        });
    }

    fn is_noise(&self) -> bool {
        !self.decoder.greeted() && self.decoder.before_greeting() > MAX_BEFORE_GREETING
    }

    fn hindered(mut self, error: LoginScriptError) -> RunError {
        let output = self.tail.take();
        RunError::LoginScript { error, output }
    }

    /// The error if the channel ended without a reply.
    fn no_reply(mut self) -> RunError {
        let error = if self.decoder.greeted() {
            ServerPartError::Finish
        } else {
            ServerPartError::Start
        };
        RunError::ServerPart {
            error,
            output: self.tail.take(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::wire::frame;
    use crate::protocol::{greeting, ToRunner, ToServer, What};
    use crate::runner::testing::{event, transaction, unpacked};

    const LONG: Duration = Duration::from_secs(60);

    fn listing() -> Listing {
        Listing {
            live: None,
            rollback_target: None,
            more: 0,
            releases: Vec::new(),
            attempts: Vec::new(),
        }
    }

    /// The result for a reply, the events, and what the server received.
    async fn requested(
        reply: Vec<u8>,
        errors: &[u8],
    ) -> (Result<ListReply, RunError>, Vec<RunEvent>, Vec<ToServer>) {
        let (mut events, mut sent) = (Vec::new(), Vec::new());
        let pipes = Pipes {
            stdin: &mut sent,
            stdout: reply.as_slice(),
            stderr: errors,
        };
        let got = request_list(pipes, &transaction(), LONG, &mut |event| events.push(event)).await;
        (got, events, unpacked(&sent))
    }

    fn greeted(then: &[u8]) -> Vec<u8> {
        [b"Welcome!\n", greeting(&transaction()).as_bytes(), then].concat()
    }

    #[tokio::test]
    async fn one_request_has_one_reply() {
        let reply = frame(&ToRunner::Listing(Box::new(listing()))).unwrap();
        let (got, events, sent) = requested(greeted(&reply), b"").await;
        assert_eq!(got, Ok(ListReply::Listing(Box::new(listing()))));
        assert_eq!(events, [RunEvent::UnexpectedOutput(b"Welcome!".to_vec())]);
        assert_eq!(sent, [], "a login script could read it");
    }

    #[tokio::test]
    async fn what_is_no_answer_is_an_error() {
        let (got, ..) = requested(greeted(&event(What::Output(Vec::new()))), b"").await;
        assert!(matches!(got, Err(RunError::Protocol(_))), "{got:?}");
        let (got, ..) = requested(greeted(&[0xff; 40]), b"").await;
        assert!(matches!(got, Err(RunError::Protocol(_))), "{got:?}");
        let (got, events, _) = requested(b"no shell\n".to_vec(), b"killed\n").await;
        let Err(RunError::ServerPart { error, output }) = got else {
            panic!("{got:?}")
        };
        assert_eq!(error, ServerPartError::Start);
        assert!(
            [&b"no shell\nkilled\n"[..], b"killed\nno shell\n"].contains(&&output[..]),
            "{output:?}"
        );
        assert_eq!(events.len(), 2);
        let (got, ..) = requested(greeted(b""), b"").await;
        assert!(
            matches!(got, Err(RunError::ServerPart { error, .. }) if error == ServerPartError::Finish)
        );
    }

    #[tokio::test]
    async fn a_login_script_that_prints_without_end_is_named() {
        let noise = b"y\n".repeat(600 << 10);
        let (got, ..) = requested(noise, b"").await;
        let Err(RunError::LoginScript { error, output }) = got else {
            panic!("{got:?}")
        };
        assert!(matches!(error, LoginScriptError::Endless { .. }), "{error}");
        assert!(output.ends_with(b"y\n"));
    }

    #[tokio::test]
    async fn a_login_that_stays_silent_is_not_awaited_for_ever() {
        let (_far, stdout) = tokio::io::duplex(10);
        let (stdin, stderr) = (tokio::io::empty(), tokio::io::empty());
        let pipes = Pipes {
            stdin,
            stdout,
            stderr,
        };
        let got = request_list(pipes, &transaction(), Duration::ZERO, &mut |_| {}).await;
        let Err(RunError::LoginScript { error, .. }) = got else {
            panic!("{got:?}")
        };
        assert!(matches!(error, LoginScriptError::Silent { .. }), "{error}");
    }
}
