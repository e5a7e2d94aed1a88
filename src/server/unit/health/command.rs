//! The command of the health check, run in the release.

use crate::protocol::{Ending, HealthAnswer, HealthError};
use crate::server::exec::process::{command, quick_until, LeftRunning, CUT};
use crate::server::exec::shell;
use crate::text::dotenv;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How much of the output is reported, in bytes.
const MAX_OUTPUT: usize = 2000;

/// The user's shell commands for one release.
pub(super) struct HealthCommand {
    script: String,
    folder: PathBuf,
    is_stopped: AtomicBool,
    /// Held while they run.
    running: Mutex<()>,
}

impl HealthCommand {
    pub(super) fn new(script: &str, folder: PathBuf) -> Self {
        Self {
            script: script.to_owned(),
            folder,
            is_stopped: AtomicBool::new(false),
            running: Mutex::new(()),
        }
    }

    /// Runs them once, and ends all that they leave running in their process group.
    pub(super) fn run(&self, limit: Duration) -> HealthAnswer {
        let _running = self.running.lock();
        let start = Instant::now();
        let mut stop = || self.is_stopped.load(Ordering::SeqCst) || start.elapsed() > limit;
        if stop() {
            return ended(Ending::OutOfTime, b"");
        }
        let variables = match self.variables() {
            Ok(variables) => variables,
            Err(error) => {
                let error = error.to_string();
                return HealthAnswer::Broken(HealthError::EnvFile { error });
            }
        };
        let mut command = command("sh");
        // the commands may begin with `-`
        command.args(["-c", &format!("set -eu\n{}", self.script)]);
        command.current_dir(&self.folder);
        command.envs(shell::environment()).envs(variables);
        match quick_until(&mut command, LeftRunning::Killed, &mut stop) {
            Ok((ending, output)) => ended(ending, &output),
            Err(error) => ended(Ending::Exit(127), format!("sh: {error}").as_bytes()),
        }
    }

    /// Those of the release's `.env`. What its readers disagree about is left out.
    fn variables(&self) -> io::Result<Vec<(String, String)>> {
        let path = self.folder.join(".env");
        if !fs::metadata(&path).is_ok_and(|file| file.is_file()) {
            return Ok(Vec::new());
        }
        let text = fs::read(&path)?;
        let text = String::from_utf8_lossy(&text);
        let entries = dotenv::entries(&text).flatten();
        // programs are searched as for all other commands
        let entries = entries.filter(|entry| !["", "PATH"].contains(&entry.name));
        Ok(entries
            .map(|entry| (entry.name.to_owned(), entry.value()))
            .collect())
    }

    /// Ends them if they run, and lets them not begin. Returns whether they ran.
    pub(super) fn stop(&self) -> bool {
        self.is_stopped.store(true, Ordering::SeqCst);
        let ran = self.running.try_lock().is_err();
        // until they have ended
        drop(self.running.lock());
        ran
    }
}

fn ended(ending: Ending, output: &[u8]) -> HealthAnswer {
    let output = end_of(output);
    HealthAnswer::Command { ending, output }
}

