//! What failed, of which commit, by whom; the lines that show why; and what to do.

use super::view::View;
use crate::protocol::{Outcome, Task};
use crate::report::causes::{self, causes, findings, without_outputs, Cause};
use crate::report::markdown::{self, prose};
use crate::report::{duration, texts, Mark};
use crate::text::Prose;

/// Everything of a failure that is read first.
pub(in crate::report) fn failure(view: &View<'_>) -> String {
    match findings(view.end) {
        Some(_) => must_be_fixed(view),
        None => format!("{}{}", what_failed(view), what_to_do(view)),
    }
}

/// What the check has found, each with its hint.
fn must_be_fixed(view: &View<'_>) -> String {
    let one = |cause: Cause| {
        let what = prose(&cause.what, view.redactor);
        format!("{what}\n\n{}", markdown::hint(&cause.hint, view.redactor))
    };
    let all = causes(view.end, &view.report.facts.place);
    all.into_iter().map(one).collect()
}

fn what_failed(view: &View<'_>) -> String {
    let evidence = view.evidence();
    let lines = evidence.of_release();
    let end = match lines.is_empty() {
        true => view.end.clone(),
        false => without_outputs(view.end),
    };
    let why = prose(&Prose::foreign(texts::why(&end)), view.redactor);
    let why = match why.is_empty() {
        true => String::new(),
        false => format!(" {why}{}", after_the_restart(view)),
    };
    let colon = if why.is_empty() { "." } else { ":" };
    let fate = view.prose(&texts::fate(view.end));
    format!(
        "{}**{} {fate}{colon}**{why}\n\n{}{}",
        quoted(&evidence.of_rollback()),
        who(view),
        quoted(&lines),
        rollback(view)
    )
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
    let is_it =
        |run: &&crate::report::StepRun| run.step == failure.step && run.mark == Some(Mark::Failed);
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
    let why = prose(&Prose::foreign(why), view.redactor);
    format!("**The rollback failed too:** {why}\n\n")
}

fn what_to_do(view: &View<'_>) -> String {
    let one = |cause: Cause| markdown::hint(&cause.hint, view.redactor);
    let all = causes::causes(view.end, &view.report.facts.place);
    let hints: String = all.into_iter().map(one).collect();
    match hints.trim().is_empty() {
        true => String::new(),
        false => format!("**What to do:** {hints}"),
    }
}

fn quoted(lines: &[String]) -> String {
    match lines.is_empty() {
        true => String::new(),
        false => format!("{}\n", markdown::fence("text", lines)),
    }
}
