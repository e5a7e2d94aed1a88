use super::*;
use crate::protocol::ShortDigest;
use crate::runner::testing::read_tree;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::process::Command;
use tempfile::TempDir;

fn source(files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("content of {file}")).unwrap();
    }
    folder
}

fn read(source: &TempDir, patterns: &[&str], venv: bool) -> Result<Tree, SourceError> {
    let upload_rules = UploadRules {
        excludes: patterns.join("\n").parse().unwrap(),
        venv,
    };
    read_tree(source.path(), &upload_rules, &AtomicBool::new(false))
}

fn names(tree: &Tree) -> Vec<String> {
    tree.entries()
        .iter()
        .map(|entry| String::from_utf8_lossy(&entry.path).into_owned())
        .collect()
}

fn problem(result: Result<Tree, SourceError>) -> String {
    result.unwrap_err().to_string()
}

fn mode(path: &std::path::Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_tree_is_sorted_by_the_bytes_of_whole_paths() {
    let source = source(&["a/b", "a-b", "a.b", "-rf", "new\nline", "a/b c/d"]);
    fs::write(source.path().join(OsStr::from_bytes(b"\xff\xfe")), "x").unwrap();
    let tree = read(&source, &[], false).unwrap();
    assert_eq!(
        names(&tree),
        [
            "-rf",
            "a",
            "a-b",
            "a.b",
            "a/b",
            "a/b c",
            "a/b c/d",
            "new\nline",
            "\u{fffd}\u{fffd}"
        ]
    );
    assert_eq!(tree.entries().last().unwrap().path, b"\xff\xfe");
    assert_eq!(validate(tree.entries()), Ok(()));
    let digest = |entry: &TreeEntry| {
        Digest::of(
            &fs::read(source.path().join(OsStr::from_bytes(&entry.path))).unwrap_or_default(),
        )
    };
    assert_eq!(
        tree.root(),
        root_of(
            tree.entries(),
            &tree.entries().iter().map(digest).collect::<Vec<_>>()
        )
    );
    assert_eq!((tree.files(), tree.bytes()), (7, 94));
}

#[test]
fn patterns_mean_the_same_as_in_gitignore() {
    let source = source(&[
        "a/__pycache__/x.pyc",
        "x.pyc",
        "build/y",
        "a/build",
        "keep.log",
        "z.log",
        "app.py",
    ]);
    let tree = read(
        &source,
        &[
            "# caches",
            "__pycache__/",
            "*.pyc",
            "/build",
            "*.log",
            "!keep.log",
        ],
        false,
    )
    .unwrap();
    assert_eq!(names(&tree), ["a", "a/build", "app.py", "keep.log"]);
}

#[test]
fn nothing_below_an_excluded_folder_can_be_included_again() {
    let source = source(&["build/keep/x", "app.py"]);
    assert_eq!(
        names(&read(&source, &["build/", "!build/keep/x"], false).unwrap()),
        ["app.py"]
    );
}

#[test]
fn files_that_may_hold_a_token_are_never_uploaded() {
    let source = source(&[
        ".git/config",
        "sub/.git",
        "vendored/.git/config",
        "gha-creds-12ab.json",
        "a",
        ".gitignore",
    ]);
    let tree = read(
        &source,
        &["!.git", "!**/.git/**", "!gha-creds-*.json"],
        false,
    )
    .unwrap();
    assert_eq!(names(&tree), [".gitignore", "a", "sub", "vendored"]);
    let deep = self::source(&["x/gha-creds-1.json"]);
    assert_eq!(
        names(&read(&deep, &[], false).unwrap()),
        ["x", "x/gha-creds-1.json"]
    );
}

#[test]
fn the_venv_of_the_source_is_excluded_only_if_it_is_created_again() {
    let source = source(&[".venv/bin/python", "x/.venv/y", "a"]);
    assert_eq!(
        names(&read(&source, &["!.venv"], true).unwrap()),
        ["a", "x", "x/.venv", "x/.venv/y"]
    );
    assert!(names(&read(&source, &[], false).unwrap()).contains(&".venv/bin/python".to_owned()));
}

#[test]
fn write_for_others_and_set_id_bits_are_dropped_and_folders_stay_usable() {
    let source = source(&["run", "data", "d/x"]);
    mode(&source.path().join("run"), 0o6777);
    mode(&source.path().join("data"), 0o664);
    mode(&source.path().join("d"), 0o1537);
    let tree = read(&source, &[], false).unwrap();
    let modes: Vec<u32> = tree
        .entries()
        .iter()
        .map(|entry| match entry.kind {
            EntryKind::Folder { mode } | EntryKind::File { mode, .. } => mode,
            EntryKind::Link { .. } => 0,
        })
        .collect();
    assert_eq!(names(&tree), ["d", "d/x", "data", "run"]);
    assert_eq!(modes, [0o715, 0o644, 0o644, 0o755]);
}

#[test]
fn links_are_not_followed() {
    let source = source(&["a"]);
    symlink("/etc", source.path().join("out")).unwrap();
    symlink("nowhere", source.path().join("broken")).unwrap();
    let tree = read(&source, &[], false).unwrap();
    assert_eq!(names(&tree), ["a", "broken", "out"]);
    assert_eq!(
        tree.entries()[2].kind,
        EntryKind::Link {
            to: b"/etc".to_vec()
        }
    );
}

#[test]
fn sockets_devices_and_fifos_are_refused_by_name_unless_they_are_excluded() {
    let source = source(&["a"]);
    let fifo = source.path().join("pipe");
    assert!(Command::new("mkfifo")
        .arg(&fifo)
        .status()
        .unwrap()
        .success());
    assert_eq!(
        problem(read(&source, &[], false)),
        "pipe is a named pipe, which cannot be deployed"
    );
    fs::remove_file(&fifo).unwrap();
    let _listener = UnixListener::bind(source.path().join("app.sock")).unwrap();
    assert_eq!(
        problem(read(&source, &[], false)),
        "app.sock is a socket, which cannot be deployed"
    );
    assert_eq!(names(&read(&source, &["*.sock"], false).unwrap()), ["a"]);
}

#[test]
fn a_source_without_a_file_is_refused() {
    let source = source(&[".git/config", "only/.git"]);
    assert_eq!(
        problem(read(&source, &[], false)),
        " has no files to deploy"
    );
    let nowhere = read_tree(
        std::path::Path::new("/nowhere"),
        &UploadRules::default(),
        &AtomicBool::new(false),
    );
    assert!(problem(nowhere).contains("cannot be read"));
}

#[test]
fn reading_can_be_stopped() {
    let source = source(&["a"]);
    let stopped = read_tree(
        source.path(),
        &UploadRules::default(),
        &AtomicBool::new(true),
    );
    assert_eq!(stopped.unwrap_err(), SourceError::Stopped);
}

fn whole(tree: &Tree, index: u32) -> Result<Vec<u8>, SourceError> {
    let mut content = tree.content(index)?.unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = content.next_piece()? {
        bytes.extend(piece);
    }
    Ok(bytes)
}

#[test]
fn contents_come_in_pieces_and_match_the_digest() {
    let source = source(&["a"]);
    let big: Vec<u8> = (0..700_000_u32).map(|i| (i % 251) as u8).collect();
    fs::write(source.path().join("big"), &big).unwrap();
    fs::write(source.path().join("empty"), "").unwrap();
    let tree = read(&source, &[], false).unwrap();
    assert_eq!(whole(&tree, 1).unwrap(), big);
    assert!(tree.content(2).unwrap().is_none() && tree.content(9).unwrap().is_none());
}

#[test]
fn a_file_that_changes_after_it_was_hashed_is_an_error() {
    let source = source(&["a"]);
    let path = source.path().join("a");
    let tree = read(&source, &[], false).unwrap();
    for changed in ["content of b", "content of", "content of a and more", ""] {
        fs::write(&path, changed).unwrap();
        let error = whole(&tree, 0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a changes while it is read",
            "{changed:?}"
        );
    }
    fs::remove_file(&path).unwrap();
    symlink("/etc/hostname", &path).unwrap();
    assert!(whole(&tree, 0)
        .unwrap_err()
        .to_string()
        .starts_with("a cannot be read"));
}

#[test]
fn each_of_many_files_has_its_own_digest() {
    let names: Vec<String> = (0..1000).map(|n| format!("{}/{n}", n % 7)).collect();
    let source = source(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let tree = read(&source, &[], false).unwrap();
    assert_eq!(tree.files(), 1000);
    for entry in tree.entries() {
        if let EntryKind::File { digest, .. } = entry.kind {
            let path = String::from_utf8(entry.path.clone()).unwrap();
            assert_eq!(
                digest,
                ShortDigest::of(format!("content of {path}").as_bytes()),
                "{path}"
            );
        }
    }
}
