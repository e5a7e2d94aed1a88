//! One connection, over which channels run.

use super::config::ALIAS;
use super::login::Login;
use super::pipes::Pipes;
use super::ready::Ready;
use super::refusal::{in_words, Attempted};
use super::tools::command;
use crate::protocol::{Bug, RunError, ServerPartError};
use openssh::{
    Child, ChildStderr, ChildStdin, ChildStdout, ControlPersist, KnownHosts, Session,
    SessionBuilder, Stdio,
};
use std::num::NonZeroUsize;
use std::time::Duration;
use tokio::time::timeout;

/// What is left of the connect time-out for the login itself, which ssh does not bound.
const LOGIN_TIME: Duration = Duration::from_secs(10);
/// How long a connection outlives us if we are killed.
const IDLE: NonZeroUsize = NonZeroUsize::new(30).unwrap();
const CLOSING_TIME: Duration = Duration::from_secs(2);

/// One connection, over which any number of channels run. What it needed goes with it.
#[derive(Debug)]
pub(crate) struct Connection {
    // in the order in which they must go
    session: Session,
    ready: Ready,
}

/// One command on the server. Dropped, it only stops listening.
pub(crate) type Channel<'a> = (
    Pipes<ChildStdin, ChildStdout, ChildStderr>,
    Child<&'a Session>,
);

impl Connection {
    /// Logs in.
    ///
    /// # Errors
    /// If there is no connection.
    pub(crate) async fn open(login: &Login<'_>, ready: Ready) -> Result<Self, RunError> {
        let builder = builder(login, &ready);
        let hops = if login.server.jump.is_some() { 2 } else { 1 };
        let limit = login
            .server
            .connect_timeout
            .saturating_add(LOGIN_TIME)
            .saturating_mul(hops);
        let attempted = Attempted {
            login,
            folder: ready.folder(),
        };
        match timeout(limit, builder.connect_mux(ALIAS)).await {
            Ok(Ok(session)) => Ok(Self { session, ready }),
            Ok(Err(error)) => Err(attempted.refused(&error)),
            Err(_) => Err(attempted.too_late(limit)),
        }
    }

    /// Runs a line on the server: by its login shell, whichever that is.
    ///
    /// # Errors
    /// If the connection is gone or the server opens no channel.
    pub(crate) async fn run(&self, line: &str) -> Result<Channel<'_>, RunError> {
        tracing::debug!(line, "running on the server");
        let failed = |error: openssh::Error| RunError::ServerPart {
            error: ServerPartError::Channel,
            output: in_words(&error).into_bytes(),
        };
        let mut child = self
            .session
            .raw_command(line)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .await
            .map_err(failed)?;
        match (
            child.stdin().take(),
            child.stdout().take(),
            child.stderr().take(),
        ) {
            (Some(stdin), Some(stdout), Some(stderr)) => Ok((
                Pipes {
                    stdin,
                    stdout,
                    stderr,
                },
                child,
            )),
            _ => Err(RunError::Bug(Bug::Pipes {
                program: "ssh".to_owned(),
            })),
        }
    }

    /// Whether the connection still stands, as far as is known here.
    pub(crate) async fn stands(&self) -> bool {
        timeout(CLOSING_TIME, self.session.check())
            .await
            .is_ok_and(|checked| checked.is_ok())
    }

    /// Where its files lie as long as it stands.
    #[cfg(test)]
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.ready.folder()
    }

    /// Ends the connection at once, whatever still runs over it. (What the crate does by itself lets ssh live on until
    /// the last channel ends, beyond our own end.)
    pub(crate) async fn close(self) {
        let ended = command("ssh")
            .arg("-F")
            .arg(self.ready.config_file())
            .arg("-S")
            .arg(self.session.control_socket())
            .args(["-O", "exit", ALIAS])
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status();
        let ended = timeout(CLOSING_TIME, ended).await;
        tracing::debug!(?ended, "connection closed");
    }
}

fn builder(login: &Login<'_>, ready: &Ready) -> SessionBuilder {
    let mut builder = SessionBuilder::default();
    builder
        .known_hosts_check(KnownHosts::Strict)
        .config_file(ready.config_file())
        .control_directory(ready.folder())
        .control_persist(ControlPersist::IdleFor(IDLE));
    if let Some(socket) = ready.socket().or(login.auth_sock) {
        builder.ssh_auth_sock(socket);
    }
    builder
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ConnectionKind;
    use crate::runner::testing;
    use crate::settings::Server;

    async fn open(login: &Login<'_>) -> Result<Connection, RunError> {
        Connection::open(login, Ready::make(login).await?).await
    }

    #[tokio::test]
    async fn nobody_listening_is_told_as_such() {
        let free = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let server = Server {
            port: free.to_string().parse().unwrap(),
            connect_timeout: Duration::from_secs(5),
            ..testing::server()
        };
        let login = Login {
            server: &server,
            auth_sock: None,
            key_life: Duration::from_secs(60),
        };
        let Err(RunError::Connection { kind, .. }) = open(&login).await else {
            panic!("connected")
        };
        assert_eq!(kind, ConnectionKind::Refused);
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_is_given_up() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server {
            port: listener
                .local_addr()
                .unwrap()
                .port()
                .to_string()
                .parse()
                .unwrap(),
            connect_timeout: Duration::from_secs(1),
            ..testing::server()
        };
        let login = Login {
            server: &server,
            auth_sock: None,
            key_life: Duration::from_secs(60),
        };
        let Err(RunError::Connection { kind, error, .. }) = open(&login).await else {
            panic!("connected")
        };
        assert_eq!(kind, ConnectionKind::TimedOut, "{error}");
    }
}
