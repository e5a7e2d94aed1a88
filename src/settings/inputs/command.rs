//! What to do.

use crate::settings::input::{Definition, Input};
use crate::settings::model::Command;
use crate::settings::problem::Invalid;
use crate::settings::reader::Reader;
use crate::settings::values::release;

pub(super) static INPUTS: [&Input; 2] = [&COMMAND.input, &RELEASE.input];

pub(super) static COMMAND: Definition<Command> = Definition::with_default(
    "command",
    "deploy",
    "What to do: `deploy`; `rollback`, to a release on the server; `releases`, to list them.",
    Command::parse,
);

pub(super) static RELEASE: Definition<String> = Definition::optional(
    "release",
    "For `command: rollback`: a release's id, which is the name of its folder, or the beginning of its commit hash (at least four digits). Empty: the \
     previous good release.",
    release::parse,
)
.only(&[Command::Deploy, Command::Rollback]);

/// The command. From here on inputs that it does not use count as not given.
pub(super) fn command(reader: &mut Reader<'_>) -> Option<Command> {
    let command = reader.with_default(&COMMAND);
    if let Some(command) = command {
        reader.check_json(command);
    }
    reader.ignore_unused(command.unwrap_or(Command::Deploy));
    command
}

/// The release to roll back to. A deployment refuses it: whoever gives it has forgotten the command.
pub(super) fn release(reader: &mut Reader<'_>, command: Command) -> Option<Option<String>> {
    let release = reader.optional(&RELEASE)?;
    if release.is_some() && command == Command::Deploy {
        let fix = "Write `command: rollback` to roll back to it, or leave out `release`";
        let invalid = Invalid::new("is given, but `command` is `deploy`", fix);
        reader.problem(&RELEASE.input, None, invalid);
        return None;
    }
    Some(release)
}
