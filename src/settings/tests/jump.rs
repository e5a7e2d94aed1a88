//! The way to the server.

use super::{problems_of, Inputs, KNOWN};

fn with_jump(jump: &str) -> Inputs {
    let line = |name: &str| KNOWN.replace("server.example", name);
    let known = [
        KNOWN.to_owned(),
        line("gate.example"),
        line("[gate.example]:2222"),
        line("[2001:db8::1]:22"),
    ];
    Inputs::new()
        .with("jump-host", jump)
        .with("known-hosts", &known.join("\n"))
}

#[test]
fn what_a_jump_host_does_not_say_is_as_usual() {
    let place = |text: &str| {
        let jump = with_jump(text)
            .with("user", "deploy2")
            .settings()
            .server
            .jump
            .unwrap();
        format!("{} {} {}", jump.user, jump.host, jump.port)
    };
    assert_eq!(place("gate.example"), "deploy2 gate.example 22");
    assert_eq!(place("me@gate.example:2222"), "me gate.example 2222");
    let name = "Me@corp.example@gate.example:2222";
    assert_eq!(place(name), "Me@corp.example gate.example 2222");
    assert_eq!(place("[2001:db8::1]:22"), "deploy2 2001:db8::1 22");
    assert!(Inputs::new().settings().server.jump.is_none());
}

#[test]
fn b34_a_bad_jump_host_is_refused_like_a_bad_host() {
    let values = [
        "-oProxyCommand=x",
        "a;b",
        "a@b@c@",
        "a%b@gate",
        "@gate",
        "ssh://gate",
        "gate:0",
        "a,b",
        "gate:22:",
        "fe80::1%eth0",
        "server.example",
        "other.example",
    ];
    insta::assert_snapshot!(problems_of("jump-host", &values), @r#"
    jump-host = "-oProxyCommand=x": must not start with `-`. Write a host name or an address.
    jump-host = "a;b": has characters that a host name cannot have. Allowed are letters, digits, `-`, `_` and `.`.
    jump-host = "a@b@c@": is not a valid host name. Parts between dots have 1 to 63 characters and no `-` at their ends, the whole at most 253.
    jump-host = "a%b@gate": its user is not a valid user name. Allowed are letters, digits, `_`, `.`, `-` and `@`, a letter, a digit or `_` first.
    jump-host = "@gate": its user is not a valid user name. Allowed are letters, digits, `_`, `.`, `-` and `@`, a letter, a digit or `_` first.
    jump-host = "ssh://gate": is a URL. Write only the name or address, without scheme and path.
    jump-host = "gate:0": is not a port. Write a whole number from 1 to 65535.
    jump-host = "a,b": names several servers. Write one: only one server on the way is supported.
    jump-host = "gate:22:": is not an IPv6 address. Write it like `2001:db8::1`, or `[2001:db8::1]:22` with a port.
    jump-host = "fe80::1%eth0": has a zone. Zones of IPv6 are not supported: use an address without `%`.
    jump-host: is the server itself. Leave it out if the server is reached directly.
    known-hosts: has no line for other.example, port 22. On that server's console run `sed 's/^/other.example /' /etc/ssh/ssh_host_ed25519_key.pub`, and add the line that it prints.
    "#);
}

#[test]
fn connecting_is_tried_once_to_ten_times() {
    assert_eq!(Inputs::new().settings().server.connect_attempts, 3);
    insta::assert_snapshot!(problems_of("connect-attempts", &["0", "11", "x", "+3", "03"]), @r#"
    connect-attempts = "0": is not a number of attempts. Write a whole number from 1 to 10.
    connect-attempts = "11": is not a number of attempts. Write a whole number from 1 to 10.
    connect-attempts = "x": is not a number of attempts. Write a whole number from 1 to 10.
    connect-attempts = "+3": is not a number of attempts. Write a whole number from 1 to 10.
    connect-attempts = "03": is not a number of attempts. Write a whole number from 1 to 10.
    "#);
}
