//! Where a checkout keeps what git knows of it: `.git`, or what a file of that name leads to.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// HEAD, a reference, a configuration: none is longer.
const LONGEST: u64 = 1 << 20;

/// The folders of a checkout.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Folders {
    /// The folder that was checked out.
    pub(super) top: PathBuf,
    /// HEAD and the index.
    pub(super) git: PathBuf,
    /// References and objects. Another one than `git` in a linked worktree.
    pub(super) common: PathBuf,
    workspace: Option<PathBuf>,
}

impl Folders {
    /// Those of the nearest checkout above `source`, or of `source` itself.
    pub(super) fn find(source: &Path, workspace: Option<&Path>) -> Result<Option<Self>, String> {
        let within = |path: &&Path| workspace.is_none_or(|workspace| path.starts_with(workspace));
        for top in source.ancestors().take_while(within) {
            let found = fs::symlink_metadata(top.join(".git"));
            let git = match found {
                Ok(found) if found.is_file() => Some(linked(top)?),
                Ok(_) => Some(top.join(".git")),
                Err(error) if is_missing(&error) => None,
                Err(error) => return Err(failed(&top.join(".git"), &error)),
            };
            // an empty folder of that name is none of git's, as for git itself
            match git.map(|git| (git.join("HEAD").symlink_metadata(), git)) {
                Some((Ok(_), git)) => return Self::of(top, &git, workspace).map(Some),
                Some((Err(error), git)) if !is_missing(&error) => return Err(failed(&git, &error)),
                _ => {}
            }
        }
        Ok(None)
    }

    fn of(top: &Path, git: &Path, workspace: Option<&Path>) -> Result<Self, String> {
        let real = |path: &Path| fs::canonicalize(path).map_err(|error| failed(path, &error));
        let git = real(git)?;
        let mut folders = Self {
            top: top.to_owned(),
            common: git.clone(),
            git,
            workspace: workspace.map(Path::to_owned),
        };
        folders.within(&folders.git)?;
        if let Some(path) = read(&folders.git.join("commondir"))? {
            folders.common = real(&folders.git.join(path.trim()))?;
        }
        folders.within(&folders.common)?;
        Ok(folders)
    }

    /// A file below one of the folders; `None` if there is none.
    pub(super) fn read(&self, path: &Path) -> Result<Option<String>, String> {
        self.real(path)?.map_or(Ok(None), |path| read(&path))
    }

    /// The configuration of the repository, if it can be read.
    pub(super) fn config(&self) -> Option<String> {
        self.read(&self.common.join("config")).ok().flatten()
    }

    /// The same path without links; `None` if nothing is there.
    pub(super) fn real(&self, path: &Path) -> Result<Option<PathBuf>, String> {
        match fs::canonicalize(path) {
            Ok(path) => self.within(&path).map(|()| Some(path)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(failed(path, &error)),
        }
    }

    fn within(&self, path: &Path) -> Result<(), String> {
        match &self.workspace {
            Some(workspace) if !path.starts_with(workspace) => {
                Err(format!("{} is outside the workspace", path.display()))
            }
            _ => Ok(()),
        }
    }
}

/// The folder that the file `.git` of a submodule or a linked worktree names.
fn linked(top: &Path) -> Result<PathBuf, String> {
    let file = top.join(".git");
    let text = read(&file)?.unwrap_or_default();
    match text.strip_prefix("gitdir:").map(str::trim) {
        Some(path) if !path.is_empty() => {
            let path = top.join(path);
            fs::canonicalize(&path).map_err(|error| failed(&path, &error))
        }
        _ => Err(format!("{} names no folder", file.display())),
    }
}

fn read(path: &Path) -> Result<Option<String>, String> {
    text(path).map_err(|error| failed(path, &error))
}

/// The text of a regular file; `None` if there is none.
pub(super) fn text(path: &Path) -> io::Result<Option<String>> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(io::Error::other("it is not a file")),
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

pub(super) fn failed(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}
