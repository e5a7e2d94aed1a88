//! A composite action as GitHub's runner runs it (platform facts from actions/runner: `CompositeActionHandler`,
//! `ScriptHandler`, `ProcessInvoker`, `FileCommandManager`): each step gets only the environment that action.yml maps, the
//! runner's sh and flags, a closed standard input and files of its own; a cancellation is SIGINT, after 7.5 s SIGTERM,
//! after 2.5 s more SIGKILL, to the one process; the steps behind it are looked at all the same.

use crate::app::App;
use crate::expression::{evaluate, expand, is_true, Scope};
use crate::poll::until;
use rustix::process::{kill_process, Pid, Signal};
use serde_yaml_ng::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
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
    /// The time of the job's step (`timeout-minutes`) is over as soon as the log says so: the first step is cancelled, and the
    /// second too, as soon as its log says this.
    OutOfTimeAt(&'static str, &'static str),
}

impl Fate {
    /// What happens to the steps behind the first.
    fn of_others(self) -> Self {
        match self {
            Self::OutOfTimeAt(_, text) => Self::CancelledAt(text),
            Self::Runs | Self::CancelledAt(_) | Self::KilledAt(_) => Self::Runs,
        }
    }
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

    /// The first step, which has ended so.
    pub(crate) fn ended(&self, code: i32, outcome: &str) -> &Step {
        let step = self.step("deploy");
        let ended = (step.code, self.output("outcome"));
        assert_eq!(ended, (Some(code), outcome), "{}", step.log);
        step
    }
}

/// The action as it is checked out for a job, with the program of this very source in dist/, and the job's workspace.
pub(crate) struct Action {
    checkout: tempfile::TempDir,
    /// The workspace is its source.
    app: App,
    definition: Value,
    /// What `shell: sh` is on this runner.
    pub(crate) shell: Vec<String>,
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
                // what is compared is what it says
                ("NO_COLOR", "1"),
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
            shell: vec!["sh".to_owned()],
            with: BTreeMap::new(),
            env,
        }
    }

    pub(crate) fn with(mut self, input: &str, value: &str) -> Self {
        self.with.insert(input.to_owned(), value.to_owned());
        self
    }

    /// Replaces the program by a script, which has the real one beside it as `$0.real`.
    pub(crate) fn replace_program(&self, script: &str) {
        let program = self.program();
        fs::rename(&program, format!("{}.real", program.display())).unwrap();
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// From now on the steps run in a container of an image that has busybox, and nothing else but what the program itself
    /// needs.
    pub(crate) fn use_busybox(&mut self) {
        let root = self.checkout.path().join("root");
        for folder in ["bin", "dev", "proc", "tmp", "etc"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let busybox = find("busybox");
        fs::copy(&busybox, root.join("bin/busybox")).unwrap();
        for library in [
            libraries(env!("CARGO_BIN_EXE_deploy-action")),
            libraries(&busybox),
        ]
        .concat()
        {
            let to = root.join(library.trim_start_matches('/'));
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(&library, to).unwrap();
        }
        let root = root.to_str().unwrap();
        let enter = format!(
            "mount -t proc proc {root}/proc; mount --rbind /tmp {root}/tmp; chroot {root} /bin/busybox --install -s /bin; \
             exec chroot {root} /bin/sh -c 'cd \"$0\"; exec sh \"$@\"' \"$PWD\" \"$@\""
        );
        self.shell = ["unshare", "--mount", "sh", "-ec", &enter, "sh"]
            .map(str::to_owned)
            .to_vec();
    }

    pub(crate) fn readable_by_all(self) -> Self {
        for folder in [self.checkout.path(), &self.app.path()] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        }
        self
    }

    pub(crate) fn remove_dist(&self) {
        fs::remove_dir_all(self.checkout.path().join("dist")).unwrap();
    }

    /// The file that the first step starts.
    pub(crate) fn program(&self) -> PathBuf {
        let name = format!("deploy-action-{}", std::env::consts::ARCH);
        self.checkout.path().join("dist").join(name)
    }

    /// The runner's system is another one, by the words of `uname`.
    pub(crate) fn on_system(mut self, name: &str, cpu: &str) -> Self {
        let programs = self.checkout.path().join("programs");
        fs::create_dir_all(&programs).unwrap();
        let uname = programs.join("uname");
        let script = format!("#!/bin/sh\n[ \"$1\" = -m ] && echo {cpu} || echo {name}\n");
        fs::write(&uname, script).unwrap();
        fs::set_permissions(&uname, fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", programs.display(), self.env["PATH"]);
        self.env.insert("PATH".to_owned(), path);
        self
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
            outcomes: BTreeMap::new(),
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
            let fate = if index == 0 { fate } else { fate.of_others() };
            let done = self.step(step, &scope, fate);
            let has_failed = done.code != Some(0);
            scope.failed |= has_failed;
            let outcome = match (has_failed, fate) {
                (false, _) => "success",
                (true, Fate::CancelledAt(_) | Fate::OutOfTimeAt(..)) => "cancelled",
                (true, _) => "failure",
            };
            scope.outcomes.insert(id.clone(), outcome);
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

    /// The process of a step, whose script and other files are in a folder.
    fn shell(&self, step: &Value, scope: &Scope, files: &Path) -> Command {
        let script = files.join("script.sh");
        fs::write(&script, expand(step["run"].as_str().unwrap(), scope)).unwrap();
        let mut shell = Command::new(&self.shell[0]);
        shell
            .args(&self.shell[1..])
            .args(["-e".as_ref(), script.as_os_str()])
            .current_dir(self.app.path());
        shell.env_clear().envs(&self.env);
        for (name, value) in step["env"].as_mapping().unwrap() {
            shell.env(
                name.as_str().unwrap(),
                expand(value.as_str().unwrap(), scope),
            );
        }
        for name in ["OUTPUT", "ENV", "PATH", "STATE", "STEP_SUMMARY"] {
            let file = files.join(name);
            fs::write(&file, "").unwrap();
            shell.env(format!("GITHUB_{name}"), file);
        }
        shell
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        shell
    }

    fn step(&self, step: &Value, scope: &Scope, fate: Fate) -> Step {
        assert_eq!(step["shell"], "sh");
        let files = tempfile::tempdir().unwrap();
        // the step may run as another user
        fs::set_permissions(files.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut shell = self.shell(step, scope, files.path());
        let mut process = Process::start(&mut shell);
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

fn find(program: &str) -> String {
    let path = std::env::var("PATH").unwrap();
    let mut found = path.split(':').map(|folder| format!("{folder}/{program}"));
    found.find(|file| fs::exists(file).unwrap()).unwrap()
}

/// None, if it is linked statically.
fn libraries(program: &str) -> Vec<String> {
    let listed = Command::new("ldd").arg(program).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let is_path = |word: &&str| word.starts_with('/');
    listed
        .split_whitespace()
        .filter(is_path)
        .map(str::to_owned)
        .collect()
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
        if let Fate::CancelledAt(text) | Fate::KilledAt(text) | Fate::OutOfTimeAt(text, _) = fate {
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
            Fate::CancelledAt(_) | Fate::OutOfTimeAt(..) => {
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
