//! Runs child processes without standard input, each in its own process group, and passes their output on line by line.
//! When time is up the whole group is killed.

use crate::protocol::Ending;
use rustix::process::{kill_process_group, Pid, Signal};
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{sync_channel, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

/// The longest line that is passed on whole. Longer ones are cut into pieces of 8 KiB, marks included.
const LONGEST_LINE: u64 = (8 << 10) - 2 * CUT.len() as u64;
/// Marks where a line was cut: a secret may be cut there too, which redaction must know.
pub(in crate::server) const CUT: &str = "…";
/// How much of a quick command's output is kept, in bytes.
const MAX_OUTPUT: usize = 64 << 10;
const TICK: Duration = Duration::from_millis(50);
/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);
/// Between SIGTERM and no longer waiting for the process.
pub(in crate::server) const GIVE_UP_AFTER: Duration = Duration::from_secs(7);
/// Lines that are buffered.
const BUFFERED_LINES: usize = 256;
/// How long processes that a command left running may keep its output open.
const OUTPUT_TIMEOUT: Duration = Duration::from_millis(500);

/// What becomes of processes that a command leaves running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum LeftRunning {
    Kept,
    /// Unless they have left its process group.
    Killed,
}

/// Runs a command to its end, or until `stop` returns true. `line` gets every line of standard output and error.
pub(in crate::server) fn run(
    command: &mut Command,
    mut stop: impl FnMut() -> bool,
    mut line: impl FnMut(Vec<u8>),
) -> io::Result<Ending> {
    run_group(command, LeftRunning::Kept, &mut stop, &mut line)
}

fn run_group(
    command: &mut Command,
    left_running: LeftRunning,
    stop: &mut dyn FnMut() -> bool,
    line: &mut dyn FnMut(Vec<u8>),
) -> io::Result<Ending> {
    let (mut child, lines) = start(command)?;
    let (mut ended, mut stopped) = (None, None::<Instant>);
    let mut pause = Duration::from_millis(1);
    loop {
        match lines.recv_timeout(TICK) {
            Ok(bytes) => line(bytes),
            Err(RecvTimeoutError::Disconnected) if ended.is_none() => {
                // a process most often ends shortly after its output
                thread::sleep(pause);
                pause = (2 * pause).min(TICK);
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        if ended.is_none() {
            ended = child.try_wait()?.map(|status| (status, Instant::now()));
        }
        if let Some((status, at)) = ended {
            if !has_more_output(&lines, line, at) {
                // some process of the group may have ignored SIGTERM
                if stopped.is_some() || left_running == LeftRunning::Killed {
                    kill(&child, Signal::KILL);
                }
                return Ok(stopped.map_or(ending_of(status), |_| Ending::OutOfTime));
            }
        } else if let Some(at) = stopped {
            if at.elapsed() > GRACE {
                kill(&child, Signal::KILL);
            }
            // a process that sudo started cannot be killed from here
            if at.elapsed() > GIVE_UP_AFTER {
                return Ok(Ending::OutOfTime);
            }
        } else if stop() {
            kill(&child, Signal::TERM);
            stopped = Some(Instant::now());
        }
    }
}

/// Passes on the output so far. Returns whether more may come from processes that the command left running.
fn has_more_output(
    lines: &Receiver<Vec<u8>>,
    line: &mut dyn FnMut(Vec<u8>),
    ended: Instant,
) -> bool {
    while ended.elapsed() < OUTPUT_TIMEOUT {
        match lines.try_recv() {
            Ok(bytes) => line(bytes),
            Err(std::sync::mpsc::TryRecvError::Disconnected) => return false,
            Err(std::sync::mpsc::TryRecvError::Empty) => return true,
        }
    }
    false
}

fn kill(child: &Child, signal: Signal) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(Err(error)) = group.map(|group| kill_process_group(group, signal)) {
        tracing::info!(%error, "the process group cannot be signalled");
    }
}

fn ending_of(status: ExitStatus) -> Ending {
    match status.code() {
        Some(code) => Ending::Exit(code),
        None => Ending::Signal(status.signal().unwrap_or_default()),
    }
}

/// Both streams share one pipe, which keeps their lines in order.
fn start(command: &mut Command) -> io::Result<(Child, Receiver<Vec<u8>>)> {
    let (reader, writer) = io::pipe()?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0);
    let child = command.spawn();
    // the `Command` would keep the pipe open
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Ok((child?, lines_of(reader)))
}

/// What is printed there, line by line.
pub(in crate::server) fn lines_of(stream: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, lines) = sync_channel(BUFFERED_LINES);
    read_lines(stream, sender);
    lines
}

fn read_lines(stream: impl Read + Send + 'static, lines: SyncSender<Vec<u8>>) {
    thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut continued = false;
        loop {
            let mut line = if continued {
                CUT.as_bytes().to_vec()
            } else {
                Vec::new()
            };
            match (&mut stream)
                .take(LONGEST_LINE)
                .read_until(b'\n', &mut line)
            {
                Ok(0) | Err(_) => return,
                Ok(length) => {
                    continued = length as u64 == LONGEST_LINE && line.last() != Some(&b'\n');
                    match line.last() {
                        Some(b'\n') => drop(line.pop()),
                        _ if continued => line.extend(CUT.as_bytes()),
                        _ => {}
                    }
                    if lines.send(line).is_err() {
                        return;
                    }
                }
            }
        }
    });
}

