//! What programs write for themselves: nobody misses it in the next release.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Caches, temporary files and logs, whatever is in them.
const FOLDERS: [&str; 26] = [
    "__pycache__",
    "cache",
    ".cache",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".next",
    ".nuxt",
    ".svelte-kit",
    ".turbo",
    ".parcel-cache",
    ".vite",
    ".webpack",
    ".output",
    ".config",
    ".npm",
    ".sass-cache",
    "log",
    "logs",
    "tmp",
    ".tmp",
    "temp",
    "pids",
    "sockets",
    "lost+found",
    ".git",
];

/// What install commands usually make.
const INSTALLED: [&str; 14] = [
    ".venv",
    "venv",
    "env",
    "node_modules",
    "bower_components",
    "vendor",
    ".bundle",
    "target",
    "dist",
    "build",
    "_build",
    "out",
    "obj",
    "staticfiles",
];

const ENDS: [&str; 12] = [
    ".pyc",
    ".pyo",
    ".log",
    ".pid",
    ".sock",
    ".socket",
    ".lock",
    ".tmp",
    ".temp",
    ".swp",
    "~",
    ".tsbuildinfo",
];
const NAMES: [&str; 6] = [
    "nohup.out",
    ".DS_Store",
    ".coverage",
    ".eslintcache",
    "access_log",
    "error_log",
];
const STARTS: [&str; 3] = [".nfs", ".fuse_hidden", "celerybeat-schedule"];
/// What SQLite keeps beside a database.
pub(in crate::server) const SIBLINGS: [&str; 3] = ["-wal", "-shm", "-journal"];
const DATABASES: [&str; 3] = [".db", ".sqlite", ".sqlite3"];
/// What a log's name ends with before a number or a date is added to it.
const LOGS: [&str; 3] = [".log", "access_log", "error_log"];
const PACKED: [&str; 4] = [".gz", ".bz2", ".xz", ".zst"];

/// Files that keep a folder in git, which are replaced when the folder is shared.
const PLACEHOLDERS: [&str; 3] = [".gitkeep", ".keep", ".gitignore"];

pub(super) fn is_ignored_folder(name: &str) -> bool {
    FOLDERS.contains(&name)
}

pub(super) fn is_installed(name: &str) -> bool {
    INSTALLED.contains(&name)
}

pub(super) fn is_ignored_file(name: &str, path: &Path) -> bool {
    ENDS.iter().any(|end| name.ends_with(end))
        || NAMES.contains(&name)
        || STARTS.iter().any(|start| name.starts_with(start))
        || is_rotated(name)
        || PLACEHOLDERS.contains(&name)
        || is_core(name, path)
}

/// Of SQLite, with what it keeps beside it. It counts wherever it is.
pub(super) fn is_database(name: &str) -> bool {
    let base = SIBLINGS.iter().find_map(|it| name.strip_suffix(it));
    let base = base.unwrap_or(name);
    DATABASES.iter().any(|end| base.ends_with(end))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `app.log.1`, `app.log-20261128.gz`, `app.log.2026-11-28`.
fn is_rotated(name: &str) -> bool {
    let packed = PACKED.iter().find_map(|end| name.strip_suffix(end));
    let base = packed.unwrap_or(name);
    LOGS.iter().any(|log| {
        let Some((_, rest)) = base.rsplit_once(log) else {
            return false;
        };
        let mut parts = rest.split(['.', '-', '_']);
        // nothing before the first of them
        parts.next() == Some("") && (packed.is_some() || rest.len() > 1) && parts.all(is_number)
    })
}

/// What the kernel writes when a program crashes.
fn is_core(name: &str, path: &Path) -> bool {
    let is_elf = || {
        let mut start = [0; 4];
        let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
        read.is_ok() && start == *b"\x7fELF"
    };
    name.strip_prefix("core.").is_some_and(is_number) || name == "core" && is_elf()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_programs_write_for_themselves_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("core");
        let is_ignored = |name: &str| is_ignored_file(name, &path);
        for name in [
            "app.log",
            "app.log.1",
            "app.log.12.gz",
            "app.log.gz",
            "access.log-20261128",
            "access.log-20261128.gz",
            "app.log.2026-11-28",
            "access_log",
            "access_log-20261128",
            "error_log.1",
            ".eslintcache",
            "core.1234",
            "tsconfig.tsbuildinfo",
            "celerybeat-schedule",
            "celerybeat-schedule.db",
        ] {
            assert!(is_ignored(name), "{name}");
        }
        for name in [
            "core",
            "core.db",
            "core.json",
            "app.log.db",
            "app.log.csv",
            "data.log.d1",
            "audit.logbook",
            "app.gz",
            "changelog-1",
        ] {
            assert!(!is_ignored(name), "{name}");
        }
        std::fs::write(&path, "\x7fELF and more").unwrap();
        assert!(is_ignored("core"));
        assert!(is_database("x.sqlite3-wal") && is_database("a.db") && !is_database("a.dbx"));
    }
}
