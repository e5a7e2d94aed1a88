//! The outputs of the action.

use super::Facts;
use crate::protocol::{End, Interruption, Outcome, ReleaseId, Step};
use crate::text::Redactor;

/// Every output and its meaning, in Markdown of one line. The table in the README and the check of action.yml are made
/// from it.
pub const OUTPUTS: &[(&str, &str)] = &[
    ("outcome", "deployed, restored, done, invalid, unreachable, not-ready, failed, rolled-back, rollback-failed, busy, unknown, cancelled or error."),
    ("release", "Id of the release that this run created, if it got that far."),
    ("previous-release", "Id of the rollback target."),
    ("live-release", "Id of the release that is live when the run ends, if that is known."),
    ("releases", "With `command: releases`: what is on the server, as JSON of at most 100 kB; without the oldest releases if there are too many."),
    ("failed-step", "Name of the step that failed; empty if none did."),
    ("failed-unit", "Name of the unit that failed, if the service has several; otherwise empty."),
    ("duration", "Seconds that the run took, over both steps of the action."),
    ("interruption", "Seconds for which the application was not served, as in `duration`; 0 if nothing was restarted, empty if it is unknown."),
    ("transaction", "Id of the transaction, written before anything is sent."),
    ("issue-url", "Link to the issue about this run, if one was opened, commented or closed."),
    ("issue-number", "Number of that issue."),
    ("finished", "true once the outcome is final; missing if it is unknown."),
];

/// The README's table of outputs.
#[must_use]
pub fn outputs_table() -> String {
    let rows = OUTPUTS
        .iter()
        .map(|(name, meaning)| format!("| `{name}` | {meaning} |\n"));
    std::iter::once("| output | meaning |\n|---|---|\n".to_owned())
        .chain(rows)
        .collect()
}

/// The action's outputs, without those that `cli` writes itself. Unknown values are empty.
#[must_use]
pub fn outputs(end: &End, facts: &Facts, redactor: &Redactor) -> Vec<(&'static str, String)> {
    let verdict = end.verdict.as_ref();
    // what was taken over may have any name
    let id = |id: &Option<ReleaseId>| {
        let id = id.as_ref().map(ReleaseId::to_string);
        redactor.redact(&id.unwrap_or_default())
    };
    vec![
        ("outcome", end.outcome.word().to_owned()),
        (
            "release",
            id(verdict.map_or(&facts.release, |verdict| &verdict.release)),
        ),
        (
            "previous-release",
            id(verdict.map_or(&facts.previous, |verdict| &verdict.previous)),
        ),
        (
            "live-release",
            verdict.map(|verdict| id(&verdict.live)).unwrap_or_default(),
        ),
        ("failed-step", failed_step(end, facts).to_owned()),
        ("failed-unit", redactor.redact(&failed_unit(end, facts))),
        ("duration", format!("{:.1}", end.took.as_secs_f64())),
        ("interruption", interruption(end)),
    ]
}

fn interruption(end: &End) -> String {
    match &end.verdict {
        Some(verdict) => verdict.interruption.map(seconds).unwrap_or_default(),
        None => match end.outcome {
            // nothing was contacted, or nothing was changed
            Outcome::Invalid | Outcome::Unreachable | Outcome::NotReady | Outcome::Done => {
                "0".to_owned()
            }
            _ => String::new(),
        },
    }
}

fn seconds(interruption: Interruption) -> String {
    match interruption.is_none() {
        true => "0".to_owned(),
        false => format!("{:.1}", interruption.duration().as_secs_f64()),
    }
}

/// Only one of the units of the service; any other name is the server's word.
fn failed_unit(end: &End, facts: &Facts) -> String {
    let failure = end.verdict.as_ref().and_then(|it| it.failure.as_ref());
    let unit = failure.filter(|it| it.unit.is_some());
    let unit = unit.and_then(|failure| facts.place.about(failure).service);
    unit.unwrap_or_default()
}

