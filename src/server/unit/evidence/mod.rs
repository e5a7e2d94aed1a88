//! Answers two questions about a unit that is up: does the answer to the health check come from it, and does what it runs
//! belong to the release? Each has three answers, because not everything can be seen.

mod answers;
mod look;
mod scene;

pub(super) use self::answers::{Belongs, Evidence, Origin};
pub(super) use self::look::Question;
