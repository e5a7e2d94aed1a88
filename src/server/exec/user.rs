//! The user that the server part runs as, and the accounts of the server.

use std::path::PathBuf;

/// The user's name, for messages.
pub(in crate::server) fn user() -> String {
    std::env::var("USER")
        .or_else(|_| std::env::var("LOGNAME"))
        .unwrap_or_else(|_| "the deploy user".to_owned())
}

/// The name of the user that this process runs as.
pub(in crate::server) fn login_name() -> Option<String> {
    let own = rustix::process::geteuid().as_raw().to_string();
    account(|name, uid| uid == own && !name.is_empty()).map(|(name, _)| name)
}

/// The home folder of a user, by name or number; of root, if `user` is empty.
pub(in crate::server) fn home_of(user: &str) -> Option<PathBuf> {
    let user = if user.is_empty() { "root" } else { user };
    account(|name, uid| name == user || uid == user).map(|(_, home)| home)
}

/// Name and home folder of the first matching account in /etc/passwd: passwd(5).
fn account(matches: impl Fn(&str, &str) -> bool) -> Option<(String, PathBuf)> {
    let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let found = matches(fields.first()?, fields.get(2)?);
        found.then(|| Some(((*fields.first()?).to_owned(), PathBuf::from(fields.get(5)?))))?
    };
    accounts.lines().find_map(row)
}
