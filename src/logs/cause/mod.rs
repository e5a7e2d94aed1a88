//! Finds the line that names the cause of a failure: the root's own words, not those of what wraps it, repeats it or watches
//! over it.

mod block;
mod candidate;
mod finder;
mod private_key;

use finder::Finder;

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

/// Finds the cause in the output of something that failed. The lines are plain: without colours.
pub(crate) fn find<'a>(source: Source, lines: impl IntoIterator<Item = &'a str>) -> Option<Cause> {
    let mut finder = Finder::new(source);
    for line in lines {
        finder.push(line);
    }
    finder.end()
}

#[cfg(test)]
mod tests;
