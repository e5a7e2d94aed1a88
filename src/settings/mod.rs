//! Inputs become settings: read once, at the edge, into types whose values are valid. All problems are found at once.
//!
//! A setting comes from a flag or from an `INPUT_*` variable, and from nowhere else. [`take_environment`] takes the
//! variables out of the process, [`Flags::parse`] reads the command line, and [`read()`] makes [`Settings`] of both.
//! `inputs/` describes each input once: its name, default, meaning and how it is parsed; `ssh/`, `staging/` and
//! `values/` parse texts, and `checkout/` reads which commit the source is. Knows `protocol`, because inputs are parsed into the types that the plan is made of.

mod catalog;
mod checkout;
mod environment;
mod flags;
mod help;
mod input;
mod inputs;
mod model;
mod problem;
mod reader;
mod secrets;
mod ssh;
mod staging;
#[cfg(test)]
mod tests;
mod values;
mod warning;

pub use environment::{take_environment, Environment};
pub use flags::Flags;
pub use help::help;
pub use input::{Fallback, Input};
pub use inputs::{anchored_table, known_place, markdown_table, read, KnownPlace, INPUTS};
pub use model::{Command, Commit, Server, Settings, Surroundings};
pub use problem::{Invalid, Problem};
pub use secrets::{names, open, Secrets};
pub use ssh::{HostName, Jump, KnownHosts, Port, Repair, UserName};
pub use staging::{Excludes, Source, DEPLOY_IGNORE};
pub use values::{Issue, IssueLogs, IssueOpens, Service};
pub use warning::InputWarning;
