//! What someone should know of a server although nothing failed.

mod unread;

pub use self::unread::UnreadLog;
use super::UnitFile;
use super::{
    AppAccess, HealthAnswer, OtherProcess, Reason, ReleaseId, ReleaseProcess, Scope, WrittenData,
};
use crate::text::amounts::limit;
use crate::text::excerpt::excerpt;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Someone should act on it. The deployment goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Warning {
    /// An earlier run could not delete a release.
    Leftover {
        /// Its folder.
        path: String,
        /// What the system reported.
        error: String,
    },
    /// `systemctl daemon-reload` was not run after a change of the unit file.
    DaemonReload,
    /// The unit is not started at boot.
    NotEnabled(String),
    /// The target's disk is used to this many hundredths.
    DiskNearlyFull(u8),
    /// The log of the new process has errors: the lines.
    LoggedErrors(#[serde(deserialize_with = "crate::protocol::bounded::list")] Vec<Vec<u8>>),
    /// The log of the new process cannot be read, or not completely.
    LogNotChecked(UnreadLog),
    /// The log of the new process has crash messages that the release before may have logged too: the start of its log
    /// cannot be read.
    MaybeOldCrashes {
        /// The messages.
        #[serde(deserialize_with = "crate::protocol::bounded::list")]
        lines: Vec<Vec<u8>>,
        /// How many lines of the older log were read.
        read: u32,
        /// The deploy user.
        user: String,
    },
    /// `sudo -n systemctl reset-failed <service>` is not allowed, so a deployment must wait for systemd's start limit.
    NoResetFailed {
        /// As configured.
        service: String,
        /// The deploy user.
        user: String,
    },
    /// What ran before was not healthy.
    OldUnhealthy(HealthAnswer),
    /// It is unknown whether the answer to the health check comes from the unit.
    ListenerNotChecked(UncheckedListener),
    /// It is unknown whether what runs belongs to the release.
    ReleaseNotSeen(UnseenRelease),
    /// The release runs, but a process of the unit still runs another one.
    OtherRelease(ReleaseProcess),
    /// The release that was rolled back to serves, but not without trouble.
    RollbackDoubt(Box<Reason>),
    /// The application wrote data into the live release, which the next one does not have.
    DataLeftBehind(WrittenData),
    /// What an interrupted transaction had to do cannot be read. It was moved away.
    PendingSetAside {
        /// Where it is now.
        path: String,
    },
    /// Members of a group can write to the target.
    GroupWritable {
        /// The target.
        path: String,
        /// Its group.
        group: String,
    },
    /// The server may need longer after the switch than the run watches it.
    LongDeadline {
        /// What it may need.
        deadline: Duration,
        /// For how long it is watched.
        watched: Duration,
        /// The unit whose times are long, if there is one.
        service: Option<String>,
    },
    /// The unit's user is another one than the deploy user, and may lack what it needs.
    AppAccess(AppAccess),
    /// The deploy user may run `systemctl status` as root, whose pager is a root shell before systemd 247.
    UnsafePager {
        /// As configured.
        service: String,
        /// The deploy user.
        user: String,
    },
    /// The same, about this unit of a service that has several.
    OfUnit {
        /// As configured.
        unit: String,
        /// What.
        warning: Box<Self>,
    },
    /// The old release is live again, but systemd may not have its unit files.
    UnitFilesNotRestored(Box<Reason>),
    /// The release that is live again has no such unit file, so what the failed one brought stays.
    UnitFileStays {
        /// Below the failed release.
        path: String,
    },
    /// The live release has a unit file that the new one lacks; the server keeps it.
    UnitFileGone {
        /// Below systemd's folder.
        name: String,
        /// Which systemd reads it.
        scope: Scope,
    },
    /// A socket unit is down, and the deploy user may not start it: nothing takes connections for its service.
    SocketDown {
        /// Its full name.
        socket: String,
        /// systemd's word for why: `service-start-limit-hit`.
        result: String,
    },
    /// Processes of the smoke test cannot be ended: they run as another user.
    SmokeTestLeft {
        /// Their ids.
        processes: Vec<u32>,
    },
}

/// What is wrong, without what to do about it.
impl fmt::Display for Warning {
    #[expect(
        clippy::too_many_lines,
        reason = "one exhaustive match, so that no warning is without a text"
    )]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leftover { path, error } => f.write_str(&not_deleted(path, error)),
            Self::DaemonReload => f.write_str(NOT_RELOADED),
            Self::NotEnabled(unit) => write!(f, "unit {} is not started at boot", excerpt(unit)),
            Self::DiskNearlyFull(used) => write!(f, "the target's disk is {used} % full"),
            Self::LoggedErrors(lines) => f.write_str(&logged_errors(lines)),
            Self::LogNotChecked(why) => {
                write!(f, "the log of the new process was not fully checked: {why}")
            }
            Self::MaybeOldCrashes { lines, read, .. } => f.write_str(&maybe_old(lines, *read)),
            Self::NoResetFailed { service, user } => f.write_str(&no_reset(user, service)),
            Self::OldUnhealthy(last) => f.write_str(&old_unhealthy(last)),
            Self::ListenerNotChecked(why) => unknown(f, "the unit answers the health check", why),
            Self::ReleaseNotSeen(why) => unknown(f, "the unit runs this release", why),
            Self::OtherRelease(process) => {
                write!(
                    f,
                    "beside the new processes, the unit still runs release {process}"
                )
            }
            Self::RollbackDoubt(reason) => {
                write!(
                    f,
                    "the old release serves again, but there was trouble at first: {reason}"
                )
            }
            Self::DataLeftBehind(data) => f.write_str(&left_behind(data)),
            Self::PendingSetAside { path } => f.write_str(&set_aside(path)),
            Self::GroupWritable { path, group } => f.write_str(&group_writable(path, group)),
            Self::LongDeadline {
                deadline, watched, ..
            } => f.write_str(&long_deadline(*deadline, *watched)),
            Self::AppAccess(found) => write!(f, "{found}"),
            Self::UnsafePager { service, user } => f.write_str(&unsafe_pager(user, service)),
            Self::OfUnit { unit, warning } => write!(f, "{}: {warning}", excerpt(unit)),
            Self::UnitFilesNotRestored(reason) => {
                write!(f, "the unit files of the old release were not restored: {reason}")
            }
            Self::UnitFileStays { path } => write!(
                f,
                "{} stays as the failed release brought it: the release before has no such unit file",
                excerpt(UnitFile::place(path))
            ),
            Self::UnitFileGone { name, .. } => write!(
                f,
                "the release no longer has the unit file {}, but the server keeps it",
                excerpt(name)
            ),
            Self::SocketDown { socket, result } => write!(
                f,
                "{} is down ({}), so nothing takes connections",
                excerpt(socket),
                excerpt(result)
            ),
            Self::SmokeTestLeft { processes } => {
                let ids = processes.iter().take(10).map(ToString::to_string);
                let ids = ids.collect::<Vec<_>>().join(", ");
                let more = if processes.len() > 10 { " and more" } else { "" };
                write!(f, "processes that the smoke test started still run: {ids}{more}")
            }
        }
    }
}

