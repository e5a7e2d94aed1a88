//! The folder on the server.

use std::fmt;

use super::problem::{wrong, Wrong};

/// Folders of the system: an app's releases have no business below them.
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

/// Folders that hold what many programs need: an app gets one below them, never these themselves.
const SHARED: &[&str] = &[
    "/usr/local",
    "/var/cache",
    "/var/lib",
    "/var/log",
    "/var/run",
    "/var/spool",
    "/var/tmp",
];

/// An absolute path in normal form, of characters that need no quotes, outside the system's own folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target(String);

impl Target {
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let Some(rest) = text.strip_prefix('/') else {
            return wrong(
                "is not absolute",
                "Write a path from the root, as in /opt/diting",
            );
        };
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._@:+,/-".contains(&byte);
        if !text.bytes().all(allowed) || text.len() > 1024 {
            return wrong(
                "has characters that are not allowed",
                "Use letters, digits and `._@:+,/-`, at most 1024",
            );
        }
        let parts: Vec<&str> = rest.split('/').collect();
        if rest.is_empty() || parts.len() < 2 && !["", ".", ".."].contains(&rest) {
            return wrong(
                "is no folder of its own",
                "Name a folder below another, as in /opt/diting",
            );
        }
        if parts.iter().any(|part| ["", ".", ".."].contains(part)) {
            return wrong(
                "is not in normal form",
                "Write it without `//`, `.`, `..` and a `/` at the end",
            );
        }
        if parts.iter().any(|part| part.len() > 255) {
            return wrong(
                "has a name of more than 255 characters",
                "Choose a shorter one",
            );
        }
        Self::outside_the_system(text, &parts)
    }

    fn outside_the_system(text: &str, parts: &[&str]) -> Result<Self, Wrong> {
        let local = text.starts_with("/usr/local/");
        let systems = parts.first().is_some_and(|first| SYSTEM.contains(first)) && !local;
        if systems || SHARED.contains(&text) {
            return wrong(
                "is a folder of the system",
                "Choose one of the app's own, as in /opt/diting or /srv/diting",
            );
        }
        Ok(Self(text.to_owned()))
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
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
        ] {
            assert_eq!(Target::parse(text).unwrap().as_str(), text);
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
            "~/app",
            "/..",
        ];
        let texts = cases.map(|text| {
            crate::settings::Problem::showing("target", text, Target::parse(text).unwrap_err())
                .to_string()
        });
        insta::assert_snapshot!(texts.join("\n"), @r#"
        target = "opt/diting": is not absolute. Write a path from the root, as in /opt/diting.
        target = "/": is no folder of its own. Name a folder below another, as in /opt/diting.
        target = "/opt": is no folder of its own. Name a folder below another, as in /opt/diting.
        target = "//": is not in normal form. Write it without `//`, `.`, `..` and a `/` at the end.
        target = "/opt/../etc": is not in normal form. Write it without `//`, `.`, `..` and a `/` at the end.
        target = "/opt/x/..": is not in normal form. Write it without `//`, `.`, `..` and a `/` at the end.
        target = "/opt/x/": is not in normal form. Write it without `//`, `.`, `..` and a `/` at the end.
        target = "/opt//x": is not in normal form. Write it without `//`, `.`, `..` and a `/` at the end.
        target = "/opt/./x": is not in normal form. Write it without `//`, `.`, `..` and a `/` at the end.
        target = "/opt/a b": has characters that are not allowed. Use letters, digits and `._@:+,/-`, at most 1024.
        target = "/opt/$HOME": has characters that are not allowed. Use letters, digits and `._@:+,/-`, at most 1024.
        target = "/opt/x\n": has characters that are not allowed. Use letters, digits and `._@:+,/-`, at most 1024.
        target = "/etc/diting": is a folder of the system. Choose one of the app's own, as in /opt/diting or /srv/diting.
        target = "/usr/share/x": is a folder of the system. Choose one of the app's own, as in /opt/diting or /srv/diting.
        target = "/usr/local": is a folder of the system. Choose one of the app's own, as in /opt/diting or /srv/diting.
        target = "/var/lib": is a folder of the system. Choose one of the app's own, as in /opt/diting or /srv/diting.
        target = "~/app": is not absolute. Write a path from the root, as in /opt/diting.
        target = "/..": is not in normal form. Write it without `//`, `.`, `..` and a `/` at the end.
        "#);
    }
}
