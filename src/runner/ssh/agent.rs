//! A private ssh-agent that holds the key of one run.

use super::passphrase::Askpass;
use super::tools::{command, failed, unusable};
use crate::protocol::{Bug, RunError, Secret, ToolError};
use rustix::process::{kill_process, Pid, Signal};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);
/// Says the agent's process id, which is known only there, then waits for the end of our pipe.
const KEEPER: &str = "echo \"$SSH_AGENT_PID\"; exec cat";
const MOST_SAID: u64 = 4096;

/// An agent of our own that holds one key and ends with us.
///
/// `ssh-agent SOCKET COMMAND` lives as long as the command, and the command lives as long as a pipe of ours: even
/// SIGKILL leaves nothing behind for more than seconds. (A parent-death signal would not do: ssh-agent is set-gid, for
/// which the kernel clears it.)
#[derive(Debug)]
pub(super) struct Agent {
    socket: PathBuf,
    pid: Option<Pid>,
    /// What the agent lives by.
    _life: ChildStdin,
    _keeper: Child,
}

impl Agent {
    /// Starts one with its socket in `folder`.
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
        let (Some(life), Some(stdout)) = (keeper.stdin.take(), keeper.stdout.take()) else {
            let program = "ssh-agent".to_owned();
            return Err(RunError::Bug(Bug::Pipes { program }));
        };
        let mut line = String::new();
        let answer = timeout(PATIENCE, BufReader::new(stdout).read_line(&mut line)).await;
        match answer {
            Ok(Ok(length)) if length > 0 => Ok(Self {
                socket,
                pid: pid(&line),
                _life: life,
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

    /// Loads `key`, which `passphrase` opens where it is encrypted, and which the agent forgets after `life`.
    ///
    /// # Errors
    /// With what ssh-add prints about it.
    pub(super) async fn add(
        &self,
        key: &Secret,
        passphrase: Option<&Secret>,
        life: Duration,
    ) -> Result<(), RunError> {
        let folder = self.socket.parent().unwrap_or(Path::new("/"));
        let askpass = passphrase
            .map(|passphrase| Askpass::new(folder, passphrase))
            .transpose();
        let askpass = askpass.map_err(|error| {
            let error = error.to_string();
            unusable("ssh-add", ToolError::Passphrase { error })
        })?;
        let output = self.ssh_add(key, askpass.as_ref(), life).await?;
        if output.status.success() {
            return Ok(());
        }
        if askpass.is_some_and(|askpass| askpass.was_wrong()) {
            return Err(RunError::Passphrase);
        }
        Err(RunError::Key {
            output: [output.stderr, output.stdout].concat(),
        })
    }

    async fn ssh_add(
        &self,
        key: &Secret,
        askpass: Option<&Askpass>,
        life: Duration,
    ) -> Result<Output, RunError> {
        let mut child = command("ssh-add")
            .args(["-q", "-t", &life.as_secs().max(1).to_string(), "-"])
            .env("SSH_AUTH_SOCK", &self.socket)
            // it must fail where we have no passphrase, not ask on whatever terminal there is
            .env("SSH_ASKPASS_REQUIRE", "force")
            .env(
                "SSH_ASKPASS",
                askpass.map_or_else(|| "false".into(), Askpass::program),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed("ssh-add", &error))?;
        if let Some(mut stdin) = child.stdin.take() {
            // if it does not read it all, what it says tells why
            let _unread = stdin.write_all(key.expose().as_bytes()).await;
        }
        timeout(PATIENCE, child.wait_with_output())
            .await
            .map_err(|_| unusable("ssh-add", ToolError::Hangs))?
            .map_err(|error| failed("ssh-add", &error))
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }
}

fn pid(line: &str) -> Option<Pid> {
    line.trim().parse().ok().and_then(Pid::from_raw)
}

async fn stderr_of(child: &mut Child) -> Vec<u8> {
    let mut output = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        let mut stderr = stderr.take(MOST_SAID);
        let _cut_short = timeout(PATIENCE, stderr.read_to_end(&mut output)).await;
    }
    output
}

impl Drop for Agent {
    /// At once: left alone, it would notice within ten seconds, and the job's end would find an orphan.
    fn drop(&mut self) {
        if let Some(pid) = self.pid {
            // it is the child of our child, which collects nobody: the id can't be another's yet
            let _gone_already = kill_process(pid, Signal::TERM);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::ssh::folder::Folder;
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

    fn soon(what: impl Fn() -> bool, within: Duration) -> bool {
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
        let folder = Folder::make().unwrap();
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
        assert!(soon(
            || UnixStream::connect(&socket).is_err(),
            Duration::from_secs(2)
        ));
    }

    #[tokio::test]
    async fn what_is_not_a_key_fails_with_ssh_adds_output_and_without_the_key() {
        let folder = Folder::make().unwrap();
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
        let folder = Folder::make().unwrap();
        let agent = Agent::start(folder.path()).await.unwrap();
        let key = new_key(folder.path(), "secret");
        assert!(matches!(
            agent.add(&key, None, Duration::from_secs(60)).await,
            Err(RunError::Key { .. })
        ));
    }

    #[tokio::test]
    async fn a_passphrase_opens_the_key_and_a_wrong_one_is_told_as_such() {
        let folder = Folder::make().unwrap();
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
    async fn an_agent_that_cannot_start_says_why() {
        let Err(RunError::Tool { program, error }) = Agent::start(Path::new("/nowhere")).await
        else {
            panic!("started")
        };
        assert_eq!(program, "ssh-agent");
        assert!(error.to_string().contains("No such file"), "{error}");
    }

    /// Not a test of its own: the process that the one below kills.
    #[tokio::test]
    #[ignore = "is run by the test below"]
    async fn holds_an_agent_until_killed() {
        let Some(folder) = std::env::var_os("HOLD_AN_AGENT_IN") else {
            return;
        };
        let _agent = Agent::start(Path::new(&folder)).await.unwrap();
        println!("ready");
        std::future::pending::<()>().await;
    }

    #[test]
    fn the_agent_ends_even_when_we_are_killed() {
        let folder = Folder::make().unwrap();
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
        assert!(soon(alive, Duration::from_secs(20)));
        holder.kill().unwrap();
        holder.wait().unwrap();
        // ssh-agent looks for its command every ten seconds
        assert!(soon(|| !alive(), Duration::from_secs(15)));
    }
}
