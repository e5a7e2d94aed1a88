//! What is found, and in what.

/// How surely a line is the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// It says that something failed which another line explains.
    Trailer,
    /// Any line.
    Line,
    /// It says how a process ended.
    End,
    /// It has words of a failure, but a level that says it is none.
    Minor,
    /// It has words of a failure.
    Words,
    /// A traceback below a message whose level says it is none: the message's own, or that of the program's end.
    Likely,
    /// An error.
    Error,
    /// A crash.
    Crash,
}

/// What a failure was caused by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    /// In the log's own words, without the time and the level before them.
    pub(crate) text: String,
    /// How surely.
    pub(crate) rank: Rank,
}

/// What failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A service, which may have processes that watch over others.
    Unit,
    /// Commands, the last of which failed.
    Script,
}