fn failed_step(end: &End, facts: &Facts) -> &'static str {
    let failed = end
        .verdict
        .as_ref()
        .and_then(|verdict| verdict.failure.as_ref())
        .map(|failure| failure.step);
    let cut_off = || facts.step.filter(|_| end.verdict.is_none());
    failed.or_else(cut_off).map(Step::id).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{ends, id, NEW, OLD};

    #[test]
    #[expect(clippy::too_many_lines, reason = "the snapshot is long")]
    fn every_outcome_has_its_outputs() {
        let facts = Facts {
            step: Some(Step::Connect),
            release: Some(id(NEW)),
            previous: Some(id(OLD)),
            ..Facts::default()
        };
        let line = |end: &End| {
            assert!(outputs(end, &facts, &Redactor::default())
                .iter()
                .all(|(name, _)| OUTPUTS.iter().any(|(known, _)| name == known)));
            let pairs = outputs(end, &facts, &Redactor::default())
                .into_iter()
                .map(|(name, value)| format!("{name}={value}"));
            pairs.collect::<Vec<_>>().join(" ")
        };
        insta::assert_snapshot!(ends().iter().map(line).collect::<Vec<_>>().join("\n"), @"
        outcome=deployed release=1762147999 previous-release=1762147685 live-release=1762147999 failed-step= failed-unit= duration=21.4 interruption=0.9
        outcome=restored release=1762147685 previous-release=1762147999 live-release=1762147685 failed-step= failed-unit= duration=21.4 interruption=0.9
        outcome=restored release=1762147685 previous-release= live-release=1762147685 failed-step= failed-unit= duration=21.4 interruption=0
        outcome=rolled-back release=1762147999 previous-release=1762147685 live-release=1762147685 failed-step=verify failed-unit= duration=21.4 interruption=4.6
        outcome=rolled-back release=1762147999 previous-release=1762147685 live-release=1762147685 failed-step=recover failed-unit= duration=21.4 interruption=4.6
        outcome=rollback-failed release=1762147999 previous-release=1762147685 live-release=1762147685 failed-step=verify failed-unit= duration=21.4 interruption=
        outcome=failed release=1762147999 previous-release= live-release= failed-step=verify failed-unit= duration=21.4 interruption=
        outcome=failed release=1762147999 previous-release=1762147685 live-release=1762147685 failed-step=verify failed-unit= duration=21.4 interruption=
        outcome=failed release=1762147999 previous-release=1762147685 live-release=1762147999 failed-step=verify failed-unit= duration=21.4 interruption=
        outcome=failed release=1762147999 previous-release=1762147685 live-release=1762147685 failed-step=switch failed-unit= duration=21.4 interruption=
        outcome=failed release=1762147999 previous-release=1762147685 live-release=1762147685 failed-step=install failed-unit= duration=21.4 interruption=0
        outcome=failed release=1762147999 previous-release= live-release= failed-step=install failed-unit= duration=21.4 interruption=
        outcome=not-ready release= previous-release=1762147685 live-release=1762147685 failed-step=check failed-unit= duration=21.4 interruption=0
        outcome=busy release= previous-release=1762147685 live-release=1762147685 failed-step=lock failed-unit= duration=21.4 interruption=0
        outcome=not-ready release= previous-release=1762147685 live-release=1762147685 failed-step=check failed-unit= duration=21.4 interruption=0
        outcome=failed release=1762147999 previous-release=1762147685 live-release=1762147685 failed-step=smoke-test failed-unit= duration=21.4 interruption=0
        outcome=failed release=1762147999 previous-release= live-release= failed-step=smoke-test failed-unit= duration=21.4 interruption=0
        outcome=cancelled release=1762147999 previous-release=1762147685 live-release=1762147685 failed-step=upload failed-unit= duration=21.4 interruption=0
        outcome=error release=1762147999 previous-release=1762147685 live-release=1762147685 failed-step= failed-unit= duration=21.4 interruption=0
        outcome=failed release=1762147999 previous-release=1762147685 live-release=1762147685 failed-step=install failed-unit= duration=21.4 interruption=
        outcome=error release=1762147999 previous-release=1762147685 live-release= failed-step=connect failed-unit= duration=12.3 interruption=
        outcome=error release=1762147999 previous-release=1762147685 live-release= failed-step=connect failed-unit= duration=12.3 interruption=
        outcome=unknown release=1762147999 previous-release=1762147685 live-release= failed-step=connect failed-unit= duration=12.3 interruption=
        outcome=invalid release=1762147999 previous-release=1762147685 live-release= failed-step=connect failed-unit= duration=12.3 interruption=0
        outcome=invalid release=1762147999 previous-release=1762147685 live-release= failed-step=connect failed-unit= duration=12.3 interruption=0
        outcome=unreachable release=1762147999 previous-release=1762147685 live-release= failed-step=connect failed-unit= duration=12.3 interruption=0
        outcome=not-ready release=1762147999 previous-release=1762147685 live-release= failed-step=connect failed-unit= duration=12.3 interruption=0
        outcome=failed release=1762147999 previous-release=1762147685 live-release= failed-step=connect failed-unit= duration=12.3 interruption=
        outcome=failed release=1762147999 previous-release=1762147685 live-release= failed-step=connect failed-unit= duration=12.3 interruption=
        outcome=cancelled release=1762147999 previous-release=1762147685 live-release= failed-step=connect failed-unit= duration=12.3 interruption=
        outcome=unknown release=1762147999 previous-release=1762147685 live-release= failed-step=connect failed-unit= duration=12.3 interruption=
        outcome=unknown release=1762147999 previous-release=1762147685 live-release= failed-step=connect failed-unit= duration=12.3 interruption=
        outcome=unknown release=1762147999 previous-release=1762147685 live-release= failed-step=connect failed-unit= duration=12.3 interruption=
        outcome=done release=1762147999 previous-release=1762147685 live-release= failed-step=connect failed-unit= duration=12.3 interruption=0
        ");
    }
}
