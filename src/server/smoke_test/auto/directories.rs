//! The folders that systemd makes for a unit: systemd.exec(5), "RuntimeDirectory=".

use crate::protocol::Scope;
use crate::server::exec::user::runtime_folder;
use crate::server::unit::files::lines::Lines;
use std::path::{Path, PathBuf};

const KINDS: [Kind; 4] = [
    Kind {
        setting: "StateDirectory",
        variable: "STATE_DIRECTORY",
        of_system: "/var/lib",
        of_user: ".local/state",
    },
    Kind {
        setting: "CacheDirectory",
        variable: "CACHE_DIRECTORY",
        of_system: "/var/cache",
        of_user: ".cache",
    },
    Kind {
        setting: "LogsDirectory",
        variable: "LOGS_DIRECTORY",
        of_system: "/var/log",
        of_user: ".local/state/log",
    },
    Kind {
        setting: "ConfigurationDirectory",
        variable: "CONFIGURATION_DIRECTORY",
        of_system: "/etc",
        of_user: ".config",
    },
];

struct Kind {
    setting: &'static str,
    variable: &'static str,
    of_system: &'static str,
    /// Below the home.
    of_user: &'static str,
}

/// The variables that name the unit's folders, but for the runtime folder.
pub(super) fn directories(lines: &Lines, home: Option<&str>) -> Vec<(&'static str, String)> {
    let home = Path::new(home.unwrap_or("/"));
    let mut all = Vec::new();
    for kind in &KINDS {
        let names = names(lines, kind.setting);
        if names.is_empty() {
            continue;
        }
        let path = |name: &String| match lines.scope {
            Scope::System => Path::new(kind.of_system).join(name),
            Scope::User => of_user(home, kind.of_user, name),
        };
        all.push((kind.variable, joined(names.iter().map(path))));
    }
    all
}

/// Before 254, systemd kept state and logs of a user's units in `.config`.
fn of_user(home: &Path, below: &str, name: &str) -> PathBuf {
    let path = home.join(below).join(name);
    let old = home
        .join(below.replace(".local/state", ".config"))
        .join(name);
    if !path.is_dir() && old.is_dir() {
        old
    } else {
        path
    }
}

/// Each runtime folder of the live unit, and one of the trial's own in `private`.
pub(super) fn runtime(lines: &Lines, private: &Path) -> Vec<(PathBuf, PathBuf)> {
    let of_live = match lines.scope {
        Scope::System => PathBuf::from("/run"),
        Scope::User => runtime_folder(),
    };
    let names = names(lines, "RuntimeDirectory").into_iter();
    names
        .map(|name| (of_live.join(&name), private.join(&name)))
        .collect()
}

/// Several paths in one variable.
pub(super) fn joined(paths: impl Iterator<Item = PathBuf>) -> String {
    let all: Vec<String> = paths.map(|path| path.display().to_string()).collect();
    all.join(":")
}

/// `name` or `name:link`; anything that is no plain path below systemd's folder is ignored there too.
fn names(lines: &Lines, setting: &str) -> Vec<String> {
    let words = lines.words(setting).into_iter();
    let names = words.filter_map(|word| word.split(':').next().map(str::to_owned));
    let is_plain = |name: &String| {
        !name.is_empty() && name.split('/').all(|part| !["", ".", ".."].contains(&part))
    };
    names.filter(is_plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_of_a_unit_are_in_its_environment() {
        let lines = Lines::of_file(
            "web@1.service",
            "[Service]\nStateDirectory=a:link %p/b\nStateDirectory=../c\nCacheDirectory=x\nCacheDirectory=\nRuntimeDirectory=%p\n",
        );
        assert_eq!(
            directories(&lines, None),
            [("STATE_DIRECTORY", "/var/lib/a:/var/lib/web/b".to_owned())]
        );
        let private = Path::new("/tmp/private");
        assert_eq!(
            runtime(&lines, private),
            [(PathBuf::from("/run/web"), private.join("web"))]
        );
    }
}
