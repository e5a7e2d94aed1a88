//! The server's known_hosts lines.

use super::{problems_of, Inputs, KNOWN};

fn accepts(lines: &str, host: &str) -> bool {
    Inputs::new()
        .with("known-hosts", lines)
        .with("host", host)
        .read_with(&[])
        .0
        .is_ok()
}

#[test]
fn b13_empty_lines_are_required_and_the_text_says_how_to_get_them() {
    insta::assert_snapshot!(Inputs::new().without("known-hosts").problems(), @"known-hosts: is required: without it nothing is sent, because any server could pretend to be yours. On the server's console run `sed 's/^/NAME /' /etc/ssh/ssh_host_ed25519_key.pub`, with the name in `host` as NAME (`[name]:PORT` for a port other than 22), and store the line as a variable.");
}

#[test]
fn the_text_is_kept_but_for_white_space() {
    let text = format!("# the server\r\n{KNOWN} comment here\r\n\r\n@revoked {KNOWN}");
    let expected = format!("# the server\n{KNOWN} comment here\n\n@revoked {KNOWN}\n");
    assert_eq!(
        Inputs::new()
            .with("known-hosts", &text)
            .settings()
            .server
            .known_hosts
            .text(),
        expected
    );
}

#[test]
fn b14_what_is_no_line_is_refused_with_its_number() {
    let key = KNOWN.split(' ').nth(2).unwrap();
    let values = [
        "SHA256:uNiVztksCsDhcc0u9e8BrrY2p1JmZtY2xGJb3p0d2xE",
        "256 SHA256:uNiVztksCsDhcc0u9e8BrrY2p1JmZtY2xGJb3p0d2xE server.example (ED25519)",
        "# server.example:22 SSH-2.0-OpenSSH_9.2p1",
        &format!("{KNOWN}\nserver.example ssh-ed25519 AAAA!"),
        &format!("ssh-ed25519 {key}"),
        "server.example",
        "server.example ssh-ed25519",
        &format!("server.example ssh-rsa {key}"),
        &format!("server.example {key}"),
        &format!("server.example ssh-ed25519 {}", &key[..key.len() - 4]),
        &format!("@revoked {KNOWN}"),
        &format!("@trusted {KNOWN}"),
        &format!(
            "# mine\n{}",
            KNOWN.replace("server.example", "other.example")
        ),
        "a\nb\nc\nd\ne",
        &format!("{KNOWN}\n").repeat(5000),
    ];
    insta::assert_snapshot!(problems_of("known-hosts", &values), @"
    known-hosts: line 1 is a fingerprint, not a known_hosts line. On the server's console run `sed 's/^/NAME /' /etc/ssh/ssh_host_ed25519_key.pub`, with the name in `host` as NAME (`[name]:PORT` for a port other than 22), and store the line as a variable.
    known-hosts: line 1 is a fingerprint, not a known_hosts line. On the server's console run `sed 's/^/NAME /' /etc/ssh/ssh_host_ed25519_key.pub`, with the name in `host` as NAME (`[name]:PORT` for a port other than 22), and store the line as a variable.
    known-hosts: has only comments. On the server's console run `sed 's/^/NAME /' /etc/ssh/ssh_host_ed25519_key.pub`, with the name in `host` as NAME (`[name]:PORT` for a port other than 22), and store the line as a variable.
    known-hosts: line 2 has a key that is not base64 (cut off?). On the server's console run `sed 's/^/NAME /' /etc/ssh/ssh_host_ed25519_key.pub`, with the name in `host` as NAME (`[name]:PORT` for a port other than 22), and store the line as a variable.
    known-hosts: line 1 has no server name before the key. On the server's console run `sed 's/^/NAME /' /etc/ssh/ssh_host_ed25519_key.pub`, with the name in `host` as NAME (`[name]:PORT` for a port other than 22), and store the line as a variable.
    known-hosts: line 1 is not of the form: name, key type, key. On the server's console run `sed 's/^/NAME /' /etc/ssh/ssh_host_ed25519_key.pub`, with the name in `host` as NAME (`[name]:PORT` for a port other than 22), and store the line as a variable.
    known-hosts: line 1 is not of the form: name, key type, key. On the server's console run `sed 's/^/NAME /' /etc/ssh/ssh_host_ed25519_key.pub`, with the name in `host` as NAME (`[name]:PORT` for a port other than 22), and store the line as a variable.
    known-hosts: line 1 names another key type than its key has. On the server's console run `sed 's/^/NAME /' /etc/ssh/ssh_host_ed25519_key.pub`, with the name in `host` as NAME (`[name]:PORT` for a port other than 22), and store the line as a variable.
    known-hosts: line 1 is not of the form: name, key type, key. On the server's console run `sed 's/^/NAME /' /etc/ssh/ssh_host_ed25519_key.pub`, with the name in `host` as NAME (`[name]:PORT` for a port other than 22), and store the line as a variable.
    known-hosts: line 1 has a key that is cut off. On the server's console run `sed 's/^/NAME /' /etc/ssh/ssh_host_ed25519_key.pub`, with the name in `host` as NAME (`[name]:PORT` for a port other than 22), and store the line as a variable.
    known-hosts: has only `@revoked` lines. On the server's console run `sed 's/^/NAME /' /etc/ssh/ssh_host_ed25519_key.pub`, with the name in `host` as NAME (`[name]:PORT` for a port other than 22), and store the line as a variable.
    known-hosts: line 1 begins with an unknown marker. On the server's console run `sed 's/^/NAME /' /etc/ssh/ssh_host_ed25519_key.pub`, with the name in `host` as NAME (`[name]:PORT` for a port other than 22), and store the line as a variable.
    known-hosts: has no line for server.example, port 22. On that server's console run `sed 's/^/server.example /' /etc/ssh/ssh_host_ed25519_key.pub`, and add the line that it prints.
    known-hosts: line 1 is not of the form: name, key type, key; line 2 is not of the form: name, key type, key; line 3 is not of the form: name, key type, key; and 2 lines more. On the server's console run `sed 's/^/NAME /' /etc/ssh/ssh_host_ed25519_key.pub`, with the name in `host` as NAME (`[name]:PORT` for a port other than 22), and store the line as a variable.
    known-hosts: is longer than 256 KiB. Give only this server's lines.
    ");
}

#[test]
fn the_path_of_a_file_is_recognized() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let values = [
        "known_hosts",
        "~/.ssh/known_hosts",
        "./hosts",
        "keys/web1",
        file.path().to_str().unwrap(),
    ];
    for value in values {
        let problem = problems_of("known-hosts", &[value]);
        assert_eq!(problem, "known-hosts: is the path of a file. Give the file's content, not its name: on the command line `--known-hosts \"$(cat FILE)\"`.");
    }
    for value in [
        "server.example",
        "SHA256:uNiVztks/sDhcc0u9e8BrrY2p1JmZtY2xGJb3p0d2xE",
        "|1|c2Fs/A==|aGFzaA==",
    ] {
        let problem = problems_of("known-hosts", &[value]);
        assert!(!problem.contains("path"), "{problem}");
    }
}

