//! What outlives releases.

use crate::protocol::SharedPath;
use crate::settings::problem::{invalid, Invalid};
use crate::settings::values::lists::{self, Form};
use crate::text::Prose;

/// More paths than that were not written by a person.
const MOST: usize = 100;

/// Paths that are linked into each release: relative, in normal form, none inside another.
pub(in crate::settings) fn parse(text: &str) -> Result<Vec<SharedPath>, Invalid> {
    lists::check(text, Form::Lines)?;
    let mut paths: Vec<SharedPath> = Vec::new();
    let lines = text.lines().map(str::trim).enumerate();
    for (index, line) in lines.filter(|(_, line)| !line.is_empty()) {
        let place = format!("line {}", index + 1);
        let path = shared_path(line).map_err(|invalid| invalid.at(&place))?;
        if let Some(other) = paths.iter().find(|other| meet(&other.path, &path.path)) {
            let what = Prose::of(
                "{} is `{}`, or lies in it or around it",
                [&place, &other.path],
            );
            let fix = "Keep the one that is meant: a shared folder includes everything in it";
            return invalid(what, fix);
        }
        paths.push(path);
    }
    if paths.len() > MOST {
        let what = Prose::of("has more than {} lines", [&MOST]);
        return invalid(what, "Share whole folders instead");
    }
    Ok(paths)
}

fn shared_path(line: &str) -> Result<SharedPath, Invalid> {
    if line.starts_with(['/', '~']) {
        return invalid(
            "is not relative",
            "Write a path from the release's folder, as in `config/app.yaml` or `logs/`",
        );
    }
    if line.chars().any(char::is_control) || line.len() > 1024 {
        return invalid("is not a path", "Write up to 1024 printable characters");
    }
    let path = line.strip_suffix('/').unwrap_or(line);
    if path.split('/').any(|part| ["", ".", ".."].contains(&part)) {
        return invalid(
            "is not in normal form",
            "Write it without `//`, `.` and `..`; a `/` at the end marks a folder",
        );
    }
    if path.split('/').any(|part| part.len() > 255) {
        return invalid("has a name of more than 255 bytes", "Choose a shorter one");
    }
    if path.contains(['*', '?']) {
        let fix = "Name each file, or share the folder that holds them";
        return invalid("holds a wildcard", fix);
    }
    Ok(SharedPath {
        path: path.to_owned(),
        folder: line.ends_with('/'),
    })
}

/// Whether two paths are the same, or one lies in the other.
pub(in crate::settings) fn meet(a: &str, b: &str) -> bool {
    let [a, b] = [a, b].map(|path| format!("{path}/"));
    a.starts_with(&b) || b.starts_with(&a)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_the_end_makes_a_folder() {
        let shared = parse("config/wechat.yaml\r\n\n  logs/\nlogs.txt").unwrap();
        let paths: Vec<_> = shared
            .iter()
            .map(|path| (path.path.as_str(), path.folder))
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
            crate::settings::Problem::showing("shared", text, parse(text).unwrap_err()).to_string()
        });
        insta::assert_snapshot!(texts.join("\n"), @r#"
        shared = "/etc/x": line 1 is not relative. Write a path from the release's folder, as in `config/app.yaml` or `logs/`.
        shared = "~/x": line 1 is not relative. Write a path from the release's folder, as in `config/app.yaml` or `logs/`.
        shared = "a\n../x": line 2 is not in normal form. Write it without `//`, `.` and `..`; a `/` at the end marks a folder.
        shared = "a/./b": line 1 is not in normal form. Write it without `//`, `.` and `..`; a `/` at the end marks a folder.
        shared = ".": line 1 is not in normal form. Write it without `//`, `.` and `..`; a `/` at the end marks a folder.
        shared = "/": line 1 is not relative. Write a path from the release's folder, as in `config/app.yaml` or `logs/`.
        shared = "a//": line 1 is not in normal form. Write it without `//`, `.` and `..`; a `/` at the end marks a folder.
        shared = "a\tb": line 1 is not a path. Write up to 1024 printable characters.
        shared = "*.log": line 1 holds a wildcard. Name each file, or share the folder that holds them.
        shared = "a\na/b": line 2 is `a`, or lies in it or around it. Keep the one that is meant: a shared folder includes everything in it.
        shared = "a/b/\na": line 2 is `a/b`, or lies in it or around it. Keep the one that is meant: a shared folder includes everything in it.
        shared = "a\na/": line 2 is `a`, or lies in it or around it. Keep the one that is meant: a shared folder includes everything in it.
        "#);
        assert!(parse(&(0..=MOST).map(|n| format!("{n}\n")).collect::<String>()).is_err());
    }
}
