//! Generates ssh's configuration for one connection.

use super::host_key;
use std::path::Path;
use std::time::Duration;

/// The alias of the server. Command lines contain only the alias, so no input becomes part of one.
pub(super) const ALIAS: &str = "target";
/// The alias of the jump host.
pub(super) const JUMP: &str = "jump";

/// Where to log in.
#[derive(Debug, Clone)]
pub(super) struct Address<'a> {
    /// Name or address, IPv6 without brackets; checked.
    pub(super) host: &'a str,
    pub(super) port: u16,
    /// Checked.
    pub(super) user: &'a str,
}

/// Everything that does not depend on the server. ssh uses the first value of an option, and reads only this file.
///
/// The agent's socket is passed by the environment (`IdentityAgent SSH_AUTH_SOCK`), so no path of the user needs
/// quoting.
const FIXED: &str = "\
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    UpdateHostKeys no
    VerifyHostKeyDNS no
    CheckHostIP no
    BatchMode yes
    NumberOfPasswordPrompts 0
    PreferredAuthentications publickey
    PubkeyAuthentication yes
    PasswordAuthentication no
    KbdInteractiveAuthentication no
    GSSAPIAuthentication no
    HostbasedAuthentication no
    IdentityAgent SSH_AUTH_SOCK
    IdentityFile none
    AddKeysToAgent no
    ForwardAgent no
    ForwardX11 no
    ClearAllForwardings yes
    PermitLocalCommand no
    CanonicalizeHostname no
    Compression no
    ConnectionAttempts 1
    ServerAliveInterval 10
    ServerAliveCountMax 3
    TCPKeepAlive yes
    EscapeChar none
    RequestTTY no
    LogLevel ERROR
";

/// ssh's configuration for one server and its `jump` host. `folder` needs no quoting.
pub(super) fn config(
    target: &Address<'_>,
    jump: Option<&Address<'_>>,
    connect_timeout: Duration,
    folder: &Path,
) -> String {
    // the login on the jump host comes before the server's first message
    let hops = if jump.is_some() { 2 } else { 1 };
    let proxy = jump.map(|_| proxy_command(folder)).unwrap_or_default();
    let jump = jump.map(|jump| {
        // otherwise ssh does not report why the jump host cannot reach the server
        block(JUMP, jump, connect_timeout, folder) + "    LogLevel INFO\n"
    });
    let target = block(ALIAS, target, connect_timeout.saturating_mul(hops), folder);
    format!(
        "{target}{proxy}{}Host *\n    UserKnownHostsFile {}\n{FIXED}",
        jump.unwrap_or_default(),
        folder.join("known_hosts").display()
    )
}

/// Like `ProxyJump`, but keeps what the jump host's ssh prints.
fn proxy_command(folder: &Path) -> String {
    let folder = folder.display();
    format!("    ProxyCommand ssh -F {folder}/config -E {folder}/jump.log -W '[%h]:%p' {JUMP}\n")
}

fn block(alias: &str, address: &Address<'_>, connect_timeout: Duration, folder: &Path) -> String {
    let Address { host, port, user } = address;
    let seconds = connect_timeout.as_millis().div_ceil(1000).max(1);
    let text =
        format!("Host {alias}\n    HostName {host}\n    Port {port}\n    User {user}\n    ConnectTimeout {seconds}\n");
    text + &host_key::lines(folder, alias)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn address() -> Address<'static> {
        Address {
            host: "2001:db8::1",
            port: 2222,
            user: "deploy",
        }
    }

    fn text(jump: Option<&Address<'_>>) -> String {
        config(
            &address(),
            jump,
            Duration::from_millis(1500),
            Path::new("/tmp/da0"),
        )
    }

    /// The file as ssh itself reads it.
    fn parsed_by_ssh(text: &str, alias: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        std::fs::write(&file, text).unwrap();
        let output = Command::new("ssh")
            .arg("-G")
            .arg("-F")
            .arg(&file)
            .arg(alias)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().to_lowercase()
    }

    /// Whether ssh has read `line` as intended.
    fn is_effective(line: &str, parsed: &str) -> bool {
        let line = line.trim().to_lowercase();
        let forms = [("", ""), (" yes", " true"), (" no", " false")];
        let found = forms
            .iter()
            .any(|(ours, theirs)| parsed.contains(&(line.replace(ours, theirs) + "\n")));
        // ssh -G does not print these
        let not_printed = [
            "identityagent ssh_auth_sock",
            "identityfile none",
            "ignoreunknown knownhostscommand",
        ];
        found || not_printed.contains(&line.as_str())
    }

    #[test]
    fn ssh_accepts_every_line() {
        let text = text(None);
        let parsed = parsed_by_ssh(&text, ALIAS);
        for line in text.lines().filter(|line| line.starts_with(' ')) {
            assert!(is_effective(line, &parsed), "{line}\n{parsed}");
        }
    }

    #[test]
    fn the_jump_host_is_as_strict_and_always_used() {
        let jump = Address {
            host: "jump.example",
            port: 22,
            user: "hop",
        };
        let text = text(Some(&jump));
        let (target, jump) = (parsed_by_ssh(&text, ALIAS), parsed_by_ssh(&text, JUMP));
        for line in [
            "StrictHostKeyChecking yes",
            "UserKnownHostsFile /tmp/da0/known_hosts",
            "BatchMode yes",
        ] {
            assert!(
                is_effective(line, &target) && is_effective(line, &jump),
                "{line}\n{jump}"
            );
        }
        assert!(
            target.contains(
                "proxycommand ssh -f /tmp/da0/config -e /tmp/da0/jump.log -w '[%h]:%p' jump\n"
            ),
            "{target}"
        );
        assert!(target.contains("connecttimeout 3\n") && jump.contains("connecttimeout 2\n"));
        assert!(
            jump.contains("hostname jump.example\n")
                && jump.contains("user hop\n")
                && !jump.contains("proxycommand")
        );
    }
}
