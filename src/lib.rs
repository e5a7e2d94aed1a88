//! deploy-action deploys an application to a Linux server over the system's OpenSSH client: a healthy new release goes
//! live, or the server is as it was. The one binary holds both ends: the runner half and the server part.
//!
//! Who may know whom: `settings`, `protocol` and `text` know none of the others; `server` and `runner` know `protocol`;
//! `report` knows `protocol` and `text`; `actions` knows `report`; `github` knows `report` and `text`; `cli` knows all.

pub mod actions;
pub mod cli;
pub mod github;
pub mod protocol;
pub mod report;
pub mod runner;
pub mod server;
pub mod settings;
pub mod text;
