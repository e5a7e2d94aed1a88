//! How the unit's user gets what it needs of what the deploy user creates.

use super::steps::{steps, Hint};
use crate::protocol::{AccessFix, AppAccess};
use crate::report::place::{shell, Place};
use crate::text::Prose;
use std::path::{Component, Path};

/// The change of group and mode that gives least: the deploy user joins no group, and the unit's user gets no other file.
pub(super) fn let_it(found: &AppAccess, place: &Place) -> Hint {
    let commands: Option<Vec<String>> = found
        .fixes
        .iter()
        .map(|fix| command(fix, &found.group, place))
        .collect();
    match commands {
        Some(commands) if !commands.is_empty() && is_name(&found.group) => steps(
            "give its group access with these commands on the server, as root, then deploy again:",
            &commands,
        ),
        _ => Prose::from(
            "the deploy user and the users of the unit need a group that has only them as members: ",
        )
        .and(Prose::link("how to set it up", MORE))
        .into(),
    }
}

/// Where the documents explain it.
const MORE: &str =
    "https://github.com/diting/deploy-action/blob/main/docs/server.md#if-the-service-runs-as-another-user";

fn command(fix: &AccessFix, group: &str, place: &Place) -> Option<String> {
    let (path, mode) = match fix {
        AccessFix::HandDown(path) => (path, "g+rxs"),
        AccessFix::CreateShared => {
            let (user, group, path) = (shell(&place.user), shell(group), place.below("shared"));
            return Some(format!(
                "sudo install -d -o {user} -g {group} -m 2755 {path}"
            ));
        }
        AccessFix::Write(path) => (path, "-R g+rwX"),
        AccessFix::Read(path) => (path, "g+r"),
    };
    let all = if mode.starts_with("-R") { "-R " } else { "" };
    let path = known(path, place).then(|| place.below(path))?;
    let group = shell(group);
    Some(format!(
        "sudo chgrp {all}{group} {path} && sudo chmod {mode} {path}"
    ))
}

/// Whether it is `releases`, a path of the input `shared`, or a folder around one: the server names it, and root runs the
/// command.
fn known(path: &str, place: &Place) -> bool {
    let around = |kept: &String| Path::new("shared").join(kept).starts_with(path);
    let is_plain = Path::new(path)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    path == "releases" || is_plain && !path.is_empty() && place.shared.iter().any(around)
}

/// A group's name that needs no quotes and is no option.
fn is_name(group: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    !group.is_empty() && !group.starts_with('-') && group.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::place;

    #[test]
    fn what_the_server_names_must_be_a_group_and_lie_below_the_target() {
        let hint = |group: &str, path: &str| {
            let found = AppAccess {
                user: "www-data".into(),
                group: group.into(),
                reads: vec![".env".into()],
                writes: Vec::new(),
                fixes: vec![AccessFix::HandDown(path.into())],
            };
            let_it(&found, &place()).to_string()
        };
        let good = hint("www-data", "releases");
        assert!(
            good.contains(
                "sudo chgrp www-data /opt/diting/releases && sudo chmod g+rxs /opt/diting/releases"
            ),
            "{good}"
        );
        for (group, path) in [
            ("-R", "releases"),
            ("--reference=/x", "releases"),
            ("", "releases"),
            ("w", "../../etc"),
            ("w", "/etc"),
            ("w", ""),
            ("w", "current"),
            ("w", "shared/other"),
            ("a b", "releases"),
        ] {
            assert!(!hint(group, path).contains("sudo"), "{group:?} {path:?}");
        }
    }
}
