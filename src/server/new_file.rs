//! A file of a release that is being staged.

use super::durable::{failed, Result};
use crate::protocol::{Reason, ShortDigest};
use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// A file that is to be made.
pub(super) struct NewFile {
    pub(super) path: PathBuf,
    pub(super) mode: u32,
    pub(super) size: u64,
    pub(super) digest: ShortDigest,
}

impl NewFile {
    pub(super) fn create(&self) -> Result<File> {
        File::options()
            .create_new(true)
            .read(true)
            .write(true)
            .open(&self.path)
            .map_err(failed("make", &self.path))
    }

    pub(super) fn finish(&self, file: &File) -> Result<()> {
        file.set_permissions(Permissions::from_mode(self.mode))
            .map_err(failed("set the mode of", &self.path))
    }

    pub(super) fn write_empty(&self) -> Result<()> {
        if self.digest != ShortDigest::of(b"") {
            return Err(Reason::Upload(
                "an empty file with the digest of another".to_owned(),
            ));
        }
        self.finish(&self.create()?)
    }
}
