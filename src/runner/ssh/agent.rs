//! A private ssh-agent that holds the key of one connection.

use super::passphrase::{Askpass, FOLDER};
use super::tools::{command, failed, unusable};
use crate::protocol::{Bug, RunError, Secret, ToolError};
use rustix::process::{kill_process, Pid, Signal};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin};
use tokio::time::timeout;

/// Time limit for each of OpenSSH's programs.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Prints the agent's process id, which only a child of the agent knows, then waits for the end of its standard input.
const KEEPER: &str = "echo \"$SSH_AGENT_PID\"; exec cat";
const MAX_STDERR: u64 = 4096;

/// A private agent that holds one key and ends with this process.
///
/// `ssh-agent -a SOCKET COMMAND` runs as long as the command, and the command as long as this process holds its
/// standard input open. Even after SIGKILL the agent ends within seconds. (A parent-death signal does not work:
/// ssh-agent is set-gid, and the kernel clears the signal for such programs.)
#[derive(Debug)]
pub(super) struct Agent {
    socket: PathBuf,
    pid: Option<Pid>,
    /// When it closes, the agent ends.
    _keep_alive: ChildStdin,
    _keeper: Child,
}

impl Agent {
    /// Starts an agent with its socket in `folder`.
    ///
    /// # Errors
    /// If ssh-agent does not start.
    pub(super) async fn start(folder: &Path) -> Result<Self, RunError> {
        let socket = folder.join("a");
        let mut keeper = command("ssh-agent")
            .arg("-a")
            .arg(&socket)
            .args(["sh", "-c", KEEPER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed("ssh-agent", &error))?;
        let (Some(keep_alive), Some(stdout)) = (keeper.stdin.take(), keeper.stdout.take()) else {
            let program = "ssh-agent".to_owned();
            return Err(RunError::Bug(Bug::Pipes { program }));
        };
        let mut line = String::new();
        let started = timeout(TIMEOUT, BufReader::new(stdout).read_line(&mut line)).await;
        match started {
            Ok(Ok(length)) if length > 0 => Ok(Self {
                socket,
                pid: pid(&line),
                _keep_alive: keep_alive,
                _keeper: keeper,
            }),
            Ok(Ok(_)) => {
                let stderr = stderr_of(&mut keeper).await;
                Err(unusable("ssh-agent", ToolError::Ended { stderr }))
            }
            Ok(Err(error)) => Err(failed("ssh-agent", &error)),
            Err(_) => Err(unusable("ssh-agent", ToolError::NoAnswer)),
        }
    }

    /// Loads `key`; `passphrase` decrypts it if necessary. The agent deletes the key after `lifetime`.
    ///
    /// # Errors
    /// With what ssh-add prints about it.
    pub(super) async fn add(
        &self,
        key: &Secret,
        passphrase: Option<&Secret>,
        lifetime: Duration,
    ) -> Result<(), RunError> {
        let folder = self.socket.parent().unwrap_or(Path::new("/"));
        let askpass = passphrase
            .map(|passphrase| Askpass::new(folder, passphrase))
            .transpose();
        let askpass = askpass.map_err(|error| {
            let error = error.to_string();
            unusable("ssh-add", ToolError::Passphrase { error })
        })?;
        let output = self.ssh_add(key, askpass.as_ref(), lifetime).await?;
        if output.status.success() {
            return Ok(());
        }
        let output = [output.stderr, output.stdout].concat();
        Err(match askpass {
            Some(askpass) if askpass.was_wrong() => RunError::Passphrase,
            Some(askpass) if askpass.was_not_run(&output) => {
                let error = String::from_utf8_lossy(&output).into_owned();
                unusable("ssh-add", ToolError::Passphrase { error })
            }
            _ if is_pkcs8(key) => RunError::KeyFormat { output },
            _ => RunError::Key { output },
        })
    }

    async fn ssh_add(
        &self,
        key: &Secret,
        askpass: Option<&Askpass>,
        lifetime: Duration,
    ) -> Result<Output, RunError> {
        let mut ssh_add = command("ssh-add");
        if let Some(askpass) = askpass {
            ssh_add.env(FOLDER, askpass.folder());
        }
        let mut child = ssh_add
            .args(["-q", "-t", &lifetime.as_secs().max(1).to_string(), "-"])
            .env("SSH_AUTH_SOCK", &self.socket)
            // without a passphrase it must fail instead of asking on a terminal
            .env(
                "SSH_ASKPASS",
                askpass.map_or(Path::new("false"), Askpass::program),
            )
            .env("SSH_ASKPASS_REQUIRE", "force")
            // before OpenSSH 8.4, only with a display it asks the program; any will do
            .env("DISPLAY", ":0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed("ssh-add", &error))?;
        if let Some(mut stdin) = child.stdin.take() {
            // if it does not read everything, its output says why
            let _unread = stdin.write_all(key.expose().as_bytes()).await;
        }
        timeout(TIMEOUT, child.wait_with_output())
            .await
            .map_err(|_| unusable("ssh-add", ToolError::Hangs))?
            .map_err(|error| failed("ssh-add", &error))
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }
}

/// Whether the key is in a format from which OpenSSH reads Ed25519 keys only since 9.6.
fn is_pkcs8(key: &Secret) -> bool {
    let begins = ["-----BEGIN PRIVATE KEY", "-----BEGIN ENCRYPTED PRIVATE KEY"];
    begins.iter().any(|begin| key.expose().starts_with(begin))
}

fn pid(line: &str) -> Option<Pid> {
    line.trim().parse().ok().and_then(Pid::from_raw)
}

async fn stderr_of(child: &mut Child) -> Vec<u8> {
    let mut output = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        let mut stderr = stderr.take(MAX_STDERR);
        let _incomplete = timeout(TIMEOUT, stderr.read_to_end(&mut output)).await;
    }
    output
}

impl Drop for Agent {
    /// Ends the agent at once. By itself it checks its command only every ten seconds, and the end of the job would
    /// find an orphan process.
    fn drop(&mut self) {
        if let Some(pid) = self.pid {
            // its parent, the keeper, does not wait for it, so the process id cannot have been reused
            let _already_ended = kill_process(pid, Signal::TERM);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::ssh::folder::PrivateFolder;
    use std::os::unix::net::UnixStream;
    use std::process::Command;
    use std::time::Instant;

    fn new_key(folder: &Path, passphrase: &str) -> Secret {
        let file = folder.join("k");
        let made = Command::new("ssh-keygen")
            .args([
                "-q",
                "-t",
                "ed25519",
                "-N",
                passphrase,
                "-C",
                "a comment",
                "-f",
            ])
            .arg(&file)
            .status();
        assert!(made.unwrap().success());
        Secret::from(std::fs::read_to_string(&file).unwrap())
    }

    fn listed(socket: &Path) -> String {
        let output = Command::new("ssh-add")
            .arg("-l")
            .env("SSH_AUTH_SOCK", socket)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn becomes_true(what: impl Fn() -> bool, within: Duration) -> bool {
        let end = Instant::now() + within;
        while !what() {
            if Instant::now() > end {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }

    #[tokio::test]
    async fn the_agent_holds_the_key_and_ends_when_it_is_dropped() {
        let folder = PrivateFolder::create().unwrap();
        let agent = Agent::start(folder.path()).await.unwrap();
        assert_eq!(
            agent
                .add(&new_key(folder.path(), ""), None, Duration::from_secs(60))
                .await,
            Ok(())
        );
        assert!(listed(agent.socket()).contains("a comment"));
        let socket = agent.socket().to_owned();
        drop(agent);
        assert!(becomes_true(
            || UnixStream::connect(&socket).is_err(),
            Duration::from_secs(2)
        ));
    }

    #[tokio::test]
    async fn what_is_not_a_key_fails_with_ssh_adds_output_and_without_the_key() {
        let folder = PrivateFolder::create().unwrap();
        let agent = Agent::start(folder.path()).await.unwrap();
        let bad = Secret::from("-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n".to_owned());
        let Err(RunError::Key { output }) = agent.add(&bad, None, Duration::from_secs(60)).await
        else {
            panic!("added")
        };
        let output = String::from_utf8(output).unwrap();
        assert!(
            output.contains("Error loading key") && !output.contains("hunter2"),
            "{output}"
        );
    }

    #[tokio::test]
    async fn a_key_with_a_passphrase_fails_instead_of_asking() {
        let folder = PrivateFolder::create().unwrap();
        let agent = Agent::start(folder.path()).await.unwrap();
        let key = new_key(folder.path(), "secret");
        assert!(matches!(
            agent.add(&key, None, Duration::from_secs(60)).await,
            Err(RunError::Key { .. })
        ));
    }

    #[tokio::test]
    async fn a_passphrase_decrypts_the_key_and_a_wrong_one_is_reported() {
        let folder = PrivateFolder::create().unwrap();
        let agent = Agent::start(folder.path()).await.unwrap();
        let right = "  it's $(a) \\\\ \"pass\" phrase%s ";
        let key = new_key(folder.path(), right);
        let add = |passphrase: &str| {
            let (agent, key, passphrase) = (&agent, &key, Secret::from(passphrase.to_owned()));
            async move {
                agent
                    .add(key, Some(&passphrase), Duration::from_secs(60))
                    .await
            }
        };
        assert_eq!(add("wrong").await, Err(RunError::Passphrase));
        assert_eq!(add(right).await, Ok(()));
        assert!(listed(agent.socket()).contains("a comment"));
        assert!(!folder.path().join("ask").exists());
    }

    #[tokio::test]
    async fn a_key_of_another_format_is_told_from_one_that_is_damaged() {
        let folder = PrivateFolder::create().unwrap();
        let agent = Agent::start(folder.path()).await.unwrap();
        // no key of any kind that OpenSSH knows, so that newer versions refuse it too
        let pkcs8 = "-----BEGIN PRIVATE KEY-----\nMAo=\n-----END PRIVATE KEY-----\n";
        let added = agent
            .add(&Secret::from(pkcs8), None, Duration::from_secs(60))
            .await;
        assert!(
            matches!(added, Err(RunError::KeyFormat { .. })),
            "{added:?}"
        );
    }

    #[tokio::test]
    async fn an_agent_that_cannot_start_reports_why() {
        let Err(RunError::Tool { program, error }) = Agent::start(Path::new("/nowhere")).await
        else {
            panic!("started")
        };
        assert_eq!(program, "ssh-agent");
        assert!(error.to_string().contains("No such file"), "{error}");
    }

    /// Not a test itself: the process that the next test kills.
    #[tokio::test]
    #[ignore = "run by the next test"]
    async fn holds_an_agent_until_killed() {
        let Some(folder) = std::env::var_os("HOLD_AN_AGENT_IN") else {
            return;
        };
        let _agent = Agent::start(Path::new(&folder)).await.unwrap();
        println!("ready");
        std::future::pending::<()>().await;
    }

    #[test]
    fn the_agent_ends_even_after_sigkill() {
        let folder = PrivateFolder::create().unwrap();
        let mut holder = Command::new(std::env::current_exe().unwrap())
            .args([
                "--ignored",
                "--exact",
                "--nocapture",
                "runner::ssh::agent::tests::holds_an_agent_until_killed",
            ])
            .env("HOLD_AN_AGENT_IN", folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let socket = folder.path().join("a");
        let alive = || UnixStream::connect(&socket).is_ok();
        assert!(becomes_true(alive, Duration::from_secs(20)));
        holder.kill().unwrap();
        holder.wait().unwrap();
        // ssh-agent checks its command every ten seconds
        assert!(becomes_true(|| !alive(), Duration::from_secs(15)));
    }
}
