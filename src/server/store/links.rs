//! Reads `current` and `previous`, in whatever form they were created.

use super::layout::Layout;
use crate::protocol::{LinkState, ReleaseId};
use std::fs;
use std::path::{Path, PathBuf};

/// What was found in place of one of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) enum Link {
    /// Nothing.
    Absent,
    /// A link, absolute or relative, chained or not, that resolves to a release.
    To {
        release: ReleaseId,
        /// Its text, if deploy-action writes it differently.
        foreign: Option<PathBuf>,
    },
    /// Anything else.
    Other(LinkState),
}

impl Link {
    pub(in crate::server) fn read(layout: &Layout, path: &Path) -> Self {
        let Ok(found) = fs::symlink_metadata(path) else {
            return Self::Absent;
        };
        if !found.is_symlink() {
            return Self::Other(match found.is_dir() {
                true => LinkState::Folder,
                false => LinkState::File,
            });
        }
        let text = fs::read_link(path).unwrap_or_default();
        match resolve(layout, path) {
            Some(release) => Self::To {
                release,
                foreign: (text != Layout::link_text(release)).then_some(text),
            },
            None if fs::metadata(path).is_err() => {
                Self::Other(LinkState::Dead(text.display().to_string()))
            }
            None => Self::Other(LinkState::Elsewhere(text.display().to_string())),
        }
    }

    pub(in crate::server) fn release(&self) -> Option<ReleaseId> {
        match self {
            Self::To { release, .. } => Some(*release),
            Self::Absent | Self::Other(_) => None,
        }
    }
}

fn resolve(layout: &Layout, path: &Path) -> Option<ReleaseId> {
    let real = fs::canonicalize(path).ok()?;
    let releases = fs::canonicalize(layout.releases()).ok()?;
    let release = real.strip_prefix(releases).ok()?.to_str()?.parse().ok()?;
    real.is_dir().then_some(release)
}

/// The live release: the one that `current` leads to.
pub(in crate::server) fn live(layout: &Layout) -> Option<ReleaseId> {
    Link::read(layout, &layout.current()).release()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn target() -> (tempfile::TempDir, Layout) {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().to_str().unwrap());
        fs::create_dir_all(layout.releases().join("1762147685")).unwrap();
        (folder, layout)
    }

    fn current(layout: &Layout, to: impl AsRef<Path>) -> Link {
        let _ = fs::remove_file(layout.current());
        symlink(to, layout.current()).unwrap();
        Link::read(layout, &layout.current())
    }

    #[test]
    fn a_link_is_judged_by_its_target_not_by_its_text() {
        let (folder, layout) = target();
        let id = "1762147685".parse().unwrap();
        assert_eq!(
            current(&layout, "releases/1762147685"),
            Link::To {
                release: id,
                foreign: None
            }
        );
        let absolute = folder.path().join("releases/1762147685");
        assert_eq!(current(&layout, &absolute).release(), Some(id));
        symlink(&absolute, layout.previous()).unwrap();
        assert_eq!(current(&layout, layout.previous()).release(), Some(id));
        assert_eq!(current(&layout, "previous").release(), Some(id));
    }

    #[test]
    fn a_link_elsewhere_is_no_release() {
        let (folder, layout) = target();
        fs::create_dir_all(folder.path().join("releases/1762147685/app")).unwrap();
        fs::create_dir_all(folder.path().join("releases/backup")).unwrap();
        for to in [
            "releases/1",
            "releases",
            "releases/backup",
            "releases/1762147685/app",
            "/",
            "current",
        ] {
            assert!(matches!(current(&layout, to), Link::Other(_)), "{to}");
        }
        fs::remove_file(layout.current()).unwrap();
        assert_eq!(Link::read(&layout, &layout.current()), Link::Absent);
        fs::create_dir(layout.current()).unwrap();
        assert_eq!(
            Link::read(&layout, &layout.current()),
            Link::Other(LinkState::Folder)
        );
    }
}
