//! What makes a release out of the source.

use super::place::{Placed, UNITS};
use crate::protocol::{Install, Secret, SharedPath, SmokeTest, Staging};
use crate::settings::input::{Definition, Input};
use crate::settings::model::{Command, Surroundings};
use crate::settings::problem::{invalid, Invalid};
use crate::settings::reader::Reader;
use crate::settings::staging::excludes::{Excludes, DEPLOY_IGNORE};
use crate::settings::staging::scripts::{self, InstallInput};
use crate::settings::staging::source::Source;
use crate::settings::staging::{env, fit, shared};
use crate::settings::values::size;
use crate::text::Prose;
use std::fs;
use std::io;

const USED_BY: &[Command] = &[Command::Deploy];

pub(super) static INPUTS: [&Input; 9] = [
    &SOURCE.input,
    &EXCLUDE.input,
    &SHARED.input,
    &ENV_FILE.input,
    &INSTALL.input,
    &ENV.input,
    &BEFORE_SWITCH.input,
    &SMOKE_TEST.input,
    &MIN_FREE.input,
];

pub(super) static SOURCE: Definition<String> = Definition::with_default(
    "source",
    ".",
    "Folder on the runner, inside the workspace if there is one.",
    |text| Ok(text.to_owned()),
)
.only(USED_BY);

pub(super) static EXCLUDE: Definition<Excludes> = Definition::with_default(
    "exclude",
    "__pycache__/\n*.pyc\n.mypy_cache/\n.pytest_cache/\n.ruff_cache/",
    "What is not uploaded: one pattern per line, as in .gitignore. It replaces the default list; a `.deployignore` in the \
     source adds to it.",
    Excludes::parse,
)
.lines()
.only(USED_BY);

pub(super) static SHARED: Definition<Vec<SharedPath>> = Definition::optional(
    "shared",
    "Paths that outlive releases, one per line: they live in `<target>/shared` and are linked into each release. A path \
     that ends in `/` is a folder, created if missing; a missing file stops the run before the switch.",
    shared::parse,
)
.lines()
.only(USED_BY);

pub(super) static ENV_FILE: Definition<Secret> = Definition::optional(
    "env-file",
    "Content of the release's `.env`, kept byte for byte and readable only by the app's user. Each release has its own, \
     so a rollback restores it. Values of 6 characters or more are hidden in the log.",
    env::file,
)
.secret()
.exact()
.only(USED_BY);

pub(super) static INSTALL: Definition<InstallInput> = Definition::with_default(
    "install",
    "auto",
    "Shell commands run in the release, several lines allowed (`sh -eu`). `auto`: `uv sync --frozen` if the source has \
     uv.lock, otherwise nothing; pyproject.toml without uv.lock is refused. `none`: nothing.",
    InstallInput::parse,
)
.lines()
.only(USED_BY);

pub(super) static ENV: Definition<Vec<(String, Secret)>> = Definition::optional(
    "env",
    "Variables for `install`, `before-switch` and `smoke-test`: `NAME=value`, one per line, values without quotes. They are \
     never on a command line; values of 6 characters or more are hidden in the log.",
    env::variables,
)
.secret()
.exact()
.only(USED_BY);

pub(super) static BEFORE_SWITCH: Definition<Option<String>> = Definition::optional(
    "before-switch",
    "Shell commands run in the installed release before it goes live, such as migrations (`sh -eu`). Empty or `none`: \
     nothing.",
    scripts::optional,
)
.lines()
.only(USED_BY);

pub(super) static SMOKE_TEST: Definition<Option<SmokeTest>> = Definition::optional(
    "smoke-test",
    "Starts the installed release beside the live one before the switch, so that a broken release reaches no user: on a free \
     port of 127.0.0.1 (`$PORT`), checked as the `health-…` and `log-…` inputs say, then ended. `auto`: what the first unit \
     of `service` starts. Or shell commands that start the app and stay in the foreground (`sh -eu`). Two instances run for a \
     moment. If it fails, nothing is switched: outcome `failed`. Empty or `none`: nothing.",
    scripts::smoke_test,
)
.lines()
.only(USED_BY);

pub(super) static MIN_FREE: Definition<u64> = Definition::with_default(
    "min-free",
    "500MB",
    "The run stops before the upload if less disk space than this would stay free on the server. `0`: not checked.",
    size::parse,
)
.only(USED_BY);

/// What is uploaded, and how it is prepared. Empty if the command uploads nothing.
#[derive(Default)]
pub(super) struct Stage {
    pub(super) source: Option<Source>,
    pub(super) excludes: Excludes,
    pub(super) staging: Staging,
}

