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
    /// The name in known_hosts, if ssh would not look for it by itself.
    pub(super) alias: Option<String>,
}

/// Everything that does not depend on the server. ssh uses the first value of an option, and reads only this file.
/// Below `INFO` it does not print what servers say about a login that they end.
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
    WarnWeakCrypto no
    LogLevel INFO
";
/// Options that older versions of ssh do not know. They check also the blocks that do not apply, so this stands first.
const IGNORE_UNKNOWN: &str = "IgnoreUnknown KnownHostsCommand,WarnWeakCrypto\n";
/// Of what the jump host's ssh prints, in units of 512 or 1024 bytes: a banner may be endless.
const JUMP_LOG: u32 = 128;

/// The time limits of a login.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// For the connection to each address of the first host, and for the server's first message.
    pub(super) connect: Duration,
    /// For the whole way to the jump host, if there is one.
    pub(super) jump: Duration,
}

/// ssh's configuration for one server and its `jump` host. `folder` needs no quoting.
pub(super) fn config(
    target: &Address<'_>,
    jump: Option<&Address<'_>>,
    limits: Limits,
    folder: &Path,
) -> String {
    let proxy = jump.map(|_| proxy_command(folder)).unwrap_or_default();
    // the login on the jump host comes before the server's first message
    let before = jump.map_or(Duration::ZERO, |_| limits.jump);
    let jump = jump.map(|jump| block(JUMP, jump, limits.connect, folder));
    let target = block(ALIAS, target, limits.connect.saturating_add(before), folder);
    format!(
        "{IGNORE_UNKNOWN}{target}{proxy}{}Host *\n    UserKnownHostsFile {}\n{FIXED}",
        jump.unwrap_or_default(),
        folder.join("known_hosts").display()
    )
}

/// Like `ProxyJump`, but keeps what the jump host's ssh prints. `-E` would not keep the jump host's own words.
fn proxy_command(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "    ProxyCommand /bin/sh -c 'ulimit -f {JUMP_LOG}; exec ssh -F {folder}/config -W \"[%h]:%p\" {JUMP} 2>>{folder}/jump.log'\n"
    )
}

fn block(alias: &str, address: &Address<'_>, connect_timeout: Duration, folder: &Path) -> String {
    let Address {
        host, port, user, ..
    } = address;
    let seconds = connect_timeout.as_millis().div_ceil(1000).max(1);
    let text =
        format!("Host {alias}\n    HostName {host}\n    Port {port}\n    User {user}\n    ConnectTimeout {seconds}\n");
    let known = address.alias.iter();
    let known: String = known
        .map(|name| format!("    HostKeyAlias {name}\n"))
        .collect();
    text + &known + &host_key::lines(folder, alias)
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
            alias: None,
        }
    }

    fn text(jump: Option<&Address<'_>>) -> String {
        config(
            &address(),
            jump,
            Limits {
                connect: Duration::from_millis(1500),
                jump: Duration::from_secs(7),
            },
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
            "warnweakcrypto no",
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
            alias: Some("[gate.example]:22".to_owned()),
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
                "exec ssh -f /tmp/da0/config -w \"[%h]:%p\" jump 2>>/tmp/da0/jump.log'\n"
            ),
            "{target}"
        );
        assert!(target.contains("connecttimeout 9\n") && jump.contains("connecttimeout 2\n"));
        assert!(
            jump.contains("hostname jump.example\n")
                && jump.contains("user hop\n")
                && jump.contains("hostkeyalias [gate.example]:22\n")
                && !target.contains("hostkeyalias")
                && !jump.contains("proxycommand")
        );
    }
}
