//! Releases and their commits as pages show them: short, with links to GitHub.

use super::markdown::{code, link};
use super::{texts, Job};
use crate::protocol::{Made, ReleaseId};
use crate::text::excerpt::lines;
use crate::text::Redactor;

/// Characters of a commit hash that are shown.
const SHOWN: usize = 7;
/// Stands for a commit with a secret in it.
const HIDDEN: &str = "***";
/// Digits of a commit hash.
const HASH: std::ops::RangeInclusive<usize> = 7..=64;

/// How commits are shown, in Markdown for a table or a sentence. The commits are untrusted: what is no hash gets no link.
pub(super) struct Commits<'a> {
    pub(super) job: &'a Job,
    pub(super) redactor: &'a Redactor,
}

impl Commits<'_> {
    /// A commit, with a link if it is a hash; `changed`: what is deployed is not exactly that commit.
    pub(super) fn short(&self, commit: &str, changed: bool) -> String {
        let commit = &without_secrets(commit, self.redactor);
        let short = short(commit, changed);
        let to = hash(commit).and_then(|hash| self.page(&format!("commit/{hash}")));
        link(&code(&short, self.redactor), to.as_deref()).replace('|', "¦")
    }

    /// The commit that a release was made from; `None`: it is unknown.
    pub(super) fn of(&self, made: &Made) -> Option<String> {
        let commit = made.commit.as_deref()?;
        Some(self.short(commit, made.changed)).filter(|shown| !shown.is_empty())
    }

    /// A release by its id. One that was taken over has the name that others gave it.
    pub(super) fn id(&self, id: &ReleaseId) -> String {
        code(&id.to_string(), self.redactor).replace('|', "¦")
    }

    /// A link to the differences between two commits.
    pub(super) fn compare(&self, old: &str, new: &str) -> Option<String> {
        let clean = |commit| without_secrets(commit, self.redactor);
        let (old, new) = (clean(old), clean(new));
        let (old, new) = (hash(&old)?, hash(&new)?);
        let to = self.page(&format!("compare/{old}...{new}"))?;
        (old != new).then(|| link("compare", Some(&to)))
    }

    /// A page of the repository.
    fn page(&self, path: &str) -> Option<String> {
        Some(format!("{}/{path}", self.job.repository_page()?))
    }
}

/// A commit; if there is a secret in it, a mark only. A part of a secret would not be found later.
pub(super) fn without_secrets(commit: &str, redactor: &Redactor) -> String {
    let lines = lines(commit.as_bytes());
    match redactor.foreign(&lines) == lines {
        true => commit.to_owned(),
        false => HIDDEN.to_owned(),
    }
}

/// A commit as plain text. Untrusted.
pub(super) fn short(commit: &str, changed: bool) -> String {
    let short: String = commit.chars().take(SHOWN).collect();
    short + texts::changes(changed)
}

/// The hash of a commit, if that is all that a stranger can have put there.
fn hash(commit: &str) -> Option<&str> {
    let is_hash =
        HASH.contains(&commit.len()) && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then_some(commit)
}
