//! What makes a release out of the source.

use std::fs;
use std::io;

use crate::settings::commands::{before_switch, Command, Install, InstallPlan};
use crate::settings::env::{Env, EnvFile};
use crate::settings::excludes::{Excludes, DEPLOY_IGNORE};
use crate::settings::model::Surroundings;
use crate::settings::problem::{wrong, Wrong};
use crate::settings::reader::Reader;
use crate::settings::shared::Shared;
use crate::settings::size;
use crate::settings::source::Source;

/// A `.deployignore` of more bytes is none.
const LONGEST_LIST: u64 = 1 << 20;

/// What only a deployment needs.
pub(super) struct Stage {
    pub(super) source: Option<Source>,
    pub(super) excludes: Excludes,
    pub(super) shared: Shared,
    pub(super) env_file: Option<EnvFile>,
    pub(super) install: InstallPlan,
    pub(super) env: Env,
    pub(super) before_switch: Option<String>,
    pub(super) min_free: u64,
}

impl Stage {
    /// What this command stages.
    pub(super) fn of(
        command: Command,
        reader: &mut Reader<'_>,
        around: &Surroundings,
    ) -> Option<Self> {
        match command {
            Command::Deploy => Self::read(reader, around),
            Command::Rollback | Command::Releases => Some(Self::none()),
        }
    }

    /// Nothing is staged.
    fn none() -> Self {
        Self {
            source: None,
            excludes: Excludes::default(),
            shared: Shared::default(),
            env_file: None,
            install: InstallPlan::Nothing,
            env: Env::default(),
            before_switch: None,
            min_free: 0,
        }
    }

    fn read(reader: &mut Reader<'_>, around: &Surroundings) -> Option<Self> {
        let source = reader.with_default("source", |text| {
            Source::parse(text, &around.current_dir, around.workspace.as_deref())
        });
        let excludes = excludes(reader, source.as_ref());
        let shared = reader.optional("shared", Shared::parse);
        let env_file = reader.optional_raw("env-file", EnvFile::parse);
        if let Some(Some(shared)) = shared.as_ref().filter(|_| reader.is_given("env-file")) {
            not_the_env_file(reader, shared);
        }
        let install = install(reader, source.as_ref());
        let env = reader.optional_raw("env", Env::parse);
        let before_switch = reader.optional("before-switch", before_switch);
        let min_free = reader.with_default("min-free", size::bytes);
        Some(Self {
            source: Some(source?),
            excludes: excludes?,
            shared: shared?.unwrap_or_default(),
            env_file: env_file?,
            install: install?,
            env: env?.unwrap_or_default(),
            before_switch: before_switch?.flatten(),
            min_free: min_free?,
        })
    }
}

/// A link to a shared file cannot stand where each release has a file of its own.
fn not_the_env_file(reader: &mut Reader<'_>, shared: &Shared) {
    if shared.meets(".env") {
        let wrong = Wrong::new(
            "holds `.env`, which `env-file` writes",
            "Leave out one of the two",
        );
        reader.problem("shared", None, wrong);
    }
}

fn excludes(reader: &mut Reader<'_>, source: Option<&Source>) -> Option<Excludes> {
    let given = reader.with_default("exclude", Excludes::parse);
    match source.map_or(Ok(None), deploy_ignore) {
        Ok(None) => given,
        Ok(Some(more)) => given.map(|given| given.and(more)),
        Err(wrong) => {
            reader.problem(
                "exclude",
                None,
                wrong.at(&format!("the source's {DEPLOY_IGNORE}")),
            );
            None
        }
    }
}

/// The list that lies in the source, if there is one.
fn deploy_ignore(source: &Source) -> Result<Option<Excludes>, Wrong> {
    let path = source.path().join(DEPLOY_IGNORE);
    // not through a link, which may lead out of the workspace
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Ok(file) if file.is_file() && file.len() <= LONGEST_LIST => {}
        _ => {
            return wrong(
                "is not a text file that can be read",
                "Write patterns into it as in .gitignore",
            )
        }
    }
    match fs::read_to_string(&path) {
        Ok(text) => Excludes::parse(text.trim_start_matches('\u{feff}')).map(Some),
        Err(_) => wrong(
            "is not a text file that can be read",
            "Save it as UTF-8 text",
        ),
    }
}

fn install(reader: &mut Reader<'_>, source: Option<&Source>) -> Option<InstallPlan> {
    let install = reader.with_default("install", Install::parse)?;
    install
        .plan(source?)
        .map_err(|wrong| reader.problem("install", None, wrong))
        .ok()
}
