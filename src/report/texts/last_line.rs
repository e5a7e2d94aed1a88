//! The last line of the log.

use super::live;
use crate::protocol::{End, Outcome, Reason, RunError, Side, Verdict};
use crate::report::Place;
use crate::text::amounts::duration;
use crate::text::excerpt::{excerpt, shorten};

/// How much of what happened stands in the last line, in characters.
const MOST: usize = 240;

/// The last line of the log: the outcome, what happened, what is live now, how long it took.
#[must_use]
pub fn last_line(end: &End, place: &Place) -> String {
    let what = in_brief(end)
        .map(|what| format!("{what}; "))
        .unwrap_or_default();
    format!(
        "{}: {what}{}; {}",
        end.outcome.word(),
        live(end, place),
        duration(end.took)
    )
}

/// What failed, with the whole cause: if it is long, our own words give way, then its middle.
fn in_brief(end: &End) -> Option<String> {
    let what = what_happened(end)?;
    let verdict = end.verdict.as_ref().filter(|_| end.error.is_none());
    let failure = verdict.and_then(|verdict| verdict.failure.as_ref());
    let cause = failure.and_then(|failure| failure.reason.log_line());
    let what = match (failure, cause) {
        (Some(failure), Some(cause)) if what.chars().count() > MOST => {
            let release = verdict.and_then(|verdict| verdict.release.as_ref());
            let release = release.map_or_else(|| "the deployment".to_owned(), ToString::to_string);
            format!("{release} failed to {}: {}", failure.step, excerpt(cause))
        }
        _ => what,
    };
    Some(shorten(&what, MOST))
}

/// What failed, in one sentence without a full stop; `None` if nothing did.
#[must_use]
pub fn what_happened(end: &End) -> Option<String> {
    let failed = end.verdict.as_ref().and_then(by_verdict);
    // a server that was told to stop does not know why
    end.error.as_ref().map(run_error).or(failed)
}

/// What failed on the runner or on the way, and on which side. The texts about connections name it themselves.
#[must_use]
pub fn run_error(error: &RunError) -> String {
    match error.side() {
        _ if !is_of_a_place(error) => error.to_string(),
        Side::Connection => error.to_string(),
        side @ (Side::Runner | Side::Server) => format!("{side}: {error}"),
    }
}

/// Whether it matters where it happened.
fn is_of_a_place(error: &RunError) -> bool {
    !matches!(
        error,
        RunError::OutOfTime { .. }
            | RunError::Overdue { .. }
            | RunError::Cancelled { .. }
            | RunError::Killed { .. }
            | RunError::Bug(_)
    )
}

fn by_verdict(verdict: &Verdict) -> Option<String> {
    let failure = verdict.failure.as_ref()?;
    Some(match (verdict.outcome, &verdict.release) {
        (Outcome::Busy | Outcome::NotReady, _) => failure.reason.to_string(),
        _ if matches!(failure.reason, Reason::NoSuchRelease { .. }) => {
            format!("cannot roll back: {}", failure.reason)
        }
        (_, Some(id)) => format!("{id} {failure}"),
        (_, None) => format!("the deployment {failure}"),
    })
}

