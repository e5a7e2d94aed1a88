//! What the action's first step leaves for the second in its outputs. Each is written as soon as it is known, because the
//! first step may be killed at any time.

use crate::protocol::{End, Outcome, ReleaseId, RunError, TransactionId};
use crate::report::{Facts, Place};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Outputs of the first step alone: when it began, in milliseconds since the epoch, and by when the server finishes on its
/// own, in seconds.
const STARTED: &str = "started";
const DEADLINE: &str = "deadline";
/// Longer than any run.
const LONGEST: Duration = Duration::from_secs(35 * 24 * 3600);

/// Finds a variable; one that is missing is empty.
pub(super) type Find<'a> = &'a dyn Fn(&str) -> String;

/// What the first step has written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::cli) struct FirstStep {
    /// The outcome, if it has reported one.
    pub(super) outcome: Option<Outcome>,
    /// The release that should go live.
    release: Option<ReleaseId>,
    /// The rollback target.
    previous: Option<ReleaseId>,
    /// Epoch seconds by which the server finishes on its own.
    deadline: Option<u64>,
    live: String,
    failed_step: String,
    started: Option<SystemTime>,
}

impl FirstStep {
    pub(super) fn of(find: Find<'_>) -> Self {
        let release = |name| find(name).parse().ok();
        let outcome = find("DEPLOY_ACTION_OUTCOME");
        let millis = find("DEPLOY_ACTION_STARTED").parse().ok();
        Self {
            outcome: Outcome::ALL.into_iter().find(|it| it.word() == outcome),
            release: release("DEPLOY_ACTION_RELEASE"),
            previous: release("DEPLOY_ACTION_PREVIOUS_RELEASE"),
            deadline: find("DEPLOY_ACTION_DEADLINE").parse().ok(),
            live: find("DEPLOY_ACTION_LIVE_RELEASE"),
            failed_step: find("DEPLOY_ACTION_FAILED_STEP"),
            started: millis.and_then(|it| UNIX_EPOCH.checked_add(Duration::from_millis(it))),
        }
    }

    /// What it has found out.
    pub(super) fn facts(&self) -> Facts {
        Facts {
            release: self.release.clone(),
            previous: self.previous.clone(),
            place: Place {
                finished_by: self.deadline,
                ..Place::default()
            },
            ..Facts::default()
        }
    }

    /// The outcome that people have read already, if it is final.
    pub(in crate::cli) fn reported(&self) -> Option<Outcome> {
        self.outcome
            .filter(|outcome| !matches!(outcome, Outcome::Unknown | Outcome::Error))
    }

    /// The duration of both steps.
    pub(super) fn took(&self, second: Duration) -> Duration {
        let both = self.started.and_then(|started| started.elapsed().ok());
        both.filter(|both| (second..LONGEST).contains(both))
            .unwrap_or(second)
    }

