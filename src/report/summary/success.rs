//! What a run that succeeded has changed, in two lines.

use super::compare::{age, differences};
use super::interruption::interruption;
use super::view::View;
use crate::protocol::{Part, Planned, Task};
use crate::report::{count, size};

/// What was replaced, and how long users noticed it; then what was sent.
pub(in crate::report) fn success(view: &View<'_>) -> String {
    let interruption = interruption(view.report);
    let interruption = interruption.map(|it| format!("**Interruption:** {it}."));
    let first: Vec<String> = replaced(view).into_iter().chain(interruption).collect();
    let kept = first.join(" ");
    match kept.is_empty() {
        true => kept,
        false => kept + "\n",
    }
}

/// The release before, how the new one differs, and how long it was live.
fn replaced(view: &View<'_>) -> Option<String> {
    let verdict = view.end.verdict.as_ref().filter(|it| it.switched)?;
    let Some(old) = view.live_before() else {
        return Some("This is the first release here.".to_owned());
    };
    if verdict.live.as_ref() == Some(old) {
        return None;
    }
    let before = view.made(old);
    let now = verdict
        .live
        .as_ref()
        .map(|id| view.made(id))
        .unwrap_or_default();
    let age = before.live_since.and_then(|since| age(view, since));
    let age = age.map_or_else(String::new, |age| format!(", which was live for {age}"));
    let by = view.by(before.actor.as_deref());
    let by = if by.is_empty() {
        by
    } else {
        format!(", deployed{by}")
    };
    Some(format!(
        "Replaced {}{}{age}{by}.",
        view.name(old),
        differences(view, &before, &now)
    ))
}

/// Who, the release's id, and how much was sent.
pub(super) fn amounts(view: &View<'_>) -> Vec<String> {
    let View { report, job, .. } = *view;
    let by = view.by(job.actor.as_deref());
    let verb = match report.facts.task {
        Task::Deploy => "Deployed",
        Task::RollBack { .. } => "Restored",
    };
    let by = (!by.is_empty()).then(|| format!("{verb}{by}"));
    let id = view
        .live_now()
        .map(|id| format!("release {}", view.commits().id(id)));
    let is_deployment = report.facts.task == Task::Deploy;
    // the second step has not read the source
    let has_read = |it: &&Planned| is_deployment && it.part == Part::Whole;
    let planned = report.planned.as_ref().filter(has_read);
    let tree = planned.map(|it| format!("{}, {}", count(it.entries, "file"), size(it.bytes)));
    let sent = report.staged.as_ref().map(|it| {
        let (files, bytes) = (it.received, size(it.received_bytes));
        format!(" ({files} sent, {bytes})")
    });
    let tree = tree.map(|tree| tree + &sent.unwrap_or_default());
    by.into_iter().chain(id).chain(tree).collect()
}
