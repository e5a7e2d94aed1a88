//! Hands a passphrase to ssh-add, which takes one only from a program that it starts.
//!
//! The program is a script of ours in the private folder, and what it prints waits for it in a named pipe there, that
//! is in the kernel's memory: not in a file, an argument or an environment.

use crate::protocol::Secret;
use rustix::fs::{mknodat, FileType, Mode, CWD};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Asked again, it gives up: ssh-add would ask for ever.
const SCRIPT: &str = r#"#!/bin/sh
d=${0%/*}
if ! mkdir "$d/asked" 2>/dev/null; then mkdir "$d/wrong"; exit 1; fi
IFS= read -r answer <"$d/answer"
printf '%s\n' "$answer"
"#;

/// What ssh-add may ask.
#[derive(Debug)]
pub(super) struct Askpass {
    folder: PathBuf,
    /// Holds what is not yet read.
    _answer: File,
}

impl Askpass {
    /// # Errors
    /// If `folder` does not take it.
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
        // for both, so that opening it does not wait for the script
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

    /// Whether ssh-add has asked again.
    pub(super) fn was_wrong(&self) -> bool {
        self.folder.join("wrong").exists()
    }
}

impl Drop for Askpass {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            tracing::debug!(%error, "the folder for a passphrase goes with its parent");
        }
    }
}
