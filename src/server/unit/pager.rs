//! The pager of `sudo systemctl status`, which is a root shell for whoever may run it: systemd(1) makes it safe since 247, and
//! in sudoers(5) NOEXEC does.

use super::systemd::is_root;
use crate::protocol::Ending;
use crate::server::exec::process::{command, quick};
use std::fs;
use std::path::Path;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);
/// The first version whose pager runs no commands.
const SAFE: u32 = 247;
/// Where systemd's own library is, whose name has the version.
const FOLDERS: [&str; 3] = ["/lib/systemd", "/usr/lib/systemd", "/usr/lib64/systemd"];

/// Whether the deploy user may run `systemctl status` as root with a pager that runs commands. Asks sudo only on servers so
/// old.
pub(in crate::server) fn is_unsafe() -> bool {
    if is_root() || version().is_none_or(|version| version >= SAFE) {
        return false;
    }
    let mut list = command("sudo");
    list.args(["-n", "-l"]);
    match quick(&mut list, TIMEOUT) {
        Ok((Ending::Exit(0), output)) => allows_pager(&String::from_utf8_lossy(&output)),
        _ => false,
    }
}

fn version() -> Option<u32> {
    let names = |folder: &&str| {
        let entries = fs::read_dir(Path::new(folder)).ok()?.flatten();
        entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .find_map(|it| version_in(&it))
    };
    FOLDERS.iter().find_map(names)
}

/// `libsystemd-shared-245.so`, and `libsystemd-shared-245.4-4ubuntu3.so` on some.
fn version_in(name: &str) -> Option<u32> {
    let rest = name.strip_prefix("libsystemd-shared-")?;
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    rest[..end].parse().ok()
}

/// Whether what `sudo -l` prints has `systemctl status` without NOEXEC. Who may run everything needs no pager.
fn allows_pager(listed: &str) -> bool {
    let (defaults, rights) = listed
        .split_once("may run the following commands")
        .unwrap_or_default();
    let is_default = |word: &str| word.trim_matches(',') == "noexec";
    let mut may_exec = !defaults.split_whitespace().any(is_default);
    let by_default = may_exec;
    for line in rights.lines().map(str::trim) {
        let commands = match line.strip_prefix('(').and_then(|line| line.split_once(')')) {
            Some((_, commands)) => {
                may_exec = by_default;
                commands
            }
            // a long line goes on
            None => line,
        };
        for command in commands.split(", ") {
            for word in command.split_whitespace() {
                match word {
                    "NOEXEC:" => may_exec = false,
                    "EXEC:" => may_exec = true,
                    _ => {}
                }
            }
            if may_exec && command.contains("systemctl status") {
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_stands_in_the_name_of_the_library() {
        assert_eq!(version_in("libsystemd-shared-245.so"), Some(245));
        assert_eq!(version_in("libsystemd-shared-245.4-4ubuntu3.so"), Some(245));
        assert_eq!(version_in("libsystemd-core-252.so"), None);
    }

    #[test]
    fn a_status_with_a_pager_is_found_in_what_sudo_lists() {
        let listed = |defaults: &str, rights: &str| {
            allows_pager(&format!(
                "Matching Defaults entries for deploy on web1:\n    env_reset, {defaults}mail_badpass\n\n\
                 User deploy may run the following commands on web1:\n{rights}\n"
            ))
        };
        let old = "    (ALL) NOPASSWD: /bin/systemctl restart diting\n    (ALL) NOPASSWD: /bin/systemctl status diting";
        assert!(listed("", old) && !listed("noexec, ", old));
        let new = "    (root) NOPASSWD: /bin/systemctl restart diting\n    (root) NOEXEC: NOPASSWD: /bin/systemctl status diting";
        assert!(!listed("", new));
        // a tag holds until the next one, but not for the next line
        let list = |middle: &str| {
            format!("    (root) NOPASSWD: NOEXEC: /bin/x, {middle}/bin/systemctl status a")
        };
        assert!(!listed("", &list("")) && listed("", &list("EXEC: ")));
        assert!(listed("", &format!("{new}\n{old}")));
        assert!(!listed("", "    (ALL) NOPASSWD: ALL"));
        assert!(!allows_pager(
            "Sorry, user deploy may not run sudo on web1."
        ));
    }
}
