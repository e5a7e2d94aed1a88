//! What failed, of which commit, by whom; the lines that show why; and what to do.

use super::findings::numbered;
use super::format::quoted;
use super::view::View;
use crate::protocol::{End, Outcome, Reason, Task};
use crate::report::causes::{self, findings, without_outputs, Cause};
use crate::report::markdown::{self, link, prose, Document};
use crate::report::{duration, texts, utc, Mark, StepRun};

/// Everything of a failure that is read first. What is too long for the page hides nothing else of it.
pub(in crate::report) fn failure(view: &View<'_>, page: &mut Document<'_>) {
    let parts = match findings(view.end) {
        Some(found) => numbered(found, &view.report.facts.place, view.redactor),
        None => vec![what_failed(view), rollback(view), what_to_do(view)],
    };
    for part in parts {
        page.add(&part);
    }
}

fn what_failed(view: &View<'_>) -> String {
    let evidence = view.evidence();
    let lines = evidence.of_release();
    let end = match lines.is_empty() {
        true => view.end.clone(),
        false => without_outputs(view.end),
    };
    let why = why(view, &end);
    let colon = if why.is_empty() { "." } else { ":" };
    format!(
        "{}**{}{colon}**{why}\n\n{}",
        quoted(&evidence.of_rollback()),
        who_failed(view),
        quoted(&lines),
    )
}

/// A whole sentence after a space; empty if there is no more to say.
fn why(view: &View<'_>, end: &End) -> String {
    let seen = view
        .report
        .steps
        .last()
        .filter(|_| end.outcome == Outcome::Unknown);
    let seen = seen.map(|run| texts::last_seen(run.step, run.health()));
    let why = texts::why(end).and(seen.unwrap_or_default());
    let why = match holder(view) {
        Some(holder) => holder,
        None => prose(&why, view.redactor),
    };
    match why.is_empty() {
        true => why,
        false => format!(" {why}{}.", after_the_restart(view)),
    }
}

/// Who holds the lock, with a link if the server names a run of the same repository.
fn holder(view: &View<'_>) -> Option<String> {
    let verdict = view.end.verdict.as_ref()?;
    let Reason::Busy(Some(holder)) = &verdict.failure.as_ref()?.reason else {
        return None;
    };
    let run = holder.run.as_deref().filter(|run| view.job.is_run(run))?;
    let by = view.by(holder.actor.as_deref());
    let since = utc(holder.since);
    let link = link("another deployment", Some(run));
    Some(format!(
        "{link}{by} holds the lock on the server since {since}"
    ))
}

/// What failed, and how.
fn who_failed(view: &View<'_>) -> String {
    match view.report.facts.is_listing {
        true => "The list of releases was not read".to_owned(),
        false => format!("{} {}", who(view), view.prose(&texts::fate(view.end))),
    }
}

/// The release that failed, and who wanted it.
fn who(view: &View<'_>) -> String {
    let View { report, job, .. } = *view;
    let made = report
        .attempted()
        .map_or_else(|| report.made_now(job), |id| view.made(id));
    let commit = view.commits().of(&made);
    let name = commit.or_else(|| report.attempted().map(|id| view.commits().id(id)));
    let by = view.by(job.actor.as_deref());
    match (&report.facts.task, name) {
        (Task::Deploy, Some(name)) => format!("{name}{by}"),
        (Task::Deploy, None) => format!("The deployment{by}"),
        (Task::RollBack { .. }, Some(name)) => format!("{name} (rollback{by})"),
        (Task::RollBack { .. }, None) => format!("The rollback{by}"),
    }
}

/// How long after the restart a process ended.
fn after_the_restart(view: &View<'_>) -> String {
    let failure = view.end.verdict.as_ref().and_then(|it| it.failure.as_ref());
    let Some(failure) = failure.filter(|it| texts::is_crash(&it.reason)) else {
        return String::new();
    };
    let is_it = |run: &&StepRun| run.step == failure.step && run.mark == Some(Mark::Failed);
    let took = view
        .report
        .steps
        .iter()
        .find(is_it)
        .and_then(|run| run.took);
    took.map_or_else(String::new, |took| {
        format!(", {} after the restart", duration(took))
    })
}

/// Why what was live before is not healthy either, if the heading does not have it.
fn rollback(view: &View<'_>) -> String {
    let verdict = view.end.verdict.as_ref();
    let verdict = verdict.filter(|it| it.outcome != Outcome::RollbackFailed);
    let Some(why) = verdict.and_then(texts::why_rollback) else {
        return String::new();
    };
    let why = prose(&why, view.redactor);
    format!("**The rollback failed too:** {why}.\n\n")
}

fn what_to_do(view: &View<'_>) -> String {
    let one = |cause: Cause| markdown::hint(&cause.hint, view.redactor);
    let all = causes::causes(view.end, &view.report.facts.place);
    let hints: String = all.into_iter().map(one).collect();
    markdown::what_to_do(&hints)
}
