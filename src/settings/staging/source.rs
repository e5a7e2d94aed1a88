//! The folder on the runner.

use crate::text::Prose;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::settings::problem::{invalid, quoted, Invalid};

/// A folder that exists, is not empty, and lies in the workspace where there is one; links are resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source(PathBuf);

impl Source {
    /// Resolves a path, a relative one from `current_dir`.
    pub(crate) fn find(
        text: &str,
        current_dir: &Path,
        workspace: Option<&Path>,
    ) -> Result<Self, Invalid> {
        let path = current_dir.join(text);
        let path = fs::canonicalize(&path).or_else(|error| unreadable(&path, &error))?;
        if !path.is_dir() {
            return invalid(
                "is not a folder",
                "Name the folder that holds what is to be deployed",
            );
        }
        if let Some(workspace) = workspace {
            inside(&path, workspace)?;
        }
        if path == Path::new("/") {
            return invalid(
                "is the whole file system",
                "Name the folder that holds what is to be deployed",
            );
        }
        match fs::read_dir(&path).map(|mut entries| entries.next().is_none()) {
            Ok(false) => Ok(Self(path)),
            Ok(true) => invalid(
                Prose::of("is empty ({})", [&quoted(&path.to_string_lossy())]),
                "Check out or build before this step, or name the right folder",
            ),
            Err(error) => unreadable(&path, &error).map(Self),
        }
    }

    /// The absolute path, without links.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Whether a file of that name is in it.
    pub(in crate::settings) fn has(&self, name: &str) -> bool {
        self.0.join(name).is_file()
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Result<PathBuf, Invalid> {
    let shown = quoted(&path.to_string_lossy());
    let what = match error.kind() {
        io::ErrorKind::NotFound => Prose::of("does not exist ({})", [&shown]),
        _ => Prose::of("cannot be read ({}: {})", [&shown, &error]),
    };
    invalid(
        what,
        "Name a folder that is there when this step starts; is actions/checkout missing?",
    )
}

fn inside(path: &Path, workspace: &Path) -> Result<(), Invalid> {
    let workspace = fs::canonicalize(workspace).unwrap_or_else(|_| workspace.to_owned());
    if path.starts_with(&workspace) {
        return Ok(());
    }
    let [path, workspace] = [path, &workspace].map(|path| quoted(&path.to_string_lossy()));
    invalid(
        Prose::of("is {}, outside the workspace {}", [&path, &workspace]),
        "Name a folder inside the workspace",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in ["app", "empty", "-dash", "a:b"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        for name in ["app/main.py", "-dash/x", "a:b/x"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        std::os::unix::fs::symlink("/usr", folder.path().join("out")).unwrap();
        folder
    }

    #[test]
    fn a_folder_inside_the_workspace_is_resolved() {
        let folder = workspace();
        let root = fs::canonicalize(folder.path()).unwrap();
        for (text, name) in [
            (".", ""),
            ("app", "app"),
            ("./app/../app/", "app"),
            ("-dash", "-dash"),
            ("a:b", "a:b"),
        ] {
            let source = Source::find(text, folder.path(), Some(folder.path())).unwrap();
            assert_eq!(source.path(), root.join(name), "{text}");
        }
    }

    #[test]
    fn b18_what_is_no_folder_to_deploy_is_refused() {
        let folder = workspace();
        for (text, reason) in [
            ("missing", "does not exist"),
            ("app/main.py", "is not a folder"),
            ("empty", "is empty"),
            ("..", "outside the workspace"),
            ("/usr", "outside the workspace"),
            ("out", "is \"/usr\", outside the workspace"),
        ] {
            let wrong = Source::find(text, folder.path(), Some(folder.path())).unwrap_err();
            let problem = crate::settings::Problem::showing("source", text, wrong).to_string();
            assert!(problem.contains(reason), "{problem}");
        }
    }

    #[test]
    fn by_hand_there_is_no_workspace() {
        assert!(Source::find("/usr", Path::new("/"), None).is_ok());
        assert!(Source::find("/", Path::new("/"), None).is_err());
    }
}
