//! Runs of the program under test, in a scrubbed environment.

#[path = "outputs.rs"]
mod outputs;
#[path = "printed.rs"]
mod printed;

pub(crate) use self::outputs::parse_outputs;
pub(crate) use self::printed::without_masks;
use self::printed::{Log, Printed};
use crate::app::App;
use crate::throwaway::ThrowawayServer;
use rustix::process::{kill_process, Pid, Signal};
use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{fs, io};
use tempfile::TempDir;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_deploy-action");
/// No run may take longer.
const LONGEST: Duration = Duration::from_secs(120);

/// What is to be run.
pub(crate) struct Deployment {
    env: BTreeMap<String, String>,
    folder: TempDir,
    measured: bool,
    terminal: bool,
    /// Runs as root before the program, in mounts of its own.
    prelude: Option<String>,
    program: String,
    /// Must be there until the end.
    _app: App,
}

/// A run that has ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    /// Both streams, in their order.
    pub(crate) log: String,
    /// What the runner was told to hide. Here it hides nothing, so that only the program does.
    pub(crate) masks: Vec<String>,
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) summary: String,
    pub(crate) started: Instant,
    pub(crate) took: Duration,
    /// Until the tree was on the server, where it was brought there.
    pub(crate) uploaded: Option<Duration>,
}

impl ThrowawayServer {
    /// A deployment of `app` with quick but whole checks.
    pub(crate) fn deployment(&self, app: &App) -> Deployment {
        let folder = TempDir::new().unwrap();
        let home = folder.path().to_str().unwrap().to_owned();
        let env = BTreeMap::from([
            ("PATH".to_owned(), std::env::var("PATH").unwrap()),
            ("HOME".to_owned(), home.clone()),
            ("TMPDIR".to_owned(), home.clone()),
            ("GITHUB_OUTPUT".to_owned(), format!("{home}/outputs")),
            ("GITHUB_STEP_SUMMARY".to_owned(), format!("{home}/summary")),
        ]);
        let deployment = Deployment {
            env,
            folder,
            measured: false,
            terminal: false,
            prelude: None,
            program: PROGRAM.to_owned(),
            _app: app.clone(),
        };
        match self.has_own_units() {
            true => deployment.input("scope", "user"),
            false => deployment,
        }
        .input("host", "127.0.0.1")
        .input("user", "deploy")
        .input("key", &self.key())
        .input("service", "diting")
        .input("source", app.path().to_str().unwrap())
        .input("health-url", &self.health_url())
        .input("health-settle", "500ms")
        .input("health-timeout", "60s")
        .input("health-interval", "200ms")
        .at_port(self, self.ssh_port)
    }

    pub(crate) fn deploy(&self, app: &App) -> Run {
        self.deployment(app).run()
    }

    /// A good deployment, seen to be so; gives its id.
    pub(crate) fn deploy_well(&self, app: &App, previous: Option<&str>) -> String {
        let run = self.deploy(app);
        let release = run.assert_deployed(previous);
        self.assert_live(&release, app.name(), previous);
        release
    }
}

