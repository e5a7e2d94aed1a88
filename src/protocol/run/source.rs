//! What is odd about the source, but no reason to stop.

use crate::text::amounts::count;
use crate::text::excerpt::excerpt;
use crate::text::Prose;
use std::fmt;

/// So many names stand in a sentence.
const NAMED: usize = 3;

/// Something about the source that a person should know before it is uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceDoubt {
    /// What.
    pub kind: SourceDoubtKind,
    /// Paths in the source, untrusted; at least one.
    pub paths: Vec<Vec<u8>>,
}

/// What is odd about paths in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceDoubtKind {
    /// Links that lead out of the release.
    LinksOut,
    /// Pointers of Git LFS instead of the files.
    LargeFiles,
    /// Folders of submodules that are empty.
    Submodules,
    /// Files of a static site that only their owner may read.
    OwnerOnly,
    /// `.env` files that git ignores, uploaded from someone's computer.
    IgnoredEnv,
}

impl SourceDoubt {
    /// In a sentence; the names are untrusted.
    #[must_use]
    pub fn text(&self) -> Prose {
        let (noun, one, many, advice) = self.kind.texts();
        let what = if self.paths.len() == 1 { one } else { many };
        let number = count(self.paths.len() as u64, noun);
        let mut text = Prose::of("{} ", [&number]).and(what).and(": ");
        for (at, path) in self.paths.iter().take(NAMED).enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            text = text.and(comma).and(Prose::verbatim(excerpt(path)));
        }
        match self.paths.len().saturating_sub(NAMED) {
            0 => text,
            more => text.and(Prose::of(" and {} more", [&more])),
        }
        .and(". ")
        .and(advice)
    }
}

impl fmt::Display for SourceDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.text())
    }
}

impl SourceDoubtKind {
    /// What they are, what is odd about one and about several of them, and what to do.
    fn texts(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::LinksOut => (
                "link",
                "in the source points outside the release, to other files on the server",
                "in the source point outside the release, to other files on the server",
                "If the files are part of the app, copy them; otherwise name the link in the input exclude",
            ),
            Self::LargeFiles => (
                "file",
                "in the source is a pointer of Git LFS, without the content",
                "in the source are pointers of Git LFS, without the content",
                "Give actions/checkout `lfs: true`, or run `git lfs pull`",
            ),
            Self::Submodules => (
                "submodule",
                "in the source is empty",
                "in the source are empty",
                "Give actions/checkout `submodules: true`, or run `git submodule update --init`",
            ),
            Self::OwnerOnly => (
                "file",
                "of this static site can be read only by the deploy user, not by the web server",
                "of this static site can be read only by the deploy user, not by the web server",
                "Before this step, run `chmod -R a+rX` on the source; the runner's umask may be 077",
            ),
            Self::IgnoredEnv => (
                "file",
                "that git ignores is uploaded",
                "that git ignores are uploaded",
                "If it belongs to this computer only, name it in the input exclude; to give the server its own, use the input env-file",
            ),
        }
    }
}
