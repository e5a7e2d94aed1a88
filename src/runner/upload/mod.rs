//! What goes to the server: plan, manifest and contents.
//!
//! Knows `source` and `progress`.

mod changes;
mod messages;
mod send;

pub(super) use messages::{Needed, Upload, UploadError, Word};
pub(super) use send::send;
