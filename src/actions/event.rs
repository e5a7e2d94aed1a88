//! The file with the event that started the run, as far as it is needed.

use serde::Deserialize;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// GitHub's events are smaller.
const LONGEST: u64 = 64 << 20;

#[derive(Debug, Deserialize)]
struct Event {
    workflow_run: Trigger,
}

/// The run of another workflow that started this one (`on: workflow_run`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Trigger {
    /// Its commit. `GITHUB_SHA` is that of the default branch instead.
    #[serde(rename = "head_sha")]
    pub(super) commit: String,
    /// The name of its branch or tag.
    #[serde(rename = "head_branch")]
    pub(super) branch: Option<String>,
}

impl Trigger {
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let mut text = Vec::new();
        File::open(path)?.take(LONGEST).read_to_end(&mut text)?;
        let event: Event = serde_json::from_slice(&text)?;
        Ok(event.workflow_run)
    }
}
