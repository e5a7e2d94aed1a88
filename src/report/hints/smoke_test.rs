//! What to do if a release fails the smoke test, or cannot be tried.

use super::steps::Hint;
use crate::protocol::{SmokeTestError, SmokeTestProblem};

/// What to do about a release that failed.
pub(super) fn failed(error: &SmokeTestError) -> Hint {
    match error {
        SmokeTestError::Ended { .. } => "its output above shows why; fix it and push again".into(),
        SmokeTestError::Public { .. } | SmokeTestError::LivePort { .. } | SmokeTestError::OtherPort { .. } => {
            "the program must listen on 127.0.0.1 and `$PORT` only".into()
        }
        SmokeTestError::OtherProcess { .. } | SmokeTestError::OtherRelease(_) => {
            "the commands of `smoke-test` must start the program of the release in whose folder they run".into()
        }
    }
}

/// What to do about a unit that cannot be tried.
pub(super) fn problem(_: &SmokeTestProblem) -> Hint {
    "give `smoke-test` a command of your own that starts the app on 127.0.0.1 and `$PORT`".into()
}
