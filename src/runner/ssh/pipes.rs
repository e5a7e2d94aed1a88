//! The three streams of a channel.

/// The three streams of a command on the server.
#[derive(Debug)]
pub(crate) struct Pipes<I, O, E> {
    /// To it.
    pub(crate) stdin: I,
    /// From it.
    pub(crate) stdout: O,
    /// From it, too.
    pub(crate) stderr: E,
}
