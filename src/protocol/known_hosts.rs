//! How users get a server's line for known_hosts: one recipe for all messages and pages.

/// The name that the line begins with: the host, as `[host]:port` unless the port is 22.
#[must_use]
pub fn known_hosts_name(host: &str, port: u16) -> String {
    match port {
        22 => host.to_owned(),
        port => format!("[{host}]:{port}"),
    }
}

/// The command that prints the line for this name, on the server's console. It does not use the network, where another
/// server could answer.
#[must_use]
pub fn known_hosts_command(name: &str) -> String {
    format!("sed 's/^/{name} /' /etc/ssh/ssh_host_ed25519_key.pub")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_names_the_host_as_known_hosts_does() {
        let command = |port| known_hosts_command(&known_hosts_name("web1.example", port));
        insta::assert_snapshot!(command(22), @"sed 's/^/web1.example /' /etc/ssh/ssh_host_ed25519_key.pub");
        insta::assert_snapshot!(command(2222), @"sed 's/^/[web1.example]:2222 /' /etc/ssh/ssh_host_ed25519_key.pub");
    }
}
