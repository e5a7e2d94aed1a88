//! The rollback command: which commit is live now, and what there is if it named no rollback target.

use super::*;
use crate::protocol::{
    Event, LiveRelease, Made, Outcome, Planned, Reason, RollbackTargetError, RunEvent, Step, Task,
    Verdict, What,
};
use crate::report::listing::tests::sample;
use crate::report::{outputs, summary, Job, Log, Page};
use crate::text::Redactor;
use std::time::Duration;

const COMMIT: &str = "9c1d77e0a1b2c3d4e5f60718293a4b5c6d7e8f90";

fn made(commit: Option<&str>, changed: bool) -> Made {
    Made {
        commit: commit.map(str::to_owned),
        changed,
        ..Made::default()
    }
}

/// A rollback with these events of the server, then its end.
fn ended(events: Vec<What>, verdict: Verdict) -> (Log, Vec<String>) {
    let mut log = Log::new(Page::Actions);
    let task = Task::RollBack {
        to: Some("3f2a1bc".into()),
    };
    let planned = Planned { task, ..planned() };
    let mut lines = log.on(&RunEvent::Planned(Box::new(planned)));
    let ended = What::Ended(Box::new(verdict.clone()));
    for what in events.into_iter().chain([ended]) {
        lines.extend(log.on(&RunEvent::Server(Event { at: 0, what })));
    }
    lines.extend(log.on(&RunEvent::Ended(Box::new(by_verdict(verdict)))));
    (log, lines)
}

/// The last line of a rollback from `old` to the release of `new`.
fn switched(new: Option<&str>, old: Made) -> String {
    let point = What::PointOfNoReturn {
        release: id(OLD),
        previous: Some(id(NEW)),
        deadline: Duration::from_secs(310),
        commit: new.map(str::to_owned),
        made: old,
    };
    let verdict = Verdict {
        release: Some(id(OLD)),
        previous: Some(id(NEW)),
        ..verdict(Outcome::Restored, Some(OLD), None)
    };
    ended(vec![point], verdict).1.pop().unwrap()
}

#[test]
fn the_last_line_names_the_commit_that_is_live_and_the_one_that_it_replaced() {
    let new = Some("3f2a1bc0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4");
    for (line, commits) in [
        (
            switched(new, made(Some(COMMIT), false)),
            "; commit 3f2a1bc replaced 9c1d77e; ",
        ),
        (
            switched(new, made(Some(COMMIT), true)),
            "; commit 3f2a1bc replaced 9c1d77e+changes; ",
        ),
        (switched(new, Made::default()), "; commit 3f2a1bc; "),
    ] {
        assert!(line.contains(commits), "{line}");
    }
    let unknown = switched(None, made(Some(COMMIT), false));
    assert!(!unknown.contains("commit"), "{unknown}");
    let hostile = switched(Some("a\r\n::error::b\u{1b}[2J"), Made::default());
    assert!(hostile.contains("; commit a ::err; "), "{hostile}");
    assert_eq!(crate::text::runner::commands(&hostile), [""; 0]);
    let live = |release| {
        let made = made(Some(COMMIT), false);
        let release = id(release);
        let events = vec![What::Live(Box::new(LiveRelease { release, made }))];
        let verdict = Verdict {
            switched: false,
            release: Some(id(OLD)),
            previous: None,
            ..verdict(Outcome::Restored, Some(OLD), None)
        };
        ended(events, verdict).1.pop().unwrap()
    };
    assert!(live(OLD).contains("; commit 9c1d77e; "), "{}", live(OLD));
    assert!(!live(NEW).contains("commit"), "{}", live(NEW));
}

fn errors() -> [RollbackTargetError; 8] {
    let several = RollbackTargetError::Ambiguous {
        releases: vec![id(NEW), id(OLD)],
        current: Some(id(NEW)),
        more: false,
    };
    [
        RollbackTargetError::NoMatch,
        RollbackTargetError::NotAnId,
        RollbackTargetError::Failed(id(OLD)),
        RollbackTargetError::NeverLive(id(OLD)),
        RollbackTargetError::Incomplete(id(OLD)),
        RollbackTargetError::NoRecord(id(OLD)),
        RollbackTargetError::NoneGood { current: None },
        several,
    ]
}

/// The log and the page of a rollback that named none.
fn refused(error: RollbackTargetError) -> (Log, Vec<String>) {
    let wanted = "abc".to_owned();
    let reason = Reason::NoSuchRelease { wanted, error };
    let verdict = Verdict {
        switched: false,
        release: None,
        ..verdict(Outcome::NotReady, Some(NEW), failed(Step::Check, reason))
    };
    let events = vec![What::Step(Step::Check), What::Releases(Box::new(sample()))];
    ended(events, verdict)
}

#[test]
fn who_names_no_rollback_target_sees_at_once_what_there_is() {
    for error in errors() {
        let text = error.to_string();
        let (log, lines) = refused(error);
        let at = |part: &str| lines.iter().rposition(|line| line.contains(part));
        let rows = ["  1762147999  good, live ", "  1762147685  good, previous "].map(at);
        let end = [at("::error title="), at("not-ready: ")];
        let order = [rows, end].concat();
        assert!(order.is_sorted() && rows[0].is_some(), "{lines:#?}");
        let annotation = &lines[end[0].unwrap()];
        assert!(annotation.contains("rollback targets: 1762147685 (3f2a1bc), 1 d old"));
        assert!(annotation.contains(&text), "{text}: {annotation}");
        let page = summary(log.report(), &Job::default(), &Redactor::default());
        for row in [
            "| `1762147999` `3f2a1bc` | good, **live**, 2 h",
            "| `1762147685` `3f2a1bc` | good, **previous**, 1 d",
        ] {
            assert!(page.contains(row), "{page}");
        }
        let end = log.report().end.clone().unwrap();
        let outputs = outputs(&end, log.facts(), &Redactor::default());
        assert!(outputs.contains(&("failed-step", "check".into())));
    }
}
