//! One question over one channel, and its answer: what is on the server.

use super::listener::{Heard, Listener};
use crate::protocol::wire::Packer;
use crate::protocol::{
    Bug, Listing, ProtocolError, RunError, RunEvent, ServerPartError, ToServer, TransactionId,
};
use crate::runner::server_part::Missing;
use crate::runner::ssh::{OutputTail, Pipes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const BUFFER: usize = 16 << 10;

/// What one channel came to.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::runner) enum Answer {
    Listing(Box<Listing>),
    Missing(Missing),
}

/// Asks over one channel.
pub(in crate::runner) async fn ask<I, O, E>(
    pipes: Pipes<I, O, E>,
    transaction: &TransactionId,
    emit: &mut dyn FnMut(RunEvent),
) -> Result<Answer, RunError>
where
    I: AsyncWrite + Unpin,
    O: AsyncRead + Unpin,
    E: AsyncRead + Unpin,
{
    let Pipes {
        mut stdin,
        mut stdout,
        mut stderr,
    } = pipes;
    let question = question()?;
    // a server that does not take it says why
    if let Err(error) = async { stdin.write_all(&question).await.and(stdin.flush().await) }.await {
        tracing::debug!(%error, "the question is not sent");
    }
    let mut ear = Ear {
        listener: Listener::new(transaction, 0),
        tail: OutputTail::default(),
        answer: None,
        emit,
    };
    let (mut out, mut err) = (vec![0; BUFFER], vec![0; BUFFER]);
    let (mut output_ends, mut errors_end) = (false, false);
    while !(output_ends && errors_end) {
        tokio::select! {
            read = stdout.read(&mut out), if !output_ends => {
                let n = read.unwrap_or(0);
                output_ends = n == 0;
                ear.output(&out[..n])?;
            }
            read = stderr.read(&mut err), if !errors_end => {
                let n = read.unwrap_or(0);
                errors_end = n == 0;
                ear.errors(&err[..n]);
            }
        }
        if let Some(answer) = ear.answer.take() {
            return Ok(answer);
        }
    }
    Err(ear.silence())
}

fn question() -> Result<Vec<u8>, RunError> {
    let mut packer = Packer::default();
    packer
        .push(&ToServer::List)
        .and_then(|()| packer.flush())
        .map_err(|error| {
            let error = error.to_string();
            RunError::Bug(Bug::Message { error })
        })
}

struct Ear<'a> {
    listener: Listener<'a>,
    /// What was said on standard error, and before the first word.
    tail: OutputTail,
    answer: Option<Answer>,
    emit: &'a mut dyn FnMut(RunEvent),
}

impl Ear<'_> {
    fn output(&mut self, bytes: &[u8]) -> Result<(), RunError> {
        if !self.listener.greeted() {
            self.tail.push(bytes);
        }
        let Self { answer, emit, .. } = self;
        let mut unasked = false;
        let understood = self.listener.output(bytes, &mut |heard| match heard {
            Heard::Noise(line) => emit(RunEvent::UnexpectedOutput(line)),
            Heard::Greeted => {}
            Heard::Missing(missing) => *answer = Some(Answer::Missing(missing)),
            Heard::Listing(listing) => *answer = Some(Answer::Listing(listing)),
            Heard::Event(_) | Heard::Need(_) => unasked = true,
        });
        match understood {
            Err(error) => Err(RunError::Protocol(error)),
            Ok(()) if unasked => Err(RunError::Protocol(ProtocolError::NoListing)),
            Ok(()) => Ok(()),
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

    /// The channel ended without an answer.
    fn silence(mut self) -> RunError {
        let error = if self.listener.greeted() {
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
    use crate::protocol::{greeting, ToRunner, What};
    use crate::runner::testing::{event, transaction, unpacked};

    fn listing() -> Listing {
        Listing {
            releases: Vec::new(),
            attempts: Vec::new(),
        }
    }

    /// What comes of an answer, what was told, and what the server got.
    async fn asked(
        answer: Vec<u8>,
        errors: &[u8],
    ) -> (Result<Answer, RunError>, Vec<RunEvent>, Vec<ToServer>) {
        let (mut told, mut sent) = (Vec::new(), Vec::new());
        let pipes = Pipes {
            stdin: &mut sent,
            stdout: answer.as_slice(),
            stderr: errors,
        };
        let got = ask(pipes, &transaction(), &mut |event| told.push(event)).await;
        (got, told, unpacked(&sent))
    }

    fn greeted(then: &[u8]) -> Vec<u8> {
        [b"Welcome!\n", greeting(&transaction()).as_bytes(), then].concat()
    }

    #[tokio::test]
    async fn one_question_has_one_answer() {
        let answer = frame(&ToRunner::Listing(Box::new(listing()))).unwrap();
        let (got, told, sent) = asked(greeted(&answer), b"").await;
        assert_eq!(got, Ok(Answer::Listing(Box::new(listing()))));
        assert_eq!(told, [RunEvent::UnexpectedOutput(b"Welcome!".to_vec())]);
        assert_eq!(sent, [ToServer::List]);
    }

    #[tokio::test]
    async fn what_is_no_answer_is_an_error() {
        let (got, ..) = asked(greeted(&event(What::Output(Vec::new()))), b"").await;
        assert!(matches!(got, Err(RunError::Protocol(_))), "{got:?}");
        let (got, ..) = asked(greeted(&[0xff; 40]), b"").await;
        assert!(matches!(got, Err(RunError::Protocol(_))), "{got:?}");
        let (got, told, _) = asked(b"no shell\n".to_vec(), b"killed\n").await;
        let Err(RunError::ServerPart { error, output }) = got else {
            panic!("{got:?}")
        };
        assert_eq!(error, ServerPartError::Start);
        assert!(
            [&b"no shell\nkilled\n"[..], b"killed\nno shell\n"].contains(&&output[..]),
            "{output:?}"
        );
        assert_eq!(told.len(), 2);
        let (got, ..) = asked(greeted(b""), b"").await;
        assert!(
            matches!(got, Err(RunError::ServerPart { error, .. }) if error == ServerPartError::Finish)
        );
    }
}