/// The title of the annotation.
#[must_use]
pub fn title(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Deployed => "Deployed",
        Outcome::Restored => "Restored",
        Outcome::Error => "Bug in deploy-action",
        Outcome::Invalid => "Invalid inputs",
        Outcome::Unreachable => "Server unreachable",
        Outcome::NotReady => "Not ready: something must be fixed first",
        Outcome::Failed => "Deployment failed",
        Outcome::RolledBack => "Deployment rolled back",
        Outcome::RollbackFailed => "Rollback failed",
        Outcome::Busy => "Another deployment is running",
        Outcome::Unknown => "Result unknown",
        Outcome::Cancelled => "Deployment cancelled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{ProcessEnd, Step};
    use crate::report::tests::{by_verdict, ends, failed, place, verdict, OLD};

    #[test]
    fn the_last_line_says_the_outcome_and_what_is_live() {
        let all: Vec<_> = ends().iter().map(|end| last_line(end, &place())).collect();
        insta::assert_snapshot!(all.join("\n"), @"
        deployed: 1762147999 is live and healthy; 21.4 s
        restored: 1762147685 is live and healthy; 21.4 s
        restored: 1762147685 is live already and healthy, and nothing was switched or restarted; 21.4 s
        rolled-back: 1762147999 failed to verify (health answered 500 with “no database” after 30 attempts in 1 min); 1762147685 is live and healthy again; 21.4 s
        rolled-back: 1762147999 was interrupted: the process that deploys on the server was killed, or the server went down; 1762147685 is live and healthy again; 21.4 s
        rollback-failed: 1762147999 failed to verify (health answered 500 with “no database” after 30 attempts in 1 min); users are not served: current is 1762147685, but not healthy: health refused the connection: no process listens there after 30 attempts in 1 min; manual intervention required on web1.example; 21.4 s
        failed: 1762147999 failed to verify (health answered 500 with “no database” after 30 attempts in 1 min); no release to roll back to, and no release is live; 21.4 s
        failed: 1762147999 failed to verify (health answered 500 with “no database” after 30 attempts in 1 min); rolled back to 1762147685, which was not healthy before either; 21.4 s
        failed: 1762147999 failed to verify (health answered 500 with “no database” after 30 attempts in 1 min); no release to roll back to, and 1762147999, which failed, is still current; 21.4 s
        failed: 1762147999 failed to switch (someone else changed the server during the deployment: current was deleted); 1762147685 is still live; 21.4 s
        failed: 1762147999 failed to install (line 2, uv sync --frozen, ended with exit code 127 on the server); 1762147685 is still live; 21.4 s
        failed: 1762147999 failed to install (line 2, uv sync --frozen, ended with exit code 127 on the server); nothing was switched; no release is live yet; 21.4 s
        not-ready: /opt/diting on the server cannot be created or written by deploy: Permission denied, and 27 other findings; 1762147685 is still live; 21.4 s
        busy: another deployment holds the lock on the server (by alice, since 2025-11-03 05:16:40 UTC, https://github.com/diting/app/actions/runs/7); this run changed nothing; the other deployment decides which release is live; 21.4 s
        failed: cannot roll back: 3f2a1bc: 1762147685 never went live, so it is unknown whether it works; 1762147685 is still live; 21.4 s
        cancelled: 1762147999 was interrupted during upload: the connection to the runner was lost, or the run was cancelled; 1762147685 is still live; 21.4 s
        error: it is unknown which release is live; on web1.example: readlink /opt/diting/current; 21.4 s
        failed: the time limit of 30 min was reached; 1762147685 is still live; 21.4 s
        error: a bug in deploy-action: reading the source stopped by itself; it is unknown which release is live; on web1.example: readlink /opt/diting/current; 12.3 s
        error: the run ended without a result: its process crashed or was killed, for example because memory ran out; nothing was sent; the server still runs what it ran before; 12.3 s
        unknown: the run stopped watching after 18 min, before the server had finished; web1.example may still finish by itself: on the new release if it is healthy, otherwise on the old one; 12.3 s
        invalid: nothing was sent; the server still runs what it ran before; 12.3 s
        invalid: on the runner: the private key could not be loaded (error in libcrypto); nothing was sent; the server still runs what it ran before; 12.3 s
        unreachable: the account on the server has expired (what ssh said; before that: what the server said); nothing was changed; the server still runs what it ran before; 12.3 s
        not-ready: on the runner: deploy-action-riscv64, the server part for the server's CPU (riscv64), is missing; nothing was switched; the server still runs what it ran before; 12.3 s
        failed: the connection was lost before the switch; nothing was switched; the server still runs what it ran before; 12.3 s
        failed: the time limit of 30 min was reached; nothing was switched; the server still runs what it ran before; 12.3 s
        cancelled: the run was cancelled; nothing was switched; the server still runs what it ran before; 12.3 s
        unknown: the connection was lost before the server finished; web1.example finishes on its own by 2025-11-03 05:38:20 UTC: on the new release if it is healthy, otherwise on the old one; 12.3 s
        unknown: the run was cancelled when the server could no longer be stopped; web1.example finishes on its own by 2025-11-03 05:38:20 UTC: on the new release if it is healthy, otherwise on the old one; 12.3 s
        unknown: unexpected output from the server: a message of 2000000 bytes is too long; it is unknown whether the deployment was begun; if it was, web1.example finishes it by itself: on the new release if it is healthy, otherwise on the old one; 12.3 s
        ");
    }

    #[test]
    fn the_end_of_a_cause_is_not_cut_off() {
        let line = |cause: &str| {
            let reason = Reason::Crashed {
                end: ProcessEnd::Exited {
                    result: "exit-code".to_owned(),
                    status: 1,
                },
                log_line: Some(cause.to_owned()),
            };
            let failure = failed(Step::Verify, reason);
            last_line(
                &by_verdict(verdict(Outcome::RolledBack, Some(OLD), failure)),
                &place(),
            )
        };
        let path = "/opt/diting/current/node_modules/".repeat(8);
        let all = [
            line("Error: listen EADDRINUSE: address already in use 0.0.0.0:8000"),
            line(&format!(
                "caused by: cannot bind {}: address already in use",
                "tcp ".repeat(30)
            )),
            line(&format!("Error: Cannot find module {path}express")),
        ];
        insta::assert_snapshot!(all.join("\n"), @"
        rolled-back: 1762147999 failed to verify (the unit's process on the server ended: exit-code, exit status 1; its log shows: Error: listen EADDRINUSE: address already in use 0.0.0.0:8000); 1762147685 is live and healthy again; 21.4 s
        rolled-back: 1762147999 failed to verify: caused by: cannot bind tcp tcp tcp tcp tcp tcp tcp tcp tcp tcp tcp tcp tcp tcp tcp tcp tcp tcp tcp tcp tcp tcp tcp tcp tcp tcp tcp tcp tcp tcp : address already in use; 1762147685 is live and healthy again; 21.4 s
        rolled-back: 1762147999 failed to verify: Error: Cannot find module /opt/diting/current/node_modules//opt/diting/current/node_modules//opt/dit…iting/current/node_modules//opt/diting/current/node_modules//opt/diting/current/node_modules/express; 1762147685 is live and healthy again; 21.4 s
        ");
    }

    #[test]
    fn every_outcome_has_a_title() {
        let all = Outcome::ALL.map(|outcome| format!("{}: {}", outcome.word(), title(outcome)));
        insta::assert_snapshot!(all.join("\n"), @"
        deployed: Deployed
        restored: Restored
        error: Bug in deploy-action
        invalid: Invalid inputs
        unreachable: Server unreachable
        not-ready: Not ready: something must be fixed first
        failed: Deployment failed
        rolled-back: Deployment rolled back
        rollback-failed: Rollback failed
        busy: Another deployment is running
        unknown: Result unknown
        cancelled: Deployment cancelled
        ");
    }
}
