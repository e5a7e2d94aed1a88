//! The upload to the server: plan, manifest and contents.
//!
//! Knows `source` and `progress`.

mod changes;
mod messages;
mod send;

pub(super) use messages::{Need, Request, Upload, UploadError};
pub(super) use send::send;
