//! The listing as tables of plain text, at most 100 columns wide, so that no line wraps.

use super::words::{age, is_target, live, said, standing};
use crate::protocol::{ListedAttempt, ListedRelease, Listing, Origin, Outcome, ReleaseId};
use crate::report::{commits, duration, Place};
use crate::text::amounts::{count, size, utc};
use crate::text::excerpt::shorten;
use crate::text::Redactor;
use std::time::Duration;

const WIDTH: usize = 100;
/// At least so many characters of a name are shown.
const NAME: usize = 8;
/// Digits of a run's number.
const DIGITS: std::ops::RangeInclusive<usize> = 1..=20;
/// Rollback targets in one sentence.
const TARGETS: usize = 5;
const NONE: &str = "-";

/// The columns of a table. The last but one gives way if a line is too long.
const RELEASES: [&str; 7] = ["release", "state", "age", "size", "commit", "who", "run"];
const BRIEF: [&str; 5] = ["release", "state", "age", "commit", "who"];
const ATTEMPTS: [&str; 7] = [
    "at (UTC)",
    "outcome",
    "release",
    "live after",
    "commit",
    "who",
    "run",
];

/// The lines of the listing.
#[must_use]
pub fn listing(listing: &Listing, place: &Place, redactor: &Redactor) -> Vec<String> {
    let subject = redactor.redact(&place.subject());
    let cells = Cells { redactor };
    let mut lines = vec![format!("releases of {subject}, newest first:")];
    lines.extend(table(
        RELEASES,
        listing.releases.iter().map(|it| cells.release(it)),
    ));
    lines.extend(more(listing));
    lines.push(String::new());
    lines.push(format!("attempts on {subject}, newest first:"));
    lines.extend(table(
        ATTEMPTS,
        listing.attempts.iter().map(|it| cells.attempt(it)),
    ));
    lines
}

/// The last line of the log.
#[must_use]
pub fn listed(listing: &Listing, place: &Place, took: Duration, redactor: &Redactor) -> String {
    let subject = redactor.redact(&place.subject());
    let releases = listing.more.saturating_add(listing.releases.len() as u64);
    let live = match (live(listing), &listing.live) {
        (Some(live), _) => format!("{} is live", Cells { redactor }.name(live)),
        (None, Some(live)) => format!("{} is live", redactor.redact(&live.to_string())),
        (None, None) => "no release is live".to_owned(),
    };
    format!(
        "{}: {subject}: {live}; {}; {}",
        Outcome::Done.word(),
        count(releases, "release"),
        duration(took)
    )
}

/// The lines that answer a rollback command which named no rollback target.
pub(in crate::report) fn brief(listing: &Listing, redactor: &Redactor) -> Vec<String> {
    let cells = Cells { redactor };
    let row = |listed: &ListedRelease| {
        let [release, state, age, _, commit, who, _] = cells.release(listed);
        [release, state, age, commit, who]
    };
    let title = "releases on the server, newest first; you can roll back to one that is good:";
    let mut lines = vec![title.to_owned()];
    lines.extend(table(BRIEF, listing.releases.iter().map(row)));
    lines.extend(more(listing));
    lines
}

/// The newest rollback targets, in one line; `None` if there is none.
pub(in crate::report) fn targets(listing: &Listing, redactor: &Redactor) -> Option<String> {
    let cells = Cells { redactor };
    let one = |it: &ListedRelease| format!("{}, {} old", cells.name(it), age(it.age));
    let all = listing.releases.iter().filter(|it| is_target(it));
    let named: Vec<String> = all.take(TARGETS).map(one).collect();
    (!named.is_empty()).then(|| format!("rollback targets: {}", named.join("; ")))
}

fn more(listing: &Listing) -> Option<String> {
    let older = || count(listing.more, "older release");
    (listing.more > 0).then(|| format!("  … {}", older()))
}

/// What stands in the tables, without secrets.
struct Cells<'a> {
    redactor: &'a Redactor,
}

impl Cells<'_> {
    /// A release in a sentence.
    fn name(&self, listed: &ListedRelease) -> String {
        let id = self.id(Some(&listed.release));
        match self.commit(&listed.origin) {
            Some(commit) => format!("{id} ({commit})"),
            None => id,
        }
    }

    fn release(&self, listed: &ListedRelease) -> [String; 7] {
        let marks = [(listed.current, "live"), (listed.previous, "previous")];
        let marks = marks.iter().filter(|(is_so, _)| *is_so);
        let state = std::iter::once(standing(listed.standing)).chain(marks.map(|(_, word)| *word));
        let [commit, who, run] = self.origin(&listed.origin);
        [
            self.id(Some(&listed.release)),
            state.collect::<Vec<_>>().join(", "),
            age(listed.age),
            listed.size.map_or_else(none, size),
            commit,
            who,
            run,
        ]
    }

    fn attempt(&self, attempted: &ListedAttempt) -> [String; 7] {
        let at = utc(attempted.at);
        let [commit, who, run] = self.origin(&attempted.origin);
        [
            at.get(..16).unwrap_or(&at).to_owned(),
            attempted.outcome.word().to_owned(),
            self.id(attempted.release.as_ref()),
            self.id(attempted.live.as_ref()),
            commit,
            who,
            run,
        ]
    }

    fn origin(&self, origin: &Origin) -> [String; 3] {
        let text = |text: &Option<String>| said(text.as_ref(), self.redactor);
        [
            self.commit(origin).unwrap_or_else(none),
            text(&origin.actor).unwrap_or_else(none),
            text(&origin.run).map_or_else(none, |run| number(&run)),
        ]
    }

    fn commit(&self, origin: &Origin) -> Option<String> {
        let commit = said(origin.commit.as_ref(), self.redactor)?;
        Some(commits::short(&commit, origin.changed))
    }

    /// What was taken over may have any name.
    fn id(&self, id: Option<&ReleaseId>) -> String {
        id.map_or_else(none, |id| self.redactor.redact(&id.to_string()))
    }
}

/// Of the run that a link leads to.
fn number(run: &str) -> String {
    let rest = run.split_once("/runs/").map_or("", |(_, rest)| rest);
    let number = rest.split('/').next().unwrap_or_default();
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    match is_number && DIGITS.contains(&number.len()) {
        true => number.to_owned(),
        false => shorten(run, NAME),
    }
}

fn none() -> String {
    NONE.to_owned()
}

/// Aligned columns, two spaces apart.
fn table<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> Vec<String> {
    let mut rows: Vec<[String; N]> = [head.map(str::to_owned)].into_iter().chain(rows).collect();
    if rows.len() == 1 {
        return vec!["  none".to_owned()];
    }
    let mut widths = widths(&rows);
    let over = (widths.iter().sum::<usize>() + 2 * N).saturating_sub(WIDTH);
    if let Some(who) = head.iter().position(|column| *column == "who") {
        widths[who] = widths[who].saturating_sub(over).max(NAME);
        let is_longer = |row: &&mut [String; N]| row[who].chars().count() > widths[who];
        for row in rows.iter_mut().filter(is_longer) {
            row[who] = shorten(&row[who], widths[who] - 1);
        }
    }
    let line = |row: &[String; N]| {
        let cells = row
            .iter()
            .zip(widths)
            .map(|(text, width)| format!("  {text:width$}"));
        cells.collect::<String>().trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn widths<const N: usize>(rows: &[[String; N]]) -> [usize; N] {
    let length = |text: &String| text.chars().count();
    std::array::from_fn(|at| rows.iter().map(|row| length(&row[at])).max().unwrap_or(0))
}
