//! Hints for a connection that failed.

use super::steps::{steps, Hint};
use crate::protocol::{
    known_hosts_command, known_hosts_name, ConnectionKind, KeyState, OfferedKey,
};
use crate::report::place::{shell, Place};
use crate::text::excerpt::one_line;
use crate::text::Prose;

/// What to do about a connection that failed.
#[expect(
    clippy::too_many_lines,
    reason = "one exhaustive match, so that no kind is without a hint"
)]
pub(super) fn connection(
    kind: ConnectionKind,
    offered: Option<&OfferedKey>,
    place: &Place,
) -> Hint {
    match kind {
        ConnectionKind::Refused => refused(place),
        ConnectionKind::TimedOut => Prose::of(
            "are host and port ({}) right? The firewall and the provider's security group must let the runner in; runners \
             hosted by GitHub have changing addresses and no IPv6",
            [&place.port],
        )
        .into(),
        ConnectionKind::Resolve => {
            Prose::of("is the input host right ({})? If so, its name is not in the public DNS", [&place.host]).into()
        }
        ConnectionKind::HostKey => host_key(offered, place),
        ConnectionKind::Login => login(place),
        ConnectionKind::Other => steps(
            "what sshd logs, on the server's console, as root:",
            &[SSHD_LOG.to_owned()],
        ),
        ConnectionKind::Slow => steps(
            Prose::of(
                "port {} answers, but the login does not finish in time: raise the input connect-timeout, or find out what slows down \
                 sshd (load, DNS, PAM); on the server's console, as root:",
                [&place.port],
            ),
            &["uptime; sudo sshd -T | grep -i usedns".to_owned(), SSHD_LOG.to_owned()],
        ),
        ConnectionKind::Negotiation => steps(
            "update OpenSSH on the older of the two, the runner or the server, or let sshd offer a modern algorithm too; on the \
             server's console, as root:",
            &["sudo sshd -T | grep -Ei '^(kexalgorithms|hostkeyalgorithms|ciphers|macs) '".to_owned()],
        ),
        ConnectionKind::Closed => steps(
            "if the message does not say why, sshd's log does; on the server's console, as root:",
            &[SSHD_LOG.to_owned(), "ls -l /run/nologin /etc/nologin".to_owned()],
        ),
        ConnectionKind::Expired => {
            let user = shell(&place.user);
            steps(
                "if the account should work again, on the server's console, as root:",
                &[format!("sudo chage -l {user}"), format!("sudo chage -E -1 {user}")],
            )
        }
    }
}

const SSHD_LOG: &str = "sudo journalctl -u ssh -u sshd -n 20 --no-pager";

fn refused(place: &Place) -> Hint {
    steps(
        Prose::of(
            "does sshd listen on port {}, and do the firewall and the provider's security group allow it? On the \
             server's console, as root:",
            [&place.port],
        ),
        &[
            "sudo systemctl status ssh sshd; sudo ss -tlnp | grep sshd".to_owned(),
            "sudo firewall-cmd --list-all || sudo ufw status".to_owned(),
            format!("sudo firewall-cmd --permanent --add-port={0}/tcp && sudo firewall-cmd --reload", place.port),
        ],
    )
}

fn host_key(offered: Option<&OfferedKey>, place: &Place) -> Hint {
    match offered {
        None => by_the_console(place),
        Some(OfferedKey { state: KeyState::Revoked, .. }) => {
            "a revoked key may be stolen: give the server a new one and put its line into the input known-hosts".into()
        }
        Some(offered) => offered_key(offered),
    }
}

/// The offered line may be copied only if the server itself has shown the same fingerprint.
fn offered_key(offered: &OfferedKey) -> Hint {
    let line = one_line(&offered.line);
    let kind = line.split(' ').nth(1).unwrap_or_default();
    let file = match kind.strip_prefix("ecdsa-").map_or(kind, |_| "ecdsa") {
        "ecdsa" => "ecdsa",
        "ssh-rsa" => "rsa",
        _ => "ed25519",
    };
    let why = match offered.state {
        KeyState::Changed => {
            Prose::from("either the server was set up again, or someone intercepts the connection")
        }
        _ => Prose::from(
            "the offered key may be the server's, or that of someone who intercepts the connection",
        ),
    };
    let show = format!("ssh-keygen -lf /etc/ssh/ssh_host_{file}_key.pub");
    let text = why.and("; only the server itself can show its key. On its console (not over ssh):");
    let fingerprint = one_line(&offered.fingerprint);
    let then = Prose::of(
        "only if that shows {}, put this line into the input known-hosts:",
        [&fingerprint],
    );
    steps(text, &[show]).then(steps(then, &[line]))
}

fn by_the_console(place: &Place) -> Hint {
    let name = known_hosts_name(&place.host, place.port);
    steps(
        "either the server was set up again, or someone intercepts the connection; only the server itself can show its key. \
         On its console (not over ssh), the line for the input known-hosts and the fingerprint to compare:",
        &[
            known_hosts_command(&name),
            "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub".to_owned(),
        ],
    )
}

fn login(place: &Place) -> Hint {
    let user = shell(&place.user);
    steps(
        "the public half of the key (`ssh-keygen -y -f KEYFILE`) must be in `authorized_keys` of that user, in a folder that only \
         this user may write; on the server's console, as root:",
        &[
            format!("sudo cat ~{user}/.ssh/authorized_keys"),
            format!("sudo chown -R {user}: ~{user}/.ssh && sudo chmod 700 ~{user}/.ssh && sudo chmod 600 ~{user}/.ssh/*"),
            SSHD_LOG.to_owned(),
        ],
    )
}
