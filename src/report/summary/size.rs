//! How large a summary may be.

/// GitHub takes no summary over 1 MiB, and none of it then (`CreateStepSummaryCommand`). In bytes.
pub(super) const MOST: usize = 900 << 10;
pub(super) const MOST_OF_PART: usize = 64 << 10;
