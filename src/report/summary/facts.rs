//! The summary's table of names and links.

use crate::protocol::{End, ReleaseId, Task};
use crate::report::commits::Commits;
use crate::report::markdown::{cell, code, link, table};
use crate::report::{duration, utc, Job, Place, Report};
use crate::text::Redactor;

/// A table row of names and links.
pub(in crate::report) fn facts(
    report: &Report,
    end: &End,
    job: &Job,
    redactor: &Redactor,
) -> String {
    let facts = &report.facts;
    let verdict = end.verdict.as_ref();
    let release = verdict.map_or(&facts.release, |verdict| &verdict.release);
    let commits = Commits { job, redactor };
    let row = [
        cell(facts.place.service.as_deref().unwrap_or("–"), redactor),
        cell(&host(&facts.place), redactor),
        release
            .as_ref()
            .map(|it| id(it, redactor))
            .unwrap_or_default(),
        of_release(&commits, report),
        of_previous(&commits, report, end),
        cell(job.actor.as_deref().unwrap_or_default(), redactor),
        job.run
            .as_deref()
            .map_or("from the command line".to_owned(), |run| {
                link("run", Some(run))
            }),
        duration(end.took),
    ];
    table(
        [
            "service", "host", "release", "commit", "previous", "who", "run", "duration",
        ],
        [row],
    )
}

/// A release that was taken over has the name that others gave it.
fn id(id: &ReleaseId, redactor: &Redactor) -> String {
    code(&id.to_string(), redactor).replace('|', "¦")
}

fn host(place: &Place) -> String {
    match place.port {
        22 => place.host.clone(),
        port => format!("{}, port {port}", place.host),
    }
}

/// The commit of the release that should go live, and how it differs from the one before.
fn of_release(commits: &Commits<'_>, report: &Report) -> String {
    let Some(new) = commit(report, commits.job) else {
        return String::new();
    };
    let old = report.facts.made.commit.as_deref();
    let compare = old.and_then(|old| commits.compare(old, new));
    let compare = compare.map(|link| format!(" ({link})"));
    let planned = report.planned.as_ref();
    let changed = planned.is_some_and(|planned| planned.changed);
    let changed = changed && report.facts.task == Task::Deploy;
    commits.short(new, changed) + &compare.unwrap_or_default()
}

/// The release that was live, what it was made from, and since when it was live.
fn of_previous(commits: &Commits<'_>, report: &Report, end: &End) -> String {
    let facts = &report.facts;
    let verdict = end.verdict.as_ref();
    let previous = verdict.map_or(&facts.previous, |verdict| &verdict.previous);
    let Some(previous) = previous else {
        return String::new();
    };
    let name = id(previous, commits.redactor);
    if facts.previous.as_ref() != Some(previous) {
        return name;
    }
    let commit = facts.made.commit.as_deref();
    let commit = commit.map(|it| commits.short(it, facts.made.changed));
    let since = facts.made.live_since.map(since);
    let made: Vec<String> = commit.into_iter().chain(since).collect();
    match made.is_empty() {
        true => name,
        false => format!("{name} ({})", made.join(", ")),
    }
}

/// To the minute.
fn since(at: u64) -> String {
    let time = utc(at);
    format!("since {} UTC", time.get(..16).unwrap_or(&time))
}

/// Of a rollback, only the server knows it.
fn commit<'a>(report: &'a Report, job: &'a Job) -> Option<&'a str> {
    match report.facts.task {
        Task::Deploy => {
            let planned = report.planned.as_ref();
            let planned = planned.and_then(|planned| planned.commit.as_ref());
            planned.or(job.commit.as_ref()).map(String::as_str)
        }
        Task::RollBack { .. } => report.facts.commit.as_deref(),
    }
}
