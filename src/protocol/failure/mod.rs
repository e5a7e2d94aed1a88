//! Why a step failed on the server, with the texts that people read.
//!
//! Verdicts on the server's disk are JSON that versions from 1.0.0 on have written and read: names of variants and fields
//! in JSON stay (`serde(rename)`), and what was a text there stays a text (`as_text`).

mod ending;
mod finding;
mod health;
mod reason;
mod server_errors;
mod smoke_test;
mod start;
mod trouble;
mod unit;
mod unit_file;
mod upload;

pub use ending::Ending;
pub use finding::{AccessFix, AppAccess, Finding, LockError, SharedInRelease};
pub use health::{HealthAnswer, HealthError, Phase};
pub use reason::{Failure, Reason};
pub use server_errors::{
    Interference, IoKind, LinkState, Operation, PathError, RejectedUnitFile, RollbackTargetError,
    SharedError, UnitPath,
};
pub use smoke_test::{SmokeTestError, SmokeTestObstacle, SmokeTestProblem};
pub use start::{FailedStart, LogPlace};
pub use trouble::Trouble;
pub use unit::{
    OtherProcess, PortHolder, ProcessEnd, ReleaseProcess, SystemdError, UnitState, UnreadableState,
};
pub use unit_file::{UnitFileError, UnitFileProblem};
pub use upload::BadUpload;

#[cfg(test)]
mod tests;
