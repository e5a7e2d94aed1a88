//! Runs whose release failed after the switch.

use crate::looks::{looks, NO_DATABASE, TRACEBACK};
use crate::run::{failure, id, planned, Run, NEW};
use deploy_action::protocol::{
    HealthAnswer, Outcome, ProcessEnd, Reason, Step, UnitState, Verdict, Warning, What,
};
use deploy_action::report::Report;
use std::time::Duration;

const HEALTHY: HealthAnswer = HealthAnswer::Healthy { status: 200 };

fn crash() -> Reason {
    Reason::Crashed {
        end: ProcessEnd::Exited {
            result: "exit-code".into(),
            status: 1,
        },
        log_line: Some("ModuleNotFoundError: No module named 'httpx_missing'".into()),
    }
}

fn database() -> HealthAnswer {
    HealthAnswer::Status {
        status: 500,
        location: None,
        body: b"{\"status\": \"unhealthy\", \"checks\": {\"database\": {\"ok\": false, \"error\": \"database \\\"diting\\\" does not exist\"}, \"wechat\": {\"ok\": true}}}".to_vec(),
    }
}

fn no_answer(last: HealthAnswer, attempts: u32) -> Reason {
    Reason::Unhealthy {
        last: Box::new(last),
        attempts,
        waited: Duration::from_secs(attempts.into()),
        log_line: None,
    }
}

const DEAD: &str =
    "activating (auto-restart) (Result: exit-code) since Tue 2026-11-24 03:40:56 UTC; 1s ago";
const ACTIVE: &str = "active (running) since Tue 2026-11-24 03:40:56 UTC; 10s ago";
const REFUSED: &str = "refused the connection: no process listens there";

/// A process that ends at once.
fn dead(mut run: Run) -> Run {
    run.server(30, What::Warning(Warning::DiskNearlyFull(83)));
    run.attempts(1..=1, &HealthAnswer::Refused);
    run.server(200, What::Diagnostics(looks(TRACEBACK, DEAD, REFUSED)));
    run
}

fn back(mut run: Run, reason: Reason) -> Report {
    run.server(1200, What::Step(Step::RollBack));
    run.attempts(1..=1, &HealthAnswer::Refused);
    run.attempts(2..=7, &HEALTHY);
    run.end(Outcome::RolledBack, |verdict| {
        verdict.failure = failure(Step::Verify, reason);
        verdict.switched = true;
    })
}

pub(crate) fn crashed() -> Report {
    back(dead(Run::installing().installed().switched()), crash())
}

pub(crate) fn unhealthy() -> Report {
    let mut run = Run::installing().installed().switched();
    run.attempts(1..=3, &HealthAnswer::Refused);
    run.attempts(4..=9, &database());
    let answer = "status 500\nServer: uvicorn\n\n{\"status\": \"unhealthy\"}";
    run.server(500, What::Diagnostics(looks(NO_DATABASE, ACTIVE, answer)));
    back(run, no_answer(database(), 9))
}

/// It never reports that it is ready, and prints nothing.
pub(crate) fn never_ready() -> Report {
    let mut run = Run::installing().installed().switched();
    let starting = "activating (start) since Tue 2026-11-24 03:40:56 UTC; 1min ago";
    let looks = looks("", starting, REFUSED).split_off(1);
    run.server(60_000, What::Diagnostics(looks));
    back(
        run,
        Reason::NotRunning {
            state: UnitState::Changing {
                active: "activating".into(),
                sub: "start".into(),
            },
            log_line: None,
        },
    )
}

pub(crate) fn rollback_failed() -> Report {
    let mut run = dead(Run::installing().installed().switched());
    run.server(1200, What::Step(Step::RollBack));
    run.attempts(1..=60, &database());
    run.end(Outcome::RollbackFailed, |verdict| {
        verdict.failure = failure(Step::Verify, crash());
        verdict.rollback = failure(Step::RollBack, no_answer(database(), 60));
        verdict.switched = true;
    })
}

/// There is nothing to go back to.
pub(crate) fn first() -> Report {
    let mut run = dead(
        Run::checked(planned(), None)
            .uploaded()
            .installed()
            .switched(),
    );
    run.server(1200, What::Step(Step::RollBack));
    run.end(Outcome::Failed, |verdict: &mut Verdict| {
        verdict.failure = failure(Step::Verify, crash());
        verdict.release = Some(id(NEW));
        verdict.switched = true;
    })
}
