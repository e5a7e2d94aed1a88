//! Passes a passphrase to ssh-add, which accepts it only from a program that it starts.
//!
//! That program is a script in the private folder. It reads the passphrase from a named pipe, so the passphrase is only
//! in the kernel's memory: not in a file, an argument or the environment.

use crate::protocol::Secret;
use rustix::fs::{mknodat, FileType, Mode, CWD};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Fails the second time: ssh-add would ask forever.
const SCRIPT: &str = r#"#!/bin/sh
d=${0%/*}
if ! mkdir "$d/asked" 2>/dev/null; then mkdir "$d/wrong"; exit 1; fi
IFS= read -r answer <"$d/answer"
printf '%s\n' "$answer"
"#;

/// The program that ssh-add asks for the passphrase.
#[derive(Debug)]
pub(super) struct Askpass {
    folder: PathBuf,
    /// Holds the passphrase until it is read.
    _answer: File,
}

impl Askpass {
    /// Creates the script and the pipe in `folder`.
    ///
    /// # Errors
    /// If the files cannot be created.
    pub(super) fn new(folder: &Path, passphrase: &Secret) -> io::Result<Self> {
        let folder = folder.join("ask");
        std::fs::create_dir(&folder)?;
        let mut script = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o700)
            .open(folder.join("program"))?;
        script.write_all(SCRIPT.as_bytes())?;
        let pipe = folder.join("answer");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        // for reading too, so that opening it does not wait for the script
        let mut answer = OpenOptions::new().read(true).write(true).open(&pipe)?;
        answer.write_all(format!("{}\n", passphrase.expose()).as_bytes())?;
        Ok(Self {
            folder,
            _answer: answer,
        })
    }

    pub(super) fn program(&self) -> PathBuf {
        self.folder.join("program")
    }

    /// Whether ssh-add has asked a second time.
    pub(super) fn was_wrong(&self) -> bool {
        self.folder.join("wrong").exists()
    }
}

impl Drop for Askpass {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            tracing::debug!(%error, "the folder for the passphrase is deleted with its parent");
        }
    }
}
