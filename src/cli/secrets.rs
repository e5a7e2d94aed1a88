//! What this run hides, and what it lets GitHub's runner hide in the whole job.

use super::print::Printer;
use crate::actions::Context;
use crate::report::Page;
use crate::settings::{self, Environment, Flags, Secrets, Settings, INPUTS};
use crate::text::{commands, Redactor};
use regex::bytes::Regex;
use std::fs;

/// Shorter values are too common to be hidden in what other steps print.
const SHORTEST_MASK: usize = 6;
/// Ids of releases are seconds since 1970.
const DIGITS_OF_ID: usize = 10;

/// Hides the secrets of this run, and says which of them the runner may hide as well.
pub(super) struct Hiding {
    pub(super) redactor: Redactor,
    masks: Vec<String>,
}

impl Hiding {
    /// Made before anything is printed; `settings` are missing if the inputs are not valid.
    pub(super) fn of(
        environment: &Environment,
        flags: &Flags,
        settings: Option<&Settings>,
        context: &Context,
    ) -> Self {
        let secrets = Secrets::of(environment, &INPUTS);
        let program = Program::read();
        let mut names = settings::names(environment, flags, &INPUTS);
        names.extend(of_run(settings, context));
        let masks = if is_step_of_action() && !flags.json {
            let open = settings::open(environment, flags, &INPUTS);
            let job = runner_variables();
            let all: Vec<&String> = names.iter().chain(&open).chain(&job).collect();
            masks(&secrets.values, &all, &program)
        } else {
            Vec::new()
        };
        let all = secrets.values.iter().chain(&secrets.named);
        let redactor = Redactor::but_words(all, |text| program.has(text)).keeping(names);
        Self { redactor, masks }
    }

    /// Lets the runner hide them. From the command line there is no runner.
    pub(super) fn announce(&self, page: Page, printer: Printer) {
        if page == Page::Actions {
            for mask in &self.masks {
                printer.line(&commands::add_mask(mask));
            }
        }
    }
}

/// Whether GitHub's runner reads the output. In a `run:` step the workflow may write it to a file, which must hold no secret.
fn is_step_of_action() -> bool {
    std::env::var_os("GITHUB_ACTION_PATH").is_some_and(|path| !path.is_empty())
}

/// The lines that the runner may replace in all that the job prints, links and outputs included: they are part of nothing that
/// is not secret.
fn masks(values: &[String], open: &[&String], program: &Program) -> Vec<String> {
    let lines = values.iter().flat_map(|value| value.lines()).map(str::trim);
    let may_be_id =
        |line: &str| line.len() <= DIGITS_OF_ID && line.bytes().all(|byte| byte.is_ascii_digit());
    let is_open = |line: &str| open.iter().any(|text| text.contains(line));
    let mut masks: Vec<String> = lines
        .filter(|line| line.chars().count() >= SHORTEST_MASK && !line.starts_with("-----"))
        .filter(|line| !may_be_id(line) && !is_open(line) && !program.has(line))
        .map(str::to_owned)
        .collect();
    masks.sort_unstable();
    masks.dedup();
    masks
}

/// Names and links that reports show.
fn of_run(settings: Option<&Settings>, context: &Context) -> Vec<String> {
    let links = [
        context.run_url(),
        context.commit_url(),
        context.api_url.clone(),
        context.sha.clone(),
        context.reference.clone(),
        context.repository.clone(),
        context.actor.clone(),
    ];
    let mut all: Vec<String> = links.into_iter().flatten().collect();
    if let Some(settings) = settings {
        let server = &settings.server;
        all.extend([
            settings.target.as_str().to_owned(),
            server.host.as_str().to_owned(),
            server.user.as_str().to_owned(),
        ]);
        all.extend(settings.service.units().iter().map(ToString::to_string));
        all.extend(settings.commit.iter().map(|it| it.hash.clone()));
    }
    all
}

/// What the runner tells every step about the job.
fn runner_variables() -> Vec<String> {
    let is_of_runner = |name: &str| name.starts_with("GITHUB_") || name.starts_with("RUNNER_");
    let all = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        is_of_runner(&name).then_some(value.into_string().ok()?)
    });
    all.collect()
}

/// This program's file, which holds all words of our texts.
struct Program(Vec<u8>);

impl Program {
    /// Empty if it cannot be read; then every text counts as one of ours.
    fn read() -> Self {
        Self(fs::read("/proc/self/exe").unwrap_or_else(|error| {
            tracing::info!(%error, "cannot read the program");
            Vec::new()
        }))
    }

    /// Whether the text may be one of ours, or a part of one. A number never is.
    fn has(&self, text: &str) -> bool {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        !is_number && (self.0.is_empty() || self.holds(text))
    }

    /// As fast as memory: `regex` searches for a literal with vector instructions.
    fn holds(&self, text: &str) -> bool {
        Regex::new(&regex::escape(text)).is_ok_and(|pattern| pattern.is_match(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_part_of_nothing_public_is_masked() {
        let program = Program(
            b"\x01a program that says: the new release is healthy\0rolled-back\xff".to_vec(),
        );
        let values = [
            "hunter2-%41\n  s3cond line\n}\n-----END X-----",
            "correct  horse",
            "83749283746",
            "1762147",
            "abc12",
            "healthy",
            "rolled-back",
            "diting",
            "runs/7",
        ];
        let values = values.map(str::to_owned);
        let open = [
            "/opt/diting".to_owned(),
            "https://github.com/o/r/actions/runs/7".to_owned(),
        ];
        let masks = masks(&values, &open.iter().collect::<Vec<_>>(), &program);
        let commands: Vec<String> = masks.iter().map(|it| commands::add_mask(it)).collect();
        assert_eq!(
            commands,
            [
                "::add-mask::83749283746",
                "::add-mask::correct  horse",
                "::add-mask::hunter2-%2541",
                "::add-mask::s3cond line"
            ]
        );
        // nobody knows what its words are
        let unknown = Program(Vec::new());
        assert!(super::masks(&values, &[], &unknown)
            .iter()
            .all(|it| it.bytes().all(|byte| byte.is_ascii_digit())));
    }

    #[test]
    fn the_words_of_our_texts_are_in_the_program() {
        let program = Program::read();
        for text in [
            "nothing was switched",
            "the health check",
            "rolled-back",
            "live and healthy",
        ] {
            assert!(program.has(text), "{text}");
        }
        let random: String = (0..12_u8).map(|it| char::from(b'!' + it * 7)).collect();
        assert!(!program.has(&random) && !program.has("123456"));
    }
}
