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
            Ok(release) => Self::To {
                foreign: (text != Layout::link_text(&release)).then_some(text),
                release,
            },
            Err(state) => Self::Other(state(text.display().to_string())),
        }
    }

    pub(in crate::server) fn release(&self) -> Option<&ReleaseId> {
        match self {
            Self::To { release, .. } => Some(release),
            Self::Absent | Self::Other(_) => None,
        }
    }

    pub(in crate::server) fn into_release(self) -> Option<ReleaseId> {
        match self {
            Self::To { release, .. } => Some(release),
            Self::Absent | Self::Other(_) => None,
        }
    }
}

/// The folder directly in `releases` that the link leads to, over whatever other links.
fn resolve(layout: &Layout, path: &Path) -> Result<ReleaseId, fn(String) -> LinkState> {
    let real = fs::canonicalize(path).map_err(|_| LinkState::Dead as fn(_) -> _)?;
    let releases =
        fs::canonicalize(layout.releases()).map_err(|_| LinkState::Dead as fn(_) -> _)?;
    let inside = real.strip_prefix(&releases).ok();
    let name = inside.filter(|name| real.is_dir() && name.components().count() == 1);
    let name = name.ok_or(LinkState::Elsewhere as fn(_) -> _)?;
    let id = name.to_str().and_then(|name| name.parse().ok());
    id.ok_or(LinkState::UnusableName)
}

/// The live release: the one that `current` leads to.
pub(in crate::server) fn live(layout: &Layout) -> Option<ReleaseId> {
    Link::read(layout, &layout.current()).into_release()
}

/// The release that `previous` leads to.
pub(in crate::server) fn previous(layout: &Layout) -> Option<ReleaseId> {
    Link::read(layout, &layout.previous()).into_release()
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
        let id: Option<ReleaseId> = "1762147685".parse().ok();
        assert_eq!(
            current(&layout, "releases/1762147685"),
            Link::To {
                release: id.clone().unwrap(),
                foreign: None
            }
        );
        let absolute = folder.path().join("releases/1762147685");
        assert_eq!(current(&layout, &absolute).into_release(), id);
        symlink(&absolute, layout.previous()).unwrap();
        assert_eq!(current(&layout, layout.previous()).into_release(), id);
        assert_eq!(current(&layout, "previous").into_release(), id);
    }

    #[test]
    fn any_folder_directly_in_releases_is_a_release_if_the_link_leads_to_it() {
        let (folder, layout) = target();
        for name in ["20251128101010", "v1.4.2", &"0a".repeat(20), "größe 7"] {
            fs::create_dir(layout.releases().join(name)).unwrap();
            let chain = layout.releases().join("1764324610");
            let _ = fs::remove_file(&chain);
            symlink(name, &chain).unwrap();
            let absolute = folder.path().join("releases").join(name);
            let ways = [Path::new("releases").join(name), absolute, chain];
            for to in ways {
                let found = current(&layout, &to).into_release();
                assert_eq!(found, name.parse().ok(), "{to:?}");
            }
        }
    }

    #[test]
    fn a_folder_with_an_unusable_name_is_no_release_and_the_text_says_why() {
        use std::os::unix::ffi::OsStrExt;
        let (_folder, layout) = target();
        let long = "x".repeat(201);
        for name in [
            &b".trash"[..],
            b"-1",
            b"a\x1b[2J",
            b"a\xffb",
            long.as_bytes(),
        ] {
            let name = std::ffi::OsStr::from_bytes(name);
            fs::create_dir(layout.releases().join(name)).unwrap();
            let to = Path::new("releases").join(name);
            let state = LinkState::UnusableName(to.display().to_string());
            assert_eq!(current(&layout, &to), Link::Other(state));
        }
    }

    #[test]
    fn a_link_elsewhere_is_no_release() {
        let (folder, layout) = target();
        fs::create_dir_all(folder.path().join("releases/1762147685/app")).unwrap();
        for to in [
            "releases/1",
            "releases",
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
