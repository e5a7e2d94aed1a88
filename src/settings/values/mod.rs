//! Texts become values: one file per kind of value, each with what it refuses and why.

pub(super) mod durations;
pub(super) mod health_url;
pub(super) mod issue;
pub(super) mod lists;
pub(super) mod patterns;
pub(super) mod release;
pub(super) mod retention;
pub(super) mod service;
pub(super) mod size;
pub(super) mod statuses;
pub(super) mod target;

pub use issue::{Issue, IssueLogs, IssueOpens};
pub use service::Service;