/// The last lines of an output, whole ones if they are not too long.
fn end_of(output: &[u8]) -> Vec<u8> {
    let output = output.trim_ascii_end();
    let Some(at) = output.len().checked_sub(MAX_OUTPUT) else {
        return output.to_vec();
    };
    let end = &output[at..];
    match end.iter().position(|byte| *byte == b'\n') {
        Some(line_end) => end[line_end + 1..].to_vec(),
        None => [CUT.as_bytes(), end].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::sync::Arc;
    use std::thread;

    const LONG: Duration = Duration::from_secs(60);

    fn in_release(script: &str, release: &Path) -> (Ending, String) {
        match HealthCommand::new(script, release.to_owned()).run(LONG) {
            HealthAnswer::Command { ending, output } => {
                (ending, String::from_utf8(output).unwrap())
            }
            other => panic!("{other}"),
        }
    }

    fn run(script: &str) -> (Ending, String) {
        in_release(script, tempfile::tempdir().unwrap().path())
    }

    fn lives(pid: &str) -> bool {
        let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !state.is_empty() && !state.contains(") Z ")
    }

    fn dies(pid: &str) -> bool {
        let pause = || thread::sleep(Duration::from_millis(20));
        (0..500).any(|_| !lives(pid) || (pause(), false).1)
    }

    #[test]
    fn its_exit_code_and_the_end_of_its_output_are_the_answer() {
        assert_eq!(run("true"), (Ending::Exit(0), String::new()));
        assert_eq!(
            run("echo a; echo b >&2; exit 3"),
            (Ending::Exit(3), "a\nb".into())
        );
        assert_eq!(run("echo a\nfalse\necho b"), (Ending::Exit(1), "a".into()));
        assert_eq!(run("echo $NOT_SET_AT_ALL").0, Ending::Exit(2));
        assert_eq!(run("kill -9 $$").0, Ending::Signal(9));
        assert_eq!(run("no-such-program").0, Ending::Exit(127));
        assert_eq!(run("-x").0, Ending::Exit(127));
        assert_eq!(run("read line").0, Ending::Exit(1), "it waits for input");
    }

    #[test]
    fn it_runs_in_the_release_with_the_variables_of_its_env_file() {
        let release = tempfile::tempdir().unwrap();
        let run = |script: &str| in_release(script, release.path()).1;
        let canonical = release.path().canonicalize().unwrap();
        assert_eq!(run("pwd -P"), canonical.display().to_string());
        assert_eq!(run("echo ${DATABASE-none} $UV_LINK_MODE"), "none copy");
        let text = "# c\nDATABASE=\"a b\"\nexport B='c\nd'\nbroken\nPATH=/nowhere\n=x\n";
        fs::write(release.path().join(".env"), text).unwrap();
        assert_eq!(run("echo \"$DATABASE $B\"; ls -d /"), "a b c\nd\n/");
        assert_eq!(
            run("tr '\\0' '\\n' < /proc/$$/cmdline | grep -c 'a [b]' || :"),
            "0"
        );
    }

    #[test]
    fn an_env_file_that_cannot_be_read_is_no_healthy_answer() {
        let release = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/proc/self/mem", release.path().join(".env")).unwrap();
        let answer = HealthCommand::new("true", release.path().to_owned()).run(LONG);
        assert!(
            matches!(answer, HealthAnswer::Broken(HealthError::EnvFile { .. })),
            "{answer}"
        );
    }

    #[test]
    fn only_the_end_of_much_output_is_kept() {
        let (ending, output) = run("head -c 10000000 /dev/zero | tr '\\0' x; echo; seq 100000");
        assert_eq!(ending, Ending::Exit(0));
        assert!(output.len() <= MAX_OUTPUT && output.ends_with("99999\n100000"));
        let first: u32 = output.lines().next().unwrap().parse().unwrap();
        assert!(first > 90_000, "{first}");
        let (_, output) = run("head -c 10000000 /dev/zero | tr '\\0' x");
        assert!(output.starts_with(CUT) && output.len() == MAX_OUTPUT + CUT.len());
    }

    #[test]
    fn at_the_time_limit_all_that_it_has_started_is_killed() {
        let release = tempfile::tempdir().unwrap();
        let script = "trap '' TERM; sh -c 'trap \"\" TERM; exec sleep 60' & echo $!; sleep 60";
        let command = HealthCommand::new(script, release.path().to_owned());
        let start = Instant::now();
        let HealthAnswer::Command { ending, output } = command.run(Duration::from_millis(300))
        else {
            panic!()
        };
        assert_eq!(ending, Ending::OutOfTime);
        assert!(start.elapsed() < Duration::from_secs(20));
        assert!(dies(&String::from_utf8(output).unwrap()));
    }

    #[test]
    fn what_it_leaves_running_neither_delays_it_nor_stays() {
        let start = Instant::now();
        let (ending, child) = run("sleep 60 & echo $!; exit 0");
        assert_eq!(ending, Ending::Exit(0));
        assert!(start.elapsed() < Duration::from_secs(20));
        assert!(dies(&child), "{child} lives on");
    }

    #[test]
    fn a_command_that_is_stopped_ends_and_no_other_begins() {
        let release = tempfile::tempdir().unwrap();
        let file = release.path().join("pid");
        let script = "echo begun; echo $$ > pid; exec sleep 60";
        let command = Arc::new(HealthCommand::new(script, release.path().to_owned()));
        let running = Arc::clone(&command);
        let thread = thread::spawn(move || running.run(LONG));
        let pid = loop {
            match fs::read_to_string(&file) {
                Ok(pid) if pid.ends_with('\n') => break pid.trim().to_owned(),
                _ => thread::sleep(Duration::from_millis(10)),
            }
        };
        assert!(command.stop());
        assert!(!lives(&pid), "{pid} lives on");
        let stopped = ended(Ending::OutOfTime, b"begun");
        assert_eq!(thread.join().unwrap(), stopped);
        fs::remove_file(&file).unwrap();
        assert_eq!(command.run(LONG), ended(Ending::OutOfTime, b""));
        assert!(!file.exists() && !command.stop());
    }
}
