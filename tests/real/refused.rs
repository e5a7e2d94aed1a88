//! Where nothing may be sent.

use crate::app::App;
use crate::relay::Relay;
use crate::throwaway::ThrowawayServer;
use std::time::Duration;

#[test]
fn a_wrong_host_key_and_a_refused_login_are_unreachable_and_nothing_is_sent() {
    let (server, other) = (ThrowawayServer::up(), ThrowawayServer::up());
    let relay = Relay::start(server.ssh_address(), Duration::ZERO);
    let app = App::version("1");

    let wrong = server.deployment(&app).at_port(&other, relay.port());
    let run = wrong.run();
    run.assert_ended(3, "unreachable", "connect");
    run.assert_verdict("nothing was changed");
    run.assert_says(
        server
            .exec("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub")
            .split(' ')
            .nth(1)
            .unwrap(),
    );
    // the key exchange, and no more: the tree alone would be 2 kB
    assert!(relay.bytes_up() < 4000, "{}", relay.bytes_up());

    let run = server.deployment(&app).input("key", &other.key()).run();
    run.assert_ended(3, "unreachable", "connect");
    run.assert_says("Permission denied");
    assert!(!server.has("/opt/diting/.deploy"));

    let port = relay.port();
    drop(relay);
    let run = server.deployment(&app).at_port(&server, port).run();
    run.assert_ended(3, "unreachable", "connect");
    run.assert_says("Connection refused");
}

#[test]
fn bad_inputs_are_told_all_at_once_and_nobody_is_contacted_but_an_unknown_input_is_a_warning() {
    let server = ThrowawayServer::up();
    let relay = Relay::start(server.ssh_address(), Duration::ZERO);
    let app = App::version("1");
    let run = server
        .deployment(&app)
        .at_port(&server, relay.port())
        .input("port", "99999")
        .input("retention", "0")
        .input("health-url", "ftp://x")
        .without("known-hosts")
        .run();
    assert_eq!(
        (run.code, run.output("outcome")),
        (2, "invalid"),
        "{}",
        run.log
    );
    run.assert_verdict("nothing was contacted");
    for name in ["port", "retention", "health-url", "known-hosts"] {
        run.assert_says(&format!("problem: {name}"));
    }
    assert_eq!(relay.connections(), 0);

    let run = server
        .deployment(&app)
        .input("health-ulr", "x")
        .input("retension", "x")
        .run();
    run.assert_deployed(None);
    run.assert_says("health-url");
    run.assert_says("retention");
}