impl Deployment {
    pub(crate) fn input(self, name: &str, value: &str) -> Self {
        self.env(
            &format!("INPUT_{}", name.to_uppercase().replace('-', "_")),
            value,
        )
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.env
            .remove(&format!("INPUT_{}", name.to_uppercase().replace('-', "_")));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Connects there: a relay's port, or the server's own.
    pub(crate) fn at_port(self, server: &ThrowawayServer, port: u16) -> Self {
        self.input("port", &port.to_string())
            .input("known-hosts", &server.known_hosts(port))
    }

    /// As a job of GitHub.
    pub(crate) fn on_github(self) -> Self {
        self.env("GITHUB_ACTIONS", "true")
            .env("GITHUB_ACTION_PATH", "/action")
            .env("GITHUB_REPOSITORY", "diting/app")
            .env("GITHUB_SERVER_URL", "https://github.example")
            .env("GITHUB_RUN_ID", "7")
            .env("GITHUB_RUN_ATTEMPT", "1")
            .env("GITHUB_SHA", "1f0c9de0a3f5a7f1d8f3c0b3b1f0f1a2b3c4d5e6")
            .env("GITHUB_REF", "refs/heads/master")
            .env("GITHUB_REF_NAME", "master")
            .env("GITHUB_ACTOR", "alice")
            // what is compared is what it says
            .env("NO_COLOR", "1")
    }

    /// Runs the program that `DEPLOY_ACTION_BINARY` names, if it does, and measures what it uses of this machine.
    pub(crate) fn run_measured(mut self) -> (Run, Used) {
        self.measured = true;
        let running = self.start();
        let figures = running.folder().join("used");
        let kept = tempfile::tempdir().unwrap();
        let run = running.finish_into(kept.path());
        let name = figures.file_name().unwrap();
        (
            run,
            Used::read(&fs::read_to_string(kept.path().join(name)).unwrap()),
        )
    }

    /// By hand, on a terminal.
    pub(crate) fn on_terminal(mut self) -> Self {
        self.terminal = true;
        self.env("TERM", "xterm")
    }

    /// After shell commands that change the mounts that the run sees, and the user: `exec` and the program follow.
    pub(crate) fn after(mut self, prelude: &str) -> Self {
        self.prelude = Some(prelude.to_owned());
        self
    }

    /// With other programs first in PATH.
    pub(crate) fn with_programs(self, folder: &Path) -> Self {
        let path = format!("{}:{}", folder.display(), self.env["PATH"]);
        self.env("PATH", &path)
    }

    /// By the released program in `dist`.
    pub(crate) fn by_last_release(mut self) -> Self {
        let (root, cpu) = (env!("CARGO_MANIFEST_DIR"), std::env::consts::ARCH);
        self.program = format!("{root}/dist/deploy-action-{cpu}");
        self
    }

    fn program(&self) -> Command {
        if let Some(prelude) = &self.prelude {
            let mut unshare = Command::new("unshare");
            let script = format!("set -eu\n{prelude} {PROGRAM}");
            unshare.args(["--mount", "sh", "-c", &script]);
            return unshare;
        }
        if self.terminal {
            let mut script = Command::new("script");
            script.args([
                "--quiet",
                "--return",
                "--flush",
                "--command",
                PROGRAM,
                "/dev/null",
            ]);
            return script;
        }
        if !self.measured {
            return Command::new(&self.program);
        }
        let program = std::env::var("DEPLOY_ACTION_BINARY").unwrap_or_else(|_| PROGRAM.to_owned());
        let mut time = Command::new("time");
        time.args(["-f", "%U %S %M", "-o"])
            .arg(self.folder.path().join("used"))
            .arg(program);
        time
    }

    pub(crate) fn run(self) -> Run {
        self.start().finish()
    }

    pub(crate) fn start(self) -> Running {
        let (reader, writer) = io::pipe().unwrap();
        let mut command = self.program();
        command
            .env_clear()
            .envs(&self.env)
            .current_dir(self.folder.path());
        command.stdin(if self.terminal {
            Stdio::piped()
        } else {
            Stdio::null()
        });
        command.stdout(writer.try_clone().unwrap()).stderr(writer);
        let started = Instant::now();
        let child = command.spawn().unwrap();
        // else our copies of the pipe keep it open
        drop(command);
        let log = Arc::new(Log::default());
        let seen = Arc::clone(&log);
        let reading = thread::spawn(move || seen.read(BufReader::new(reader)));
        Running {
            deployment: self,
            child,
            log,
            reading: Some(reading),
            started,
        }
    }
}

/// What a run used of this machine, its children included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    /// Seconds, of the program and the kernel for it.
    pub(crate) cpu: f64,
    /// The largest of the processes, in bytes.
    pub(crate) memory: u64,
}

impl Used {
    /// As GNU time writes it: seconds, seconds, kilobytes.
    fn read(text: &str) -> Self {
        // a line above says which exit code it was
        let figures = text.lines().next_back().unwrap();
        let numbers: Vec<f64> = figures
            .split_whitespace()
            .map(|number| number.parse().unwrap())
            .collect();
        Self {
            cpu: numbers[0] + numbers[1],
            memory: numbers[2] as u64 * 1024,
        }
    }
}

/// A run under way; killed when dropped.
pub(crate) struct Running {
    deployment: Deployment,
    child: Child,
    log: Arc<Log>,
    reading: Option<JoinHandle<()>>,
    started: Instant,
}

impl Running {
    /// Waits until the log holds `text`.
    pub(crate) fn wait_for(&self, text: &str) {
        let printed = self.log.printed.lock().unwrap();
        let waiting =
            |printed: &mut Printed| !printed.text.contains(text) && printed.ended.is_none();
        drop(
            self.log
                .more
                .wait_timeout_while(printed, LONGEST, waiting)
                .unwrap(),
        );
        let seen = self.log.so_far();
        assert!(seen.contains(text), "{text:?} is not in the log:\n{seen}");
    }

    /// Types on its terminal.
    pub(crate) fn type_keys(&mut self, keys: &[u8]) {
        self.child.stdin.as_mut().unwrap().write_all(keys).unwrap();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// SIGKILL, to it alone.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.log.so_far()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Where the run keeps whatever it keeps: home and temporary folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.deployment.folder.path().to_owned()
    }

