//! A report for a page that strangers can read: what failed and what to do, without a word of the application, of the server's
//! system or of the inputs. The summary of the run has it all; there GitHub hides what it knows as a secret.

use crate::protocol::{
    AppAccess, ConnectionError, End, Finding, HealthAnswer, Hop, LinkState, Reason, Restart,
    RunError, ServerPartError, SharedError, SmokeTestError, SmokeTestObstacle, SmokeTestProblem,
    SystemdError, ToolError, UnreadLog, UnsafeFolder, Verdict, Warning,
};
use crate::report::place::{NAMELESS, USER};
use crate::report::{Place, Report};

/// Stands for what is not shown.
const NOT_SHOWN: &str = "(not shown)";

/// The same report without output, logs, responses, command lines, and names of server and user.
pub(super) fn quiet(report: &Report) -> Report {
    let mut report = report.clone();
    for step in &mut report.steps {
        step.without_texts(answer);
    }
    for warning in &mut report.warnings {
        *warning = quiet_warning(warning);
    }
    for verdict in &mut report.recovered {
        *verdict = quiet_verdict(verdict);
    }
    report.end = report.end.as_ref().map(quiet_end);
    report.diagnostics.clear();
    report.notices.clear();
    report.listing = None;
    report.connect_failures.clear();
    // by hand it is the name of a person, or of an account
    report.facts.made.actor = None;
    if let Some(live) = &mut report.facts.live {
        live.made.actor = None;
    }
    place(&mut report.facts.place);
    report
}

/// Whether its name is a secret, nobody but GitHub knows.
fn place(place: &mut Place) {
    NAMELESS.clone_into(&mut place.host);
    USER.clone_into(&mut place.user);
    place.port = 22;
    if let Restart::Commands(commands) = &mut place.restart {
        "# the commands of the input restart".clone_into(commands);
    }
}

fn quiet_end(end: &End) -> End {
    End {
        verdict: end.verdict.as_ref().map(quiet_verdict),
        error: end.error.as_ref().map(quiet_error),
        ..end.clone()
    }
}

fn quiet_verdict(verdict: &Verdict) -> Verdict {
    let mut verdict = verdict.clone();
    for failure in [&mut verdict.failure, &mut verdict.rollback]
        .into_iter()
        .flatten()
    {
        failure.reason = quiet_reason(&failure.reason);
    }
    verdict
}

fn quiet_reason(reason: &Reason) -> Reason {
    let mut reason = reason.clone();
    match &mut reason {
        Reason::Log { lines } => lines.clear(),
        Reason::RejectedUnitFiles(errors) => {
            for error in errors {
                NOT_SHOWN.clone_into(&mut error.message);
            }
        }
        Reason::Command { output, line, .. } => {
            output.clear();
            if let Some((_, text)) = line {
                NOT_SHOWN.clone_into(text);
            }
        }
        Reason::Unhealthy { last, .. } => **last = answer(last),
        Reason::SmokeTest(SmokeTestError::Public { address }) => {
            "another address".clone_into(address);
        }
        Reason::NotReady(found) => found.iter_mut().for_each(finding),
        // who deploys what else there
        Reason::Busy(holder) => *holder = None,
        _ => {}
    }
    if let Some(log_line) = reason.log_line_mut() {
        *log_line = None;
    }
    reason
}

/// Where a redirect leads, without what may be secret behind the path.
fn answer(answer: &HealthAnswer) -> HealthAnswer {
    let mut answer = answer.clone();
    match &mut answer {
        HealthAnswer::Status { location, body, .. } => {
            *body = NOT_SHOWN.into();
            if let Some(to) = location {
                let end = to.find(['?', '#', ';']).unwrap_or(to.len());
                to.truncate(end);
                let host = to.find("://").map_or(0, |at| at + "://".len());
                let path = to[host..].find('/').map_or(to.len(), |at| host + at);
                if let Some(at) = to[host..path].rfind('@') {
                    to.replace_range(host..=host + at, "");
                }
            }
        }
        HealthAnswer::Mismatch { body, .. } | HealthAnswer::Command { output: body, .. } => {
            *body = NOT_SHOWN.into();
        }
        HealthAnswer::Healthy { .. }
        | HealthAnswer::Refused
        | HealthAnswer::TimedOut { .. }
        | HealthAnswer::Broken(_) => {}
    }
    answer
}

