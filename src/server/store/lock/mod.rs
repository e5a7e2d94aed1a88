//! The lock: one deployment of a target at a time. It belongs to the open file, so it is released when the last process
//! with that file ends. The transaction's process gets the file as its standard input. Who waits for it is served in the order
//! of [`queue`].

mod queue;

use crate::protocol::{Finding, Holder, LockError, Operation, Plan, Reason, TransactionId};
use crate::server::clock::now;
use crate::server::exec::user::user;
use crate::server::limits::Limits;
use crate::server::store::durable::{self, failed};
use crate::server::store::layout::Layout;
use crate::server::store::pending::Pending;
use crate::server::subcommand::SUBCOMMAND;
use queue::Turn;
use rustix::process::{kill_process, Pid, Signal};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(200);
/// The shortest time between two attempts.
const MIN_TICK: Duration = Duration::from_millis(20);
/// statfs(2). A lock on a network file system may not be visible to every process of this host.
const NFS: i64 = 0x6969;

/// The file in which the holder of the lock names itself.
#[derive(Debug, Serialize, Deserialize)]
struct HolderRecord {
    #[serde(flatten)]
    holder: Holder,
    /// Absent in files of earlier versions.
    #[serde(default)]
    transaction: Option<TransactionId>,
    /// The process that serves its runner half.
    #[serde(default)]
    login: u32,
}

/// Takes the lock. Waits for another deployment for at most the plan's `lock_wait`; then `on_wait` gets its holder, once.
/// `None`: the same transaction holds it and is past the point of no return.
pub(in crate::server) fn take(
    layout: &Layout,
    plan: &Plan,
    limits: &Limits,
    mut on_wait: impl FnMut(Option<Holder>),
) -> Result<Option<File>, Reason> {
    let start = Instant::now();
    let (mut reported, mut stopped) = (false, false);
    let mut turn = Turn::default();
    // opened each time: someone may have replaced the file
    loop {
        if turn.has_come(layout) {
            if let Some(file) = try_take(layout)? {
                return Ok(Some(file));
            }
        }
        limits.check()?;
        match holder_record(layout) {
            Some(own) if own.transaction.as_ref() == Some(&plan.transaction) => {
                if Pending::is_of(layout, &plan.transaction) {
                    return Ok(None);
                }
                // it came long ago
                turn.go_first(layout, &plan.transaction);
                if !std::mem::replace(&mut stopped, true) {
                    stop_login(layout, &plan.transaction, own.login);
                }
            }
            other => {
                let holder = other.map(|other| other.holder);
                if start.elapsed() >= plan.lock_wait {
                    return Err(Reason::Busy(holder));
                }
                turn.wait(layout, &plan.transaction);
                if !std::mem::replace(&mut reported, true) {
                    on_wait(holder);
                }
            }
        }
        thread::sleep(TICK.min(plan.lock_wait.max(MIN_TICK)));
    }
}

/// Who holds the lock, from the view of a transaction.
#[derive(Debug)]
pub(in crate::server) enum LockState {
    /// It was free, and is now held here.
    Free(File),
    /// A login of the same transaction holds it: its process id.
    HeldByLogin(u32),
    HeldByOther,
}

/// Takes the lock if it is free, else finds out who holds it.
pub(in crate::server) fn take_or_inspect(
    layout: &Layout,
    transaction: &TransactionId,
) -> Result<LockState, Reason> {
    if let Some(lock) = try_take(layout)? {
        return Ok(LockState::Free(lock));
    }
    let own =
        holder_record(layout).filter(|record| record.transaction.as_ref() == Some(transaction));
    Ok(own.map_or(LockState::HeldByOther, |own| {
        LockState::HeldByLogin(own.login)
    }))
}

/// Takes the lock if it is free, and no transaction runs without it.
pub(in crate::server) fn try_take(layout: &Layout) -> Result<Option<File>, Reason> {
    let file = open(layout)?;
    Ok((try_lock(&file)? && !pending_runs(layout)).then_some(file))
}

