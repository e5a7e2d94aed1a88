//! The user that the server part runs as.

/// The user's name, for messages.
pub(in crate::server) fn user() -> String {
    std::env::var("USER")
        .or_else(|_| std::env::var("LOGNAME"))
        .unwrap_or_else(|_| "the deploy user".to_owned())
}
