//! One deployment of a target at a time. The lock is of the open file: it dies with whoever has it, and is handed to
//! the transaction's process as its standard input.

use super::check;
use super::clock::now;
use super::durable::{failed, Result};
use super::inbox::Limits;
use super::layout::Layout;
use crate::protocol::{Holder, Origin, Reason, Unready};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(200);
/// statfs(2): locks of network file systems are not those of this host.
const NFS: i64 = 0x6969;

/// Takes the lock, waiting up to `wait`; `on_wait` is told once who holds it.
pub(super) fn take(
    layout: &Layout,
    wait: Duration,
    limits: &Limits,
    mut on_wait: impl FnMut(Option<Holder>),
) -> Result<File> {
    let file = open(layout)?;
    let start = Instant::now();
    let mut told = false;
    while !try_lock(&file)? {
        limits.check()?;
        if start.elapsed() >= wait {
            return Err(Reason::Busy(holder(layout)));
        }
        if !std::mem::replace(&mut told, true) {
            on_wait(holder(layout));
        }
        thread::sleep(TICK.min(wait));
    }
    Ok(file)
}

/// Takes the lock if it is free.
pub(super) fn try_take(layout: &Layout) -> Result<Option<File>> {
    let file = open(layout)?;
    Ok(try_lock(&file)?.then_some(file))
}

fn open(layout: &Layout) -> Result<File> {
    let path = layout.lock();
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(|error| {
        // somebody else has deployed here before, root for example
        match error.kind() {
            io::ErrorKind::PermissionDenied => not_ours(layout, &error),
            _ => failed("open", &path)(error),
        }
    })?;
    refuse_network(&file, &path)?;
    Ok(file)
}

fn refuse_network(file: &File, path: &Path) -> Result<()> {
    let system = rustix::fs::fstatfs(file).map_err(|error| failed("look at", path)(error.into()))?;
    #[allow(clippy::useless_conversion, reason = "the field's type differs between CPUs")]
    if i64::try_from(system.f_type) == Ok(NFS) {
        return Err(no_locks("the folder is on NFS"));
    }
    Ok(())
}

fn not_ours(layout: &Layout, error: &io::Error) -> Reason {
    let path = layout.target().display().to_string();
    Reason::NotReady(vec![Unready::Target { path, user: check::user(), error: error.to_string() }])
}

fn no_locks(error: &str) -> Reason {
    Reason::NotReady(vec![Unready::NoLocks { error: error.to_owned() }])
}

fn try_lock(file: &File) -> Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(no_locks(&error.to_string())),
    }
}

/// Leaves word who holds the lock. Informative only, so a failure is no failure.
pub(super) fn sign(layout: &Layout, origin: &Origin) {
    let holder = Holder { run: origin.run.clone(), actor: origin.actor.clone(), since: now() };
    let beside = layout.own().join(".holder.new");
    let written = serde_json::to_vec(&holder)
        .map_err(std::io::Error::from)
        .and_then(|bytes| fs::write(&beside, bytes))
        .and_then(|()| fs::rename(&beside, layout.holder()));
    if let Err(error) = written {
        tracing::debug!(%error, "the holder is not recorded");
    }
}

fn holder(layout: &Layout) -> Option<Holder> {
    serde_json::from_slice(&fs::read(layout.holder()).ok()?).ok()
}
