use super::agent::Agent;
use super::config::{config, Address, ALIAS};
use super::folder::Folder;
use super::host_key;
use super::refusal::{in_words, Attempted};
use super::tools::{command, require, unusable};
use crate::protocol::Trouble;
use crate::runner::pipes::Pipes;
use crate::runner::{Jump, KeyText};
use openssh::{
    Child, ChildStderr, ChildStdin, ChildStdout, ControlPersist, KnownHosts, Session, SessionBuilder, Stdio,
};
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::timeout;

/// What is left of the connect time-out for the login itself, which ssh does not bound.
const LOGIN_TIME: Duration = Duration::from_secs(10);
/// How long a connection outlives us if we are killed.
const IDLE: NonZeroUsize = NonZeroUsize::new(30).unwrap();
const CLOSING_TIME: Duration = Duration::from_secs(2);

/// All that a login needs.
#[derive(Debug, Clone)]
pub(crate) struct Login<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) user: &'a str,
    /// Without one, the agent behind `auth_sock` is asked.
    pub(crate) key: Option<&'a KeyText>,
    /// What opens it, where it is encrypted.
    pub(crate) passphrase: Option<&'a KeyText>,
    pub(crate) auth_sock: Option<&'a Path>,
    /// The server on the way.
    pub(crate) jump: Option<&'a Jump>,
    pub(crate) known_hosts: &'a str,
    pub(crate) connect_timeout: Duration,
    /// How long the key may be used.
    pub(crate) key_life: Duration,
}

/// One connection, over which any number of channels run. What it needed goes with it.
#[derive(Debug)]
pub(crate) struct Connection {
    // in the order in which they must go
    session: Session,
    _agent: Option<Agent>,
    folder: Folder,
}

/// One command on the server. Dropped, it only stops listening.
pub(crate) type Channel<'a> = (Pipes<ChildStdin, ChildStdout, ChildStderr>, Child<&'a Session>);

impl Connection {
    /// Logs in.
    ///
    /// # Errors
    /// A missing tool, a bad key, or no connection.
    pub(crate) async fn open(login: &Login<'_>) -> Result<Self, Trouble> {
        require(&["ssh"])?;
        let folder = Folder::make().map_err(|error| unusable("ssh", format!("cannot get a folder: {error}")))?;
        let agent = private_agent(login, &folder).await?;
        let socket = agent.as_ref().map(Agent::socket).or(login.auth_sock);
        let builder = builder(login, &folder, socket)?;
        let hops = if login.jump.is_some() { 2 } else { 1 };
        let limit = login.connect_timeout.saturating_add(LOGIN_TIME).saturating_mul(hops);
        let attempted = Attempted { login, folder: folder.path() };
        match timeout(limit, builder.connect_mux(ALIAS)).await {
            Ok(Ok(session)) => Ok(Self { session, _agent: agent, folder }),
            Ok(Err(error)) => Err(attempted.refused(&error)),
            Err(_) => Err(attempted.too_late(limit)),
        }
    }

    /// Runs a line on the server: by its login shell, whichever that is.
    ///
    /// # Errors
    /// If the connection is gone or the server opens no channel.
    pub(crate) async fn run(&self, line: &str) -> Result<Channel<'_>, Trouble> {
        tracing::debug!(line, "running on the server");
        let failed = |error: openssh::Error| Trouble::ServerPart {
            operation: "open a channel".to_owned(),
            said: in_words(&error).into_bytes(),
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
        match (child.stdin().take(), child.stdout().take(), child.stderr().take()) {
            (Some(stdin), Some(stdout), Some(stderr)) => Ok((Pipes { stdin, stdout, stderr }, child)),
            _ => Err(Trouble::Bug { problem: "a channel has no pipes".to_owned() }),
        }
    }

    /// Whether the connection still stands, as far as is known here.
    pub(crate) async fn stands(&self) -> bool {
        timeout(CLOSING_TIME, self.session.check()).await.is_ok_and(|checked| checked.is_ok())
    }

    /// Where its files lie as long as it stands.
    #[cfg(test)]
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends the connection at once, whatever still runs over it. (What the crate does by itself lets ssh live on until
    /// the last channel ends, beyond our own end.)
    pub(crate) async fn close(self) {
        let ended = command("ssh")
            .arg("-F")
            .arg(config_file(&self.folder))
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

async fn private_agent(login: &Login<'_>, folder: &Folder) -> Result<Option<Agent>, Trouble> {
    let Some(key) = login.key else { return Ok(None) };
    require(&["ssh-agent", "ssh-add"])?;
    let agent = Agent::start(folder.path()).await?;
    agent.add(key, login.passphrase, login.key_life).await?;
    tracing::debug!("the key is in an agent of our own");
    Ok(Some(agent))
}

fn builder(login: &Login<'_>, folder: &Folder, socket: Option<&Path>) -> Result<SessionBuilder, Trouble> {
    let target = Address { host: login.host, port: login.port, user: login.user };
    let jump = login.jump.map(|jump| Address { host: &jump.host, port: jump.port, user: &jump.user });
    let write = |path: &Path, text: &str| {
        fs::write(path, text).map_err(|error| unusable("ssh", format!("cannot write its configuration: {error}")))
    };
    write(&folder.path().join("known_hosts"), login.known_hosts)?;
    write(&config_file(folder), &config(&target, jump.as_ref(), login.connect_timeout, folder.path()))?;
    host_key::prepare(folder.path()).map_err(|error| unusable("ssh", format!("cannot write its helper: {error}")))?;
    let mut builder = SessionBuilder::default();
    builder
        .known_hosts_check(KnownHosts::Strict)
        .config_file(config_file(folder))
        .control_directory(folder.path())
        .control_persist(ControlPersist::IdleFor(IDLE));
    if let Some(socket) = socket {
        builder.ssh_auth_sock(socket);
    }
    Ok(builder)
}

fn config_file(folder: &Folder) -> PathBuf {
    folder.path().join("config")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ConnectionKind;

    #[tokio::test]
    async fn nobody_listening_is_told_as_such() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let login = Login {
            host: "127.0.0.1",
            port: free,
            user: "deploy",
            key: None,
            passphrase: None,
            jump: None,
            auth_sock: None,
            known_hosts: "",
            connect_timeout: Duration::from_secs(5),
            key_life: Duration::from_secs(60),
        };
        let Err(Trouble::Connection { kind, .. }) = Connection::open(&login).await else { panic!("connected") };
        assert_eq!(kind, ConnectionKind::Refused);
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_is_given_up() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let login = Login {
            host: "127.0.0.1",
            port: listener.local_addr().unwrap().port(),
            user: "deploy",
            key: None,
            passphrase: None,
            jump: None,
            auth_sock: None,
            known_hosts: "",
            connect_timeout: Duration::from_secs(1),
            key_life: Duration::from_secs(60),
        };
        let Err(Trouble::Connection { kind, said, .. }) = Connection::open(&login).await else { panic!("connected") };
        assert_eq!(kind, ConnectionKind::TimedOut, "{}", String::from_utf8_lossy(&said));
    }
}
