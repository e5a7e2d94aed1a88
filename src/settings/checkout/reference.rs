//! References of git, such as HEAD and branches, and the hashes of commits.

/// What a reference leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reference {
    Commit(String),
    To(String),
}

impl Reference {
    /// The text of HEAD or of the file of a reference.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("ref:") {
            Some(name) => Self::to(name.trim()),
            None => hash_of(text.trim()).map(Self::Commit),
        }
    }

    /// A name that git would accept, as far as it becomes a path here.
    pub(super) fn to(name: &str) -> Option<Self> {
        let mut parts = name.split('/');
        let is_part = |part: &str| !part.is_empty() && !part.starts_with('.');
        (parts.next() == Some("refs") && parts.all(is_part)).then(|| Self::To(name.to_owned()))
    }
}

/// A full hash, SHA-1 or SHA-256.
pub(super) fn hash_of(text: &str) -> Option<String> {
    let is_hash =
        [40, 64].contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| text.to_ascii_lowercase())
}
