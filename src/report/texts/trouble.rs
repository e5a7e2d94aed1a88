use crate::protocol::{ConnectionKind, Hop, KeyState, OfferedKey, Trouble};
use crate::text::amounts::limit;
use crate::text::excerpt::{excerpt, last_line};

/// What went wrong on the runner or on the way, and on which side.
#[must_use]
pub fn trouble(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Tool { program, problem } => {
            format!("on the runner: {}: {}", excerpt(program), excerpt(problem))
        }
        Trouble::Key { said } => format!(
            "on the runner: the private key could not be loaded{}",
            quote(said)
        ),
        Trouble::Passphrase => {
            "on the runner: the passphrase does not open the private key".to_owned()
        }
        Trouble::Source { path, problem } => {
            format!(
                "on the runner: {} cannot be deployed: {}",
                excerpt(path),
                excerpt(problem)
            )
        }
        Trouble::Connection {
            kind,
            said,
            hop,
            offered,
        } => {
            let hop = hop_name(hop);
            match offered {
                Some(offered) => format!("on the way: {}", host_key(&hop, offered)),
                None => format!("on the way: {}{}", connection(*kind, &hop), quote(said)),
            }
        }
        Trouble::ServerPart { operation, said } => {
            format!(
                "on the server: the server part failed to {}{}",
                excerpt(operation),
                quote(said)
            )
        }
        Trouble::NoBinary { cpu, file } => {
            format!(
                "on the runner: {}, the server part for the server's CPU ({}), is missing",
                excerpt(file),
                excerpt(cpu)
            )
        }
        Trouble::Protocol { problem } => {
            format!(
                "on the way: what came back is not of our server part: {}",
                excerpt(problem)
            )
        }
        Trouble::LineCut { finished_by: None } => {
            "on the way: the line ended before the switch".to_owned()
        }
        Trouble::LineCut {
            finished_by: Some(_),
        } => "on the way: the line ended before the server had finished".to_owned(),
        Trouble::OutOfTime { limit: time } => {
            format!("on the runner: the time limit of {} is up", limit(*time))
        }
        Trouble::Cancelled { finished_by: None } => {
            "on the runner: the run was cancelled".to_owned()
        }
        Trouble::Cancelled {
            finished_by: Some(_),
        } => "on the runner: the run was cancelled when the server could no longer be stopped"
            .to_owned(),
        Trouble::Bug { problem } => {
            format!(
                "on the runner: a bug of deploy-action: {}",
                excerpt(problem)
            )
        }
    }
}

fn hop_name(hop: &Hop) -> String {
    match hop {
        Hop::Server => "the server".to_owned(),
        Hop::Jump { host, .. } => format!("the jump host {}", excerpt(host)),
    }
}

fn connection(kind: ConnectionKind, hop: &str) -> String {
    match kind {
        ConnectionKind::Refused => format!("{hop} refused the connection"),
        ConnectionKind::TimedOut => format!("{hop} did not answer in time"),
        ConnectionKind::Resolve => format!("{hop}'s name is unknown"),
        ConnectionKind::HostKey => format!("{hop}'s host key is not the one in known-hosts"),
        ConnectionKind::Login => format!("{hop} refused the login"),
        ConnectionKind::Other => format!("no connection to {hop}"),
    }
}

fn host_key(hop: &str, offered: &OfferedKey) -> String {
    let fingerprint = excerpt(&offered.fingerprint);
    match offered.state {
        KeyState::Unknown => {
            format!("known-hosts has no key for {hop}, which offers {fingerprint}")
        }
        KeyState::Changed => {
            format!("{hop} offers another host key than known-hosts has: {fingerprint}")
        }
        KeyState::Revoked => {
            format!("{hop} offers a host key that known-hosts revokes: {fingerprint}")
        }
        KeyState::OtherName => {
            format!("{hop} offers a key that known-hosts has for another name only: {fingerprint}")
        }
    }
}

fn quote(said: &[u8]) -> String {
    match last_line(said) {
        said if said.is_empty() => String::new(),
        said => format!(" ({said})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::troubles;

    #[test]
    fn every_trouble_says_on_which_side() {
        let all: Vec<_> = troubles().iter().map(trouble).collect();
        for text in &all {
            assert!(
                ["on the runner", "on the way", "on the server"]
                    .iter()
                    .any(|side| text.starts_with(side)),
                "{text}"
            );
        }
        insta::assert_snapshot!(all.join("\n"), @"
        on the runner: ssh-agent: it is not on PATH
        on the runner: the private key could not be loaded (error in libcrypto)
        on the runner: run/app.sock cannot be deployed: it is a socket
        on the server: the server part failed to start (Permission denied)
        on the runner: deploy-action-aarch64, the server part for the server's CPU (aarch64), is missing
        on the way: what came back is not of our server part: no greeting
        on the way: the line ended before the switch
        on the way: the line ended before the server had finished
        on the runner: the time limit of 30 min is up
        on the runner: the run was cancelled
        on the runner: the run was cancelled when the server could no longer be stopped
        on the runner: a bug of deploy-action: two verdicts
        on the way: known-hosts has no key for the server, which offers SHA256:47DEQpj8HBSa
        on the way: the server offers another host key than known-hosts has: SHA256:47DEQpj8HBSa
        on the way: the server offers a host key that known-hosts revokes: SHA256:47DEQpj8HBSa
        on the way: the server offers a key that known-hosts has for another name only: SHA256:47DEQpj8HBSa
        on the runner: the passphrase does not open the private key
        on the way: the jump host jump.example refused the login (Permission denied (publickey).)
        on the way: the server refused the connection (ssh: what ssh said)
        on the way: the server did not answer in time (ssh: what ssh said)
        on the way: the server's name is unknown (ssh: what ssh said)
        on the way: the server's host key is not the one in known-hosts (ssh: what ssh said)
        on the way: the server refused the login (ssh: what ssh said)
        on the way: no connection to the server (ssh: what ssh said)
        ");
    }
}
