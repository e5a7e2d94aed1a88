//! deploy-action deploys an application to a Linux server over the system's OpenSSH client: a healthy new release goes
//! live, or the server stays on the old one. The one binary holds both ends: the runner half and the server part.
//!
//! Who may know whom: `text` knows none of the others; `protocol` knows `text`; `settings` knows `protocol`, in whose types inputs
//! are parsed, and `text`; `logs` knows `text`; `server` knows `protocol`, `logs` and `text`; `runner` knows `protocol` and `settings`; `report` knows `protocol` and `text`;
//! `actions` knows `report`; `github` knows `report` and `text`; `cli` knows all. `tests/architecture.rs` checks it.

pub mod actions;
pub mod cli;
pub mod github;
mod logs;
pub mod protocol;
pub mod report;
pub mod runner;
pub mod server;
pub mod settings;
pub mod text;