    /// Puts what it knew into the outputs of a second step that knows less.
    pub(super) fn keep(&self, outputs: &mut [(&'static str, String)]) {
        for (name, value) in outputs {
            let known = match *name {
                "live-release" => &self.live,
                "failed-step" => &self.failed_step,
                _ => continue,
            };
            if !known.is_empty() {
                value.clone_from(known);
            }
        }
    }

    /// The outputs of a second step that is killed at once.
    pub(in crate::cli) fn outputs(
        &self,
        transaction: &TransactionId,
    ) -> Vec<(&'static str, String)> {
        let id = |id: &Option<ReleaseId>| id.as_ref().map(ToString::to_string).unwrap_or_default();
        let outcome = self.reported().unwrap_or(Outcome::Unknown);
        let took = self.took(Duration::ZERO);
        vec![
            replaces(),
            ("transaction", transaction.to_string()),
            ("outcome", outcome.word().to_owned()),
            ("release", id(&self.release)),
            ("previous-release", id(&self.previous)),
            ("live-release", self.live.clone()),
            ("failed-step", self.failed_step.clone()),
            ("duration", format!("{:.1}", took.as_secs_f64())),
        ]
    }
}

/// The output of a second step: all of its outputs count, and none of the first step.
pub(super) fn replaces() -> (&'static str, String) {
    ("replaces", "true".to_owned())
}

/// The output of a first step that begins now.
pub(super) fn started() -> (&'static str, String) {
    (
        STARTED,
        since_epoch(SystemTime::now()).as_millis().to_string(),
    )
}

/// The output of a first step behind the point of no return, whose server finishes on its own within that time.
pub(in crate::cli) fn deadline_in(limit: Duration) -> (&'static str, String) {
    let by = SystemTime::now()
        .checked_add(limit)
        .map_or(Duration::ZERO, since_epoch);
    (DEADLINE, by.as_secs().to_string())
}

/// The same of one that has ended, if it knows.
pub(in crate::cli) fn deadline_of(end: &End) -> Option<(&'static str, String)> {
    match end.error {
        Some(RunError::ConnectionLost { finished_by } | RunError::Cancelled { finished_by }) => {
            finished_by.map(|by| (DEADLINE, by.to_string()))
        }
        _ => None,
    }
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(variables: &[(&str, &str)]) -> FirstStep {
        FirstStep::of(&|name| {
            let known = variables.iter().find(|(known, _)| *known == name);
            known
                .map(|(_, value)| (*value).to_owned())
                .unwrap_or_default()
        })
    }

    #[test]
    fn the_duration_is_that_of_both_steps_unless_the_clock_was_set() {
        let second = Duration::from_secs(2);
        let ago = |seconds: u64| {
            let started = SystemTime::now() - Duration::from_secs(seconds);
            let millis = since_epoch(started).as_millis().to_string();
            left(&[("DEPLOY_ACTION_STARTED", &millis)])
                .took(second)
                .as_secs()
        };
        assert_eq!([60, 1, 60 * 24 * 3600].map(ago), [60, 2, 2]);
        for unreadable in ["", "x", "-1", "18446744073709551615"] {
            let first = left(&[("DEPLOY_ACTION_STARTED", unreadable)]);
            assert_eq!(first.took(second), second, "{unreadable}");
        }
    }

    #[test]
    fn a_second_step_that_is_killed_leaves_what_the_first_one_knew() {
        let transaction = TransactionId::from_random([1; 16]);
        let shown = |variables: &[(&str, &str)]| {
            let outputs = left(variables).outputs(&transaction).into_iter();
            let pairs = outputs.map(|(name, value)| format!("{name}={value}"));
            pairs.collect::<Vec<_>>().join(" ")
        };
        let releases = [
            ("DEPLOY_ACTION_RELEASE", "1762147999"),
            ("DEPLOY_ACTION_PREVIOUS_RELEASE", "1762147685"),
        ];
        let verdict = [
            ("DEPLOY_ACTION_OUTCOME", "rolled-back"),
            ("DEPLOY_ACTION_LIVE_RELEASE", "1762147685"),
            ("DEPLOY_ACTION_FAILED_STEP", "verify"),
        ];
        let lines = [
            shown(&releases),
            shown(&[&releases[..], &verdict].concat()),
            shown(&[
                ("DEPLOY_ACTION_OUTCOME", "error"),
                ("DEPLOY_ACTION_RELEASE", "../x"),
            ]),
        ];
        insta::assert_snapshot!(lines.join("\n"), @"
        replaces=true transaction=01010101010101010101010101010101 outcome=unknown release=1762147999 previous-release=1762147685 live-release= failed-step= duration=0.0
        replaces=true transaction=01010101010101010101010101010101 outcome=rolled-back release=1762147999 previous-release=1762147685 live-release=1762147685 failed-step=verify duration=0.0
        replaces=true transaction=01010101010101010101010101010101 outcome=unknown release= previous-release= live-release= failed-step= duration=0.0
        ");
    }
}
