//! Real repositories, made by git's program.

use super::Checkout;
use std::fs;
use std::os::unix::fs::{chown, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A user that owns nothing else.
const STRANGER: u32 = 54_321;

struct Repository {
    folder: TempDir,
}

impl Repository {
    fn new() -> Self {
        Self::with(&["--initial-branch=main"])
    }

    /// `app/main.py`, `lib/x` and `README` in a commit.
    fn with(options: &[&str]) -> Self {
        let this = Self::empty(options);
        for (file, text) in [("app/main.py", "1"), ("lib/x", "2"), ("README", "3")] {
            this.write(file, text);
        }
        this.commit();
        this
    }

    fn empty(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let this = Self { folder };
        fs::create_dir_all(this.top().join("app")).unwrap();
        this.git(&[&["init", "--quiet"], options].concat());
        this
    }

    fn top(&self) -> PathBuf {
        fs::canonicalize(self.folder.path())
            .unwrap()
            .join("work/repo")
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.top().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn git(&self, arguments: &[&str]) -> String {
        git(&self.top(), arguments)
    }

    /// Everything; gives its hash.
    fn commit(&self) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "x"]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn hash(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// What is found for its folder `app`.
    fn found(&self) -> Checkout {
        found(&self.top().join("app"))
    }
}

/// git's program, as a person without settings.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .args(["-c", "user.email=a@b.example", "-c", "user.name=a"])
        .args(["-c", "protocol.file.allow=always"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn found(source: &Path) -> Checkout {
    Checkout::find(source, None).unwrap().unwrap()
}

#[test]
fn the_commit_is_that_of_the_checkout_above_the_source() {
    let repository = Repository::new();
    let expected = Checkout {
        commit: Some(repository.hash()),
        branch: Some("refs/heads/main".to_owned()),
        changed: false,
        remote: None,
        person: None,
    };
    assert_eq!(repository.found(), expected);
    assert_eq!(found(&repository.top()), expected);
    repository.git(&["switch", "--quiet", "--create", "feature/x"]);
    let branch = repository.found().branch;
    assert_eq!(branch.unwrap(), "refs/heads/feature/x");
    repository.git(&["checkout", "--quiet", "--detach"]);
    let Checkout { commit, branch, .. } = repository.found();
    assert_eq!((commit, branch), (Some(repository.hash()), None));
}

#[test]
fn packed_references_and_those_that_lead_to_others_are_followed() {
    let repository = Repository::new();
    let old = repository.hash();
    repository.git(&["branch", "main2"]);
    repository.git(&["tag", "--annotate", "--message=x", "v1"]);
    repository.git(&["pack-refs", "--all", "--prune"]);
    assert!(!repository.top().join(".git/refs/heads/main").exists());
    assert_eq!(repository.found().commit, Some(old.clone()));
    repository.write("README", "4");
    let new = repository.commit();
    assert_ne!(new, old);
    // the file counts, not what was packed before
    assert_eq!(repository.found().commit, Some(new.clone()));
    repository.git(&["symbolic-ref", "refs/heads/alias", "refs/heads/main"]);
    repository.git(&["symbolic-ref", "HEAD", "refs/heads/alias"]);
    assert_eq!(repository.found().commit, Some(new));
    repository.git(&["symbolic-ref", "refs/heads/alias", "refs/heads/main2"]);
    assert_eq!(repository.found().commit, Some(old));
}

#[test]
fn hashes_may_be_sha256() {
    let repository = Repository::with(&["--initial-branch=main", "--object-format=sha256"]);
    let found = repository.found();
    assert_eq!(found.commit.as_ref().map(String::len), Some(64));
    assert_eq!(
        (found.commit, found.changed),
        (Some(repository.hash()), false)
    );
    repository.write("app/main.py", "changed");
    assert!(repository.found().changed);
}

#[test]
fn a_branch_without_commit_has_none() {
    let repository = Repository::empty(&["--initial-branch=main"]);
    let Checkout { commit, branch, .. } = repository.found();
    assert_eq!((commit, branch.as_deref()), (None, Some("refs/heads/main")));
}

#[test]
fn a_folder_in_no_checkout_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let source = fs::canonicalize(folder.path()).unwrap().join("app");
    // an empty folder of that name is no repository
    fs::create_dir_all(source.join(".git")).unwrap();
    assert_eq!(Checkout::find(&source, None), Ok(None));
}

#[test]
fn a_worktree_a_submodule_and_a_shallow_clone_are_checkouts() {
    let repository = Repository::new();
    let first = repository.hash();
    repository.write("README", "4");
    let second = repository.commit();
    let beside = |name: &str| repository.top().with_file_name(name);
    repository.git(&["worktree", "add", "--quiet", "../tree", &first]);
    assert_eq!(found(&beside("tree/lib")).commit, Some(first));
    fs::write(beside("tree/lib/x"), "changed").unwrap();
    assert!(found(&beside("tree/lib")).changed);
    assert!(!repository.found().changed);
    let address = format!("file://{}", repository.top().display());
    repository.git(&["clone", "--quiet", "--depth=1", &address, "../shallow"]);
    let shallow = found(&beside("shallow/app"));
    assert_eq!(
        (shallow.commit, shallow.changed),
        (Some(second.clone()), false)
    );
    assert_eq!(shallow.remote, Some(address.clone()));
    let other = Repository::new();
    other.git(&["submodule", "--quiet", "add", &address, "sub"]);
    assert_eq!(found(&other.top().join("sub/app")).commit, Some(second));
    other.commit();
    assert!(!found(&other.top()).changed);
    // another commit of the submodule is a change
    git(&other.top().join("sub"), &["checkout", "--quiet", "HEAD~0"]);
    fs::write(other.top().join("sub/README"), "5").unwrap();
    git(
        &other.top().join("sub"),
        &["commit", "--quiet", "--all", "--message=y"],
    );
    assert!(found(&other.top()).changed);
}

#[test]
fn only_tracked_files_below_the_source_count_as_changes() {
    let repository = Repository::new();
    repository.write("app/new", "untracked");
    repository.write("lib/x", "changed");
    assert!(!repository.found().changed);
    assert!(found(&repository.top()).changed);
    repository.write("app/main.py", "1");
    assert!(!repository.found().changed, "touched only");
    fs::remove_file(repository.top().join("app/main.py")).unwrap();
    assert!(repository.found().changed, "deleted");
    repository.git(&["checkout", "--quiet", "app"]);
    repository.git(&["add", "app/new"]);
    assert!(repository.found().changed, "added");
}

#[test]
fn files_left_out_of_a_sparse_checkout_are_no_changes() {
    for index in ["--no-sparse-index", "--sparse-index"] {
        let repository = Repository::new();
        repository.git(&["sparse-checkout", "set", index, "--cone", "app"]);
        assert!(!repository.top().join("lib").exists());
        assert!(!found(&repository.top()).changed, "{index}");
        repository.write("app/main.py", "changed");
        assert!(found(&repository.top()).changed, "{index}");
    }
}

#[test]
fn a_checkout_of_another_user_is_read_without_running_what_it_configures() {
    let repository = Repository::new();
    let mark = repository.folder.path().join("ran");
    let run = format!("touch {}; cat", mark.display());
    for key in [
        "filter.x.clean",
        "filter.x.smudge",
        "core.fsmonitor",
        "core.pager",
    ] {
        repository.git(&["config", key, &run]);
    }
    repository.write(".git/info/attributes", "app/* filter=x\n");
    repository.write(".git/hooks/post-index-change", "#!/bin/sh\nexit 1\n");
    repository.write("app/main.py", "changed");
    repository.write("lib/x", "changed");
    for entry in [
        "",
        ".git",
        ".git/index",
        "app",
        "app/main.py",
        "lib",
        "lib/x",
    ] {
        // only root can give files away
        if rustix::process::geteuid().is_root() {
            chown(repository.top().join(entry), Some(STRANGER), None).unwrap();
            let owner = fs::metadata(repository.top().join(entry)).unwrap().uid();
            assert_eq!(owner, STRANGER);
        }
    }
    let before = fs::metadata(repository.top().join(".git/index")).unwrap();
    let found = found(&repository.top().join("lib"));
    assert_eq!(found.commit.map(|hash| hash.len()), Some(40));
    assert!(found.changed);
    assert!(!mark.exists());
    let after = fs::metadata(repository.top().join(".git/index")).unwrap();
    assert_eq!(
        (before.mtime_nsec(), before.ino()),
        (after.mtime_nsec(), after.ino())
    );
}

#[test]
fn what_only_a_filter_can_compare_is_not_called_changed() {
    let repository = Repository::new();
    repository.write(".gitattributes", "*.bin filter=lfs\n");
    repository.write(
        "app/big.bin",
        "version https://git-lfs.github.com/spec/v1\n",
    );
    repository.commit();
    repository.write("app/big.bin", "what the filter made of it");
    assert!(!repository.found().changed);
    repository.write("app/main.py", "changed");
    assert!(repository.found().changed);
}

#[test]
fn nothing_outside_the_workspace_is_read() {
    let repository = Repository::new();
    let top = repository.top();
    let inside = |workspace: &str| Checkout::find(&top.join("app"), Some(&top.join(workspace)));
    assert!(inside("").unwrap().is_some());
    assert_eq!(inside("app"), Ok(None));
    let workspace = top.with_file_name("workspace");
    fs::create_dir_all(workspace.join("src")).unwrap();
    let find = || Checkout::find(&workspace.join("src"), Some(&workspace));
    fs::write(
        workspace.join(".git"),
        format!("gitdir: {}/.git\n", top.display()),
    )
    .unwrap();
    assert!(find().unwrap_err().ends_with("outside the workspace"));
    fs::remove_file(workspace.join(".git")).unwrap();
    std::os::unix::fs::symlink(top.join(".git"), workspace.join(".git")).unwrap();
    assert!(find().unwrap_err().ends_with("outside the workspace"));
    fs::remove_file(workspace.join(".git")).unwrap();
    fs::create_dir(workspace.join(".git")).unwrap();
    std::os::unix::fs::symlink(top.join(".git/HEAD"), workspace.join(".git/HEAD")).unwrap();
    assert!(find().unwrap_err().ends_with("outside the workspace"));
}

#[test]
fn a_damaged_repository_is_an_error_and_no_commit() {
    let repository = Repository::new();
    let find = || Checkout::find(&repository.top(), None);
    for text in [
        "",
        "x",
        "ref: ../../etc/passwd",
        "ref: refs/../x",
        "ref: refs/.x",
        "1234",
    ] {
        repository.write(".git/HEAD", text);
        assert!(find().unwrap_err().ends_with("is damaged"), "{text}");
    }
    repository.write(".git/HEAD", "ref: refs/heads/a\n");
    repository.write(".git/refs/heads/a", "ref: refs/heads/a\n");
    assert_eq!(find().unwrap_err(), "HEAD leads in a circle");
}
