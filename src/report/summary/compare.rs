//! The two releases side by side: the one that failed, and the one that is live.

use super::interruption::{interruption, lasting};
use super::view::View;
use crate::protocol::{Made, Outcome, ReleaseId};
use crate::report::markdown::{cell, table};
use crate::report::utc;
use crate::text::amounts;
use crate::text::excerpt::excerpt;
use std::time::Duration;

/// Nothing if it is unknown what is live.
pub(in crate::report) fn compare(view: &View<'_>) -> String {
    let live = view.live_now();
    if live.is_none() && view.end.verdict.is_none() {
        return String::new();
    }
    let View { report, job, .. } = *view;
    let failed = report.attempted();
    let made = failed.map_or_else(|| report.made_now(job), |id| view.made(id));
    let now = live.map(|id| view.made(id)).unwrap_or_default();
    let or_none = |cell: Option<String>| cell.unwrap_or_else(|| "–".to_owned());
    let commit = [
        "commit".to_owned(),
        or_none(view.commits().of(&made)),
        or_none(view.commits().of(&now)) + &differences(view, &now, &made),
    ];
    let release = [
        "release".to_owned(),
        or_none(failed.map(|id| view.commits().id(id))),
        live.map_or_else(|| "none".to_owned(), |id| live_since(view, id, &now)),
    ];
    let interruption = interrupted(view);
    let interruption = interruption.map(|it| ["users noticed".to_owned(), it, String::new()]);
    let units = units(view);
    let units = units.map(|it| ["units".to_owned(), it, String::new()]);
    let (one, other) = heads(view.end.outcome);
    let rows = [commit, release].into_iter().chain(units);
    table(["", one, other], rows.chain(interruption))
}

/// The units, if there are several, and which one failed.
fn units(view: &View<'_>) -> Option<String> {
    let place = &view.report.facts.place;
    if place.others.is_empty() {
        return None;
    }
    let failure = view.end.verdict.as_ref().and_then(|it| it.failure.as_ref());
    let failed = failure.and_then(|it| it.unit.as_ref()).map(excerpt);
    let one = |unit: &str| match failed.as_deref() == Some(unit) {
        true => format!("**{}**", cell(unit, view.redactor)),
        false => cell(unit, view.redactor),
    };
    let all: Vec<String> = place.units().into_iter().map(one).collect();
    Some(all.join(", "))
}

/// What the two releases are.
fn heads(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Unknown => ("new", "live before"),
        Outcome::Cancelled => ("cancelled", "live"),
        Outcome::Busy => ("not deployed", "live at the moment"),
        Outcome::NotReady | Outcome::Unreachable | Outcome::Invalid => ("not deployed", "live"),
        _ => ("failed", "live"),
    }
}

/// A link to the differences, in parentheses.
pub(super) fn differences(view: &View<'_>, old: &Made, new: &Made) -> String {
    let commits = old.commit.as_deref().zip(new.commit.as_deref());
    let link = commits.and_then(|(old, new)| view.commits().compare(old, new));
    link.map_or_else(String::new, |link| format!(" ({link})"))
}

/// A release, since when it is live, and who deployed it.
fn live_since(view: &View<'_>, live: &ReleaseId, made: &Made) -> String {
    let is_old = view.live_before() == Some(live);
    let since = made.live_since.filter(|_| is_old).map(|since| {
        let age = age(view, since).map_or_else(String::new, |age| format!(" ({age})"));
        let time = utc(since);
        format!(", since {} UTC{age}", time.get(..16).unwrap_or(&time))
    });
    let by = view.by(made.actor.as_deref());
    let by = if by.is_empty() { by } else { format!(",{by}") };
    format!(
        "{}{}{by}",
        view.commits().id(live),
        since.unwrap_or_default()
    )
}

/// How long a release has been live, to the end of the run.
pub(super) fn age(view: &View<'_>, since: u64) -> Option<String> {
    let seconds = view.end.verdict.as_ref()?.at.checked_sub(since)?;
    Some(amounts::age(Duration::from_secs(seconds)))
}

fn interrupted(view: &View<'_>) -> Option<String> {
    let verdict = view.end.verdict.as_ref()?;
    match verdict.outcome {
        Outcome::Failed | Outcome::Cancelled if !verdict.switched => {
            Some("nothing: no restart".to_owned())
        }
        Outcome::RollbackFailed => lasting(view.report).map(|it| format!("interruption {it}")),
        _ if !verdict.switched => None,
        _ if verdict.interruption.is_some_and(|it| it.is_none()) => Some("nothing".to_owned()),
        _ => interruption(view.report).map(|it| format!("interruption of {it}")),
    }
}
