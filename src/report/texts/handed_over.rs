//! What a step says that does not see the end of its run, or sees it again.

use super::{last_line, live, live::finished_by, what_happened};
use crate::protocol::{End, Outcome};
use crate::report::Place;
use crate::text::Prose;
use std::time::Duration;

/// The only line of a first step about its end: what happened, by when the server finishes, and what to do if the runner is
/// gone before the next step can run.
#[must_use]
pub fn handed_over(end: &End, place: &Place) -> String {
    let what = what_happened(end).map(|what| format!("{what}; "));
    let when = later(end, place);
    let now = match end.outcome {
        Outcome::Unknown => live(end, place),
        // a crash leaves nothing to rely on
        _ => "the server finishes on its own what it has begun".into(),
    };
    format!(
        "handed over to the next step: {}{now}. If no next step runs: {when}, or command: releases, shows how it ended",
        what.unwrap_or_default()
    )
}

/// Which run can tell how it ended.
fn later(end: &End, place: &Place) -> &'static str {
    match finished_by(end.error.as_ref(), place) {
        Some(_) => "any run after that time",
        None => "the next run",
    }
}

/// What a second step says that cannot read its inputs, and so cannot follow what the first has begun.
#[must_use]
pub fn unfollowed(problems: &[String], place: &Place) -> Prose {
    let end = End {
        outcome: Outcome::Unknown,
        verdict: None,
        error: None,
        took: Duration::ZERO,
    };
    let problems = Prose::foreign(problems.join(" "));
    Prose::from("cannot follow the deployment: ")
        .and(problems)
        .and(" – ")
        .and(live(&end, place))
        .and("; ")
        .and(later(&end, place))
        .and(", or `command: releases`, shows how it ended")
}

/// What a second step says behind a listing that was cancelled.
#[must_use]
pub fn unlisted() -> Prose {
    "the releases were not listed; listing them changes nothing".into()
}

/// The last line of a second step behind a first one that has reported the same.
#[must_use]
pub fn reported_before(end: &End, place: &Place) -> String {
    match (&end.verdict, what_happened(end)) {
        (Some(_), _) => last_line(end, place),
        (None, Some(what)) => {
            format!("the previous step has reported how it ended; this one knows no more: {what}")
        }
        (None, None) => "the previous step has reported how it ended".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Bug, RunError};
    use crate::report::short_summary;
    use crate::report::tests::{by_error, ends, place};
    use crate::text::Redactor;

    #[test]
    fn a_step_that_hands_over_says_by_when_and_what_to_do_without_a_next_step() {
        let crashed = RunError::Bug(Bug::Crashed {
            at: Some("src/lib.rs:1".into()),
            begun: true,
        });
        let all = ends().into_iter();
        let unfinished = all.chain([by_error(Outcome::Error, Some(crashed))]);
        let lines = unfinished.filter(|end| !end.is_final());
        let lines: Vec<_> = lines.map(|end| handed_over(&end, &place())).collect();
        insta::assert_snapshot!(lines.join("\n"), @"
        handed over to the next step: the run stopped watching after 18 min, before the server had finished; web1.example may still finish by itself: on the new release if it is healthy, otherwise on the old one. If no next step runs: the next run, or command: releases, shows how it ended
        handed over to the next step: the connection was lost before the server finished; web1.example finishes on its own by 2025-11-03 05:38:20 UTC: on the new release if it is healthy, otherwise on the old one. If no next step runs: any run after that time, or command: releases, shows how it ended
        handed over to the next step: the run was cancelled when the server could no longer be stopped; web1.example finishes on its own by 2025-11-03 05:38:20 UTC: on the new release if it is healthy, otherwise on the old one. If no next step runs: any run after that time, or command: releases, shows how it ended
        handed over to the next step: unexpected output from the server: a message of 2000000 bytes is too long; it is unknown whether the deployment was begun; if it was, web1.example finishes it by itself: on the new release if it is healthy, otherwise on the old one. If no next step runs: the next run, or command: releases, shows how it ended
        handed over to the next step: a bug in deploy-action: it crashed at src/lib.rs:1; the server finishes on its own what it has begun. If no next step runs: the next run, or command: releases, shows how it ended
        ");
    }

    #[test]
    fn a_second_step_that_follows_nothing_says_what_the_server_does() {
        let problems = ["host: is *required*. Give the server's name.".to_owned()];
        let begun = Place {
            finished_by: Some(1_762_148_300),
            ..place()
        };
        let texts = [
            (Outcome::Unknown, unfollowed(&problems, &Place::default())),
            (Outcome::Unknown, unfollowed(&problems, &begun)),
            (Outcome::Cancelled, unlisted()),
        ];
        let redactor = Redactor::new(["required"]);
        let lines = texts.map(|(outcome, text)| short_summary(outcome, &text, &redactor));
        insta::assert_snapshot!(lines.concat(), @"
        **unknown:** cannot follow the deployment: host: is `*****`. Give the server's name. – it is unknown whether the deployment was begun; if it was, the server finishes it by itself: on the new release if it is healthy, otherwise on the old one; the next run, or `command: releases`, shows how it ended
        **unknown:** cannot follow the deployment: host: is `*****`. Give the server's name. – web1.example finishes on its own by 2025-11-03 05:38:20 UTC: on the new release if it is healthy, otherwise on the old one; any run after that time, or `command: releases`, shows how it ended
        **cancelled:** the releases were not listed; listing them changes nothing
        ");
    }

    #[test]
    fn a_second_step_does_not_contradict_what_was_reported() {
        let lost = RunError::ConnectionLost { finished_by: None };
        let ends = [None, Some(lost)].map(|error| by_error(Outcome::Unknown, error));
        let lines = ends.map(|end| reported_before(&end, &place()));
        insta::assert_snapshot!(lines.join("\n"), @"
        the previous step has reported how it ended
        the previous step has reported how it ended; this one knows no more: the connection was lost before the switch
        ");
    }
}
