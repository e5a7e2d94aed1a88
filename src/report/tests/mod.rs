//! What the report's tests share: one of everything that can happen, and whole runs.

mod harmless;
mod logs;
mod runner;
mod samples;

pub(super) use samples::*;
