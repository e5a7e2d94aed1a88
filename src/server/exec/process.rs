//! Child processes: no standard input, a group of their own, output line by line, killed as a group when time is up.

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

/// The longest line that is passed on whole. With marks at both ends a piece of a longer one has 8 KiB.
const LONGEST_LINE: u64 = (8 << 10) - 2 * CUT.len() as u64;
/// Stands where a line was cut in pieces, so that whoever hides secrets knows that one may be cut there.
pub(in crate::server) const CUT: &str = "…";
/// How much of a quick command's output is kept.
const KEPT: usize = 64 << 10;
const TICK: Duration = Duration::from_millis(50);
/// Between asking a group to end and killing it.
const GRACE: Duration = Duration::from_secs(2);
/// Between asking a group to end and not waiting for it any more.
const GIVE_UP: Duration = Duration::from_secs(7);
/// Lines that may wait to be passed on.
const WAITING: usize = 256;
/// For what a command left running to close its output.
const LINGERING: Duration = Duration::from_millis(500);

/// Runs to the end, or until `stop` says so; every line of standard output and error goes to `line`.
pub(in crate::server) fn run(
    command: &mut Command,
    mut stop: impl FnMut() -> bool,
    mut line: impl FnMut(Vec<u8>),
) -> io::Result<Ending> {
    let (mut child, lines) = start(command)?;
    let (mut ended, mut stopped) = (None, None::<Instant>);
    let mut pause = Duration::from_millis(1);
    loop {
        match lines.recv_timeout(TICK) {
            Ok(bytes) => line(bytes),
            Err(RecvTimeoutError::Disconnected) if ended.is_none() => {
                // its end is most often a moment behind that of its output
                thread::sleep(pause);
                pause = (2 * pause).min(TICK);
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        if ended.is_none() {
            ended = child.try_wait()?.map(|status| (status, Instant::now()));
        }
        if let Some((status, at)) = ended {
            if !still_talking(&lines, &mut line, at) {
                if stopped.is_none() {
                    return Ok(ending_of(status));
                }
                // whoever in the group did not care to end with it
                kill(&child, Signal::KILL);
                return Ok(Ending::OutOfTime);
            }
        } else if let Some(at) = stopped {
            if at.elapsed() > GRACE {
                kill(&child, Signal::KILL);
            }
            // what sudo runs can't be killed by us
            if at.elapsed() > GIVE_UP {
                return Ok(Ending::OutOfTime);
            }
        } else if stop() {
            kill(&child, Signal::TERM);
            stopped = Some(Instant::now());
        }
    }
}

/// Takes what is there; whether more may come from what the command left running.
fn still_talking(
    lines: &Receiver<Vec<u8>>,
    line: &mut impl FnMut(Vec<u8>),
    ended: Instant,
) -> bool {
    while ended.elapsed() < LINGERING {
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
        tracing::debug!(%error, "the group is gone");
    }
}

fn ending_of(status: ExitStatus) -> Ending {
    match status.code() {
        Some(code) => Ending::Exit(code),
        None => Ending::Signal(status.signal().unwrap_or_default()),
    }
}

/// Both streams are one pipe, so that lines stay in the order in which they were written.
fn start(command: &mut Command) -> io::Result<(Child, Receiver<Vec<u8>>)> {
    let (reader, writer) = io::pipe()?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0);
    let child = command.spawn();
    // the command would keep the pipe open
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let (sender, lines) = sync_channel(WAITING);
    read_lines(reader, sender);
    Ok((child?, lines))
}

fn read_lines(stream: impl Read + Send + 'static, lines: SyncSender<Vec<u8>>) {
    thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut goes_on = false;
        loop {
            let mut line = if goes_on {
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
                    goes_on = length as u64 == LONGEST_LINE && line.last() != Some(&b'\n');
                    match line.last() {
                        Some(b'\n') => drop(line.pop()),
                        _ if goes_on => line.extend(CUT.as_bytes()),
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

/// A quick command: its ending, and the end of what it said.
pub(in crate::server) fn quick(
    command: &mut Command,
    limit: Duration,
) -> io::Result<(Ending, Vec<u8>)> {
    let start = Instant::now();
    let mut said = Vec::new();
    let ending = run(
        command,
        || start.elapsed() > limit,
        |line| {
            said.extend_from_slice(&line);
            said.push(b'\n');
            if said.len() > 2 * KEPT {
                said.drain(..said.len() - KEPT);
            }
        },
    )?;
    Ok((ending, said))
}

/// Where programs are looked for: a non-interactive ssh has no login profile, and uv installs itself into
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

/// The program's file, where it is on the search path.
pub(in crate::server) fn which(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&search_path())
        .map(|folder| folder.join(program))
        .find(|file| is_program(file))
}

/// Whether the deploy user may execute the file.
pub(in crate::server) fn is_program(file: &Path) -> bool {
    file.is_file() && rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok()
}

/// A command with the search path set, in `/` unless told otherwise.
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
        let (ending, said) = quick(
            &mut sh("echo out; echo err >&2; exit 7"),
            Duration::from_secs(5),
        )
        .unwrap();
        assert_eq!(ending, Ending::Exit(7));
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains("out\n") && said.contains("err\n"), "{said}");
    }

    #[test]
    fn a_command_that_is_killed_says_by_which_signal() {
        assert_eq!(
            quick(&mut sh("kill -9 $$"), Duration::from_secs(5))
                .unwrap()
                .0,
            Ending::Signal(9)
        );
    }

    #[test]
    fn time_that_is_up_ends_the_whole_group() {
        let start = Instant::now();
        for parent in ["trap '' TERM;", ""] {
            let script =
                format!("{parent} sh -c 'trap \"\" TERM; exec sleep 60' & echo $!; sleep 60");
            let (ending, said) = quick(&mut sh(&script), Duration::from_millis(300)).unwrap();
            assert_eq!(ending, Ending::OutOfTime);
            let child = String::from_utf8(said).unwrap().trim().to_owned();
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
    fn what_a_command_leaves_running_does_not_hold_it_up() {
        let start = Instant::now();
        let (ending, _) = quick(&mut sh("sleep 30 & exit 0"), Duration::from_secs(20)).unwrap();
        assert_eq!(ending, Ending::Exit(0));
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn an_endless_line_comes_in_pieces_that_say_so() {
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
    fn programs_are_found_in_the_home_of_uv() {
        let path = search_path();
        let first = std::env::split_paths(&path).next().unwrap();
        assert!(first.ends_with(".local/bin"), "{first:?}");
    }
}
