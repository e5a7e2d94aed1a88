use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// The alias that stands for the server on every command line, so that no user's text is on one.
pub(super) const ALIAS: &str = "target";

/// Where to log in, and how long to try.
#[derive(Debug, Clone)]
pub(super) struct Address<'a> {
    /// Name or address, IPv6 without brackets; checked.
    pub(super) host: &'a str,
    pub(super) port: u16,
    /// Checked.
    pub(super) user: &'a str,
    pub(super) connect_timeout: Duration,
}

/// All that does not depend on the server. The first value that ssh obtains counts, and this is the only file it reads.
///
/// The agent's socket comes by the environment (`IdentityAgent SSH_AUTH_SOCK` is ssh's word for that), so that no path
/// of the user's needs quoting here.
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

/// ssh's configuration for one server.
pub(super) fn config(address: &Address<'_>, known_hosts: &Path) -> String {
    let Address { host, port, user, connect_timeout } = address;
    let seconds = connect_timeout.as_millis().div_ceil(1000).max(1);
    let mut text = format!("Host {ALIAS}\n");
    // writing to a string can't fail
    let _written = write!(
        text,
        "    HostName {host}\n    Port {port}\n    User {user}\n    ConnectTimeout {seconds}\n    \
         UserKnownHostsFile {}\n{FIXED}",
        known_hosts.display()
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn address() -> Address<'static> {
        Address { host: "2001:db8::1", port: 2222, user: "deploy", connect_timeout: Duration::from_millis(1500) }
    }

    /// What ssh itself makes of the file.
    fn understood(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        std::fs::write(&file, text).unwrap();
        let output = Command::new("ssh").arg("-G").arg("-F").arg(&file).arg(ALIAS).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().to_lowercase()
    }

    #[test]
    fn ssh_understands_every_line() {
        let text = config(&address(), Path::new("/tmp/da0/known_hosts"));
        let understood = understood(&text);
        for line in text.lines().skip(1) {
            let mut line = line.trim().to_lowercase();
            for (ours, theirs) in [("yes", "true"), ("no", "false")] {
                if !understood.contains(&line) {
                    line = line.replace(&format!(" {ours}"), &format!(" {theirs}"));
                }
            }
            // ssh -G does not print these two
            if !["identityagent ssh_auth_sock", "identityfile none"].contains(&line.as_str()) {
                assert!(understood.contains(&format!("{line}\n")), "{line}\n{understood}");
            }
        }
    }

    #[test]
    fn a_part_of_a_second_counts_as_one() {
        let text = config(&address(), Path::new("/tmp/da0/known_hosts"));
        assert!(text.contains("    ConnectTimeout 2\n"));
    }
}
