//! A composite action as GitHub's runner runs it (platform facts from actions/runner: `CompositeActionHandler`,
//! `ScriptHandler`, `ProcessInvoker`, `FileCommandManager`): each step gets only the environment that action.yml maps, the
//! runner's bash and flags, a closed standard input and files of its own; a cancellation is SIGINT, after 7.5 s SIGTERM,
//! after 2.5 s more SIGKILL, to the one process; the steps behind it are looked at all the same.

use crate::app::App;
use crate::expression::{evaluate, is_true, Scope};
use crate::poll::until;
use rustix::process::{kill_process, Pid, Signal};
use serde_yaml_ng::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const AFTER_SIGINT: Duration = Duration::from_millis(7500);
const AFTER_SIGTERM: Duration = Duration::from_millis(2500);
/// How long the runner waits for the pipes of a process that has ended.
const PIPES: Duration = Duration::from_secs(5);
/// A larger summary is not uploaded at all.
const LARGEST_SUMMARY: usize = 1 << 20;
const LONGEST: Duration = Duration::from_secs(120);

/// What happens to the job while its first step runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing.
    Runs,
    /// It is cancelled as soon as the log says so.
    CancelledAt(&'static str),
    /// Its process is killed as soon as the log says so.
    KilledAt(&'static str),
}

/// A step that was run.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) code: Option<i32>,
    /// Both streams.
    pub(crate) log: String,
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) summary: String,
    /// From the cancellation, or else the start, to the end.
    pub(crate) took: Duration,
}

impl Step {
    pub(crate) fn last_line(&self) -> &str {
        self.log.lines().next_back().unwrap_or_default()
    }
}

/// A job's one step that uses the action.
#[derive(Debug)]
pub(crate) struct Used {
    /// The steps of the action that were run, by their ids.
    pub(crate) steps: BTreeMap<String, Step>,
    /// The action's own outputs.
    pub(crate) outputs: BTreeMap<String, String>,
}

impl Used {
    pub(crate) fn step(&self, id: &str) -> &Step {
        self.steps
            .get(id)
            .unwrap_or_else(|| panic!("{id} was not run: {self:#?}"))
    }

    pub(crate) fn output(&self, name: &str) -> &str {
        &self.outputs[name]
    }
}

/// The action as it is checked out for a job, with the program of this very source in dist/, and the job's workspace.
pub(crate) struct Action {
    checkout: tempfile::TempDir,
    /// The workspace is its source.
    app: App,
    definition: Value,
    pub(crate) with: BTreeMap<String, String>,
    pub(crate) env: BTreeMap<String, String>,
}

