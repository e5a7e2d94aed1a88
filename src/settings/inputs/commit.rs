//! Which commit is deployed: HEAD of the checkout that holds the source. No input says it.

use super::health;
use crate::protocol::Verification;
use crate::settings::checkout::{person_in, Checkout};
use crate::settings::model::{Commit, Surroundings};
use crate::settings::problem::Invalid;
use crate::settings::reader::Reader;
use crate::settings::staging::source::Source;
use crate::settings::warning::InputWarning;
use std::fs;

/// The commit, and the name of the person who deploys by hand.
#[derive(Default)]
pub(super) struct Work {
    pub(super) commit: Option<Commit>,
    pub(super) person: Option<String>,
}

/// A checkout that cannot be read stops nothing: what GitHub says counts then, with a warning.
pub(super) fn work(
    reader: &mut Reader<'_>,
    around: &Surroundings,
    source: Option<&Source>,
) -> Work {
    let checkout = source.map_or(Ok(None), |source| {
        let workspace = around.workspace.as_ref();
        let workspace = workspace.and_then(|path| fs::canonicalize(path).ok());
        Checkout::find(source.path(), workspace.as_deref())
    });
    let checkout = checkout.unwrap_or_else(|error| {
        reader
            .warnings
            .push(InputWarning::unreadable_checkout(&error, around));
        None
    });
    let person = match &checkout {
        _ if around.on_actions => None,
        Some(checkout) if checkout.person.is_some() => checkout.person.clone(),
        _ => person_in(&around.git_configs),
    };
    let commit = match checkout {
        Some(checkout) => of(checkout, around),
        None => around.commit.as_ref().map(|hash| Commit {
            hash: hash.clone(),
            reference: around.reference.clone(),
            ..Commit::default()
        }),
    };
    Work { commit, person }
}

/// The branch of a detached HEAD is known only if it is the commit that the run is about.
fn of(checkout: Checkout, around: &Surroundings) -> Option<Commit> {
    let hash = checkout.commit?;
    let of_run = around
        .reference
        .clone()
        .filter(|_| around.commit.as_ref() == Some(&hash));
    Some(Commit {
        reference: checkout.branch.or(of_run),
        changed: checkout.changed,
        // what the run is about is in its own repository
        remote: checkout
            .remote
            .filter(|_| around.commit.as_ref() != Some(&hash)),
        hash,
    })
}

/// A body cannot match `{sha}` if there is no commit: every release would be rolled back.
pub(super) fn must_be_known(
    reader: &mut Reader<'_>,
    verification: Option<&Verification>,
    work: &Work,
) {
    let health = verification.and_then(|verification| verification.health.as_ref());
    let pattern = health.and_then(|health| health.pattern.as_ref());
    if work.commit.is_none() && pattern.is_some_and(|pattern| pattern.names_commit()) {
        let what = "names `{sha}`, but the commit is unknown: the source is in no git checkout with a commit";
        let fix = "Deploy from a checkout, or leave out `{sha}`; `{release}` is always known";
        let invalid = Invalid::new(what, fix);
        reader.require(&health::MATCH.input, Err(invalid));
    }
}
