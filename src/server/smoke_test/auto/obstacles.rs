//! What in a unit keeps its program from being started beside the live one by the deploy user.

use crate::protocol::{Scope, SmokeTestObstacle};
use crate::server::exec::user::{login_name, user};
use crate::server::unit::files::lines::{is_known, Lines};
use crate::server::unit::files::words::ExecCommand;

/// The program gets something from systemd, or is kept in a place, that cannot be had without it.
const SETTINGS: [&str; 17] = [
    "RootDirectory",
    "RootImage",
    "MountImages",
    "ExtensionImages",
    "ExtensionDirectories",
    "LoadCredential",
    "LoadCredentialEncrypted",
    "SetCredential",
    "SetCredentialEncrypted",
    "ImportCredential",
    "PAMName",
    "NetworkNamespacePath",
    "IPCNamespacePath",
    "OpenFile",
    "StandardInputText",
    "StandardInputData",
    "TTYPath",
];

/// The command that it starts.
///
/// # Errors
/// Why it cannot be started so, with the command, if it is known.
pub(super) fn command(
    lines: &Lines,
) -> Result<ExecCommand, (SmokeTestObstacle, Option<ExecCommand>)> {
    let mut commands = lines.commands("ExecStart");
    let kind = lines.get("Type");
    if kind == "oneshot" {
        return Err((SmokeTestObstacle::Oneshot, None));
    }
    let count = u32::try_from(commands.len()).unwrap_or(u32::MAX);
    let Some(command) = commands.pop().filter(|_| count == 1) else {
        return Err((SmokeTestObstacle::Commands { count }, None));
    };
    let obstacle = other_user(lines, &command)
        .or_else(|| of_type(&kind))
        .or_else(|| of_settings(lines))
        .or_else(|| of_command(lines, &command));
    match obstacle {
        Some(obstacle) => Err((obstacle, Some(command))),
        None => Ok(command),
    }
}

fn setting(text: impl Into<String>) -> SmokeTestObstacle {
    SmokeTestObstacle::Setting {
        setting: text.into(),
    }
}

fn other_user(lines: &Lines, command: &ExecCommand) -> Option<SmokeTestObstacle> {
    if lines.scope == Scope::User {
        return None;
    }
    let is_root = command.prefixes.contains('+') || has_one_exclamation_mark(&command.prefixes);
    let named = match lines.get("User") {
        _ if is_root => "root".to_owned(),
        name if name.is_empty() && lines.is_true("DynamicUser") => {
            let stem = lines.name.rsplit_once('.').map_or("", |(stem, _)| stem);
            stem.to_owned()
        }
        name if name.is_empty() => "root".to_owned(),
        name => name,
    };
    let uid = rustix::process::geteuid();
    let deploy_user = login_name().unwrap_or_else(user);
    let is_own = named == deploy_user
        || named == uid.as_raw().to_string()
        || uid.is_root() && ["root", "0"].contains(&named.as_str());
    (!is_own).then_some(SmokeTestObstacle::OtherUser {
        user: named,
        deploy_user,
    })
}

/// `!!` changes nothing where the kernel has ambient capabilities.
fn has_one_exclamation_mark(prefixes: &str) -> bool {
    prefixes.matches('!').count() == 1
}

/// The process that systemd starts is not the one that stays, or there can be only one.
fn of_type(kind: &str) -> Option<SmokeTestObstacle> {
    ["forking", "dbus"]
        .contains(&kind)
        .then(|| setting(format!("Type={kind}")))
}

fn of_settings(lines: &Lines) -> Option<SmokeTestObstacle> {
    let is_set = |name: &&&str| !lines.all(name).is_empty();
    if let Some(name) = SETTINGS.iter().find(is_set) {
        return Some(setting(format!("{name}=")));
    }
    for name in ["BindPaths", "BindReadOnlyPaths"] {
        if lines.words(name).iter().any(|word| is_elsewhere(word)) {
            return Some(setting(format!("{name}=")));
        }
    }
    let input = lines.get("StandardInput");
    let has_none = ["", "null"].contains(&input.as_str());
    (!has_none).then(|| setting(format!("StandardInput={input}")))
}