#[expect(
    clippy::too_many_lines,
    reason = "one exhaustive match, so that no finding is without a decision"
)]
fn finding(found: &mut Finding) {
    match found {
        Finding::Sudo { user, output, .. } | Finding::SudoAround { user, output, .. } => {
            USER.clone_into(user);
            output.clear();
        }
        Finding::DaemonReload { user, output } => {
            USER.clone_into(user);
            output.clear();
        }
        Finding::AppAccess(found) => *found = app_access(found),
        Finding::SmokeTest(found) => smoke_test(found),
        Finding::Shared {
            error: SharedError::NotWritable { user, .. },
            ..
        }
        | Finding::Target { user, .. }
        | Finding::KillUserProcesses { user }
        | Finding::NoLinger { user }
        | Finding::OtherScope { user, .. }
        | Finding::ReloadUnseen { user, .. } => USER.clone_into(user),
        Finding::NoOwnSystemd { user, error } => {
            USER.clone_into(user);
            *error = SystemdError::Other(NOT_SHOWN.to_owned());
        }
        Finding::Missing { path: text, .. }
        | Finding::UnitElsewhere { starts: text, .. }
        | Finding::Shared {
            error: SharedError::Inaccessible { error: text } | SharedError::Other(text),
            ..
        }
        | Finding::NoSystemd(
            SystemdError::Systemctl { error: text }
            | SystemdError::Failed { output: text }
            | SystemdError::Other(text),
        )
        | Finding::Link {
            found:
                LinkState::Dead(text)
                | LinkState::Elsewhere(text)
                | LinkState::UnusableName(text)
                | LinkState::Other(text),
            ..
        } => NOT_SHOWN.clone_into(text),
        Finding::Link {
            found: LinkState::Folder | LinkState::File,
            ..
        }
        | Finding::NoSystemd(SystemdError::TooOld)
        | Finding::Unit { .. }
        | Finding::NoSpace { .. }
        | Finding::SharedInRelease(_)
        | Finding::Shared { .. }
        | Finding::RollbackTarget { .. }
        | Finding::NotActive { .. }
        | Finding::UnitFile(_)
        | Finding::NoLocks { .. } => {}
    }
}

fn quiet_error(error: &RunError) -> RunError {
    let mut error = error.clone();
    match &mut error {
        RunError::ServerPart { error, output } => {
            output.clear();
            if let ServerPartError::Unsafe(UnsafeFolder::OtherOwner { owner, user, .. }) = error {
                "another user".clone_into(owner);
                USER.clone_into(user);
            }
        }
        RunError::Key { output }
        | RunError::KeyFormat { output }
        | RunError::LoginScript { output, .. } => output.clear(),
        RunError::Tool { error, .. } => tool(error),
        RunError::Connection {
            error,
            hop,
            offered,
            ..
        } => {
            *offered = None;
            match error {
                ConnectionError::Ssh { stderr } | ConnectionError::FromJumpHost { stderr } => {
                    stderr.clear();
                }
                ConnectionError::NoLogin { .. } => {}
            }
            if let Hop::Jump { host, user, port } = hop {
                "the jump host".clone_into(host);
                USER.clone_into(user);
                *port = 22;
            }
        }
        _ => {}
    }
    error
}

/// Paths on the runner may name someone.
fn tool(error: &mut ToolError) {
    match error {
        ToolError::Io { error: text }
        | ToolError::Folder { error: text }
        | ToolError::Config { error: text }
        | ToolError::Helper { error: text }
        | ToolError::Passphrase { error: text } => NOT_SHOWN.clone_into(text),
        ToolError::Ended { stderr } => stderr.clear(),
        ToolError::NotFound | ToolError::NoAnswer | ToolError::Hangs => {}
    }
}

