//! Passes a passphrase to ssh-add, which accepts it only from a program that it starts.
//!
//! That program is a script in memory, because programs in the private folder may not be allowed to run. It reads the
//! passphrase from a named pipe, so the passphrase is only in the kernel's memory: not in a file, an argument or the
//! environment.

use crate::protocol::Secret;
use rustix::fs::{memfd_create, mknodat, FileType, MemfdFlags, Mode, CWD};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The environment variable with the folder, for the script.
pub(super) const FOLDER: &str = "DEPLOY_ACTION_ASKPASS";

/// Fails the second time: ssh-add would ask forever.
const SCRIPT: &str = r#"#!/bin/sh
d=$DEPLOY_ACTION_ASKPASS
if ! mkdir "$d/asked" 2>/dev/null; then mkdir "$d/wrong"; exit 1; fi
IFS= read -r answer <"$d/answer"
printf '%s\n' "$answer"
"#;

/// The program that ssh-add asks for the passphrase.
#[derive(Debug)]
pub(super) struct Askpass {
    folder: PathBuf,
    program: PathBuf,
    /// The program, as long as it is needed.
    _script: File,
    /// Holds the passphrase until it is read.
    _answer: File,
}

impl Askpass {
    /// Creates the script and the pipe; the pipe is in `folder`.
    ///
    /// # Errors
    /// If they cannot be created.
    pub(super) fn new(folder: &Path, passphrase: &Secret) -> io::Result<Self> {
        let folder = folder.join("ask");
        std::fs::create_dir(&folder)?;
        let (script, program) = script(&folder)?;
        let pipe = folder.join("answer");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        // for reading too, so that opening it does not wait for the script
        let mut answer = OpenOptions::new().read(true).write(true).open(&pipe)?;
        answer.write_all(format!("{}\n", passphrase.expose()).as_bytes())?;
        Ok(Self {
            folder,
            program,
            _script: script,
            _answer: answer,
        })
    }

    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether ssh-add could not run the program, by what ssh-add printed.
    pub(super) fn was_not_run(&self, output: &[u8]) -> bool {
        let output = String::from_utf8_lossy(output);
        output.contains("ssh_askpass: exec") && !self.folder.join("asked").exists()
    }

    /// Whether ssh-add has asked a second time.
    pub(super) fn was_wrong(&self) -> bool {
        self.folder.join("wrong").exists()
    }
}

/// The script, and the path under which it can be run. A system that allows no programs in memory gets a file.
fn script(folder: &Path) -> io::Result<(File, PathBuf)> {
    let (mut script, path) = match in_memory() {
        Ok(script) => {
            let descriptor = script.as_raw_fd();
            let path = format!("/proc/{}/fd/{descriptor}", std::process::id());
            (script, PathBuf::from(path))
        }
        Err(error) => {
            tracing::info!(%error, "no programs in memory");
            let path = folder.join("program");
            let mut file = OpenOptions::new();
            let file = file.create_new(true).write(true).mode(0o700).open(&path)?;
            (file, path)
        }
    };
    script.write_all(SCRIPT.as_bytes())?;
    if path.starts_with(folder) {
        // a file that is open for writing cannot be run
        script = File::open(&path)?;
    }
    Ok((script, path))
}

fn in_memory() -> Result<File, Errno> {
    let create = |flags| memfd_create("askpass", MemfdFlags::CLOEXEC | flags);
    // the flag is new, and required where programs in memory are restricted
    let script = create(MemfdFlags::EXEC).or_else(|error| match error {
        Errno::INVAL => create(MemfdFlags::empty()),
        error => Err(error),
    });
    script.map(File::from)
}

impl Drop for Askpass {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            tracing::info!(%error, "the folder for the passphrase is deleted with its parent");
        }
    }
}