/// Whether the pending transaction has its process still. It holds the lock, unless someone has replaced the file.
fn pending_runs(layout: &Layout) -> bool {
    matches!(Pending::read(layout), Ok(Some(pending)) if is_running(layout, &pending.transaction))
}

/// Whether the transaction has its own process still.
pub(in crate::server) fn is_running(layout: &Layout, transaction: &TransactionId) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.any(|process| has_arguments(process, "transact", layout, transaction))
}

fn open(layout: &Layout) -> Result<File, Reason> {
    let path = layout.lock();
    let created = durable::private()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = match created {
        // it can be locked all the same
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => File::open(&path),
        opened => opened,
    };
    let file = file.map_err(|error| {
        // another user has deployed here before, for example root
        match error.kind() {
            io::ErrorKind::PermissionDenied => no_access(layout, &error),
            _ => failed(Operation::Open, &path)(error),
        }
    })?;
    refuse_network(&file, &path)?;
    Ok(file)
}

fn refuse_network(file: &File, path: &Path) -> Result<(), Reason> {
    let system = rustix::fs::fstatfs(file)
        .map_err(|error| failed(Operation::Inspect, path)(error.into()))?;
    #[allow(
        clippy::useless_conversion,
        reason = "the field's type differs between CPUs"
    )]
    if i64::try_from(system.f_type) == Ok(NFS) {
        return Err(no_locks(LockError::Nfs));
    }
    Ok(())
}

fn no_access(layout: &Layout, error: &io::Error) -> Reason {
    let path = layout.target().display().to_string();
    Reason::NotReady(vec![Finding::Target {
        path,
        user: user(),
        error: error.to_string(),
    }])
}

fn no_locks(error: LockError) -> Reason {
    Reason::NotReady(vec![Finding::NoLocks { error }])
}

fn try_lock(file: &File) -> Result<bool, Reason> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(no_locks(LockError::Other(error.to_string()))),
    }
}

/// Records who holds the lock. Best effort, because it is only for messages.
pub(in crate::server) fn record_holder(layout: &Layout, plan: &Plan) {
    let holder = Holder {
        run: plan.origin.run.clone(),
        actor: plan.origin.actor.clone(),
        since: now(),
    };
    let record = HolderRecord {
        holder,
        transaction: Some(plan.transaction.clone()),
        login: std::process::id(),
    };
    let beside = layout.deploy_folder().join(".holder.new");
    let written = serde_json::to_vec(&record)
        .map_err(std::io::Error::from)
        .and_then(|bytes| durable::write_briefly(&beside, &bytes))
        .and_then(|()| fs::rename(&beside, layout.holder()));
    if let Err(error) = written {
        tracing::info!(%error, "the holder of the lock cannot be recorded");
    }
}

fn holder_record(layout: &Layout) -> Option<HolderRecord> {
    serde_json::from_slice(&fs::read(layout.holder()).ok()?).ok()
}

/// Sends SIGTERM to the login with this process id. It then stops as if its connection had ended, and releases the lock.
pub(in crate::server) fn stop_login(layout: &Layout, transaction: &TransactionId, login: u32) {
    let pid = i32::try_from(login)
        .ok()
        .and_then(Pid::from_raw)
        .filter(|_| login != std::process::id());
    let Some(pid) = pid.filter(|_| has_arguments(login, "serve", layout, transaction)) else {
        return;
    };
    match kill_process(pid, Signal::TERM) {
        Ok(()) => tracing::info!(login, "stopping an earlier login of this transaction"),
        Err(error) => tracing::info!(%error, "an earlier login has ended"),
    }
}

/// Whether the process runs this subcommand for the transaction: process ids are reused.
fn has_arguments(
    process: u32,
    subcommand: &str,
    layout: &Layout,
    transaction: &TransactionId,
) -> bool {
    let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let mut words = line.split(|byte| *byte == 0).skip(1);
    let transaction = transaction.to_string();
    let expected = [
        SUBCOMMAND.as_bytes(),
        subcommand.as_bytes(),
        layout.target().as_os_str().as_bytes(),
        transaction.as_bytes(),
    ];
    expected.iter().all(|word| words.next() == Some(*word))
}
