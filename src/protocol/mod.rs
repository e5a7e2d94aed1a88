//! What travels between the runner half and the server part, and what the server keeps: plain data, no I/O.
//!
//! Both halves are the same binary (the server part is started by the hash of its bytes), so the wire needs no
//! compatibility between versions; what lies on the server's disk does, and is JSON.

mod as_text;
mod bounded;
pub mod chunks;
mod events;
mod failure;
mod holder;
mod ids;
mod known_hosts;
mod listing;
mod manifest;
mod messages;
mod notes;
mod plan;
mod run;
mod step;
mod verdict;
pub mod wire;
mod written;

pub use events::{
    Attempt, Diagnostic, DiagnosticOrigin, Event, LeftOut, LiveRelease, Made, Staged, What,
};
pub use failure::{
    AccessFix, AppAccess, BadUpload, Ending, FailedStart, Failure, Finding, HealthAnswer,
    HealthError, Interference, IoKind, LinkState, LockError, LogPlace, Operation, OtherProcess,
    PathError, Phase, PortHolder, ProcessEnd, Reason, RejectedUnitFile, ReleaseProcess,
    RollbackTargetError, SharedError, SharedInRelease, SmokeTestError, SmokeTestObstacle,
    SmokeTestProblem, SystemdError, Trouble, UnitFileError, UnitFileProblem, UnitPath, UnitState,
    UnreadableState,
};
pub use holder::Holder;
pub use ids::{BadId, Digest, ReleaseId, ShortDigest, TransactionId};
pub use known_hosts::{known_hosts_command, known_hosts_name};
pub use listing::{ListedAttempt, ListedRelease, Listing, Standing};
pub use manifest::{root_of, validate, EntryKind, ManifestError, TreeEntry, MAX_ENTRIES};
pub use messages::{greeting, Errand, KnownFile, Refusal, ToRunner, ToServer, FIRST_WORD_TIME};
pub use notes::{Notice, UncheckedListener, UnreadLog, UnseenRelease, Warning};
pub use plan::{
    BodyPattern, Health, HealthUrl, Install, LogCheck, LogLevel, Origin, Plan, Restart, Retention,
    Scope, Secret, SharedPath, SmokeTest, Staging, Target, Task, UnitFile, UnitKind, UnitName,
    UnitPatterns, UnitRef, Units, Verification,
};
pub use run::{
    BinaryError, Bug, ConnectionError, ConnectionKind, End, FileKind, Hop, KeyState,
    LoginScriptError, OfferedKey, Part, Planned, ProtocolError, RunError, RunEvent,
    ServerPartError, Side, SourceDoubt, SourceDoubtKind, SourceProblem, ToolError, UnsafeFolder,
};
pub use step::Step;
pub use verdict::{Interruption, Outcome, Verdict};
pub use written::{WrittenData, WrittenItem, WrittenKind};