impl Action {
    pub(crate) fn new(app: &App) -> Self {
        let workspace = app.path();
        let checkout = tempfile::tempdir().unwrap();
        let dist = checkout.path().join("dist");
        fs::create_dir(&dist).unwrap();
        let program = dist.join(format!("deploy-action-{}", std::env::consts::ARCH));
        fs::copy(env!("CARGO_BIN_EXE_deploy-action"), program).unwrap();
        let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/action.yml")).unwrap();
        let home = checkout.path().join("home");
        fs::create_dir(&home).unwrap();
        let env = BTreeMap::from(
            [
                ("PATH", std::env::var("PATH").unwrap().as_str()),
                ("HOME", home.to_str().unwrap()),
                ("CI", "true"),
                ("GITHUB_ACTIONS", "true"),
                ("GITHUB_ACTION_PATH", checkout.path().to_str().unwrap()),
                ("GITHUB_WORKSPACE", workspace.to_str().unwrap()),
                ("GITHUB_REPOSITORY", "diting/diting"),
                ("GITHUB_SERVER_URL", "https://github.example"),
                ("GITHUB_RUN_ID", "7"),
                ("GITHUB_RUN_ATTEMPT", "1"),
                ("GITHUB_SHA", "1f0c9de0a3f5a7f1d8f3c0b3b1f0f1a2b3c4d5e6"),
                ("GITHUB_REF", "refs/heads/main"),
                ("GITHUB_ACTOR", "alice"),
                // nobody listens there
                ("GITHUB_API_URL", "http://127.0.0.1:9"),
                ("RUNNER_OS", "Linux"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let definition = serde_yaml_ng::from_str(&text).unwrap();
        Self {
            checkout,
            app: app.clone(),
            definition,
            with: BTreeMap::new(),
            env,
        }
    }

    pub(crate) fn with(mut self, input: &str, value: &str) -> Self {
        self.with.insert(input.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn remove_dist(&self) {
        fs::remove_dir_all(self.checkout.path().join("dist")).unwrap();
    }

    /// Every input has a value: what is given, else action.yml's default, else nothing.
    fn inputs(&self) -> BTreeMap<String, String> {
        let all = self.definition["inputs"].as_mapping().unwrap();
        let value = |name: &str, entry: &Value| {
            let default = entry["default"].as_str().unwrap_or_default();
            let default = if default.contains("github.token") {
                "ghs_0123456789abcdefghijABCDEFGHIJ012345"
            } else {
                default
            };
            self.with
                .get(name)
                .map_or(default, String::as_str)
                .to_owned()
        };
        all.iter()
            .map(|(name, entry)| {
                (
                    name.as_str().unwrap().to_owned(),
                    value(name.as_str().unwrap(), entry),
                )
            })
            .collect()
    }

    pub(crate) fn run(&self, fate: Fate) -> Used {
        let mut scope = Scope {
            inputs: self.inputs(),
            steps: BTreeMap::new(),
            failed: false,
        };
        let mut steps = BTreeMap::new();
        for (index, step) in self.definition["runs"]["steps"]
            .as_sequence()
            .unwrap()
            .iter()
            .enumerate()
        {
            let condition = step["if"].as_str().unwrap_or("success()");
            if !is_true(&evaluate(condition, &scope)) {
                continue;
            }
            let id = step["id"].as_str().unwrap().to_owned();
            let done = self.step(step, &scope, if index == 0 { fate } else { Fate::Runs });
            scope.failed |= done.code != Some(0);
            scope.steps.insert(id.clone(), done.outputs.clone());
            steps.insert(id, done);
        }
        let output = |entry: &Value| evaluate(entry["value"].as_str().unwrap(), &scope);
        let all = self.definition["outputs"].as_mapping().unwrap();
        let outputs = all
            .iter()
            .map(|(name, entry)| (name.as_str().unwrap().to_owned(), output(entry)))
            .collect();
        Used { steps, outputs }
    }

    fn step(&self, step: &Value, scope: &Scope, fate: Fate) -> Step {
        assert_eq!(step["shell"], "bash");
        let files = tempfile::tempdir().unwrap();
        let script = files.path().join("script.sh");
        fs::write(&script, step["run"].as_str().unwrap()).unwrap();
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-e", "-o", "pipefail"])
            .arg(&script)
            .current_dir(self.app.path());
        bash.env_clear().envs(&self.env);
        for (name, value) in step["env"].as_mapping().unwrap() {
            bash.env(
                name.as_str().unwrap(),
                evaluate(value.as_str().unwrap(), scope),
            );
        }
        for name in ["OUTPUT", "ENV", "PATH", "STATE", "STEP_SUMMARY"] {
            let file = files.path().join(name);
            fs::write(&file, "").unwrap();
            bash.env(format!("GITHUB_{name}"), file);
        }
        bash.stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = Process::start(&mut bash);
        let took = process.meet(fate);
        let (code, log) = process.end();
        let read = |name: &str| fs::read_to_string(files.path().join(name)).unwrap();
        for untouched in ["ENV", "PATH", "STATE"] {
            assert_eq!(read(untouched), "", "GITHUB_{untouched}");
        }
        let summary = Some(read("STEP_SUMMARY"))
            .filter(|text| text.len() <= LARGEST_SUMMARY)
            .unwrap_or_default();
        Step {
            code,
            log,
            outputs: crate::run::parse_outputs(&read("OUTPUT")),
            summary,
            took,
        }
    }
}

/// A step's process and what it prints.
struct Process {
    child: Child,
    log: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let readers = vec![read(stdout, &log), read(stderr, &log)];
        Self {
            child,
            log,
            readers,
        }
    }

    fn says(&self, text: &str) -> bool {
        self.log.lock().unwrap().contains(text)
    }

    fn ends_within(&mut self, limit: Duration) -> bool {
        until(limit, || self.child.try_wait().unwrap().is_some())
    }

    fn signal(&self, signal: Signal) {
        kill_process(
            Pid::from_raw(self.child.id().try_into().unwrap()).unwrap(),
            signal,
        )
        .unwrap();
    }

    /// Until it has ended; from the cancellation, where there is one.
    fn meet(&mut self, fate: Fate) -> Duration {
        if let Fate::CancelledAt(text) | Fate::KilledAt(text) = fate {
            let log = Arc::clone(&self.log);
            let seen = until(LONGEST, || {
                self.says(text) || self.child.try_wait().unwrap().is_some()
            });
            assert!(
                seen && self.says(text),
                "{text:?} is not in\n{}",
                log.lock().unwrap()
            );
        }
        let started = Instant::now();
        match fate {
            Fate::Runs => assert!(
                self.ends_within(LONGEST),
                "it hangs:\n{}",
                self.log.lock().unwrap()
            ),
            Fate::KilledAt(_) => self.signal(Signal::KILL),
            Fate::CancelledAt(_) => {
                for (signal, limit) in [(Signal::INT, AFTER_SIGINT), (Signal::TERM, AFTER_SIGTERM)]
                {
                    self.signal(signal);
                    if self.ends_within(limit) {
                        return started.elapsed();
                    }
                }
                self.signal(Signal::KILL);
            }
        }
        started.elapsed()
    }

    fn end(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().unwrap();
        let readers = &self.readers;
        let closed = until(PIPES, || readers.iter().all(JoinHandle::is_finished));
        assert!(closed, "somebody keeps the step's pipes open");
        let log = self.log.lock().unwrap().clone();
        (status.code(), crate::run::without_masks(&log).0)
    }
}

fn read(mut stream: impl Read + Send + 'static, log: &Arc<Mutex<String>>) -> JoinHandle<()> {
    let log = Arc::clone(log);
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(n @ 1..) = stream.read(&mut buffer) {
            log.lock()
                .unwrap()
                .push_str(&String::from_utf8_lossy(&buffer[..n]));
        }
    })
}