    /// [`finish`](Self::finish), and copies what is left in [`folder`](Self::folder) to `to`.
    pub(crate) fn finish_into(self, to: &Path) -> Run {
        self.ended(LONGEST, &mut |folder| {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
            }
        })
    }

    pub(crate) fn finish(self) -> Run {
        self.finish_within(LONGEST)
    }

    /// For the few runs that may take longer.
    pub(crate) fn finish_within(self, limit: Duration) -> Run {
        self.ended(limit, &mut |_| {})
    }

    fn ended(mut self, limit: Duration, last: &mut dyn FnMut(&Path)) -> Run {
        let ended = crate::poll::until(limit, || self.child.try_wait().unwrap().is_some());
        assert!(
            ended,
            "still running after {limit:?}:\n{}",
            self.log.so_far()
        );
        self.reading.take().unwrap().join().unwrap();
        let Printed {
            text: log,
            uploaded,
            ended,
        } = std::mem::take(&mut *self.log.printed.lock().unwrap());
        let since = |at: Instant| at - self.started;
        let read =
            |name| fs::read_to_string(self.deployment.folder.path().join(name)).unwrap_or_default();
        let (outputs, summary) = (read("outputs"), read("summary"));
        last(self.deployment.folder.path());
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        let took = ended.map_or(LONGEST, since);
        let uploaded = uploaded.map(since);
        let (log, masks) = without_masks(&log);
        Run {
            code,
            log,
            masks,
            outputs: parse_outputs(&outputs),
            summary,
            started: self.started,
            took,
            uploaded,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Run {
    pub(crate) fn output(&self, name: &str) -> &str {
        self.outputs.get(name).map_or("", String::as_str)
    }

    pub(crate) fn last_line(&self) -> &str {
        self.log.lines().next_back().unwrap_or_default()
    }

    /// Exit code, outputs, the last line and the summary say the same.
    pub(crate) fn assert_ended(&self, code: i32, outcome: &str, failed_step: &str) {
        assert_eq!(
            (self.code, self.output("outcome")),
            (code, outcome),
            "\n{}",
            self.log
        );
        assert_eq!(self.output("failed-step"), failed_step, "\n{}", self.log);
        assert!(
            self.last_line().starts_with(&format!("{outcome}: ")),
            "\n{}",
            self.log
        );
        assert!(
            self.summary
                .starts_with(&format!("\n## {} ", sign(outcome))),
            "{}",
            self.summary
        );
        assert_eq!(
            self.output("finished"),
            if outcome == "unknown" { "" } else { "true" }
        );
    }

    /// Gives the new release.
    pub(crate) fn assert_deployed(&self, previous: Option<&str>) -> String {
        self.assert_ended(0, "deployed", "");
        let release = self.output("release").to_owned();
        assert_eq!(self.output("live-release"), release);
        assert_eq!(
            self.output("previous-release"),
            previous.unwrap_or_default()
        );
        self.assert_verdict(&format!("{release} is live"));
        release
    }

    /// Gives the release that failed.
    pub(crate) fn assert_rolled_back(&self, failed_step: &str, to: &str) -> String {
        self.assert_ended(6, "rolled-back", failed_step);
        assert_eq!(
            (self.output("live-release"), self.output("previous-release")),
            (to, to)
        );
        self.assert_verdict(&format!("{to} is live and healthy again"));
        assert_ne!(self.output("release"), to);
        self.output("release").to_owned()
    }

    /// The end of the log, which has the cause, what is live and what to do: from the annotation on.
    pub(crate) fn verdict(&self) -> &str {
        let beginnings = ["error: ", "notice: ", "::error ", "::notice "];
        let lasts = beginnings.map(|it| self.log.rfind(&format!("\n{it}")));
        let last = lasts.into_iter().flatten().max();
        last.map_or(self.last_line(), |at| &self.log[at + 1..])
    }

    pub(crate) fn assert_verdict(&self, text: &str) {
        assert!(
            self.verdict().contains(text),
            "{text:?} is not in the end of\n{}",
            self.log
        );
    }

    pub(crate) fn assert_says(&self, text: &str) {
        assert!(self.log.contains(text), "{text:?} is not in\n{}", self.log);
    }

    pub(crate) fn assert_silent_about(&self, text: &str) {
        for said in [&self.log, &self.summary] {
            assert!(!said.contains(text), "{text:?} is in\n{said}");
        }
    }
}

/// What the summary begins with.
fn sign(outcome: &str) -> &'static str {
    match outcome {
        "deployed" | "restored" | "done" => "✅",
        "rolled-back" => "↩️",
        "rollback-failed" => "🚨",
        "unknown" => "❔",
        "busy" => "⏳",
        "cancelled" => "⏹️",
        _ => "❌",
    }
}
