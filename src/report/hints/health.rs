//! Hints for a failed health check.

use super::steps::{steps, Hint};
use super::unit;
use crate::protocol::HealthAnswer;
use crate::report::place::Place;
use crate::text::excerpt::excerpt;
use crate::text::Prose;

/// What to do about the last answer of the health check.
pub(super) fn health(last: &HealthAnswer, place: &Place) -> Hint {
    let log = &unit::commands(place)[1..];
    match last {
        HealthAnswer::Status { location: Some(to), .. } => Prose::of(
            "redirects are not followed: set health-url to where it leads ({}), or add its status to health-status",
            [&excerpt(to)],
        )
        .into(),
        HealthAnswer::Status { status, location: None, .. } => status_hint(*status, log),
        HealthAnswer::Mismatch { .. } => {
            "compare the body with health-match; does an old process answer, or a proxy in front of it?".into()
        }
        HealthAnswer::Refused => steps(
            "no process listens on the port of health-url: is it the one that the app uses? If the app starts slowly, raise \
             health-timeout; on the server:",
            &["sudo ss -tlnp".to_owned(), log.concat()],
        ),
        HealthAnswer::TimedOut { .. } => steps(
            "a process listens, but does not answer: the app hangs at start, or waits for a database or another service:",
            log,
        ),
        HealthAnswer::Healthy { .. } | HealthAnswer::Broken(_) => {
            "is health-url right: http or https, port, path? Try it with `curl -v` on the server".into()
        }
    }
}

fn status_hint(status: u16, log: &[String]) -> Hint {
    match status {
        401 | 403 => "health-url must answer without a login".into(),
        404 => "does the app serve the path of health-url?".into(),
        500.. => steps("the app's log shows why:", log),
        _ => "if this status is right, add it to health-status".into(),
    }
}
