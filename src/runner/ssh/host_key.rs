//! What servers offer as their host keys, in ssh's own words to a program (`KnownHostsCommand`, OpenSSH 8.5), which
//! costs no round trip. The program only takes notes: it prints nothing, so nothing but `known_hosts` is trusted.

use crate::protocol::{KeyState, OfferedKey};
use std::path::Path;
use std::{fs, io};

/// $1 the alias, then what [`arguments`] names.
const SCRIPT: &str = "if [ \"$2\" = HOSTNAME ]; then echo \"$@\" >>\"${0%/*}/offered\"; fi\n";

/// Puts the program into `folder`.
pub(super) fn prepare(folder: &Path) -> io::Result<()> {
    fs::write(folder.join("note"), SCRIPT)
}

/// The lines of ssh's configuration for `alias`; where ssh is older, they are ignored.
pub(super) fn lines(folder: &Path, alias: &str) -> String {
    let note = folder.join("note");
    let note = note.display();
    format!("    IgnoreUnknown KnownHostsCommand\n    KnownHostsCommand /bin/sh {note} {alias} %I %H %t %K %f\n")
}

/// What the server behind `alias` offered last, and why `known_hosts` does not trust it: `said` are ssh's words, which
/// only the words of ours depend on.
pub(super) fn offered(
    folder: &Path,
    alias: &str,
    known_hosts: &str,
    said: &str,
) -> Option<OfferedKey> {
    let notes = fs::read_to_string(folder.join("offered")).ok()?;
    read(&notes, alias, known_hosts, said)
}

fn read(notes: &str, alias: &str, known_hosts: &str, said: &str) -> Option<OfferedKey> {
    let words = notes
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>());
    let mut noted = words.filter_map(|words| <[&str; 6]>::try_from(words).ok());
    let [_, _, host, kind, key, fingerprint] = noted.rfind(|words| words[0] == alias)?;
    let state = if said.contains("REVOKED HOST KEY") || said.contains("marked as revoked") {
        KeyState::Revoked
    } else if said.contains("HOST IDENTIFICATION HAS CHANGED") {
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
    fn the_last_note_for_the_alias_counts_and_the_words_decide_what_is_said_of_it() {
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