fn set_aside(path: &str) -> String {
    let path = excerpt(path);
    format!(
        "an earlier deployment was interrupted, and its record is damaged, so nothing is rolled back: the release \
         that current points to stays live; check that it is the right one; the record was moved to {path}"
    )
}

fn group_writable(path: &str, group: &str) -> String {
    let (path, group) = (excerpt(path), excerpt(group));
    format!(
        "members of the group {group} can write to {path}, so they can replace what is deployed"
    )
}

fn long_deadline(deadline: Duration, watched: Duration) -> String {
    format!(
        "after the switch the server may need up to {}, but the run stops watching after {} and ends as unknown; the server \
         finishes on its own",
        limit(deadline),
        limit(watched)
    )
}

fn unknown(f: &mut fmt::Formatter<'_>, what: &str, why: &dyn fmt::Display) -> fmt::Result {
    write!(f, "it is unknown whether {what}: {why}")
}

const NOT_RELOADED: &str = "the unit file has changed, but systemd still uses the old one";

fn not_deleted(path: &str, error: &str) -> String {
    let (path, error) = (excerpt(path), excerpt(error));
    format!("an old release could not be deleted: {path}: {error}")
}

fn logged_errors(lines: &[Vec<u8>]) -> String {
    format!("the new process logged errors{}", after_colon(lines))
}

