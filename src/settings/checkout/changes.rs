//! Whether tracked files were modified. git's program knows how files are compared, which is more than their bytes (line
//! ends, attributes, sparse checkouts); it is asked by way of a folder of our own in place of `.git`, with a
//! configuration of ours: it then neither looks at who owns the checkout, nor runs what the checkout configures
//! (filters, hooks, monitors), nor changes it.

use super::config::Config;
use super::folders::Folders;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// A deployment does not wait for it any longer.
const LIMIT: Duration = Duration::from_secs(5);

/// Settings that decide how files are compared, and run nothing.
const COMPARING: [&str; 7] = [
    "autocrlf",
    "checkstat",
    "eol",
    "filemode",
    "ignorecase",
    "symlinks",
    "trustctime",
];

/// Whether tracked files below `folder` differ from the commit. What cannot be found out counts as no.
pub(super) fn any(folders: &Folders, config: &Config, commit: &str, folder: &Path) -> bool {
    let found = Substitute::new(config, commit).and_then(|substitute| {
        Ask {
            folders,
            substitute,
        }
        .modified(folder)
    });
    found.unwrap_or_else(|error| {
        tracing::info!(%error, "it is unknown whether files were modified");
        false
    })
}

/// A private folder that stands for `.git`; deleted in the end.
struct Substitute(PathBuf);

impl Substitute {
    fn new(config: &Config, commit: &str) -> io::Result<Self> {
        let mut name = [0; 8];
        getrandom::fill(&mut name).map_err(io::Error::other)?;
        let name = format!("deploy-action-{:016x}", u64::from_ne_bytes(name));
        let this = Self(std::env::temp_dir().join(name));
        fs::create_dir(&this.0)?;
        for folder in ["objects", "refs"] {
            fs::create_dir(this.0.join(folder))?;
        }
        fs::write(this.0.join("HEAD"), format!("{commit}\n"))?;
        fs::write(this.0.join("config"), own_config(config, commit))?;
        Ok(this)
    }
}

impl Drop for Substitute {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::info!(%error, "cannot delete a temporary folder");
        }
    }
}

fn own_config(config: &Config, commit: &str) -> String {
    let mut text = match commit.len() {
        64 => "[extensions]\nobjectFormat = sha256\n[core]\nrepositoryFormatVersion = 1\n",
        _ => "[core]\nrepositoryFormatVersion = 0\n",
    }
    .to_owned();
    for key in COMPARING {
        let plain = |value: &&str| value.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if let Some(value) = config.get("core", "", key).filter(plain) {
            text += &format!("{key} = {value}\n");
        }
    }
    text
}

/// Questions to git's program.
struct Ask<'a> {
    folders: &'a Folders,
    substitute: Substitute,
}

impl Ask<'_> {
    fn modified(&self, folder: &Path) -> io::Result<bool> {
        let mut status = self.git();
        status.args(["status", "--porcelain=v1", "-z", "--untracked-files=no"]);
        status.args(["--no-renames", "--ignore-submodules=dirty", "--"]);
        let paths = answer(status.arg(folder), Vec::new())?;
        if paths.is_empty() {
            return Ok(false);
        }
        self.without_filter(&paths)
    }

    /// Whether one of these is compared as it is. What a filter changes on the way (git-lfs) can't be compared without it.
    fn without_filter(&self, status: &[u8]) -> io::Result<bool> {
        let paths = status.split(|byte| *byte == 0).filter_map(|it| it.get(3..));
        let paths: Vec<u8> = paths.flat_map(|path| [path, b"\0"].concat()).collect();
        let mut attributes = self.git();
        attributes.args(["check-attr", "-z", "--stdin", "filter"]);
        let answers = answer(&mut attributes, paths)?;
        let mut filters = answers.split(|byte| *byte == 0).skip(2).step_by(3);
        Ok(filters.any(|filter| [&b"unspecified"[..], b"unset"].contains(&filter)))
    }

    fn git(&self) -> Command {
        let Folders {
            top, git, common, ..
        } = self.folders;
        let mut command = Command::new("git");
        command
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs([("LC_ALL", "C"), ("GIT_CONFIG_NOSYSTEM", "1")])
            .envs([
                ("GIT_CONFIG_GLOBAL", "/dev/null"),
                ("GIT_NO_LAZY_FETCH", "1"),
            ])
            .env("HOME", &self.substitute.0)
            .env("GIT_DIR", &self.substitute.0)
            .env("GIT_WORK_TREE", top)
            .env("GIT_INDEX_FILE", git.join("index"))
            .env("GIT_OBJECT_DIRECTORY", common.join("objects"))
            .current_dir(top)
            .arg("--no-optional-locks");
        command
    }
}

/// What the program prints, if it succeeds in time.
fn answer(command: &mut Command, input: Vec<u8>) -> io::Result<Vec<u8>> {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = piped.stderr(Stdio::null()).spawn()?;
    let output = read(&mut child, input);
    if output.is_err() {
        child.kill()?;
    }
    match child.wait()?.success() {
        true => output,
        false => Err(output
            .err()
            .unwrap_or_else(|| io::Error::other("git failed"))),
    }
}

fn read(child: &mut Child, input: Vec<u8>) -> io::Result<Vec<u8>> {
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (Some(mut stdin), Some(mut stdout)) = (stdin, stdout) else {
        return Err(io::Error::other("no pipe"));
    };
    // it may answer before it has read everything
    thread::spawn(move || stdin.write_all(&input));
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // whoever waited has given up if this fails
        let _ = sender.send(stdout.read_to_end(&mut bytes).map(|_| bytes));
    });
    receiver.recv_timeout(LIMIT).map_err(io::Error::other)?
}