/// Without what the unit file holds, which may have secrets.
fn smoke_test(found: &mut SmokeTestProblem) {
    found.command.clear();
    match &mut found.error {
        SmokeTestObstacle::OtherUser { user, deploy_user } => {
            "another user".clone_into(user);
            USER.clone_into(deploy_user);
        }
        SmokeTestObstacle::AmbiguousPort { places, .. } => *places = vec![NOT_SHOWN.to_owned()],
        SmokeTestObstacle::Unreadable { path, error } => {
            "a file of its environment".clone_into(path);
            NOT_SHOWN.clone_into(error);
        }
        SmokeTestObstacle::NoPort { .. }
        | SmokeTestObstacle::Commands { .. }
        | SmokeTestObstacle::Oneshot
        | SmokeTestObstacle::Setting { .. } => {}
    }
}

/// The same without the names of the unit's user and group.
fn app_access(found: &AppAccess) -> AppAccess {
    AppAccess {
        user: "another user".to_owned(),
        group: String::new(),
        fixes: Vec::new(),
        ..found.clone()
    }
}

fn unread(why: &UnreadLog) -> UnreadLog {
    let mut why = why.clone();
    match &mut why {
        UnreadLog::NothingSinceReload { user }
        | UnreadLog::Nothing { user, .. }
        | UnreadLog::NothingOfOwnUnit { user, .. }
        | UnreadLog::OnlyLast { user, .. } => USER.clone_into(user),
        UnreadLog::NoInvocation | UnreadLog::Elsewhere(_) | UnreadLog::Pattern { .. } => {}
    }
    why
}

/// The same warning without lines of the application's log, and without names.
#[expect(
    clippy::too_many_lines,
    reason = "one exhaustive match, so that nothing is left out"
)]
fn quiet_warning(warning: &Warning) -> Warning {
    match warning {
        Warning::OfUnit { unit, warning } => Warning::OfUnit {
            unit: unit.clone(),
            warning: Box::new(quiet_warning(warning)),
        },
        Warning::LoggedErrors(_) => Warning::LoggedErrors(Vec::new()),
        Warning::MaybeOldCrashes { read, .. } => Warning::MaybeOldCrashes {
            lines: Vec::new(),
            read: *read,
            user: USER.to_owned(),
        },
        Warning::NoResetFailed { service, .. } => Warning::NoResetFailed {
            service: service.clone(),
            user: USER.to_owned(),
        },
        Warning::UnsafePager { service, .. } => Warning::UnsafePager {
            service: service.clone(),
            user: USER.to_owned(),
        },
        Warning::GroupWritable { path, .. } => Warning::GroupWritable {
            path: path.clone(),
            group: "GROUP".to_owned(),
        },
        Warning::AppAccess(found) => Warning::AppAccess(app_access(found)),
        Warning::LogNotChecked(why) => Warning::LogNotChecked(unread(why)),
        Warning::OldUnhealthy(last) => Warning::OldUnhealthy(answer(last)),
        Warning::RollbackDoubt(reason) => Warning::RollbackDoubt(Box::new(quiet_reason(reason))),
        Warning::UnitFilesNotRestored(reason) => {
            Warning::UnitFilesNotRestored(Box::new(quiet_reason(reason)))
        }
        Warning::Leftover { .. }
        | Warning::UnitFileGone { .. }
        | Warning::DaemonReload
        | Warning::LongDeadline { .. }
        | Warning::NotEnabled(_)
        | Warning::DiskNearlyFull(_)
        | Warning::ListenerNotChecked(_)
        | Warning::ReleaseNotSeen(_)
        | Warning::OtherRelease(_)
        | Warning::PendingSetAside { .. }
        | Warning::UnitFileStays { .. }
        | Warning::SmokeTestLeft { .. }
        | Warning::SocketDown { .. }
        | Warning::DataLeftBehind(_) => warning.clone(),
    }
}
