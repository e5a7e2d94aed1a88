//! ssh's master process: it logs in, then serves channels through a socket.

use super::config::ALIAS;
use super::setup::LocalSetup;
use super::tools::failed;
use super::unexpected::OutputTail;
use crate::protocol::{Bug, RunError};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::{ChildStderr, Command};
use tokio::time::timeout;

/// How long the connection remains open if this process is killed, in seconds.
const IDLE: u32 = 30;
/// How long output is read after ssh has failed.
const REST_TIME: Duration = Duration::from_secs(1);

/// ssh ended without a login.
#[derive(Debug)]
pub(super) struct NoLogin {
    /// Its exit code; `None`: a signal.
    pub(super) code: Option<i32>,
    /// What it printed at the end, and the server's own words among it.
    pub(super) stderr: Vec<u8>,
}

/// Logs in. Returns the socket of the process that keeps the connection. Dropping the future ends ssh.
///
/// # Errors
/// The outer: ssh cannot be started.
pub(super) async fn log_in(
    setup: &LocalSetup,
    auth_sock: Option<&Path>,
) -> Result<Result<PathBuf, NoLogin>, RunError> {
    let socket = setup.folder().join("m");
    let mut ssh = command(setup, &socket, auth_sock)
        .spawn()
        .map_err(|error| failed("ssh", &error))?;
    let Some(mut output) = ssh.stderr.take() else {
        let program = "ssh".to_owned();
        return Err(RunError::Bug(Bug::Pipes { program }));
    };
    let mut tail = OutputTail::default();
    // older versions keep it open after the login
    let ended = tokio::select! {
        ended = ssh.wait() => ended,
        () = read_all(&mut output, &mut tail) => ssh.wait().await,
    };
    let ended = ended.map_err(|error| failed("ssh", &error))?;
    if ended.success() {
        return Ok(Ok(socket));
    }
    let _incomplete = timeout(REST_TIME, read_all(&mut output, &mut tail)).await;
    Ok(Err(NoLogin {
        code: ended.code(),
        stderr: tail.take(),
    }))
}

fn command(setup: &LocalSetup, socket: &Path, auth_sock: Option<&Path>) -> Command {
    let mut ssh = Command::new("ssh");
    // the ProxyCommand is written for the system's own shell
    ssh.env_remove("SHELL");
    if let Some(auth_sock) = auth_sock {
        ssh.env("SSH_AUTH_SOCK", auth_sock);
    }
    let persist = format!("ControlPersist={IDLE}s");
    ssh.args(["-M", "-f", "-N", "-o", &persist, "-S"])
        .arg(socket)
        .arg("-F")
        .arg(setup.config_file())
        .arg(ALIAS)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    ssh
}

async fn read_all(output: &mut ChildStderr, tail: &mut OutputTail) {
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = output.read(&mut buffer).await {
        tail.push(&buffer[..n]);
    }
}
