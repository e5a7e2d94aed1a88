//! What to do if the smoke test cannot start what a unit starts.

use super::steps::Hint;
use crate::protocol::{SmokeTestObstacle, SmokeTestProblem};
use crate::text::excerpt::one_line;
use crate::text::Prose;

/// A longer command is not shown: nobody reads it before it is copied.
const LONGEST: usize = 300;

/// What to do about a unit that cannot be tried.
pub(super) fn problem(found: &SmokeTestProblem) -> Hint {
    let text = match &found.error {
        SmokeTestObstacle::OtherUser { .. } => {
            "the deploy user cannot start anything as another user: let smoke-test start the app as the deploy user, or leave it out"
        }
        SmokeTestObstacle::NoPort { .. } => {
            "health-url must have the port on which the app itself listens, as in `http://localhost:8000/health`, not that of a \
             proxy. If the app reads its port from its code or a file, let it use the variable `PORT`"
        }
        SmokeTestObstacle::AmbiguousPort { .. } => "say where the port belongs, by a command for smoke-test",
        SmokeTestObstacle::Commands { .. } => "let smoke-test start the app, in the foreground",
        SmokeTestObstacle::Oneshot => {
            "leave smoke-test out, or let it start what can stay up for `health-settle`"
        }
        SmokeTestObstacle::Setting { .. } => "let smoke-test start the app without it, or leave smoke-test out",
        SmokeTestObstacle::Unreadable { .. } => {
            "let the deploy user read it, or let smoke-test start the app without it"
        }
    };
    Hint::from(text).then(instead(&found.command))
}

/// The command to write instead of `auto`. It is the server's word and meant for a workflow: none that would be expanded
/// there, that is not wholly visible, or that nobody would read.
fn instead(command: &str) -> Hint {
    let is_harmless = one_line(command) == command && !command.contains("${{");
    match is_harmless && !command.is_empty() && command.len() <= LONGEST {
        true => Prose::from("set the input smoke-test to ")
            .and(Prose::verbatim(command))
            .and(", after a look at it")
            .into(),
        false => {
            "set the input smoke-test to a command such as `./server --host 127.0.0.1 --port $PORT`"
                .into()
        }
    }
}
