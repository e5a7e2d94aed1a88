//! What makes a release out of the source: its folder, what is left out, files, unit files, variables and scripts.

pub(super) mod env;
pub(super) mod excludes;
pub(super) mod fit;
pub(super) mod scripts;
pub(super) mod shared;
pub(super) mod source;
pub(super) mod unit_files;

pub use excludes::{Excludes, DEPLOY_IGNORE};
pub use source::Source;
