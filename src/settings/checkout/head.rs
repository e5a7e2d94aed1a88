//! HEAD: the commit that is checked out, and its branch.

use super::folders::{failed, Folders};
use super::reference::{hash_of, Reference};
use super::reftable;
use std::fs::File;
use std::io::{BufRead, BufReader};

/// Symbolic references that lead to each other, as many as git follows.
const DEEPEST: usize = 5;

/// What HEAD is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// `None`: the branch has no commit yet.
    pub(super) commit: Option<String>,
    /// `None`: it is detached.
    pub(super) branch: Option<String>,
}

impl Head {
    pub(super) fn read(folders: &Folders) -> Result<Self, String> {
        let mut name = "HEAD".to_owned();
        for _ in 0..DEEPEST {
            let branch = (name != "HEAD").then(|| name.clone());
            match find(folders, &name)? {
                Some(Reference::To(next)) => name = next,
                found => {
                    let commit = found.map(|found| match found {
                        Reference::Commit(hash) | Reference::To(hash) => hash,
                    });
                    return Ok(Self { commit, branch });
                }
            }
        }
        Err("HEAD leads in a circle".to_owned())
    }
}

fn find(folders: &Folders, name: &str) -> Result<Option<Reference>, String> {
    if folders.common.join("reftable").is_dir() {
        return reftable::find(folders, name);
    }
    // a worktree has a HEAD of its own, and shares the branches
    for folder in [&folders.git, &folders.common] {
        if let Some(text) = folders.read(&folder.join(name))? {
            return Reference::parse(&text)
                .map(Some)
                .ok_or_else(|| format!("{} is damaged", folder.join(name).display()));
        }
    }
    packed(folders, name)
}

/// A reference in `packed-refs`, which has one per line: its hash and its name.
fn packed(folders: &Folders, name: &str) -> Result<Option<Reference>, String> {
    let Some(path) = folders.real(&folders.common.join("packed-refs"))? else {
        return Ok(None);
    };
    let file = File::open(&path).map_err(|error| failed(&path, &error))?;
    for line in BufReader::new(file).split(b'\n') {
        let line = line.map_err(|error| failed(&path, &error))?;
        let line = String::from_utf8_lossy(&line);
        let found = line.split_once(' ').filter(|(_, of)| *of == name);
        if let Some((hash, _)) = found {
            return Ok(hash_of(hash).map(Reference::Commit));
        }
    }
    Ok(None)
}
