//! A server that is reached over another one only.

use crate::app::App;
use crate::run::Deployment;
use crate::throwaway::ThrowawayServer;

/// A name that nobody knows but the server on the way.
pub(crate) const INNER: &str = "inner.invalid";
const HOP: &str = "hop";

/// `user@host:port` of `jump`, where the key of `server` opens a user who may do nothing else, and `server` is [`INNER`].
pub(crate) fn way(jump: &ThrowawayServer, server: &ThrowawayServer) -> String {
    jump.exec(&format!(
        "useradd -m -s /usr/sbin/nologin {HOP}
        install -d -m 700 -o {HOP} -g {HOP} /home/{HOP}/.ssh
        echo '{}' >/home/{HOP}/.ssh/authorized_keys
        chown {HOP}: /home/{HOP}/.ssh/authorized_keys
        echo '127.0.0.1 {INNER}' >>/etc/hosts",
        server.exec("cat /home/deploy/.ssh/authorized_keys")
    ));
    format!("{HOP}@127.0.0.1:{}", jump.ssh_port)
}

pub(crate) fn inside(server: &ThrowawayServer, app: &App, known_hosts: &str) -> Deployment {
    server
        .deployment(app)
        .input("host", INNER)
        .input("connect-attempts", "1")
        .input("known-hosts", known_hosts)
}

#[test]
fn a_server_that_only_another_one_reaches_is_deployed_to_over_it_and_both_must_be_known() {
    let (jump, server) = (ThrowawayServer::up(), ThrowawayServer::up());
    let way = way(&jump, &server);
    let inner = server
        .known_hosts(server.ssh_port)
        .replace("127.0.0.1", INNER);
    let both = format!("{inner}{}", jump.known_hosts(jump.ssh_port));
    let app = App::version("1");

    // the runner itself does not reach it
    let run = inside(&server, &app, &both).run();
    run.assert_ended(3, "unreachable", "connect");
    run.assert_says(INNER);

    let impostor = jump
        .known_hosts(jump.ssh_port)
        .split(' ')
        .next()
        .unwrap()
        .to_owned()
        + " "
        + inner.split_once(' ').unwrap().1;
    let run = inside(&server, &app, &format!("{inner}{impostor}"))
        .input("jump-host", &way)
        .run();
    run.assert_ended(3, "unreachable", "connect");
    run.assert_says("jump host");
    let fingerprint = jump.exec("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub");
    run.assert_says(fingerprint.split(' ').nth(1).unwrap());
    assert_eq!(logins(&jump), 0, "an unknown server was trusted");

    let over = |app: &App| inside(&server, app, &both).input("jump-host", &way).run();
    let first = over(&app).assert_deployed(None);
    server.assert_live(&first, "1", None);
    assert_eq!(logins(&jump), 1);
    assert!(
        !jump.has("/opt/diting/.deploy"),
        "the server on the way was deployed to"
    );

    let second = over(&App::version("2")).assert_deployed(Some(&first));
    server.assert_live(&second, "2", Some(&first));
    assert_eq!(logins(&jump), 2);
}

/// Those of the user who is only there to be passed by, as the server's own log tells.
pub(crate) fn logins(jump: &ThrowawayServer) -> usize {
    jump.exec(&format!(
        "journalctl -u ssh -o cat | grep -c 'Accepted publickey for {HOP} ' || true"
    ))
    .parse()
    .unwrap()
}
