//! What a login needs.

use std::fmt;
use std::path::Path;
use std::time::Duration;

/// A private key's text, as ssh-add takes it. Shown to nobody.
#[derive(Clone)]
pub struct KeyText(String);

impl KeyText {
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for KeyText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A server through which the other one is reached. All texts are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jump {
    /// Name or address, IPv6 without brackets.
    pub host: String,
    /// TCP port of its sshd.
    pub port: u16,
    /// Login name on it.
    pub user: String,
}

/// All that a login needs.
#[derive(Debug, Clone)]
pub(crate) struct Login<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) user: &'a str,
    /// Without one, the agent behind `auth_sock` is asked.
    pub(crate) key: Option<&'a KeyText>,
    /// What opens it, where it is encrypted.
    pub(crate) passphrase: Option<&'a KeyText>,
    pub(crate) auth_sock: Option<&'a Path>,
    /// The server on the way.
    pub(crate) jump: Option<&'a Jump>,
    pub(crate) known_hosts: &'a str,
    pub(crate) connect_timeout: Duration,
    /// How long the key may be used.
    pub(crate) key_life: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_shows_itself_to_nobody() {
        assert_eq!(
            format!("{:?}", Some(KeyText::from("secret".to_owned()))),
            "Some(***)"
        );
    }
}
