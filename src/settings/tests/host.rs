//! Host, port and user.

use super::{problems_of, Inputs};

#[test]
fn names_and_addresses_are_accepted() {
    for (text, host, port) in [
        ("server.example", "server.example", 22),
        ("Server-1.Example", "Server-1.Example", 22),
        ("192.0.2.10", "192.0.2.10", 22),
        ("2001:db8::1", "2001:db8::1", 22),
        ("server.example:2222", "server.example", 2222),
        ("[2001:db8::1]:2222", "2001:db8::1", 2222),
        ("web_1.example", "web_1.example", 22),
        ("_srv.web_1:2222", "_srv.web_1", 2222),
        ("server.example.", "server.example.", 22),
    ] {
        let known = super::KNOWN.replace("server.example", "*");
        let server = Inputs::new()
            .with("host", text)
            .with("known-hosts", &known)
            .settings()
            .server;
        assert_eq!(
            (server.host.as_str(), server.port.get()),
            (host, port),
            "{text}"
        );
    }
}

#[test]
fn b1_an_empty_host_is_required() {
    for text in ["", "  ", "\n"] {
        let problems = Inputs::new().with("host", text).problems();
        assert_eq!(
            problems,
            "host: is required. Give the server's name or address."
        );
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "the snapshot is long")]
fn b2_to_b6_what_is_no_host_is_refused_with_the_cure() {
    let values = [
        "-oProxyCommand=x",
        "a;b",
        "$(id)",
        "`id`",
        "a b",
        "\"a\"",
        "a\tb",
        "a\nb",
        "a,b",
        "user@h",
        "ssh://h",
        "http://h/",
        "h/x",
        "[::1]",
        "fe80::1%eth0",
        "127.1",
        "0x7f.1",
        "1.2.3.4.5",
        "256.1.1.1",
        "bücher.example",
        "a..b",
        "a..",
        ".",
        "1.2.3.",
        "1.2.3.4.",
        "-a.b",
        "a-.b",
        "1::2::3",
        "%h",
        "\\",
        "h:",
        "h:22x",
        "[::1]:0",
        "[a]:1",
    ];
    insta::assert_snapshot!(problems_of("host", &values), @r#"
    host = "-oProxyCommand=x": must not start with `-`. Write a host name or an address.
    host = "a;b": has characters that a host name cannot have. Allowed are letters, digits, `-`, `_` and `.`.
    host = "$(id)": has characters that a host name cannot have. Allowed are letters, digits, `-`, `_` and `.`.
    host = "`id`": has characters that a host name cannot have. Allowed are letters, digits, `-`, `_` and `.`.
    host = "a b": has characters that a host name cannot have. Allowed are letters, digits, `-`, `_` and `.`.
    host = "\"a\"": has characters that a host name cannot have. Allowed are letters, digits, `-`, `_` and `.`.
    host = "a\tb": has characters that a host name cannot have. Allowed are letters, digits, `-`, `_` and `.`.
    host = "a\nb": holds several hosts. Write one host per step; for several servers use a matrix.
    host = "a,b": holds several hosts. Write one host per step; for several servers use a matrix.
    host = "user@h": holds a user. Write only the server here, and the user in `user`.
    host = "ssh://h": is a URL. Write only the name or address, without scheme and path.
    host = "http://h/": is a URL. Write only the name or address, without scheme and path.
    host = "h/x": has characters that a host name cannot have. Allowed are letters, digits, `-`, `_` and `.`.
    host = "[::1]": has brackets. Write an IPv6 address without brackets, or `[address]:port`.
    host = "fe80::1%eth0": has a zone. Zones of IPv6 are not supported: use an address without `%`.
    host = "127.1": is not an IPv4 address. Write four numbers from 0 to 255, as in 192.0.2.10.
    host = "0x7f.1": is not an IPv4 address. Write four numbers from 0 to 255, as in 192.0.2.10.
    host = "1.2.3.4.5": is not an IPv4 address. Write four numbers from 0 to 255, as in 192.0.2.10.
    host = "256.1.1.1": is not an IPv4 address. Write four numbers from 0 to 255, as in 192.0.2.10.
    host = "bücher.example": has characters beyond ASCII. Write an international name in punycode (xn--…).
    host = "a..b": is not a valid host name. Parts between dots have 1 to 63 characters and no `-` at their ends, the whole at most 253.
    host = "a..": is not a valid host name. Parts between dots have 1 to 63 characters and no `-` at their ends, the whole at most 253.
    host = ".": is not a valid host name. Parts between dots have 1 to 63 characters and no `-` at their ends, the whole at most 253.
    host = "1.2.3.": is not an IPv4 address. Write four numbers from 0 to 255, as in 192.0.2.10.
    host = "1.2.3.4.": is not an IPv4 address. Write four numbers from 0 to 255, as in 192.0.2.10.
    host = "-a.b": must not start with `-`. Write a host name or an address.
    host = "a-.b": is not a valid host name. Parts between dots have 1 to 63 characters and no `-` at their ends, the whole at most 253.
    host = "1::2::3": is not an IPv6 address. Write it like `2001:db8::1`, or `[2001:db8::1]:22` with a port.
    host = "%h": has characters that a host name cannot have. Allowed are letters, digits, `-`, `_` and `.`.
    host = "\\": has characters that a host name cannot have. Allowed are letters, digits, `-`, `_` and `.`.
    host = "h:": is not a port. Write a whole number from 1 to 65535.
    host = "h:22x": is not a port. Write a whole number from 1 to 65535.
    host = "[::1]:0": is not a port. Write a whole number from 1 to 65535.
    host = "[a]:1": is not an IPv6 address. Write it like `2001:db8::1`, or `[2001:db8::1]:22` with a port.
    "#);
    let long = "a".repeat(64);
    assert!(problems_of("host", &[&long]).contains("is not a valid host name"));
    let long = ["a".repeat(63).as_str(); 4].join(".");
    assert!(problems_of("host", &[&long]).contains("is not a valid host name"));
}

#[test]
fn b4_a_port_in_host_may_not_contradict_port() {
    let inputs = Inputs::new().with("host", "server.example:2222");
    assert_eq!(inputs.settings().server.port.get(), 2222);
    assert_eq!(
        inputs.with("port", "22").problems(),
        "port: is 22, but `host` has 2222. Leave out one of the two."
    );
    assert!(Inputs::new()
        .with("host", "server.example:22")
        .with("port", "22")
        .read_with(&[])
        .0
        .is_ok());
}

#[test]
fn b7_a_port_is_a_plain_number() {
    insta::assert_snapshot!(problems_of("port", &["0", "65536", "-1", "22x", "022", "1e3", "+22", "99999999999"]), @r#"
    port = "0": is not a port. Write a whole number from 1 to 65535.
    port = "65536": is not a port. Write a whole number from 1 to 65535.
    port = "-1": is not a port. Write a whole number from 1 to 65535.
    port = "22x": is not a port. Write a whole number from 1 to 65535.
    port = "022": is not a port. Write a whole number from 1 to 65535.
    port = "1e3": is not a port. Write a whole number from 1 to 65535.
    port = "+22": is not a port. Write a whole number from 1 to 65535.
    port = "99999999999": is not a port. Write a whole number from 1 to 65535.
    "#);
    assert_eq!(
        Inputs::new()
            .with("port", " 22 ")
            .settings()
            .server
            .port
            .get(),
        22
    );
}

#[test]
fn b8_what_no_user_can_be_called_is_refused() {
    insta::assert_snapshot!(problems_of("user", &["-l", "a b", "root%h"]), @r#"
    user = "-l": is not a valid user name. Allowed are letters, digits, `_`, `.`, `-` and `@`, a letter, a digit or `_` first.
    user = "a b": is not a valid user name. Allowed are letters, digits, `_`, `.`, `-` and `@`, a letter, a digit or `_` first.
    user = "root%h": is not a valid user name. Allowed are letters, digits, `_`, `.`, `-` and `@`, a letter, a digit or `_` first.
    "#);
    let long = "a".repeat(256);
    for text in [
        "a;b",
        "\\",
        "ü",
        ".a",
        "@a",
        "a@",
        "$(id)",
        "a`b",
        "a'b",
        "a\"b",
        "a|b",
        "a&b",
        "a/b",
        "a:b",
        "a=b",
        "a#b",
        "a\tb",
        "a\nb",
        "a\u{7f}",
        "~",
        "*",
        "%h",
        long.as_str(),
    ] {
        assert!(
            problems_of("user", &[text]).contains("is not a valid user name"),
            "{text}"
        );
    }
}

#[test]
fn names_of_any_user_that_a_server_can_have_are_accepted() {
    for text in [
        "root",
        "_apt",
        "a.b-c_1",
        "Deploy",
        "DEPLOY",
        "1deploy",
        "1000",
        "deploy@corp.example",
        "a@b@c",
    ] {
        assert_eq!(
            Inputs::new()
                .with("user", text)
                .settings()
                .server
                .user
                .as_str(),
            text
        );
    }
}

#[test]
fn a_name_with_a_final_dot_is_known_without_it() {
    let alias = |names: &str, host: &str| {
        let known = super::KNOWN.replace("server.example", names);
        let server = Inputs::new()
            .with("host", host)
            .with("known-hosts", &known)
            .settings()
            .server;
        server.known_hosts.alias(&server.host, server.port)
    };
    let some = |name: &str| Some(name.to_owned());
    assert_eq!(alias("h.example", "H.example."), some("h.example"));
    assert_eq!(alias("[h.example]:22", "h.example."), some("h.example"));
    assert_eq!(
        alias("[h.example]:2222", "h.example.:2222"),
        some("[h.example]:2222")
    );
    assert_eq!(alias("h.example", "h.example.:2222"), some("h.example"));
    // ssh finds these by itself
    assert_eq!(alias("h.example.", "h.example."), None);
    assert_eq!(alias("*", "h.example."), None);
    assert_eq!(alias("h.example", "h.example"), None);
}
