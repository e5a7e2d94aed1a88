//! The release's `.env`: a part of the release, so that a way back brings back its own.

use crate::protocol::Secret;
use crate::server::store::durable::{failed, Result};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Writes it, for nobody else to read. It takes the place of one that the tree holds: what is committed is most often
/// for development, what is given to a deployment is meant for this server.
pub(in crate::server) fn write(release: &Path, content: &Secret) -> Result<()> {
    let path = release.join(".env");
    make(&path, content.expose().as_bytes()).map_err(failed("write", &path))
}

fn make(path: &Path, content: &[u8]) -> io::Result<()> {
    // a link goes, and is not followed
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
