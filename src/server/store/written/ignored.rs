//! What programs write for themselves: nobody misses it in the next release.

/// Caches, temporary files and logs, whatever is in them.
const FOLDERS: [&str; 23] = [
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

const ENDS: [&str; 11] = [
    ".pyc", ".pyo", ".log", ".pid", ".sock", ".socket", ".lock", ".tmp", ".temp", ".swp", "~",
];
const NAMES: [&str; 4] = ["nohup.out", "core", ".DS_Store", ".coverage"];
const STARTS: [&str; 3] = ["core.", ".nfs", ".fuse_hidden"];

/// Files that keep a folder in git, which are replaced when the folder is shared.
const PLACEHOLDERS: [&str; 3] = [".gitkeep", ".keep", ".gitignore"];

pub(super) fn is_ignored_folder(name: &str) -> bool {
    FOLDERS.contains(&name)
}

pub(super) fn is_installed(name: &str) -> bool {
    INSTALLED.contains(&name)
}

pub(super) fn is_ignored_file(name: &str) -> bool {
    ENDS.iter().any(|end| name.ends_with(end))
        || NAMES.contains(&name)
        || STARTS.iter().any(|start| name.starts_with(start))
        // rotated
        || name.contains(".log.")
        || PLACEHOLDERS.contains(&name)
}
