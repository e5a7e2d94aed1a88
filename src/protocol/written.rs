//! Data that an application wrote into its release.

use super::ReleaseId;
use crate::text::amounts::{count, size};
use crate::text::excerpt::excerpt;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The most items that a text names.
const MOST_NAMED: usize = 8;

/// What is in a release and was not deployed. Also kept on the server's disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenData {
    /// The release.
    pub release: ReleaseId,
    /// Its folder.
    pub folder: String,
    /// The largest first.
    #[serde(deserialize_with = "crate::protocol::bounded::list")]
    pub items: Vec<WrittenItem>,
    /// Items beyond those.
    pub more: u64,
    /// Not everything was looked at, because it took too long.
    pub partial: bool,
    /// Paths of these that `shared` names already, where it has others.
    #[serde(default)]
    #[serde(deserialize_with = "crate::protocol::bounded::list")]
    pub named: Vec<String>,
}

/// A file, or a folder with all that is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenItem {
    /// Below the release's folder.
    pub path: String,
    /// What it is.
    pub kind: WrittenKind,
    /// Bytes.
    pub size: u64,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WrittenKind {
    /// A file.
    File,
    /// A file of the source that was changed.
    Changed,
    /// A folder in which nothing was deployed, with so many files.
    Folder(u64),
    /// So many more files in a folder that has deployed files too; the largest are named.
    Among(u64),
    /// A folder that the deploy user cannot read.
    Unreadable,
}

impl WrittenData {
    /// What can be named in `shared`, as its lines.
    #[must_use]
    pub fn shared_lines(&self) -> Vec<String> {
        let is_unnamed = |item: &&WrittenItem| !self.named.contains(&item.path);
        let unnamed = self.items.iter().filter(is_unnamed);
        let lines = unnamed.filter_map(WrittenItem::shared_line);
        lines.take(MOST_NAMED).collect()
    }

    /// The changed files of the source, which `shared` alone would not replace.
    #[must_use]
    pub fn changed(&self) -> Vec<String> {
        let changed = self
            .items
            .iter()
            .filter(|item| item.kind == WrittenKind::Changed);
        changed
            .filter_map(WrittenItem::shared_line)
            .take(MOST_NAMED)
            .collect()
    }
}

impl WrittenItem {
    /// Whether a list with `self` tells all that one with `other` does.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let kind = match (self.kind, other.kind) {
            (WrittenKind::Folder(files), WrittenKind::Folder(more))
            | (WrittenKind::Among(files), WrittenKind::Among(more)) => more <= files,
            (own, others) => own == others,
        };
        kind && self.path == other.path && self.size >= other.size
    }

    /// `None`: the input does not take such a path, or it would hide what was deployed.
    fn shared_line(&self) -> Option<String> {
        let usable = |c: char| !c.is_control() && !"*?\u{fffd}".contains(c);
        let path = &self.path;
        let line = match self.kind {
            WrittenKind::File | WrittenKind::Changed => path.clone(),
            WrittenKind::Folder(_) | WrittenKind::Unreadable => format!("{path}/"),
            WrittenKind::Among(_) => return None,
        };
        let fits = path.chars().all(usable) && path.trim() == path && !path.starts_with('~');
        (fits && excerpt(path) == *path).then_some(line)
    }
}

impl fmt::Display for WrittenData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.items.iter().take(MOST_NAMED);
        let named: Vec<String> = named.map(ToString::to_string).collect();
        f.write_str(&named.join(", "))?;
        let hidden = self.items.len().saturating_sub(MOST_NAMED) as u64;
        match hidden + self.more {
            0 => {}
            more => write!(f, " and {more} more")?,
        }
        match self.partial {
            true => f.write_str("; not everything was looked at, because it took too long"),
            false => Ok(()),
        }
    }
}

impl fmt::Display for WrittenItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, size) = (excerpt(&self.path), size(self.size));
        match self.kind {
            WrittenKind::File | WrittenKind::Changed => write!(f, "{path} ({size})"),
            WrittenKind::Folder(files) => write!(f, "{path}/ ({}, {size})", count(files, "file")),
            WrittenKind::Among(files) if path.is_empty() => {
                write!(
                    f,
                    "{} in the release's folder ({size})",
                    count(files, "more file")
                )
            }
            WrittenKind::Among(files) => {
                write!(f, "{} in {path}/ ({size})", count(files, "more file"))
            }
            WrittenKind::Unreadable => write!(f, "{path}/ (cannot be read)"),
        }
    }
}
