//! A file that is created in a release.

use super::modes::HandedDown;
use crate::protocol::{BadUpload, Operation, Reason, ShortDigest};
use crate::server::store::durable::failed;
use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// A file to create.
pub(super) struct NewFile {
    pub(super) path: PathBuf,
    pub(super) mode: u32,
    pub(super) size: u64,
    pub(super) digest: ShortDigest,
    pub(super) handed_down: HandedDown,
}

impl NewFile {
    pub(super) fn create(&self) -> Result<File, Reason> {
        File::options()
            .create_new(true)
            .read(true)
            .write(true)
            .open(&self.path)
            .map_err(failed(Operation::Create, &self.path))
    }

    pub(super) fn finish(&self, file: &File) -> Result<(), Reason> {
        let set = || {
            let mode = self.handed_down.file_mode(self.mode, &file.metadata()?);
            file.set_permissions(Permissions::from_mode(mode))
        };
        set().map_err(failed(Operation::SetMode, &self.path))
    }

    pub(super) fn write_empty(&self) -> Result<(), Reason> {
        if self.digest != ShortDigest::of(b"") {
            return Err(Reason::Upload(BadUpload::EmptyFile));
        }
        self.finish(&self.create()?)
    }
}
