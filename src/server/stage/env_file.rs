//! The release's `.env`. It is part of the release, so a rollback restores the old one.

use super::app_access::AppUsers;
use crate::protocol::{Operation, Reason, Secret};
use crate::server::store::durable::failed;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Writes it, readable only by its owner and, if that is another user, by the unit's. It replaces one in the tree: a committed `.env` is most often for development,
/// while the input is meant for this server.
pub(super) fn write(release: &Path, content: &Secret, users: &AppUsers) -> Result<(), Reason> {
    let path = release.join(".env");
    create(&path, content.expose().as_bytes()).map_err(failed(Operation::Write, &path))?;
    users.let_read_env(release)
}

fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    // a link is replaced, not followed
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::options()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(content)
}
