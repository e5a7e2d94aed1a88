use super::{connection::connection, steps};
use crate::protocol::{Hop, Trouble};
use crate::report::place::{shell, Place};
use crate::text::excerpt::excerpt;

/// What to do about a bug of ours.
pub(super) const REPORT: &str =
    "please report it, with this log: https://github.com/diting/deploy-action/issues";

/// What to do about a trouble on the runner or on the way.
#[must_use]
pub fn trouble(trouble: &Trouble, place: &Place) -> String {
    match trouble {
        Trouble::Tool { .. } => {
            steps("on the runner:", &["sudo apt-get update && sudo apt-get install -y openssh-client".to_owned()])
        }
        Trouble::Key { .. } => steps(
            "the input key must hold the whole private key, from its BEGIN line to its END line; where the key file is:",
            &["ssh-keygen -y -f KEYFILE".to_owned(), "gh secret set NAME < KEYFILE".to_owned()],
        ),
        Trouble::Passphrase => steps(
            "the input passphrase must be the one that opens the key; where the key file is, this asks for it:",
            &["ssh-keygen -y -f KEYFILE".to_owned()],
        ),
        Trouble::Source { .. } => "remove it, or name it in the input exclude".to_owned(),
        Trouble::Connection { kind, hop, offered, said: _ } => {
            connection(*kind, offered.as_deref(), &on_the_way(hop, place))
        }
        Trouble::ServerPart { .. } => server_part(place),
        Trouble::NoBinary { .. } => {
            "there are server parts for x86_64 and aarch64; they lie beside this program, as in the action's dist folder"
                .to_owned()
        }
        Trouble::Protocol { .. } => steps(
            "login scripts on the server must not fail, or end the shell; this must end with 0 and print nothing:",
            &[format!("ssh -p {} {} true", place.port, shell(&format!("{}@{}", place.user, place.host)))],
        ),
        Trouble::LineCut { finished_by: Some(_) } | Trouble::Cancelled { finished_by: Some(_) } => steps(
            "after that time the next run tells how it ended; on the server:",
            &[format!("readlink {} {}", place.below("current"), place.below("previous"))],
        ),
        Trouble::LineCut { finished_by: None } | Trouble::Cancelled { finished_by: None } => {
            "run it again: what was uploaded is kept".to_owned()
        }
        Trouble::OutOfTime { .. } => "see above which step took the time, or raise the input timeout".to_owned(),
        Trouble::Bug { .. } => REPORT.to_owned(),
    }
}

/// The place of the server that is meant.
fn on_the_way(hop: &Hop, place: &Place) -> Place {
    match hop {
        Hop::Server => place.clone(),
        Hop::Jump { host, port, user } => Place {
            host: excerpt(host),
            port: *port,
            user: excerpt(user),
            ..place.clone()
        },
    }
}

/// It has no place, or cannot run there; or the login shell is none.
fn server_part(place: &Place) -> String {
    let (target, user) = (shell(&place.target), shell(&place.user));
    steps(
        "are the inputs service and target right? The deploy user must have a login shell, and be able to write and run \
         files there (no noexec, space left); on the server's console:",
        &[
            format!("sudo mkdir -p {target} && sudo chown -R {user}: {target}"),
            format!("getent passwd {user}; findmnt -T {target}; df -h {target}; ls -ld {target}"),
        ],
    )
}
