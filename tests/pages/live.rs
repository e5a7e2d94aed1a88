//! Runs after which the release that was wanted is live.

use crate::run::{id, job, made, planned, Run, COMMIT, NEW, OLD, OLD_COMMIT};
use deploy_action::protocol::{
    HealthAnswer, ListedAttempt, ListedRelease, Listing, LiveRelease, Made, Notice, Origin,
    Outcome, Planned, Standing, Step, Task, Warning, What,
};
use deploy_action::report::{listing_summary, Place, Report};
use deploy_action::text::Redactor;

const HEALTHY: HealthAnswer = HealthAnswer::Healthy { status: 200 };

fn healthy(mut run: Run, release: &str) -> Report {
    run.attempts(1..=2, &HealthAnswer::Refused);
    run.attempts(3..=8, &HEALTHY);
    run.server(40, What::Step(Step::Commit));
    run.end(
        if release == NEW {
            Outcome::Deployed
        } else {
            Outcome::Restored
        },
        |verdict| {
            verdict.release = Some(id(release));
            verdict.live = Some(id(release));
            verdict.switched = true;
        },
    )
}

pub(crate) fn deployed() -> Report {
    let mut run = Run::installing().installed().switched();
    run.server(30, What::Warning(Warning::DiskNearlyFull(83)));
    let (service, user) = ("diting".to_owned(), "deploy".to_owned());
    run.server(1, What::Warning(Warning::NoResetFailed { service, user }));
    run.server(1, What::Notice(Notice::LingerNotChecked));
    healthy(run, NEW)
}

pub(crate) fn first() -> Report {
    healthy(
        Run::checked(planned(), None)
            .uploaded()
            .installed()
            .switched(),
        NEW,
    )
}

/// By the rollback command.
pub(crate) fn restored() -> Report {
    let release = id(NEW);
    let made = Made {
        commit: Some(COMMIT.into()),
        ..made()
    };
    let planned = Planned {
        task: Task::RollBack { to: None },
        commit: None,
        ..planned()
    };
    let mut run = Run::checked(planned, Some(LiveRelease { release, made }));
    run.server(60, What::Step(Step::Switch));
    run.point_of_no_return(id(OLD), OLD_COMMIT);
    run.server(30, What::Step(Step::Restart));
    run.server(420, What::Step(Step::Verify));
    healthy(run, OLD)
}

/// By the command `releases`.
pub(crate) fn releases() -> String {
    listing_summary(
        &listing(),
        &Place::from(&planned()),
        &job(),
        &Redactor::default(),
    )
}

fn origin(commit: &str, actor: &str, number: u32) -> Origin {
    let run = format!("https://github.com/diting/app/actions/runs/{number}/attempts/1");
    Origin {
        run: Some(run),
        commit: Some(commit.into()),
        actor: Some(actor.into()),
        ..Origin::default()
    }
}

fn listing() -> Listing {
    let (new, old) = (
        origin(COMMIT, "alice", 19_105),
        origin(OLD_COMMIT, "bob", 19_001),
    );
    let release = |name: &str, age, standing, origin: &Origin| ListedRelease {
        release: id(name),
        age,
        standing,
        current: name == OLD,
        previous: name == "1795318853",
        size: Some(213_456_789),
        origin: origin.clone(),
    };
    let attempt = |at, outcome, name: &str, origin: &Origin| ListedAttempt {
        at,
        outcome,
        release: Some(id(name)),
        live: Some(id(OLD)),
        origin: origin.clone(),
    };
    let oldest = origin("77aa0c1be2d3f4051627384950617283940a1b2c", "alice", 18_900);
    Listing {
        live: Some(id("1795405253")),
        rollback_target: Some(id("1795318853")),
        more: 0,
        releases: vec![
            release(NEW, 600, Standing::Failed, &new),
            release(OLD, 87_000, Standing::Good, &old),
            release("1795318853", 173_400, Standing::Good, &oldest),
        ],
        attempts: vec![
            attempt(1_795_491_674, Outcome::RolledBack, NEW, &new),
            attempt(1_795_405_279, Outcome::Deployed, OLD, &old),
        ],
    }
}
