//! The unit files of a release: which they are, and what systemd will make of them after the switch.

mod accounts;
mod analyze;
pub(in crate::server) mod check;
mod effective;
mod settings;
pub(super) mod specifiers;
pub(in crate::server) mod staged;
mod words;

use crate::protocol::{ReleaseId, Scope, UnitFile, UnitPatterns};
use crate::server::store::layout::Layout;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that deep are not searched.
const MAX_DEPTH: usize = 30;
/// More than a service has.
const MAX_FILES: usize = 200;
/// Of a unit file, in bytes.
const MAX_TEXT: u64 = 1 << 20;

/// The unit files in a release's folder: regular files that fit the patterns, those that its install has created too.
pub(in crate::server) fn of_release(
    layout: &Layout,
    release: &ReleaseId,
    patterns: &[String],
) -> Vec<UnitFile> {
    let folder = &layout.release(release);
    let mut found = Vec::new();
    // the runner has checked them
    let Ok(fitting) = UnitPatterns::new(patterns) else {
        return found;
    };
    for pattern in patterns {
        let (parts, depth) = match pattern.split_once(['*', '?', '[', '{']) {
            Some(_) if pattern.contains("**") => (pattern.split('/'), MAX_DEPTH),
            _ => (pattern.split('/'), pattern.split('/').count()),
        };
        let fixed = parts.take_while(|part| !part.contains(['*', '?', '[', '{', '\\']));
        let start: PathBuf = fixed.collect();
        let depth = depth.saturating_sub(start.components().count());
        search(
            folder,
            &start.to_string_lossy(),
            depth,
            &fitting,
            &mut found,
        );
    }
    found.sort();
    found.dedup();
    found
}

fn search(
    folder: &Path,
    path: &str,
    depth: usize,
    fitting: &UnitPatterns,
    found: &mut Vec<UnitFile>,
) {
    let at = folder.join(path);
    let Ok(kind) = fs::symlink_metadata(&at) else {
        return;
    };
    if kind.is_file() {
        found.extend(fitting.unit_file(path));
    }
    if !kind.is_dir() || depth == 0 || found.len() > MAX_FILES {
        return;
    }
    for entry in fs::read_dir(at).into_iter().flatten().flatten() {
        if let Some(name) = entry.file_name().to_str() {
            let below = match path {
                "" => name.to_owned(),
                path => format!("{path}/{name}"),
            };
            search(folder, &below, depth - 1, fitting, found);
        }
    }
}

/// Where the unit files of the server's owner lie.
fn folder(scope: Scope) -> PathBuf {
    match scope {
        Scope::System => PathBuf::from("/etc/systemd/system"),
        Scope::User => {
            let own = |name| std::env::var_os(name).map(PathBuf::from);
            let config = own("XDG_CONFIG_HOME").filter(|it| it.is_absolute());
            let config = config.or_else(|| own("HOME").map(|home| home.join(".config")));
            config.unwrap_or_default().join("systemd/user")
        }
    }
}

/// The text of a unit file; bytes that are no UTF-8 become marks.
fn read(path: &Path) -> Option<String> {
    use std::io::Read;
    let mut text = Vec::new();
    let file = fs::File::open(path).ok()?;
    file.take(MAX_TEXT).read_to_end(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests;