pub(super) fn stage(
    reader: &mut Reader<'_>,
    around: &Surroundings,
    command: Command,
    placed: &Placed,
) -> Option<Stage> {
    if command != Command::Deploy {
        return Some(Stage::default());
    }
    let source = source(reader, around);
    let excludes = excludes(reader, source.as_ref());
    let shared = reader.optional(&SHARED);
    let env_file = reader.optional(&ENV_FILE);
    not_the_env_file(reader, shared.iter().flatten().flatten());
    let install = install(reader, source.as_ref());
    let env = reader.optional(&ENV);
    let commands = commands(reader, install.as_ref(), placed.no_unit);
    let min_free = reader.with_default(&MIN_FREE);
    let (source, excludes, install, shared) = (source?, excludes?, install?, shared?);
    let shared = shared.unwrap_or_default();
    let lock = fit::are_uploaded(&install, &excludes);
    let room = fit::has_room(&source, &excludes, &install, &shared);
    reader.check(&EXCLUDE.input, lock);
    reader.check(&SHARED.input, room);
    let unit_files = placed.place.as_ref().map_or(&[][..], |it| &it.unit_files);
    for invalid in fit::unit_files(&source, &excludes, &install, unit_files) {
        reader.check(&UNITS.input, Err(invalid));
    }
    let (before_switch, smoke_test) = commands?;
    let staging = Staging {
        shared,
        env_file: env_file?,
        install,
        env: env?.unwrap_or_default(),
        before_switch,
        smoke_test,
        min_free: min_free?,
    };
    Some(Stage {
        source: Some(source),
        excludes,
        staging,
    })
}

/// What runs in the installed release.
fn commands(
    reader: &mut Reader<'_>,
    install: Option<&Install>,
    no_unit: Option<&'static str>,
) -> Option<(Option<String>, Option<SmokeTest>)> {
    let before_switch = reader.optional(&BEFORE_SWITCH).map(Option::flatten);
    let smoke_test = reader.optional(&SMOKE_TEST).map(Option::flatten);
    if let (Some(because), Some(Some(SmokeTest::Auto))) = (no_unit, &smoke_test) {
        auto_needs_a_unit(reader, because);
    }
    if (install, &before_switch, &smoke_test) == (Some(&Install::Nothing), &Some(None), &Some(None))
    {
        without_commands(reader);
    }
    before_switch.zip(smoke_test)
}

fn without_commands(reader: &mut Reader<'_>) {
    if reader.is_given(&ENV.input) {
        let because = "neither install nor before-switch nor smoke-test runs anything";
        reader.no_effect(&ENV.input, because);
    }
}

/// Without a unit, nothing says what `auto` would start.
fn auto_needs_a_unit(reader: &mut Reader<'_>, because: &'static str) {
    let fix = "Give commands that start the app on 127.0.0.1 and `$PORT`, or leave it out";
    let invalid = Invalid::new(Prose::of("is auto, but {}", [&because]), fix);
    reader.problem(&SMOKE_TEST.input, None, invalid);
}

fn source(reader: &mut Reader<'_>, around: &Surroundings) -> Option<Source> {
    let text = reader.with_default(&SOURCE)?;
    let source = Source::find(&text, &around.current_dir, around.workspace.as_deref());
    source
        .map_err(|invalid| reader.problem(&SOURCE.input, Some(&text), invalid))
        .ok()
}

/// A link to a shared file can't replace the file that each release has of its own.
fn not_the_env_file<'a>(reader: &mut Reader<'_>, mut shared: impl Iterator<Item = &'a SharedPath>) {
    if reader.is_given(&ENV_FILE.input) && shared.any(|path| shared::meet(&path.path, ".env")) {
        let fix = "Leave out one of the two";
        let invalid = Invalid::new("holds `.env`, which `env-file` writes", fix);
        reader.problem(&SHARED.input, None, invalid);
    }
}

fn excludes(reader: &mut Reader<'_>, source: Option<&Source>) -> Option<Excludes> {
    let given = reader.with_default(&EXCLUDE);
    match source.map_or(Ok(None), deploy_ignore) {
        Ok(None) => given,
        Ok(Some(more)) => given.map(|given| given.and(more)),
        Err(invalid) => {
            let invalid = invalid.at(&format!("the source's {DEPLOY_IGNORE}"));
            reader.problem(&EXCLUDE.input, None, invalid);
            None
        }
    }
}

/// The list in the source, if there is one.
fn deploy_ignore(source: &Source) -> Result<Option<Excludes>, Invalid> {
    let path = source.path().join(DEPLOY_IGNORE);
    let unreadable = "is not a text file that can be read";
    // a link is not followed: it may lead out of the workspace
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Ok(file) if file.is_file() && file.len() <= Excludes::LONGEST_FILE => {}
        _ => return invalid(unreadable, "Write patterns into it as in .gitignore"),
    }
    match fs::read_to_string(&path) {
        Ok(text) => Excludes::parse(text.trim_start_matches('\u{feff}')).map(Some),
        Err(_) => invalid(unreadable, "Save it as UTF-8 text"),
    }
}

fn install(reader: &mut Reader<'_>, source: Option<&Source>) -> Option<Install> {
    let install = reader.with_default(&INSTALL)?;
    install
        .resolve(source?)
        .map_err(|invalid| reader.problem(&INSTALL.input, None, invalid))
        .ok()
}