fn no_reset(user: &str, service: &str) -> String {
    let (user, service) = (excerpt(user), excerpt(service));
    format!(
        "{user} may not run sudo -n systemctl reset-failed {service}, so a deployment may have to wait for systemd's start limit"
    )
}

fn unsafe_pager(user: &str, service: &str) -> String {
    let (user, service) = (excerpt(user), excerpt(service));
    format!(
        "the sudoers line of {user} for systemctl status {service} gives this user, and any app that runs as it, a root shell: \
         before systemd 247 the pager can start any program"
    )
}

fn left_behind(data: &WrittenData) -> String {
    let release = &data.release;
    format!(
        "the application has written into release {release}, and this is not carried over: {data}"
    )
}

fn old_unhealthy(last: &HealthAnswer) -> String {
    format!(
        "what ran before was not healthy: health {last}; there is no good release to roll back to"
    )
}

fn maybe_old(lines: &[Vec<u8>], read: u32) -> String {
    let read = match read {
        0 => "its log cannot be read".to_owned(),
        1 => "only the last line of its log can be read".to_owned(),
        read => format!("only the last {read} lines of its log can be read"),
    };
    let lines = after_colon(lines);
    format!(
        "the new process is healthy, but logged a crash; the release before may have logged the same at its start, but \
         {read}{lines}"
    )
}

fn after_colon(lines: &[Vec<u8>]) -> String {
    let lines: Vec<String> = lines.iter().map(excerpt).collect();
    match lines.is_empty() {
        true => String::new(),
        false => format!(": {}", lines.join("; ")),
    }
}

/// Worth knowing; nothing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// A release that deploy-action did not create was live and healthy, so it is a rollback target.
    TakenOver(ReleaseId),
    /// The log of the new process has crash messages that the release before logged too.
    OldCrashes(#[serde(deserialize_with = "crate::protocol::bounded::list")] Vec<Vec<u8>>),
    /// It is unknown whether logind kills a user's processes at logout.
    LingerNotChecked,
    /// Waiting for systemd's start limit.
    StartLimitWait {
        /// The longest it may take.
        up_to: Duration,
        /// Whether the old release serves until then.
        serving: bool,
    },
    /// The system is being shut down or rebooted, so the transaction stays pending.
    GoingDown,
    /// `current` is an absolute or chained link; the next switch writes a relative one.
    LinkReplaced {
        /// `current`.
        name: String,
        /// Its text.
        target: String,
    },
    /// Retention has kept a release, because no run had listed the data in it.
    DataKept(WrittenData),
    /// A socket is restarted together with its service: meanwhile nothing takes connections.
    SocketRestart {
        /// As configured.
        socket: String,
        /// The unit that it starts, as configured.
        service: String,
    },
    /// The deploy user's own systemd is being stopped, or does not run, so the transaction stays pending.
    OwnSystemdDown,
    /// The release's unit files were not checked by systemd-analyze.
    UnitFilesNotVerified {
        /// Why not.
        error: String,
    },
    /// A socket unit takes the connections of the first unit, and keeps them waiting while that restarts.
    SocketUnit {
        /// Its full name.
        socket: String,
        /// The unit that it starts, as configured.
        service: String,
    },
    /// The smoke test has started this.
    SmokeTestStarted {
        /// The program and its arguments.
        command: String,
        /// `$PORT`.
        port: u16,
    },
}

