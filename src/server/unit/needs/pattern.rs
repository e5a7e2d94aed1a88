//! Paths with patterns, as glob(3) expands them.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// A pattern that fits more than this is not followed further.
const MAX_FITTING: usize = 1000;

/// Whether the path is a pattern that something fits, or may fit.
///
/// `follow` says where a path leads.
pub(super) fn fits_any(path: &Path, follow: &dyn Fn(PathBuf) -> PathBuf) -> bool {
    let text = path.to_string_lossy();
    if text.contains(['[', '{', '\\']) {
        return true;
    }
    if !text.contains(['*', '?']) {
        return false;
    }
    let mut fitting = vec![PathBuf::from("/")];
    for name in path.components().skip(1).map(Component::as_os_str) {
        let pattern = name.as_bytes();
        let mut next = Vec::new();
        for folder in fitting.into_iter().map(follow) {
            if !pattern.contains(&b'*') && !pattern.contains(&b'?') {
                next.push(folder.join(name));
                continue;
            }
            match fs::read_dir(folder) {
                Ok(entries) => next.extend(
                    entries
                        .flatten()
                        .filter(|entry| fits(pattern, entry.file_name().as_bytes()))
                        .map(|entry| entry.path()),
                ),
                Err(error) if !is_missing(&error) => return true,
                Err(_) => {}
            }
        }
        if next.len() > MAX_FITTING {
            return true;
        }
        fitting = next;
    }
    let is_there = |path| !fs::metadata(path).is_err_and(|error| is_missing(&error));
    fitting.into_iter().map(follow).any(is_there)
}

/// Whether the path is not there. Otherwise systemd may see what the deploy user may not.
pub(super) fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// As glob(7) compares, but without lists in brackets.
pub(in crate::server) fn fits(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        // a hidden name fits only a pattern that begins like it
        ([b'*' | b'?', ..], [b'.', ..]) => false,
        _ => fits_rest(pattern, name),
    }
}

/// Goes back to the last `*` only: the ones before it need not fit more.
fn fits_rest(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut last_star = None;
    while let Some(found) = name.get(read) {
        match pattern.get(at) {
            Some(b'*') => {
                last_star = Some((at, read));
                at += 1;
            }
            Some(wanted) if *wanted == b'?' || wanted == found => {
                at += 1;
                read += 1;
            }
            _ => match &mut last_star {
                Some((star, from)) => {
                    *from += 1;
                    (at, read) = (*star + 1, *from);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_a_shell_does() {
        let fits = |pattern: &str, name: &str| fits(pattern.as_bytes(), name.as_bytes());
        for (pattern, name) in [
            ("*", "a"),
            ("a*", "a"),
            ("*.env", "b.c.env"),
            ("a*b*c", "abbcbc"),
            ("?b", "ab"),
            (".*", ".env"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("*", ".env"),
            ("?env", ".env"),
            ("a*", "ba"),
            ("*.env", "env"),
            ("a*b", "abc"),
            ("?", ""),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    /// With all ways to fit each `*` it would take longer than anyone lives.
    #[test]
    fn many_stars_cost_little() {
        assert!(!fits(
            &b"*a".repeat(100),
            &[&b"a".repeat(250)[..], b"b"].concat()
        ));
    }
}
