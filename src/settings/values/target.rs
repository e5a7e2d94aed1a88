//! The folder on the server.

use crate::protocol::Target;
use crate::settings::problem::{invalid, Invalid};
use std::path::Path;

/// The system's own folders: an app's releases don't belong in them.
const SYSTEM: &[&str] = &[
    "bin",
    "boot",
    "dev",
    "etc",
    "lib",
    "lib32",
    "lib64",
    "libx32",
    "lost+found",
    "proc",
    "run",
    "sbin",
    "sys",
    "usr",
];

/// Folders that many programs share: an app gets a folder inside them, never these themselves.
const SHARED: &[&str] = &[
    "/usr/local",
    "/var/cache",
    "/var/lib",
    "/var/log",
    "/var/run",
    "/var/spool",
    "/var/tmp",
];

/// Where every user of the server can create folders, and where the system deletes them. `/dev/shm` is the system's own.
const TEMPORARY: &[&str] = &["tmp", "var/tmp"];

/// An absolute path in normal form, of characters that need no quotes, outside the system's own folders.
pub(in crate::settings) fn parse(text: &str) -> Result<Target, Invalid> {
    let Some(rest) = text.strip_prefix('/') else {
        let fix = "Write a path from the root, as in /opt/diting";
        return invalid("is not absolute", fix);
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._@:+,/-".contains(&byte);
    if !text.bytes().all(allowed) || text.len() > 1024 {
        let fix = "Use letters, digits and `._@:+,/-`, at most 1024";
        return invalid("has characters that are not allowed", fix);
    }
    let parts: Vec<&str> = rest.split('/').collect();
    if rest.is_empty() || parts.len() < 2 && !["", ".", ".."].contains(&rest) {
        let fix = "Name a folder inside another, as in /opt/diting";
        return invalid("is not a folder of its own", fix);
    }
    if parts.iter().any(|part| ["", ".", ".."].contains(part)) {
        let fix = "Write it without `//`, `.`, `..` and a `/` at the end";
        return invalid("is not in normal form", fix);
    }
    if parts.iter().any(|part| part.len() > 255) {
        return invalid(
            "has a name of more than 255 characters",
            "Choose a shorter one",
        );
    }
    outside_the_system(text, &parts)
}

fn outside_the_system(text: &str, parts: &[&str]) -> Result<Target, Invalid> {
    let local = text.starts_with("/usr/local/");
    let first = parts.first();
    let systems = first.is_some_and(|first| SYSTEM.contains(first)) && !local;
    if systems || SHARED.contains(&text) {
        let fix = "Choose a folder for the app, as in /opt/diting or /srv/diting";
        return invalid("is one of the system's own folders", fix);
    }
    if TEMPORARY
        .iter()
        .any(|folder| Path::new(&text[1..]).starts_with(folder))
    {
        let fix = "Choose a folder that only the deploy user can write to, as in /opt/diting";
        return invalid("is a temporary folder, which every user can write to", fix);
    }
    Ok(Target::checked(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_an_app_are_accepted() {
        for text in [
            "/opt/diting",
            "/srv/www/site-1",
            "/home/deploy/app@1",
            "/var/www",
            "/usr/local/app",
            "/opt/a.service",
            "/opt/tmp/a",
            "/var/tmpfiles",
        ] {
            assert_eq!(parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "the snapshot is long")]
    fn b16_other_paths_are_refused_with_the_reason() {
        let cases = [
            "opt/diting",
            "/",
            "/opt",
            "//",
            "/opt/../etc",
            "/opt/x/..",
            "/opt/x/",
            "/opt//x",
            "/opt/./x",
            "/opt/a b",
            "/opt/$HOME",
            "/opt/x\n",
            "/etc/diting",
            "/usr/share/x",
            "/usr/local",
            "/var/lib",
            "/tmp/web",
            "/var/tmp/a/b",
            "/dev/shm/app",
            "~/app",
            "/..",
        ];
        let texts = cases.map(|text| {
            crate::settings::Problem::showing("target", text, parse(text).unwrap_err()).to_string()
        });
        insta::assert_snapshot!(texts.join("\n"), @r#"
        target = "opt/diting": is not absolute. Write a path from the root, as in /opt/diting.
        target = "/": is not a folder of its own. Name a folder inside another, as in /opt/diting.
        target = "/opt": is not a folder of its own. Name a folder inside another, as in /opt/diting.
        target = "//": is not in normal form. Write it without `//`, `.`, `..` and a `/` at the end.
        target = "/opt/../etc": is not in normal form. Write it without `//`, `.`, `..` and a `/` at the end.
        target = "/opt/x/..": is not in normal form. Write it without `//`, `.`, `..` and a `/` at the end.
        target = "/opt/x/": is not in normal form. Write it without `//`, `.`, `..` and a `/` at the end.
        target = "/opt//x": is not in normal form. Write it without `//`, `.`, `..` and a `/` at the end.
        target = "/opt/./x": is not in normal form. Write it without `//`, `.`, `..` and a `/` at the end.
        target = "/opt/a b": has characters that are not allowed. Use letters, digits and `._@:+,/-`, at most 1024.
        target = "/opt/$HOME": has characters that are not allowed. Use letters, digits and `._@:+,/-`, at most 1024.
        target = "/opt/x\n": has characters that are not allowed. Use letters, digits and `._@:+,/-`, at most 1024.
        target = "/etc/diting": is one of the system's own folders. Choose a folder for the app, as in /opt/diting or /srv/diting.
        target = "/usr/share/x": is one of the system's own folders. Choose a folder for the app, as in /opt/diting or /srv/diting.
        target = "/usr/local": is one of the system's own folders. Choose a folder for the app, as in /opt/diting or /srv/diting.
        target = "/var/lib": is one of the system's own folders. Choose a folder for the app, as in /opt/diting or /srv/diting.
        target = "/tmp/web": is a temporary folder, which every user can write to. Choose a folder that only the deploy user can write to, as in /opt/diting.
        target = "/var/tmp/a/b": is a temporary folder, which every user can write to. Choose a folder that only the deploy user can write to, as in /opt/diting.
        target = "/dev/shm/app": is one of the system's own folders. Choose a folder for the app, as in /opt/diting or /srv/diting.
        target = "~/app": is not absolute. Write a path from the root, as in /opt/diting.
        target = "/..": is not in normal form. Write it without `//`, `.`, `..` and a `/` at the end.
        "#);
    }
}
