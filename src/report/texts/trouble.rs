use crate::protocol::{ConnectionKind, Trouble};
use crate::report::amounts::limit;
use crate::report::foreign::{last_word, word};

/// What went wrong on the runner or on the way, and on which side.
#[must_use]
pub fn trouble(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Tool { program, problem } => format!("on the runner: {}: {}", word(program), word(problem)),
        Trouble::Key { said } => format!("on the runner: the private key could not be loaded{}", quote(said)),
        Trouble::Source { path, problem } => {
            format!("on the runner: {} cannot be deployed: {}", word(path), word(problem))
        }
        Trouble::Connection { kind, said } => format!("on the way: {}{}", connection(*kind), quote(said)),
        Trouble::ServerPart { operation, said } => {
            format!("on the server: the server part failed to {}{}", word(operation), quote(said))
        }
        Trouble::NoBinary { cpu, file } => {
            format!("on the runner: {}, the server part for the server's CPU ({}), is missing", word(file), word(cpu))
        }
        Trouble::Protocol { problem } => {
            format!("on the way: what came back is not of our server part: {}", word(problem))
        }
        Trouble::LineCut { finished_by: None } => "on the way: the line ended before the switch".to_owned(),
        Trouble::LineCut { finished_by: Some(_) } => {
            "on the way: the line ended before the server had finished".to_owned()
        }
        Trouble::OutOfTime { limit: time } => format!("on the runner: the time limit of {} is up", limit(*time)),
        Trouble::Cancelled { finished_by: None } => "on the runner: the run was cancelled".to_owned(),
        Trouble::Cancelled { finished_by: Some(_) } => {
            "on the runner: the run was cancelled when the server could no longer be stopped".to_owned()
        }
        Trouble::Bug { problem } => format!("on the runner: a bug of deploy-action: {}", word(problem)),
    }
}

fn connection(kind: ConnectionKind) -> &'static str {
    match kind {
        ConnectionKind::Refused => "the server refused the connection",
        ConnectionKind::TimedOut => "the server did not answer in time",
        ConnectionKind::Resolve => "the server's name is unknown",
        ConnectionKind::HostKey => "the server's host key is not the one in known-hosts",
        ConnectionKind::Login => "the server refused the login",
        ConnectionKind::Other => "no connection to the server",
    }
}

fn quote(said: &[u8]) -> String {
    match last_word(said) {
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
                ["on the runner", "on the way", "on the server"].iter().any(|side| text.starts_with(side)),
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
        on the way: the server refused the connection (ssh: what ssh said)
        on the way: the server did not answer in time (ssh: what ssh said)
        on the way: the server's name is unknown (ssh: what ssh said)
        on the way: the server's host key is not the one in known-hosts (ssh: what ssh said)
        on the way: the server refused the login (ssh: what ssh said)
        on the way: no connection to the server (ssh: what ssh said)
        ");
    }
}
