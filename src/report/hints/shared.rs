//! How to move data from a release to `shared`.

use super::steps::{steps, Hint};
use crate::protocol::SharedInRelease;
use crate::report::place::Place;
use crate::text::Prose;
use std::path::Path;

/// The commands that move it, while nothing writes to it. A link in its place keeps the release whole.
pub(super) fn move_there(found: &SharedInRelease, place: &Place) -> Hint {
    let SharedInRelease {
        path,
        folder,
        release,
        link,
        siblings,
        missing,
        in_the_way,
    } = found;
    let in_release = |path: &str| place.below(&format!("releases/{release}/{path}"));
    let in_shared = |path: &str| place.below(&format!("shared/{path}"));
    let mut commands = Vec::new();
    let service = |verb: &str| {
        place
            .service
            .as_ref()
            .map(|_| format!("sudo systemctl {verb} {}", place.unit()))
    };
    commands.extend(service("stop"));
    commands.extend(missing.iter().map(|parent| {
        let (from, to) = (in_release(parent), in_shared(parent));
        format!("sudo mkdir {to} && sudo chown --reference={from} {to} && sudo chmod --reference={from} {to}")
    }));
    if *in_the_way {
        commands.push(format!(
            "sudo mv -T {} {}",
            in_shared(path),
            in_shared(&format!("{path}.before"))
        ));
    }
    let flag = if *folder || siblings.is_empty() {
        "-nT"
    } else {
        "-n"
    };
    let to = match siblings.is_empty() {
        true => in_shared(path),
        false => in_shared(&Path::new(path).with_file_name("").to_string_lossy()),
    };
    let moved = std::iter::once(path)
        .chain(siblings)
        .map(|path| in_release(path));
    let moved: Vec<String> = moved.collect();
    commands.push(format!("sudo mv {flag} {} {to}", moved.join(" ")));
    commands.push(format!(
        "sudo ln -s {} {}",
        crate::report::place::shell(link),
        in_release(path)
    ));
    commands.extend(service("start"));
    let words = match place.service {
        Some(_) => Prose::from("move it while the service is stopped, which users notice; on the server, as root, then deploy again:"),
        None => Prose::from("stop whatever writes to it, which users may notice, move it, and start that again; on the server, as root, then deploy again:"),
    };
    steps(words, &commands)
}
