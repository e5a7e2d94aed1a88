//! The three streams of a channel.

/// The three streams of a command on the server.
#[derive(Debug)]
pub(crate) struct Pipes<I, O, E> {
    /// Written by the runner.
    pub(crate) stdin: I,
    /// Read by the runner.
    pub(crate) stdout: O,
    /// Read by the runner.
    pub(crate) stderr: E,
}
