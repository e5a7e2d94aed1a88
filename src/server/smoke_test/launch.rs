//! Starts a program with exactly what it is to get: nothing of the login is inherited, and what there is too little of, the
//! live release gets first.

use super::start::Start;
use crate::server::subcommand::SUBCOMMAND;
use rustix::io::{fcntl_setfd, FdFlags};
use rustix::process::{nice, set_parent_process_death_signal, Signal};
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{IntoRawFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

/// Added to the priority; that of the disk follows from it (ioprio_set(2)).
const NICE: i32 = 10;
/// Of the trial and the live release, the kernel ends the trial first if memory is short.
const OOM_SCORE: &str = "1000";
/// Standard input, output and errors.
const STANDARD: RawFd = 3;
/// As of a shell that finds no program.
const NOT_STARTED: u8 = 127;

/// Starts it as a child that ends with this process: `start` is a [`Start`] in JSON. Its output goes where the standard
/// errors of this process go. Must be called by a thread that lives as long as the process. Returns its number.
pub(super) fn start(start: &[u8]) -> io::Result<u32> {
    let mut launcher = Command::new(std::env::current_exe()?);
    launcher
        .args([SUBCOMMAND, "smoke-test-program"])
        .arg(std::process::id().to_string());
    let output = || Stdio::from(io::stderr());
    launcher
        .stdin(Stdio::piped())
        .stdout(output())
        .stderr(output());
    let mut child = launcher.spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // one that cannot read it ends, which is reported
        drop(input.write_all(start));
    }
    Ok(child.id())
}

/// Becomes the program that standard input describes. `parent` is the process that started this one.
pub(in crate::server) fn launch(parent: &str) -> ExitCode {
    let error = match prepared(parent) {
        Ok((mut command, program)) => format!("{program}: {}", command.exec()),
        Err(error) => error.to_string(),
    };
    // where the program's own output would go
    drop(writeln!(io::stderr(), "{error}"));
    ExitCode::from(NOT_STARTED)
}

fn prepared(parent: &str) -> io::Result<(Command, String)> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if std::os::unix::process::parent_id().to_string() != parent {
        return Err(io::Error::other("its supervisor is gone"));
    }
    let mut text = Vec::new();
    io::stdin().read_to_end(&mut text)?;
    let start: Start = serde_json::from_slice(&text)?;
    close_inherited()?;
    give_way();
    let mut command = Command::new(&start.program);
    command
        .args(&start.arguments)
        .current_dir(&start.folder)
        .env_clear()
        .envs(start.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null());
    if let Some(name) = &start.name {
        command.arg0(name);
    }
    if !start.sockets.is_empty() {
        pass_sockets(&start, &mut command)?;
    }
    Ok((command, start.program))
}

/// Descriptors that the login left open. Nothing that this process uses is among them.
fn close_inherited() -> io::Result<()> {
    let mut open: Vec<RawFd> = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let name = entry?.file_name();
        open.extend(name.to_str().and_then(|name| name.parse::<RawFd>().ok()));
    }
    for descriptor in open.into_iter().filter(|it| *it >= STANDARD) {
        // the one of the folder itself is closed already
        let _ = nix::unistd::close(descriptor);
    }
    Ok(())
}

/// A system that does not let it is none to fail for.
fn give_way() {
    let written = [
        fs::write("/proc/self/oom_score_adj", OOM_SCORE),
        // of a session of its own, the kernel may look at this alone (sched(7))
        fs::write("/proc/self/autogroup", NICE.to_string()),
        nice(NICE).map(drop).map_err(Into::into),
    ];
    for error in written.into_iter().filter_map(Result::err) {
        tracing::info!(%error, "the smoke test does not give way");
    }
}

/// Lets it listen as systemd does for a socket unit (sd_listen_fds(3)): from descriptor 3 on, which is the first that is not
/// open.
fn pass_sockets(start: &Start, command: &mut Command) -> io::Result<()> {
    let port = start.environment.iter().find(|(name, _)| name == "PORT");
    let port = port.and_then(|(_, port)| port.parse::<u16>().ok());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or_default()))?;
    for _ in 1..start.sockets.len() {
        pass(listener.try_clone()?)?;
    }
    pass(listener)?;
    command
        .env("LISTEN_FDS", start.sockets.len().to_string())
        .env("LISTEN_PID", std::process::id().to_string())
        .env("LISTEN_FDNAMES", start.sockets.join(":"));
    Ok(())
}

fn pass(listener: TcpListener) -> io::Result<()> {
    fcntl_setfd(&listener, FdFlags::empty())?;
    // stays open
    let _ = listener.into_raw_fd();
    Ok(())
}
