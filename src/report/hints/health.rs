use super::{steps, unit};
use crate::protocol::Answer;
use crate::report::place::Place;
use crate::text::excerpt::excerpt;

/// What to do about health's last answer.
pub(super) fn health(last: &Answer, place: &Place) -> String {
    let log = &unit::commands(place)[1..];
    match last {
        Answer::Status { location: Some(to), .. } => format!(
            "no redirect is followed: set health-url to where it leads ({}), or add its status to health-status",
            excerpt(to)
        ),
        Answer::Status { status, location: None, .. } => status_hint(*status, log),
        Answer::Mismatch { .. } => {
            "compare the body with health-match; does an old process answer, or a proxy before it?".to_owned()
        }
        Answer::Refused => steps(
            "nobody listens on the port of health-url: is it the one that the app takes? If the app is slow to start, \
             raise health-timeout; on the server:",
            &["sudo ss -tlnp".to_owned(), log.concat()],
        ),
        Answer::TimedOut { .. } => steps(
            "something listens, but does not answer: the app hangs at start, or waits for a database or another service:",
            log,
        ),
        Answer::Healthy { .. } | Answer::Broken(_) => {
            "is health-url right: http or https, port, path? Try it with curl -v on the server".to_owned()
        }
    }
}

fn status_hint(status: u16, log: &[String]) -> String {
    match status {
        401 | 403 => "health-url must answer without a login".to_owned(),
        404 => "does the app serve the path of health-url?".to_owned(),
        500.. => steps("the app's log says why:", log),
        _ => "if this status is right, add it to health-status".to_owned(),
    }
}
