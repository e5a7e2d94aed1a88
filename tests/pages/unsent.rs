//! Runs that the server has not reported the end of.

use crate::run::{planned, Run};
use deploy_action::protocol::{
    Bug, ConnectionError, ConnectionKind, HealthAnswer, Hop, Outcome, RunError, RunEvent,
};
use deploy_action::report::{invalid_summary, BadInput, Report};
use deploy_action::text::{Prose, Redactor};
use std::time::Duration;

pub(crate) fn unreachable() -> Report {
    let error = RunError::Connection {
        kind: ConnectionKind::Login,
        error: ConnectionError::Ssh {
            stderr: b"Authorised access only. All activity on this system is logged.\r\ndeploy@web1.example: Permission denied (publickey).\r\n".to_vec(),
        },
        hop: Hop::Server,
        offered: None,
    };
    let mut run = Run::planned(planned());
    run.on(RunEvent::ConnectFailed {
        attempt: 1,
        error: error.clone(),
        pause: Duration::from_secs(2),
    });
    run.stop(Outcome::Unreachable, error)
}

/// The job was cancelled while the server watched the new release.
pub(crate) fn unknown() -> Report {
    let mut run = Run::installing().installed().switched();
    run.attempts(1..=3, &HealthAnswer::Refused);
    let finished_by = Some(1_795_491_963);
    run.stop(Outcome::Unknown, RunError::Cancelled { finished_by })
}

pub(crate) fn error() -> Report {
    let at = Some("src/runner/upload/session.rs:112".to_owned());
    let bug = Bug::Crashed { at, begun: false };
    Run::planned(planned()).stop(Outcome::Error, RunError::Bug(bug))
}

pub(crate) fn invalid() -> String {
    let bad = |name: &str, value: Option<&str>, what: &str, fix: &'static str| BadInput {
        name: name.into(),
        is_input: true,
        value: value.map(str::to_owned),
        what: Prose::foreign(what),
        fix: fix.into(),
    };
    let problems = [
        bad(
            "key",
            None,
            "is empty",
            "Give it as in `key: ${{ secrets.NAME }}` and check that the secret exists under this name, here or in the job's environment; \
             secrets are not passed to pull requests from forks.",
        ),
        bad(
            "health-url",
            Some("localhost:8000/health"),
            "is not a URL",
            "Write it like `http://localhost:8000/health`.",
        ),
    ];
    let subject = Some("diting on web1.example");
    invalid_summary(&problems, subject, &Redactor::default())
}
