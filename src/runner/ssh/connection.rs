//! One connection and its channels.

use super::config::ALIAS;
use super::failed_login::{with_causes, FailedLogin};
use super::login::LoginOptions;
use super::master;
use super::pipes::Pipes;
use super::setup::LocalSetup;
use super::tools::command;
use crate::protocol::{Bug, RunError, ServerPartError};
use openssh::{Child, ChildStderr, ChildStdin, ChildStdout, Session, Stdio};
use std::time::Duration;
use tokio::time::timeout;

const CLOSING_TIME: Duration = Duration::from_secs(2);

/// One connection, which carries any number of channels. Its local set-up is removed with it.
#[derive(Debug)]
pub(crate) struct Connection {
    // in the order in which they must be dropped
    session: Session,
    setup: LocalSetup,
    is_closed: bool,
}

/// One command on the server. Dropping it does not end the command.
pub(crate) type Channel<'a> = (
    Pipes<ChildStdin, ChildStdout, ChildStderr>,
    Child<&'a Session>,
);

impl Connection {
    /// Logs in.
    ///
    /// # Errors
    /// If there is no connection.
    pub(crate) async fn open(
        login: &LoginOptions<'_>,
        setup: LocalSetup,
    ) -> Result<Self, RunError> {
        let auth_sock = setup.socket().or(login.auth_sock);
        let limit = setup.time_limit();
        let failed_login = FailedLogin {
            login,
            folder: setup.folder(),
        };
        match timeout(limit, master::log_in(&setup, auth_sock)).await {
            Ok(Ok(Ok(socket))) => Ok(Self {
                session: Session::resume_mux(socket.into(), None),
                setup,
                is_closed: false,
            }),
            Ok(Ok(Err(no_login))) => Err(failed_login.by_ssh(&no_login)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(failed_login.timed_out(limit)),
        }
    }

    /// Runs a command line in the login shell on the server.
    ///
    /// # Errors
    /// If the connection was lost, or the server opens no channel.
    pub(crate) async fn run(&self, line: &str) -> Result<Channel<'_>, RunError> {
        tracing::info!(line, "running on the server");
        let failed = |error: openssh::Error| RunError::ServerPart {
            error: ServerPartError::Channel,
            output: with_causes(&error).into_bytes(),
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

    /// Whether the connection is still open, as far as the runner knows.
    pub(crate) async fn is_open(&self) -> bool {
        timeout(CLOSING_TIME, self.session.check())
            .await
            .is_ok_and(|checked| checked.is_ok())
    }

    /// The private folder, as long as the connection is open.
    #[cfg(test)]
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.setup.folder()
    }

    /// Ends the connection at once, with all its channels. (What the crate does by itself keeps ssh running until the
    /// last channel ends, even after this process.)
    pub(crate) async fn close(mut self) {
        self.is_closed = true;
        let ended = timeout(CLOSING_TIME, self.exit().status()).await;
        tracing::info!(in_time = ended.is_ok(), "connection closed");
    }

    fn exit(&self) -> tokio::process::Command {
        let mut ssh = command("ssh");
        ssh.arg("-F")
            .arg(self.setup.config_file())
            .arg("-S")
            .arg(self.session.control_socket())
            .args(["-O", "exit", ALIAS])
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        ssh
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if !self.is_closed {
            let ended = self.exit().into_std().spawn().map(wait_for);
            tracing::info!(started = ended.is_ok(), "connection dropped");
        }
    }
}

/// Waits for a program that needs the files that are deleted next.
fn wait_for(mut program: std::process::Child) {
    const STEP: Duration = Duration::from_millis(5);
    let mut left = CLOSING_TIME;
    while matches!(program.try_wait(), Ok(None)) && !left.is_zero() {
        std::thread::sleep(STEP);
        left = left.saturating_sub(STEP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ConnectionKind;
    use crate::runner::testing;
    use crate::settings::Server;

    async fn open(login: &LoginOptions<'_>) -> Result<Connection, RunError> {
        Connection::open(login, LocalSetup::create(login).await?).await
    }

    #[tokio::test]
    async fn a_refused_connection_is_reported_as_such() {
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
        let login = LoginOptions {
            server: &server,
            auth_sock: None,
            key_lifetime: Duration::from_secs(60),
        };
        let Err(RunError::Connection { kind, .. }) = open(&login).await else {
            panic!("connected")
        };
        assert_eq!(kind, ConnectionKind::Refused);
    }

    #[tokio::test]
    async fn an_open_port_that_does_not_respond_is_told_from_a_closed_one() {
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
        let login = LoginOptions {
            server: &server,
            auth_sock: None,
            key_lifetime: Duration::from_secs(60),
        };
        let Err(RunError::Connection { kind, error, .. }) = open(&login).await else {
            panic!("connected")
        };
        // the port is open, so no firewall is the cause
        assert_eq!(kind, ConnectionKind::Slow, "{error}");
    }
}