#[test]
fn a_line_must_be_the_servers() {
    let lines = |names: &str| KNOWN.replace("server.example", names);
    for names in [
        "server.example",
        "SERVER.example",
        "a,server.example",
        "*.example",
        "s?rver.*",
        "|1|c2FsdA==|aGFzaA==",
    ] {
        assert!(accepts(&lines(names), "server.example"), "{names}");
    }
    assert!(accepts(&lines("[server.example]:22"), "server.example"));
    assert!(accepts(
        &lines("[server.example]:2222"),
        "server.example:2222"
    ));
    assert!(accepts(&lines("server.example"), "server.example:2222"));
    assert!(accepts(
        &format!("@cert-authority {}", lines("*")),
        "server.example"
    ));
    for names in [
        "other",
        "*.example,!server.example",
        "[server.example]:2222",
        "server.example.org",
        "*.server.example",
    ] {
        assert!(!accepts(&lines(names), "server.example"), "{names}");
    }
}

#[test]
fn an_address_is_compared_as_an_address_however_it_is_written() {
    let lines = |names: &str| KNOWN.replace("server.example", names);
    let hosts = ["0:0:0:0:0:0:0:1", "::1", "0000::0001", "[0:0::1]:2222"];
    for host in hosts {
        let port = if host.starts_with('[') { "2222" } else { "22" };
        for name in [
            "::1",
            "0:0:0:0:0:0:0:1",
            "0::1",
            "[::1]:PORT",
            "[0:0:0:0:0:0:0:1]:PORT",
        ] {
            let names = name.replace("PORT", port);
            let inputs = Inputs::new()
                .with("known-hosts", &lines(&names))
                .with("host", host);
            let server = inputs.settings().server;
            assert_eq!(server.host.as_str(), "::1");
            // the form in which ssh looks it up
            let form = if name.contains("PORT") {
                format!("[::1]:{port}")
            } else {
                "::1".to_owned()
            };
            let known = server.known_hosts.text().split(' ').next().unwrap();
            assert!(known.split(',').any(|it| it == form), "{host}: {known}");
        }
        assert!(!accepts(&lines("::2"), host));
        assert!(!accepts(&lines("::*,!0:0::1"), host));
        assert!(accepts(&lines("::*"), host));
    }
}

#[test]
fn only_names_that_ssh_would_not_find_are_added() {
    let lines = |names: &str| KNOWN.replace("server.example", names);
    let revoked = format!("{}\n@revoked {}", lines("2001:DB8::1"), lines("0:0::2,a"));
    let known = Inputs::new()
        .with("known-hosts", &revoked)
        .with("host", "2001:db8:0::1")
        .settings();
    let names: Vec<String> = known
        .server
        .known_hosts
        .text()
        .lines()
        .map(|line| line.split(" ssh-").next().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["2001:DB8::1", "@revoked 0:0::2,a,::2"]);
}

#[test]
fn the_server_itself_is_recognized_however_it_is_written() {
    let line = KNOWN.replace("server.example", "2001:db8::1");
    let inputs = || {
        Inputs::new()
            .with("known-hosts", &line)
            .with("host", "2001:DB8:0:0::1")
    };
    let jump = inputs().with("jump-host", "2001:db8::1").problems();
    assert!(jump.contains("jump-host: is the server itself"), "{jump}");
    let url = "http://[2001:db8:0:0:0:0:0:1]/";
    assert_eq!(inputs().with("health-url", url).warnings(), "");
}
