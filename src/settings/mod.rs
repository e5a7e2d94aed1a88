//! Inputs become settings: read once, at the edge, into types whose values are valid; every problem is found at once.
//!
//! A setting comes from a flag or from an `INPUT_*` variable, and from nowhere else. [`take_environment`] takes the
//! variables out of the process, [`Flags::parse`] reads the command line, and [`read()`] makes [`Settings`] of both.

mod base64;
mod commands;
mod dotenv;
mod durations;
mod env;
mod excludes;
mod flags;
mod given;
mod health;
mod help;
mod hidden;
mod host;
mod inputs;
mod issue;
mod jump;
mod key;
mod key_form;
mod known_hosts;
mod log;
mod model;
mod problem;
mod read;
mod reader;
mod release;
mod retention;
mod service;
mod shared;
mod size;
mod source;
mod status;
mod target;
#[cfg(test)]
mod tests;
mod url;
mod warning;

pub use commands::{Command, InstallPlan, Restart};
pub use env::{Env, EnvFile};
pub use excludes::{Excludes, DEPLOY_IGNORE};
pub use flags::Flags;
pub use given::{take_environment, Given};
pub use health::{Health, Pattern, Probe};
pub use help::help;
pub use host::{HostName, Port, UserName};
pub use inputs::{markdown_table, Fallback, Input, INPUTS};
pub use issue::{Issue, IssueLogs, IssueOpens};
pub use jump::Jump;
pub use key::{Repair, Secret};
pub use known_hosts::KnownHosts;
pub use log::{LogCheck, LogLevel};
pub use model::{Server, Settings, Surroundings};
pub use problem::Problem;
pub use read::read;
pub use release::ReleaseChoice;
pub use retention::Retention;
pub use service::{Service, UnitName};
pub use shared::{Shared, SharedPath};
pub use source::Source;
pub use status::Statuses;
pub use target::Target;
pub use url::{HealthUrl, Scheme};
pub use warning::Warning;
