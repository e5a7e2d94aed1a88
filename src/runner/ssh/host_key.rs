//! The host keys that servers offer. ssh passes them to a program (`KnownHostsCommand`, since OpenSSH 8.5) without an
//! extra round trip. The program only records them and prints nothing, so ssh trusts nothing but `known_hosts`.

use crate::protocol::{KeyState, OfferedKey};
use std::path::Path;
use std::{fs, io};

/// $1 is the alias; the other arguments are those that [`lines`] names.
const SCRIPT: &str = "if [ \"$2\" = HOSTNAME ]; then echo \"$@\" >>\"${0%/*}/offered\"; fi\n";

/// Writes the program into `folder`.
pub(super) fn prepare(folder: &Path) -> io::Result<()> {
    fs::write(folder.join("note"), SCRIPT)
}

/// The line of ssh's configuration for `alias`. Older versions of ssh are told to ignore it.
pub(super) fn lines(folder: &Path, alias: &str) -> String {
    let note = folder.join("note");
    let note = note.display();
    format!("    KnownHostsCommand /bin/sh {note} {alias} %I %H %t %K %f\n")
}

/// The key that the server behind `alias` offered last, and why `known_hosts` does not trust it. `message` is ssh's.
pub(super) fn offered(
    folder: &Path,
    alias: &str,
    known_hosts: &str,
    message: &str,
) -> Option<OfferedKey> {
    let notes = fs::read_to_string(folder.join("offered")).ok()?;
    read(&notes, alias, known_hosts, message)
}

fn read(notes: &str, alias: &str, known_hosts: &str, message: &str) -> Option<OfferedKey> {
    let fields = notes
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>());
    let mut recorded = fields.filter_map(|fields| <[&str; 6]>::try_from(fields).ok());
    let [_, _, host, kind, key, fingerprint] = recorded.rfind(|fields| fields[0] == alias)?;
    let state = if message.contains("REVOKED HOST KEY") || message.contains("marked as revoked") {
        KeyState::Revoked
    } else if message.contains("HOST IDENTIFICATION HAS CHANGED") {
        KeyState::Changed
    } else if known_hosts.split_whitespace().any(|word| word == key) {
        KeyState::OtherName
    } else {
        KeyState::Unknown
    };
    Some(OfferedKey {
        line: format!("{host} {kind} {key}"),
        fingerprint: fingerprint.to_owned(),
        state,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_key_for_the_alias_counts_and_the_message_decides_its_state() {
        let notes = "target HOSTNAME [h]:2 ssh-ed25519-cert-v01@openssh.com CERT SHA256:c\n\
                     target HOSTNAME [h]:2 ssh-ed25519 AAAA SHA256:a\njump HOSTNAME j ssh-rsa BBBB SHA256:b\ncut short\n";
        let state = |known_hosts, said| {
            let offered = read(notes, "target", known_hosts, said).unwrap();
            assert_eq!(
                (offered.line.as_str(), offered.fingerprint.as_str()),
                ("[h]:2 ssh-ed25519 AAAA", "SHA256:a")
            );
            offered.state
        };
        assert_eq!(
            state("", "No ED25519 host key is known for [h]:2"),
            KeyState::Unknown
        );
        assert_eq!(
            state("other ssh-ed25519 AAAA", "No ED25519 host key is known"),
            KeyState::OtherName
        );
        assert_eq!(
            state("", "REMOTE HOST IDENTIFICATION HAS CHANGED!"),
            KeyState::Changed
        );
        assert_eq!(state("", "host key marked as revoked"), KeyState::Revoked);
        assert_eq!(read(notes, "jump", "", "").unwrap().line, "j ssh-rsa BBBB");
        assert_eq!(read("", "target", "", ""), None);
    }
}
