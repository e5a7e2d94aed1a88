//! The runner half comes back over another line, and an earlier login of its own transaction does not know yet that its
//! line is dead: sshd notices that only when something is to be sent. Before the point of no return it is asked to leave.

use super::layout::Layout;
use crate::protocol::TransactionId;
use rustix::process::{kill_process, Pid, Signal};
use std::fs;
use std::os::unix::ffi::OsStrExt;

/// Asks the login with this process id, once, as if its line had ended: it stops what it does, and frees the lock.
pub(super) fn ask_to_leave(layout: &Layout, transaction: &TransactionId, login: u32) {
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
        super::SUBCOMMAND.as_bytes(),
        b"serve",
        layout.target().as_os_str().as_bytes(),
        transaction.as_bytes(),
    ];
    expected.iter().all(|word| words.next() == Some(*word))
}