impl fmt::Display for Notice {
    #[expect(
        clippy::too_many_lines,
        reason = "one exhaustive match, so that no notice is without a text"
    )]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TakenOver(id) => write!(f, "{id} was live and healthy, and is taken over as good"),
            Self::OldCrashes(lines) => write!(
                f,
                "the new process logged crash messages that the release before logged too{}",
                after_colon(lines)
            ),
            Self::LingerNotChecked => f.write_str(
                "it is unknown whether logind kills a user's processes at logout; if it does, a lost connection can stop a \
                 deployment",
            ),
            Self::StartLimitWait { up_to, serving } => {
                let until = match serving {
                    true => "the old release serves until then",
                    false => "nothing serves until then",
                };
                write!(f, "waiting up to {} for systemd's start limit; {until}", limit(*up_to))
            }
            Self::GoingDown => f.write_str(
                "the server is going down, which decides nothing: the deployment stays pending, and the boot guard or the next run \
                 restores the old release",
            ),
            Self::OwnSystemdDown => f.write_str(
                "the systemd of the deploy user (systemctl --user) is not running, which decides nothing: the deployment stays \
                 pending, and the boot guard or the next run restores the old release",
            ),
            Self::LinkReplaced { name, target } => {
                let (name, target) = (excerpt(name), excerpt(target));
                write!(f, "{name} was a link to {target}; the next switch writes a relative one")
            }
            Self::SocketUnit { socket, service } => write!(
                f,
                "{} keeps connections waiting while {} restarts",
                excerpt(socket),
                excerpt(service)
            ),
            Self::SmokeTestStarted { command, port } => {
                write!(f, "started beside the live release with PORT={port}: {}", excerpt(command))
            }
            Self::UnitFilesNotVerified { error } => write!(
                f,
                "the unit files were not checked with systemd-analyze verify: {}",
                excerpt(error)
            ),
            Self::DataKept(data) => write!(
                f,
                "{} holds data that the application wrote there: {data}; a later deployment deletes it with the release",
                excerpt(&data.folder)
            ),
            Self::SocketRestart { socket, service } => write!(
                f,
                "{} and {} are restarted together: connections are refused until both run again",
                excerpt(socket),
                excerpt(service)
            ),
        }
    }
}

/// Why it is unknown whether the unit answers the health check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum UncheckedListener {
    /// `health-url` leads to another host, or to another address of this one.
    #[error("health-url does not point to this server's loopback")]
    OtherHost,
    /// A port that is forwarded, for example to a container.
    #[error("no process of this server listens on port {port}")]
    None {
        /// TCP port.
        port: u16,
    },
    /// A timer, a target, or a oneshot that has ended.
    #[error("the unit has no process that could answer")]
    NoProcess,
    /// It belongs to another user.
    #[error("the process that listens on port {port} cannot be seen")]
    Hidden {
        /// TCP port.
        port: u16,
    },
    /// A process outside the unit that started after the restart, such as a container's proxy.
    #[error("port {port} is held by {other}, which started after the restart but is no part of the unit")]
    Since {
        /// TCP port.
        port: u16,
        /// That process.
        other: OtherProcess,
    },
    /// A process outside the unit that was there before, while the unit listens elsewhere.
    #[error("port {port} is held by {other}, which was there before the restart: it may be a proxy for the unit")]
    Proxy {
        /// TCP port.
        port: u16,
        /// That process.
        other: OtherProcess,
    },
}

/// Why it is unknown whether what runs belongs to the release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum UnseenRelease {
    /// The unit's processes belong to another user.
    #[error("its processes belong to another user, so the files that they use cannot be seen")]
    Hidden,
    /// Neither the unit's definition nor its processes lead to a release.
    #[error("neither its definition nor one of its processes leads to a release")]
    NoTrace,
}