/// Whether a bind mount shows something at another path than its own.
fn is_elsewhere(word: &str) -> bool {
    let mut paths = word.trim_start_matches('-').split(':');
    let from = paths.next();
    paths
        .next()
        .is_some_and(|to| !to.is_empty() && Some(to) != from)
}

fn of_command(lines: &Lines, command: &ExecCommand) -> Option<SmokeTestObstacle> {
    if command.prefixes.contains('|') {
        return Some(setting("| before the path in ExecStart="));
    }
    let texts = command.arguments.iter().chain([&command.program]);
    if !texts.map(String::as_str).all(is_known) {
        return Some(setting("a specifier in ExecStart="));
    }
    ["WorkingDirectory", "Environment", "EnvironmentFile"]
        .into_iter()
        .find(|name| {
            !lines
                .all(name)
                .into_iter()
                .all(|it| is_known(&lines.expand(it)))
        })
        .map(|name| setting(format!("a specifier in {name}=")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn obstacle(file: &str) -> String {
        let own = login_name().unwrap();
        let file = format!("[Service]\nUser={own}\nExecStart=/bin/app\n{file}\n");
        let lines = Lines::of_file("web.service", &file);
        match command(&lines) {
            Ok(_) => String::new(),
            Err((obstacle, _)) => obstacle.to_string(),
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn only_what_the_program_cannot_do_without_is_an_obstacle() {
        for file in [
            "Type=notify",
            "PrivateTmp=yes",
            "BindPaths=/data /x:/x",
            "StandardInput=null",
            "LimitNOFILE=9",
            "RootDirectory=",
            "ExecStart=\nExecStart=-/bin/b",
            "ExecStart=\nExecStart=!!/bin/b",
            "Environment=A=%i",
            "ExecStartPre=+/bin/chown",
        ] {
            assert_eq!(obstacle(file), "", "{file}");
        }
        for (file, expected) in [
            ("Type=oneshot", "it is a oneshot, which ends by itself"),
            ("ExecStart=", "it has no ExecStart command"),
            ("ExecStart=/bin/b", "it has 2 ExecStart commands"),
            (
                "Type=forking",
                "it needs Type=forking, which only systemd provides",
            ),
            (
                "LoadCredential=a:/b",
                "it needs LoadCredential=, which only systemd provides",
            ),
            (
                "RootImage=/a",
                "it needs RootImage=, which only systemd provides",
            ),
            (
                "BindPaths=/a:/b",
                "it needs BindPaths=, which only systemd provides",
            ),
            (
                "StandardInput=socket",
                "it needs StandardInput=socket, which only systemd provides",
            ),
            (
                "Environment=A=%d",
                "it needs a specifier in Environment=, which only systemd provides",
            ),
            (
                "ExecStart=\nExecStart=/bin/b %d",
                "it needs a specifier in ExecStart=, which only systemd provides",
            ),
        ] {
            assert_eq!(obstacle(file), expected, "{file}");
        }
    }

    #[test]
    fn another_user_is_an_obstacle() {
        let own = login_name().unwrap();
        let uid = rustix::process::geteuid().as_raw();
        assert_eq!(obstacle(&format!("User={uid}")), "");
        assert_eq!(
            obstacle("User=nobody"),
            format!("it runs as nobody, not as {own}")
        );
        assert_eq!(
            obstacle("User=\nDynamicUser=yes"),
            format!("it runs as web, not as {own}")
        );
        let expected = if uid == 0 {
            String::new()
        } else {
            format!("it runs as root, not as {own}")
        };
        for file in [
            "User=",
            "ExecStart=\nExecStart=+/bin/b",
            "ExecStart=\nExecStart=-!/bin/b",
        ] {
            assert_eq!(obstacle(file), expected, "{file}");
        }
    }
}
