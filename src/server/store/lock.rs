//! One deployment of a target at a time. The lock is of the open file: it dies with whoever has it, and is handed to
//! the transaction's process as its standard input.

use super::durable::failed;
use super::layout::Layout;
use super::pending::Pending;
use crate::protocol::{Holder, Plan, Reason, TransactionId, Unready};
use crate::server::clock::now;
use crate::server::exec::user::user;
use crate::server::limits::Limits;
use rustix::process::{kill_process, Pid, Signal};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(200);
/// Where nobody else's end is waited for.
const SHORTEST_TICK: Duration = Duration::from_millis(20);
/// statfs(2): locks of network file systems are not those of this host.
const NFS: i64 = 0x6969;

/// What whoever holds the lock has left word of.
#[derive(Debug, Serialize, Deserialize)]
struct Signature {
    #[serde(flatten)]
    holder: Holder,
    /// Absent in what earlier versions left.
    #[serde(default)]
    transaction: Option<TransactionId>,
    /// The process that serves its runner half.
    #[serde(default)]
    login: u32,
}

/// Takes the lock, waiting for another deployment as long as the plan says; `on_wait` is told once who holds it. `None`:
/// what holds it is this very transaction, which is past the point of no return.
pub(in crate::server) fn take(
    layout: &Layout,
    plan: &Plan,
    limits: &Limits,
    mut on_wait: impl FnMut(Option<Holder>),
) -> Result<Option<File>, Reason> {
    let file = open(layout)?;
    let start = Instant::now();
    let (mut told, mut asked) = (false, false);
    while !try_lock(&file)? {
        limits.check()?;
        match signature(layout) {
            Some(own) if own.transaction.as_ref() == Some(&plan.transaction) => {
                if Pending::is_of(layout, &plan.transaction) {
                    return Ok(None);
                }
                if !std::mem::replace(&mut asked, true) {
                    ask_to_leave(layout, &plan.transaction, own.login);
                }
            }
            other => {
                let holder = other.map(|other| other.holder);
                if start.elapsed() >= plan.lock_wait {
                    return Err(Reason::Busy(holder));
                }
                if !std::mem::replace(&mut told, true) {
                    on_wait(holder);
                }
            }
        }
        thread::sleep(TICK.min(plan.lock_wait.max(SHORTEST_TICK)));
    }
    Ok(Some(file))
}

/// Who has the lock, as a transaction sees it.
#[derive(Debug)]
pub(in crate::server) enum Held {
    /// Nobody else, now.
    Free(File),
    /// A login of this very transaction: its process id.
    ByLogin(u32),
    ByAnother,
}

/// Takes the lock if it is free, and else looks who has it.
pub(in crate::server) fn look(
    layout: &Layout,
    transaction: &TransactionId,
) -> Result<Held, Reason> {
    if let Some(lock) = try_take(layout)? {
        return Ok(Held::Free(lock));
    }
    let own = signature(layout).filter(|signed| signed.transaction.as_ref() == Some(transaction));
    Ok(own.map_or(Held::ByAnother, |own| Held::ByLogin(own.login)))
}

/// Takes the lock if it is free.
pub(in crate::server) fn try_take(layout: &Layout) -> Result<Option<File>, Reason> {
    let file = open(layout)?;
    Ok(try_lock(&file)?.then_some(file))
}

fn open(layout: &Layout) -> Result<File, Reason> {
    let path = layout.lock();
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| {
            // somebody else has deployed here before, root for example
            match error.kind() {
                io::ErrorKind::PermissionDenied => not_ours(layout, &error),
                _ => failed("open", &path)(error),
            }
        })?;
    refuse_network(&file, &path)?;
    Ok(file)
}

fn refuse_network(file: &File, path: &Path) -> Result<(), Reason> {
    let system =
        rustix::fs::fstatfs(file).map_err(|error| failed("look at", path)(error.into()))?;
    #[allow(
        clippy::useless_conversion,
        reason = "the field's type differs between CPUs"
    )]
    if i64::try_from(system.f_type) == Ok(NFS) {
        return Err(no_locks("the folder is on NFS"));
    }
    Ok(())
}

fn not_ours(layout: &Layout, error: &io::Error) -> Reason {
    let path = layout.target().display().to_string();
    Reason::NotReady(vec![Unready::Target {
        path,
        user: user(),
        error: error.to_string(),
    }])
}

fn no_locks(error: &str) -> Reason {
    Reason::NotReady(vec![Unready::NoLocks {
        error: error.to_owned(),
    }])
}

fn try_lock(file: &File) -> Result<bool, Reason> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(no_locks(&error.to_string())),
    }
}

/// Leaves word who holds the lock. Informative only, so a failure is no failure.
pub(in crate::server) fn sign(layout: &Layout, plan: &Plan) {
    let holder = Holder {
        run: plan.origin.run.clone(),
        actor: plan.origin.actor.clone(),
        since: now(),
    };
    let signature = Signature {
        holder,
        transaction: Some(plan.transaction.clone()),
        login: std::process::id(),
    };
    let beside = layout.own().join(".holder.new");
    let written = serde_json::to_vec(&signature)
        .map_err(std::io::Error::from)
        .and_then(|bytes| fs::write(&beside, bytes))
        .and_then(|()| fs::rename(&beside, layout.holder()));
    if let Err(error) = written {
        tracing::debug!(%error, "the holder is not recorded");
    }
}

fn signature(layout: &Layout) -> Option<Signature> {
    serde_json::from_slice(&fs::read(layout.holder()).ok()?).ok()
}

/// Asks the login with this process id, once, as if its line had ended: it stops what it does, and frees the lock.
pub(in crate::server) fn ask_to_leave(layout: &Layout, transaction: &TransactionId, login: u32) {
    let pid = i32::try_from(login)
        .ok()
        .and_then(Pid::from_raw)
        .filter(|_| login != std::process::id());
    let Some(pid) = pid.filter(|_| serves(layout, transaction, login)) else {
        return;
    };
    match kill_process(pid, Signal::TERM) {
        Ok(()) => tracing::info!(
            login,
            "an earlier login of this transaction is asked to leave"
        ),
        Err(error) => tracing::debug!(%error, "an earlier login is gone"),
    }
}

/// Whether it is what it was when it signed: process ids are used again.
fn serves(layout: &Layout, transaction: &TransactionId, login: u32) -> bool {
    let line = fs::read(format!("/proc/{login}/cmdline")).unwrap_or_default();
    let mut words = line.split(|byte| *byte == 0).skip(1);
    let transaction = transaction.to_string();
    let expected = [
        crate::server::SUBCOMMAND.as_bytes(),
        b"serve",
        layout.target().as_os_str().as_bytes(),
        transaction.as_bytes(),
    ];
    expected.iter().all(|word| words.next() == Some(*word))
}
