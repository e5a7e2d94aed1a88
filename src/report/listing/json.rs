//! The listing as JSON.

use super::words::{said, standing};
use crate::protocol::{End, ListedAttempt, ListedRelease, Listing, Origin, Outcome, ReleaseId};
use crate::report::texts;
use crate::text::excerpt::one_line;
use crate::text::Redactor;
use serde_json::{json, Value};
use std::time::Duration;

/// The longest JSON of the output, in bytes. GitHub takes 1 MB of outputs from a job, and Linux gives a program at most 128 KiB
/// in one variable: a later step may want it there.
const MOST: usize = 100_000 - 20;

/// One JSON object. Ids are strings, times and ages are seconds, sizes are bytes; unknown values are null.
#[must_use]
pub fn listing_json(listing: &Listing, redactor: &Redactor) -> String {
    format!("{:#}", value(listing, redactor))
}

/// The outputs of a run that listed what is there.
#[must_use]
pub fn listing_outputs(
    listing: &Listing,
    took: Duration,
    redactor: &Redactor,
) -> Vec<(&'static str, String)> {
    // what was taken over may have any name
    let id = |id: &Option<ReleaseId>| {
        let id = id.as_ref().map(ReleaseId::to_string);
        redactor.redact(&id.unwrap_or_default())
    };
    vec![
        ("outcome", Outcome::Done.word().to_owned()),
        ("previous-release", id(&listing.rollback_target)),
        ("live-release", id(&listing.live)),
        ("duration", format!("{:.1}", took.as_secs_f64())),
        ("releases", bounded(listing, redactor)),
    ]
}

/// The JSON of a run that has no listing to show: how it ended, and what was wrong.
#[must_use]
pub fn failure_json(outcome: Outcome, problems: &[String]) -> String {
    let problems: Vec<String> = problems.iter().map(one_line).collect();
    format!(
        "{:#}",
        json!({ "outcome": outcome.word(), "problems": problems })
    )
}

/// The same for a run that has ended.
#[must_use]
pub fn end_json(end: &End, redactor: &Redactor) -> String {
    let problem =
        texts::what_happened(end).unwrap_or_else(|| texts::listing_title(end.outcome).to_owned());
    failure_json(end.outcome, &[redactor.redact(&problem)])
}

/// The same object in one line. If it would be too long, the oldest releases are missing, but not those that are named; then
/// the oldest attempts.
fn bounded(listing: &Listing, redactor: &Redactor) -> String {
    let mut value = value(listing, redactor);
    let named = [value["live"].clone(), value["rollback_target"].clone()];
    let mut over = value.to_string().len().saturating_sub(MOST);
    let dropped = drop_rows(&mut value["releases"], &mut over, |row| {
        named.contains(&row["release"])
    });
    value["more"] = json!(listing.more.saturating_add(dropped));
    drop_rows(&mut value["attempts"], &mut over, |_| false);
    value.to_string()
}

/// Drops the last rows of a list until `over` bytes less are left; returns how many.
fn drop_rows(list: &mut Value, over: &mut usize, is_kept: impl Fn(&Value) -> bool) -> u64 {
    let mut dropped = 0;
    let Some(rows) = list.as_array_mut() else {
        return dropped;
    };
    for at in (0..rows.len()).rev() {
        if *over > 0 && !is_kept(&rows[at]) {
            let row = rows.remove(at).to_string();
            *over = over.saturating_sub(row.len() + ",".len());
            dropped += 1;
        }
    }
    dropped
}

/// Redacted text by text: in the whole, a secret could be a number's digits, or be escaped.
fn value(listing: &Listing, redactor: &Redactor) -> Value {
    let releases = listing.releases.iter().map(|it| release(it, redactor));
    let attempts = listing.attempts.iter().map(|it| attempt(it, redactor));
    json!({
        "outcome": Outcome::Done.word(),
        "live": id(listing.live.as_ref(), redactor),
        "rollback_target": id(listing.rollback_target.as_ref(), redactor),
        "releases": releases.collect::<Vec<_>>(),
        "more": listing.more,
        "attempts": attempts.collect::<Vec<_>>(),
    })
}

fn release(listed: &ListedRelease, redactor: &Redactor) -> Value {
    let mut value = origin(&listed.origin, redactor);
    value["release"] = id(Some(&listed.release), redactor);
    value["age"] = json!(listed.age);
    value["state"] = json!(standing(listed.standing));
    value["current"] = json!(listed.current);
    value["previous"] = json!(listed.previous);
    value["size"] = json!(listed.size);
    value
}

fn attempt(attempted: &ListedAttempt, redactor: &Redactor) -> Value {
    let mut value = origin(&attempted.origin, redactor);
    value["at"] = json!(attempted.at);
    value["outcome"] = json!(attempted.outcome.word());
    value["release"] = id(attempted.release.as_ref(), redactor);
    value["live"] = id(attempted.live.as_ref(), redactor);
    value
}

/// What was taken over may have any name.
fn id(id: Option<&ReleaseId>, redactor: &Redactor) -> Value {
    json!(id.map(|id| redactor.redact(&id.to_string())))
}

fn origin(origin: &Origin, redactor: &Redactor) -> Value {
    let text = |text: &Option<String>| said(text.as_ref(), redactor);
    json!({
        "commit": text(&origin.commit),
        "changed": origin.changed,
        "reference": text(&origin.reference),
        "who": text(&origin.actor),
        "run": text(&origin.run),
        "tool": said(Some(&origin.tool), redactor).unwrap_or_default(),
    })
}
