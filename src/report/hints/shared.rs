//! What to do about paths of the input `shared`, and how to move data there from a release.

use super::steps::{steps, Hint};
use super::unit;
use crate::protocol::{Scope, SharedError, SharedInRelease};
use crate::report::place::{is_relative, shell, Place};
use std::path::Path;

const WITH_UNIT: &str =
    "move it while the service is stopped, which users notice; on the server, as root, then deploy again:";
const WITH_USER_UNIT: &str =
    "move it while the service is stopped, which users notice; on the server, as the deploy user, then deploy again:";
const WITHOUT_UNIT: &str =
    "stop whatever writes to it, which users may notice, move it, and start that again; on the server, as root, then deploy again:";
/// What to do if the server names something else.
const IN_WORDS: &str = "move it there while nothing writes to it, and put a link to it in its place; then deploy again";

/// What to do about a path that cannot be linked into a release.
pub(super) fn unusable(path: &str, error: &SharedError, place: &Place) -> Hint {
    let known = place.shared.iter().find(|it| *it == path);
    let Some(kept) = known.map(|path| place.below(&format!("shared/{path}"))) else {
        return steps(
            "inspect it on the server:",
            &[format!("ls -la {}", place.below("shared"))],
        );
    };
    let look = |text: &'static str| steps(text, &[format!("ls -ld {kept}")]);
    match error {
        SharedError::InTree | SharedError::Hides(_) | SharedError::Parent(_) => IN_BOTH.into(),
        SharedError::Missing => {
            let folder = Path::new("shared").join(path);
            let folder = folder.with_file_name("").display().to_string();
            let folder = place.below(folder.trim_end_matches('/'));
            steps(
                "create it on the server, as the deploy user, readable for the service; or remove it from the input shared:",
                &[format!("mkdir -p {folder}"), format!("vi {kept}")],
            )
        }
        SharedError::NotWritable { error, .. } if unit::is_read_only(error) => unit::read_only(place),
        SharedError::NotWritable { .. } => steps(
            "create it for the deploy user; on the server's console, as root:",
            &[format!("sudo install -d -o {} {kept}", shell(&place.user))],
        ),
        SharedError::IsFile => look(
            "if the file is meant, write it in the input shared without a `/` at its end; otherwise move it away on the server:",
        ),
        SharedError::IsFolder => look(
            "if the folder is meant, write it in the input shared with a `/` at its end; otherwise move it away on the server:",
        ),
        SharedError::DeadLink => look("create what it leads to, or delete the link; on the server:"),
        SharedError::NotBelow | SharedError::Inaccessible { .. } | SharedError::Other(_) => {
            steps("inspect it on the server:", &[format!("namei -l {kept}")])
        }
    }
}

const IN_BOTH: &str =
    "a path is either in the repository or shared: remove it from the repository, list it in the input exclude, or remove it from \
     the input shared; only folders with nothing but `.keep`, `.gitkeep` or `.gitignore` may be in both";

/// The commands that move all of it, while nothing writes to it. A link in its place keeps the release whole.
pub(super) fn move_there(found: &[SharedInRelease], place: &Place) -> Hint {
    if !found.iter().all(|one| is_ours(one, place)) {
        return IN_WORDS.into();
    }
    let service = |verb: &str| place.of_units(&format!("sudo systemctl {verb}"));
    let mut moved: Vec<String> = Vec::new();
    for command in found.iter().flat_map(|one| moves(one, place)) {
        // a folder around several
        if !moved.contains(&command) {
            moved.push(command);
        }
    }
    let commands = service("stop")
        .into_iter()
        .chain(moved)
        .chain(service("start"));
    let words = match (&place.service, place.scope) {
        (Some(_), Scope::System) => WITH_UNIT,
        (Some(_), Scope::User) => WITH_USER_UNIT,
        (None, _) => WITHOUT_UNIT,
    };
    let own = |command: String| match place.scope {
        Scope::System => command,
        Scope::User => command.replace("sudo ", ""),
    };
    steps(words, &commands.map(own).collect::<Vec<_>>())
}

/// Whether the input `shared` names it, and all else follows from that: root runs the commands.
fn is_ours(found: &SharedInRelease, place: &Place) -> bool {
    let path = &found.path;
    let parents = || Path::new(path).ancestors().skip(1);
    let up = "../".repeat(path.split('/').count() + 1);
    let links = [
        format!("{up}shared/{path}"),
        format!("{}/shared/{path}", place.target),
    ];
    let is_sibling = |name: &String| {
        let end = name.strip_prefix(path.as_str());
        end.is_some_and(|end| end.starts_with('-') && is_relative(end) && !end.contains('/'))
    };
    is_relative(path)
        && place.shared.contains(path)
        && links.contains(&found.link)
        && found.siblings.iter().all(is_sibling)
        && found
            .missing
            .iter()
            .all(|it| parents().any(|parent| parent == Path::new(it)))
}

fn moves(found: &SharedInRelease, place: &Place) -> Vec<String> {
    let path = &found.path;
    let in_release = |path: &String| place.below(&format!("releases/{}/{path}", found.release));
    let in_shared = |path: &str| place.below(&format!("shared/{path}"));
    let create = |parent: &String| {
        let (from, to) = (in_release(parent), in_shared(parent));
        format!("sudo mkdir {to} && sudo chown --reference={from} {to} && sudo chmod --reference={from} {to}")
    };
    let mut commands: Vec<String> = found.missing.iter().map(create).collect();
    if found.in_the_way {
        let aside = in_shared(&format!("{path}.before"));
        commands.push(format!("sudo mv -T {} {aside}", in_shared(path)));
    }
    let from = in_release(path);
    commands.push(match found.siblings.is_empty() {
        true => format!("sudo mv -nT {from} {}", in_shared(path)),
        false => {
            let siblings: Vec<String> = found.siblings.iter().map(in_release).collect();
            let folder = in_shared(&Path::new(path).with_file_name("").to_string_lossy());
            format!("sudo mv -n {from} {} {folder}", siblings.join(" "))
        }
    });
    commands.push(format!("sudo ln -s {} {from}", shell(&found.link)));
    commands
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::place;

    #[test]
    fn the_service_is_stopped_once_for_all_moves() {
        let one = |path: &str| SharedInRelease {
            path: path.into(),
            folder: true,
            release: "1".parse().unwrap(),
            link: format!("../../shared/{path}"),
            siblings: Vec::new(),
            missing: vec![String::new()],
            in_the_way: false,
        };
        let place = Place {
            shared: vec!["a".into(), "b".into()],
            ..place()
        };
        let hint = move_there(&[one("a"), one("b")], &place).to_string();
        let verbs: Vec<&str> = hint
            .lines()
            .filter_map(|line| line.trim().strip_prefix("sudo "))
            .filter_map(|line| line.split([' ', '-']).next())
            .collect();
        assert_eq!(
            verbs,
            ["systemctl", "mkdir", "mv", "ln", "mv", "ln", "systemctl"],
            "{hint}"
        );
    }
}
