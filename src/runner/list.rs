//! What is on the server: the same connection and server part as for a deployment, one question, one answer. Nothing is
//! changed by it, so however it ends, nothing has happened.

use super::ahead::Ahead;
use super::conclude::Conclusion;
use super::deploy::{login, still_missing, Early, Run};
use super::listener::{Heard, Listener};
use super::noise::Tail;
use super::pipes::Pipes;
use super::progress::Progress;
use super::ssh::{copy_server_part, start_line, Binaries, Channel, Connection, Missing, Ready};
use super::watch::{termination, Watch};
use super::Deployment;
use crate::protocol::wire::Packer;
use crate::protocol::{root_of, End, Listing, RunEvent, ToServer, TransactionId, Trouble};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const BUFFER: usize = 16 << 10;

/// Asks what is there, and tells by `emit` what happens on the way. Of `deployment` only the server, the target and the
/// limits count. [`RunEvent::Ended`] comes only where there is no answer.
///
/// # Errors
/// How it ended instead.
pub async fn list(deployment: Deployment, emit: &mut dyn FnMut(RunEvent)) -> Result<Listing, End> {
    let started = Instant::now();
    let watch = Watch::new(deployment.timeout(), termination());
    let progress = Progress::default();
    let mut run = Run {
        deployment: &deployment,
        transaction: &deployment.plan.transaction,
        progress,
        watch,
        emit,
    };
    run.list().await.map_err(|early| {
        let Conclusion {
            outcome,
            verdict,
            trouble,
        } = match early {
            Early::Trouble(trouble) => Conclusion::early(trouble),
            Early::Stop(stop) => Conclusion::stopped_early(stop, deployment.timeout()),
        };
        let end = End {
            outcome,
            verdict,
            trouble,
            took: started.elapsed(),
        };
        emit(RunEvent::Ended(Box::new(end.clone())));
        end
    })
}

/// What one channel came to.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Listing(Box<Listing>),
    Missing(Missing),
}

impl Run<'_> {
    async fn list(&mut self) -> Result<Listing, Early> {
        let binaries = Binaries::find()?;
        let login = login(self.deployment);
        let connection = self
            .connect(&login, Ahead::new(Ready::make(&login)))
            .await?;
        let listed = self.list_over(&connection, &binaries).await;
        connection.close().await;
        listed
    }

    async fn list_over(
        &mut self,
        connection: &Connection,
        binaries: &Binaries,
    ) -> Result<Listing, Early> {
        let target = self.deployment.plan.target.as_str();
        let missing = match self.ask(connection, binaries).await? {
            Answer::Listing(listing) => return Ok(*listing),
            Answer::Missing(missing) => missing,
        };
        let copying = copy_server_part(
            connection,
            target,
            self.transaction,
            &missing,
            binaries,
            self.emit,
        );
        self.watch.over(copying).await??;
        match self.ask(connection, binaries).await? {
            Answer::Listing(listing) => Ok(*listing),
            Answer::Missing(_) => Err(still_missing(target).into()),
        }
    }

    async fn ask(&mut self, connection: &Connection, binaries: &Binaries) -> Result<Answer, Early> {
        let line = start_line(
            self.deployment.plan.target.as_str(),
            self.transaction,
            root_of(&[], &[]),
            binaries,
        )?;
        let (pipes, _child): Channel<'_> = self.watch.over(connection.run(&line)).await??;
        let answer = ask(pipes, self.transaction, self.emit);
        Ok(self.watch.over(answer).await??)
    }
}

/// Asks over one channel.
async fn ask<I, O, E>(
    pipes: Pipes<I, O, E>,
    transaction: &TransactionId,
    emit: &mut dyn FnMut(RunEvent),
) -> Result<Answer, Trouble>
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
    let question = question().map_err(|problem| Trouble::Bug { problem })?;
    // a server that does not take it says why
    if let Err(error) = async { stdin.write_all(&question).await.and(stdin.flush().await) }.await {
        tracing::debug!(%error, "the question is not sent");
    }
    let mut ear = Ear {
        listener: Listener::new(transaction, 0),
        tail: Tail::default(),
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

fn question() -> Result<Vec<u8>, String> {
    let mut packer = Packer::default();
    packer
        .push(&ToServer::List)
        .and_then(|()| packer.flush())
        .map_err(|error| error.to_string())
}

struct Ear<'a> {
    listener: Listener<'a>,
    /// What was said on standard error, and before the first word.
    tail: Tail,
    answer: Option<Answer>,
    emit: &'a mut dyn FnMut(RunEvent),
}

impl Ear<'_> {
    fn output(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        if !self.listener.greeted() {
            self.tail.push(bytes);
        }
        let Self { answer, emit, .. } = self;
        let mut unasked = false;
        let understood = self.listener.output(bytes, &mut |heard| match heard {
            Heard::Noise(line) => emit(RunEvent::Noise(line)),
            Heard::Greeted => {}
            Heard::Missing(missing) => *answer = Some(Answer::Missing(missing)),
            Heard::Listing(listing) => *answer = Some(Answer::Listing(listing)),
            Heard::Event(_) | Heard::Need(_) => unasked = true,
        });
        match understood {
            Err(error) => Err(Trouble::Protocol {
                problem: error.to_string(),
            }),
            Ok(()) if unasked => Err(Trouble::Protocol {
                problem: "there is no listing in the answer".to_owned(),
            }),
            Ok(()) => Ok(()),
        }
    }

    fn errors(&mut self, bytes: &[u8]) {
        self.tail.push(bytes);
        let emit = &mut self.emit;
        self.listener.errors(bytes, &mut |heard| {
            if let Heard::Noise(line) = heard {
                emit(RunEvent::Noise(line));
            }
        });
    }

    /// The channel ended without an answer.
    fn silence(mut self) -> Trouble {
        let operation = if self.listener.greeted() {
            "finish"
        } else {
            "start"
        }
        .to_owned();
        Trouble::ServerPart {
            operation,
            said: self.tail.take(),
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
    ) -> (Result<Answer, Trouble>, Vec<RunEvent>, Vec<ToServer>) {
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
        assert_eq!(told, [RunEvent::Noise(b"Welcome!".to_vec())]);
        assert_eq!(sent, [ToServer::List]);
    }

    #[tokio::test]
    async fn what_is_no_answer_is_trouble() {
        let (got, ..) = asked(greeted(&event(What::Output(Vec::new()))), b"").await;
        assert!(matches!(got, Err(Trouble::Protocol { .. })), "{got:?}");
        let (got, ..) = asked(greeted(&[0xff; 40]), b"").await;
        assert!(matches!(got, Err(Trouble::Protocol { .. })), "{got:?}");
        let (got, told, _) = asked(b"no shell\n".to_vec(), b"killed\n").await;
        let Err(Trouble::ServerPart { operation, said }) = got else {
            panic!("{got:?}")
        };
        assert_eq!(operation, "start");
        assert!(
            [&b"no shell\nkilled\n"[..], b"killed\nno shell\n"].contains(&&said[..]),
            "{said:?}"
        );
        assert_eq!(told.len(), 2);
        let (got, ..) = asked(greeted(b""), b"").await;
        assert!(matches!(got, Err(Trouble::ServerPart { operation, .. }) if operation == "finish"));
    }
}
