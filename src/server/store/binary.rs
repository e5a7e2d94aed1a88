//! The server part's own program: `.deploy/bin/<sha256>`, and the link `.deploy/bin/server` to the newest one.

use crate::protocol::Digest;
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Server parts that are kept, for rollbacks of deploy-action itself.
const KEPT: usize = 3;

/// Checks that this program was copied completely, then moves it into place.
pub(in crate::server) fn install(expected: Digest) -> io::Result<()> {
    let here = fs::read_link("/proc/self/exe")?;
    let found = own_digest()?;
    if found != expected {
        fs::remove_file(&here)?;
        return Err(io::Error::other(format!(
            "the server part arrived as {found}, not as {expected}"
        )));
    }
    let folder = here.parent().unwrap_or(Path::new("/")).to_owned();
    File::open(&here)?.sync_all()?;
    fs::rename(&here, folder.join(expected.to_string()))?;
    link_newest(&folder, &expected.to_string())?;
    File::open(&folder)?.sync_all()?;
    prune(&folder, &expected.to_string());
    Ok(())
}

fn link_newest(folder: &Path, name: &str) -> io::Result<()> {
    let beside = folder.join(format!(".server.{name}"));
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => symlink(name, &beside)?,
    }
    fs::rename(beside, folder.join("server"))
}

/// Deletes older ones, and incomplete copies.
fn prune(folder: &Path, newest: &str) {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_other = |path: &PathBuf| !path.ends_with(newest) && !path.ends_with("server");
    let modified = |path: &PathBuf| fs::symlink_metadata(path).and_then(|found| found.modified());
    let mut others: Vec<(SystemTime, PathBuf)> = files
        .map(|file| file.path())
        .filter(is_other)
        .filter_map(|path| Some((modified(&path).ok()?, path)))
        .collect();
    others.sort_unstable();
    for (_, path) in others.iter().rev().skip(KEPT - 1) {
        if let Err(error) = fs::remove_file(path) {
            tracing::info!(%error, "an old server part cannot be deleted");
        }
    }
}

/// The digest of this program.
fn own_digest() -> io::Result<Digest> {
    digest_of(Path::new("/proc/self/exe"))
}

const PIECE: usize = 128 << 10;

fn hash(source: &mut impl Read) -> io::Result<Digest> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; PIECE];
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok(Digest::from_hasher(hasher)),
            n => hasher.update(&buffer[..n]),
        }
    }
}

/// The digest of a file.
fn digest_of(path: &Path) -> io::Result<Digest> {
    hash(&mut File::open(path)?)
}
