//! What outlives releases.

use super::problem::{wrong, Wrong};

/// More paths than that are no list that a person wrote.
const MOST: usize = 100;

/// Paths that are linked into each release: relative, in normal form, none in another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shared(Vec<SharedPath>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedPath {
    path: String,
    folder: bool,
}

impl Shared {
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let mut paths: Vec<SharedPath> = Vec::new();
        for (index, line) in text
            .lines()
            .map(str::trim)
            .enumerate()
            .filter(|(_, line)| !line.is_empty())
        {
            let place = format!("line {}", index + 1);
            let path = SharedPath::parse(line).map_err(|wrong| wrong.at(&place))?;
            if let Some(other) = paths.iter().find(|other| other.meets(&path)) {
                let what = format!("{place} is `{}`, or lies in it or around it", other.path);
                return wrong(
                    what,
                    "Keep the one that is meant: a shared folder holds all that is in it",
                );
            }
            paths.push(path);
        }
        if paths.len() > MOST {
            return wrong(
                format!("has more than {MOST} lines"),
                "Share whole folders instead",
            );
        }
        Ok(Self(paths))
    }

    /// The paths, in the order in which they were given.
    pub fn paths(&self) -> &[SharedPath] {
        &self.0
    }

    /// Whether this file or folder is one of them, lies in one or around one.
    pub(super) fn meets(&self, path: &str) -> bool {
        let path = SharedPath {
            path: path.to_owned(),
            folder: false,
        };
        self.0.iter().any(|other| other.meets(&path))
    }
}

impl SharedPath {
    fn parse(line: &str) -> Result<Self, Wrong> {
        if line.starts_with(['/', '~']) {
            return wrong(
                "is not relative",
                "Write a path from the release's folder, as in `config/app.yaml` or `logs/`",
            );
        }
        if line.chars().any(char::is_control) || line.len() > 1024 {
            return wrong("is not a path", "Write up to 1024 printable characters");
        }
        let path = line.strip_suffix('/').unwrap_or(line);
        if path.split('/').any(|part| ["", ".", ".."].contains(&part)) {
            return wrong(
                "is not in normal form",
                "Write it without `//`, `.` and `..`; one `/` at the end makes a folder",
            );
        }
        if path.split('/').any(|part| part.len() > 255) {
            return wrong("has a name of more than 255 bytes", "Choose a shorter one");
        }
        if path.contains(['*', '?']) {
            return wrong(
                "holds a wildcard",
                "Name each file, or share the folder that holds them",
            );
        }
        Ok(Self {
            path: path.to_owned(),
            folder: line.ends_with('/'),
        })
    }

    /// Relative to the release's folder and to `<target>/shared`, without a `/` at the end.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether it is a folder, which is made where it is missing.
    pub fn is_folder(&self) -> bool {
        self.folder
    }

    fn meets(&self, other: &Self) -> bool {
        let [a, b] = [&self.path, &other.path].map(|path| format!("{path}/"));
        a.starts_with(&b) || b.starts_with(&a)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_the_end_makes_a_folder() {
        let shared = Shared::parse("config/wechat.yaml\r\n\n  logs/\nlogs.txt").unwrap();
        let paths: Vec<_> = shared
            .paths()
            .iter()
            .map(|path| (path.path(), path.is_folder()))
            .collect();
        assert_eq!(
            paths,
            [
                ("config/wechat.yaml", false),
                ("logs", true),
                ("logs.txt", false)
            ]
        );
    }

    #[test]
    fn other_paths_are_refused_with_their_line() {
        let cases = [
            "/etc/x", "~/x", "a\n../x", "a/./b", ".", "/", "a//", "a\tb", "*.log", "a\na/b",
            "a/b/\na", "a\na/",
        ];
        let texts = cases.map(|text| {
            crate::settings::Problem::showing("shared", text, Shared::parse(text).unwrap_err())
                .to_string()
        });
        insta::assert_snapshot!(texts.join("\n"), @r#"
        shared = "/etc/x": line 1 is not relative. Write a path from the release's folder, as in `config/app.yaml` or `logs/`.
        shared = "~/x": line 1 is not relative. Write a path from the release's folder, as in `config/app.yaml` or `logs/`.
        shared = "a\n../x": line 2 is not in normal form. Write it without `//`, `.` and `..`; one `/` at the end makes a folder.
        shared = "a/./b": line 1 is not in normal form. Write it without `//`, `.` and `..`; one `/` at the end makes a folder.
        shared = ".": line 1 is not in normal form. Write it without `//`, `.` and `..`; one `/` at the end makes a folder.
        shared = "/": line 1 is not relative. Write a path from the release's folder, as in `config/app.yaml` or `logs/`.
        shared = "a//": line 1 is not in normal form. Write it without `//`, `.` and `..`; one `/` at the end makes a folder.
        shared = "a\tb": line 1 is not a path. Write up to 1024 printable characters.
        shared = "*.log": line 1 holds a wildcard. Name each file, or share the folder that holds them.
        shared = "a\na/b": line 2 is `a`, or lies in it or around it. Keep the one that is meant: a shared folder holds all that is in it.
        shared = "a/b/\na": line 2 is `a/b`, or lies in it or around it. Keep the one that is meant: a shared folder holds all that is in it.
        shared = "a\na/": line 2 is `a`, or lies in it or around it. Keep the one that is meant: a shared folder holds all that is in it.
        "#);
        assert!(Shared::parse(&(0..=MOST).map(|n| format!("{n}\n")).collect::<String>()).is_err());
    }
}