/// Runs a command that should end soon. Returns how it ended and the end of its output.
pub(in crate::server) fn quick(
    command: &mut Command,
    limit: Duration,
) -> io::Result<(Ending, Vec<u8>)> {
    let start = Instant::now();
    quick_until(command, LeftRunning::Kept, &mut || start.elapsed() > limit)
}

/// The same, until `stop` returns true.
pub(in crate::server) fn quick_until(
    command: &mut Command,
    left_running: LeftRunning,
    stop: &mut dyn FnMut() -> bool,
) -> io::Result<(Ending, Vec<u8>)> {
    let mut output = Vec::new();
    let ending = run_group(command, left_running, stop, &mut |line| {
        output.extend_from_slice(&line);
        output.push(b'\n');
        if output.len() > 2 * MAX_OUTPUT {
            output.drain(..output.len() - MAX_OUTPUT);
        }
    })?;
    Ok((ending, output))
}

/// Where programs are searched: a non-interactive ssh session has no login profile, and uv installs itself into
/// `~/.local/bin`.
pub(in crate::server) fn search_path() -> OsString {
    let own = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    let mut folders: Vec<PathBuf> = std::env::split_paths(&own).collect();
    if let Some(home) = std::env::var_os("HOME") {
        folders.insert(0, Path::new(&home).join(".local/bin"));
    }
    for folder in [
        "/usr/local/sbin",
        "/usr/sbin",
        "/sbin",
        "/usr/local/bin",
        "/usr/bin",
        "/bin",
    ] {
        if !folders.iter().any(|known| known == Path::new(folder)) {
            folders.push(folder.into());
        }
    }
    std::env::join_paths(folders).unwrap_or(own)
}

/// The program's file on the search path.
pub(in crate::server) fn which(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&search_path())
        .map(|folder| folder.join(program))
        .find(|file| is_program(file))
}

/// Whether the deploy user may execute the file.
pub(in crate::server) fn is_program(file: &Path) -> bool {
    file.is_file() && rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok()
}

/// A command with the search path set. It runs in `/` unless the caller sets another folder.
pub(in crate::server) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env("PATH", search_path())
        .env("LC_ALL", "C.UTF-8")
        .current_dir("/");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn lines_of_both_streams_arrive_and_the_exit_code_is_kept() {
        let (ending, output) = quick(
            &mut sh("echo out; echo err >&2; exit 7"),
            Duration::from_secs(5),
        )
        .unwrap();
        assert_eq!(ending, Ending::Exit(7));
        let output = String::from_utf8(output).unwrap();
        assert!(
            output.contains("out\n") && output.contains("err\n"),
            "{output}"
        );
    }

    #[test]
    fn a_command_that_is_killed_reports_the_signal() {
        assert_eq!(
            quick(&mut sh("kill -9 $$"), Duration::from_secs(5))
                .unwrap()
                .0,
            Ending::Signal(9)
        );
    }

    #[test]
    fn the_time_limit_ends_the_whole_group() {
        let start = Instant::now();
        for parent in ["trap '' TERM;", ""] {
            let script =
                format!("{parent} sh -c 'trap \"\" TERM; exec sleep 60' & echo $!; sleep 60");
            let (ending, output) = quick(&mut sh(&script), Duration::from_millis(300)).unwrap();
            assert_eq!(ending, Ending::OutOfTime);
            let child = String::from_utf8(output).unwrap().trim().to_owned();
            let lives = || {
                let state =
                    std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
                !state.is_empty() && !state.contains(") Z ")
            };
            let dies = (0..500).any(|_| !lives() || (thread::sleep(TICK), false).1);
            assert!(dies, "{child} lives on");
        }
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn processes_that_a_command_leaves_running_do_not_delay_it() {
        let start = Instant::now();
        let (ending, _) = quick(&mut sh("sleep 30 & exit 0"), Duration::from_secs(20)).unwrap();
        assert_eq!(ending, Ending::Exit(0));
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_very_long_line_is_cut_into_marked_pieces() {
        let mut lines = Vec::new();
        run(
            &mut sh("head -c 20000 /dev/zero; echo; echo x"),
            || false,
            |line| lines.push(line),
        )
        .unwrap();
        assert_eq!(lines.iter().map(Vec::len).max(), Some(8 << 10));
        let marked = |line: &Vec<u8>| {
            (
                line.starts_with(CUT.as_bytes()),
                line.ends_with(CUT.as_bytes()),
            )
        };
        let marks: Vec<_> = lines.iter().map(marked).collect();
        assert_eq!(
            marks,
            [(false, true), (true, true), (true, false), (false, false)]
        );
    }

    #[test]
    fn programs_are_found_where_uv_installs_itself() {
        let path = search_path();
        let first = std::env::split_paths(&path).next().unwrap();
        assert!(first.ends_with(".local/bin"), "{first:?}");
    }
}
