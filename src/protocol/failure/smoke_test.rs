//! Why a release failed its smoke test, or cannot be tried at all.

use super::{Ending, PortHolder};
use crate::protocol::ReleaseId;
use crate::text::excerpt::excerpt;
use serde::{Deserialize, Serialize};
use std::fmt;

/// So many ports or places stand in a sentence.
const MOST: usize = 5;

/// Why a release that was started beside the live one failed. Nothing was switched, and no user was affected. That it was
/// not healthy in time is [`Reason::Unhealthy`](super::Reason::Unhealthy), and a crash in its output
/// [`Reason::Log`](super::Reason::Log).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum SmokeTestError {
    /// The process ended before it was healthy for the settle time.
    #[error("the process {ending}{}", printed(.log_line.as_deref()))]
    Ended {
        /// How.
        ending: Ending,
        /// The line of its output that explains it best.
        log_line: Option<String>,
    },
    /// It listens on an address that is not the loopback, where users could reach it.
    #[error("it listens on {}, not on 127.0.0.1 only", excerpt(.address))]
    Public {
        /// Address and port.
        address: String,
    },
    /// It listens on a port on which another process listens too: users would get its answers.
    #[error("it listens on port {port} too, which the live release uses")]
    LivePort {
        /// TCP port.
        port: u16,
    },
    /// It listens on other ports, but not on the one that it was given.
    #[error("it does not listen on port {port} ($PORT), but on {}", ports(.found))]
    OtherPort {
        /// The one that it was given.
        port: u16,
        /// Where it listens.
        found: Vec<u16>,
    },
    /// A process that the smoke test did not start answers.
    #[error("port {port} is held by {owner}, not by what the smoke test started")]
    OtherProcess {
        /// TCP port.
        port: u16,
        /// That process.
        #[serde(with = "crate::protocol::as_text")]
        owner: PortHolder,
    },
    /// The process that answers is not of the release that is tried.
    #[error("the process that answers runs {}", of_release(.0.as_ref()))]
    OtherRelease(Option<ReleaseId>),
}

/// Why the unit cannot be started beside itself as it is. The cure is a command of the user's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmokeTestProblem {
    /// The unit, as configured.
    pub service: String,
    /// Why.
    pub error: SmokeTestObstacle,
    /// The command to write instead, as far as it is known; empty if it is not.
    pub command: String,
}

/// What keeps `smoke-test: auto` from starting the unit's program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum SmokeTestObstacle {
    /// The unit runs as another user than the deploy user.
    #[error("it runs as {}, not as {}", excerpt(.user), excerpt(.deploy_user))]
    OtherUser {
        /// The unit's.
        user: String,
        /// The deploy user.
        deploy_user: String,
    },
    /// Neither the command nor the environment names the port of the health check, and no socket unit starts the unit.
    #[error("neither its command nor its environment has port {port} of health-url")]
    NoPort {
        /// TCP port.
        port: u16,
    },
    /// The number may mean the port or something else.
    #[error("{port} in {} may or may not mean the port", named(.places, |it| excerpt(it)))]
    AmbiguousPort {
        /// TCP port.
        port: u16,
        /// Where the number stands.
        #[serde(deserialize_with = "crate::protocol::bounded::list")]
        places: Vec<String>,
    },
    /// It has no ExecStart, or several.
    #[error("{}", commands(*.count))]
    Commands {
        /// How many.
        count: u32,
    },
    /// It is a oneshot: a program that ends by itself answers nothing.
    #[error("it is a oneshot, which ends by itself")]
    Oneshot,
    /// A setting that only systemd can provide.
    #[error("it needs {}, which only systemd provides", excerpt(.setting))]
    Setting {
        /// As in the unit file: `LoadCredential=`.
        setting: String,
    },
    /// A file that is needed to know what the unit starts cannot be read.
    #[error("{} cannot be read: {}", excerpt(.path), excerpt(.error))]
    Unreadable {
        /// File.
        path: String,
        /// What the system reports.
        error: String,
    },
}

impl fmt::Display for SmokeTestProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = excerpt(&self.service);
        write!(
            f,
            "smoke-test: auto cannot start {service} on the server: {}",
            self.error
        )
    }
}

fn printed(line: Option<&str>) -> String {
    line.map_or_else(String::new, |line| {
        format!("; its output shows: {}", excerpt(line))
    })
}

fn commands(count: u32) -> String {
    match count {
        0 => "it has no ExecStart command".to_owned(),
        _ => format!("it has {count} ExecStart commands"),
    }
}

fn ports(found: &[u16]) -> String {
    named(found, ToString::to_string)
}

/// The first of them: nobody reads more.
fn named<T>(all: &[T], name: impl Fn(&T) -> String) -> String {
    let (first, rest) = all.split_at(all.len().min(MOST));
    let first: Vec<String> = first.iter().map(name).collect();
    let more = if rest.is_empty() { "" } else { " and more" };
    first.join(", ") + more
}

fn of_release(release: Option<&ReleaseId>) -> String {
    release.map_or_else(
        || "no release".to_owned(),
        |release| format!("release {release}"),
    )
}
