//! The git checkout that holds the source: which commit is deployed.
//!
//! `.git` is read here, not by git's program, because that refuses a folder of another user (`safe.directory`), as every
//! checkout in a container is. Only for the question whether files were modified is the program asked, in a way that runs
//! nothing that the repository configures. In a workspace, nothing outside of it is read.

mod changes;
mod config;
mod folders;
mod head;
mod reference;
mod reftable;
#[cfg(test)]
mod tests;

use config::Config;
use folders::Folders;
use head::Head;
use std::path::{Path, PathBuf};

/// The checkout that holds a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checkout {
    /// The full hash of HEAD; `None`: there is no commit yet.
    pub(super) commit: Option<String>,
    /// The full name of the branch; `None`: HEAD is detached.
    pub(super) branch: Option<String>,
    /// Whether tracked files below the folder differ from the commit. What cannot be found out counts as no.
    pub(super) changed: bool,
    /// Where it was cloned from, as git's configuration has it: it may hold a password.
    pub(super) remote: Option<String>,
    /// Name of the person who commits there, if the checkout names one.
    pub(super) person: Option<String>,
}

impl Checkout {
    /// The checkout that holds `source`; both paths are absolute and without links.
    ///
    /// # Errors
    /// There is one, but its commit cannot be read; why.
    pub(super) fn find(source: &Path, workspace: Option<&Path>) -> Result<Option<Self>, String> {
        let Some(folders) = Folders::find(source, workspace)? else {
            return Ok(None);
        };
        let Head { commit, branch } = Head::read(&folders)?;
        let config = Config::parse(&folders.config().unwrap_or_default());
        let changed = commit
            .as_deref()
            .is_some_and(|commit| changes::any(&folders, &config, commit, source));
        Ok(Some(Self {
            commit,
            branch,
            changed,
            remote: config.get("remote", "origin", "url").map(str::to_owned),
            person: person(&config),
        }))
    }
}

/// The name that git writes into commits of the person who runs this, from the first of these files that has one.
pub(super) fn person_in(files: &[PathBuf]) -> Option<String> {
    files
        .iter()
        .filter_map(|file| folders::text(file).ok().flatten())
        .find_map(|text| person(&Config::parse(&text)))
}

fn person(config: &Config) -> Option<String> {
    let name = config.get("user", "", "name")?.trim();
    (!name.is_empty()).then(|| name.to_owned())
}
