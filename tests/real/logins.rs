//! Logins that fail, or succeed in an unusual way: what ssh and the server say is shown, what passes with time is tried
//! again, what ssh accepts is accepted.

use crate::app::App;
use crate::run::{Deployment, Run};
use crate::throwaway::ThrowawayServer;
use std::io::Read;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

fn once(server: &ThrowawayServer) -> Deployment {
    server
        .deployment(&App::version("1"))
        .input("connect-attempts", "1")
}

fn sshd(server: &ThrowawayServer, lines: &str) {
    server.exec(&format!(
        "printf '%s\\n' '{lines}' >/etc/ssh/sshd_config.d/00-test.conf; systemctl reset-failed ssh; systemctl restart ssh"
    ));
}

fn unreachable(run: &Run, words: &[&str]) {
    run.assert_ended(3, "unreachable", "connect");
    for words in words {
        run.assert_verdict(words);
    }
}

#[test]
fn a_server_without_a_common_algorithm_is_told_with_what_it_offers() {
    let server = ThrowawayServer::up();
    for (line, words) in [
        (
            "KexAlgorithms diffie-hellman-group1-sha1",
            "no matching key exchange method found. Their offer: diffie-hellman-group1-sha1",
        ),
        (
            "HostKeyAlgorithms ssh-rsa",
            "no matching host key type found",
        ),
        (
            "Ciphers 3des-cbc",
            "no matching cipher found. Their offer: 3des-cbc",
        ),
        (
            "Ciphers aes128-ctr\nMACs hmac-md5",
            "no matching MAC found. Their offer: hmac-md5",
        ),
    ] {
        sshd(&server, line);
        // nothing that time would change: it is not tried again
        let run = server.deploy(&App::version("1"));
        unreachable(&run, &["have no algorithm in common", words]);
        run.assert_silent_about("attempt 1");
    }
}

#[test]
fn what_the_server_says_about_a_login_is_shown() {
    let server = ThrowawayServer::up();
    sshd(&server, "Banner /etc/banner");
    server.exec("echo 'Only for the staff of Example.' >/etc/banner");
    let wrong = ThrowawayServer::up();
    let run = once(&server).input("key", &wrong.key()).run();
    unreachable(
        &run,
        &[
            "refused the login",
            "Permission denied",
            "Only for the staff of Example.",
        ],
    );
    server.exec("chage -E 1 deploy");
    let run = server.deploy(&App::version("1"));
    unreachable(&run, &["has expired", "Your account has expired"]);
    run.assert_silent_about("attempt 1");
    server.exec("chage -E -1 deploy");
    server.deploy_well(&App::version("1"), None);
}

#[test]
fn what_passes_with_time_is_tried_again() {
    let server = ThrowawayServer::up();
    server.exec("echo 'System is going down. Come back later.' >/run/nologin");
    let running = server
        .deployment(&App::version("1"))
        .input("connect-attempts", "6")
        .start();
    running.wait_for("System is going down");
    server.exec("rm /run/nologin");
    let run = running.finish();
    let first = run.assert_deployed(None);
    run.assert_says("attempt 1: the server closed the connection before the login");

    // one connection that does not log in, and no other is let in
    sshd(&server, "MaxStartups 1:100:1");
    let held = TcpStream::connect(server.ssh_address()).unwrap();
    let running = server
        .deployment(&App::version("2"))
        .input("connect-attempts", "6")
        .start();
    running.wait_for("attempt 1: the server closed the connection before the login");
    drop(held);
    running.finish().assert_deployed(Some(&first));
}

#[test]
fn a_slow_login_is_told_from_a_closed_port() {
    let server = ThrowawayServer::up();
    // PAM waits before it lets anyone in
    server.exec("echo 'account required pam_exec.so /bin/sleep 60' >>/etc/pam.d/sshd");
    let run = once(&server).input("connect-timeout", "2s").run();
    unreachable(
        &run,
        &[
            "the login on the server takes too long",
            "no login within 12 s",
        ],
    );
    run.assert_says("raise the input connect-timeout");
    run.assert_silent_about("security group");
}

/// Listens at each address, with queues that are full: no further client gets an answer.
const DEAD: &str = "
import socket, sys, time
held = []
for address in sys.argv[2:]:
    listener = socket.socket()
    listener.bind((address, int(sys.argv[1])))
    listener.listen(0)
    for _ in range(3):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex((address, int(sys.argv[1])))
        held += [listener, client]
print(flush=True)
sys.stdin.read()
";

#[test]
fn every_address_of_a_name_has_its_own_time_limit() {
    let server = ThrowawayServer::up();
    // ssh tries the addresses first that are nearer to the runner's own
    sshd(&server, "ListenAddress 127.99.0.1");
    let dead: Vec<String> = (2..7).map(|last| format!("127.0.0.{last}")).collect();
    let mut listeners = Command::new("python3")
        .args(["-c", DEAD, &server.ssh_port.to_string()])
        .args(&dead)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = [0];
    listeners
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut ready)
        .unwrap();
    let names: String = dead
        .iter()
        .map(|address| format!("{address} many.example\n"))
        .collect();
    let known = server.known_hosts(server.ssh_port);
    let run = server
        .deployment(&App::version("1"))
        .input("host", "many.example")
        .input("connect-timeout", "3s")
        .input("connect-attempts", "1")
        .input("known-hosts", &known.replace("127.0.0.1", "many.example"))
        .after(&hosts(&format!("{names}127.99.0.1 many.example\n")))
        .run();
    drop(listeners.stdin.take());
    listeners.wait().unwrap();
    run.assert_deployed(None);
    assert!(run.took > Duration::from_secs(15), "{:?}", run.took);
}

/// For `Deployment::after`: the run finds these names.
fn hosts(lines: &str) -> String {
    format!("printf '%s' '{lines}' >$HOME/hosts\nmount --bind $HOME/hosts /etc/hosts\nexec")
}

#[test]
fn names_that_ssh_accepts_are_accepted() {
    let server = ThrowawayServer::up();
    server.drop_in("[Unit]\nStartLimitIntervalSec=0\n");
    let mut last: Option<String> = None;
    // of a directory service: another name for the same user
    for name in ["Deploy", "deploy@corp.example", "1deploy"] {
        server.exec(&format!(
            "for file in /etc/passwd /etc/shadow; do sed -n 's/^deploy:/{name}:/p' $file >/new; cat /new >>$file; done"
        ));
        let run = server
            .deployment(&App::version(name))
            .input("user", name)
            .run();
        last = Some(run.assert_deployed(last.as_deref()));
    }
    let port = server.ssh_port;
    for (host, known) in [
        ("web_1.example", format!("[web_1.example]:{port}")),
        ("web.example.", format!("[web.example]:{port}")),
        ("web.example.", "web.example".to_owned()),
        ("web.example.", format!("[web.example.]:{port}")),
        ("0:0:0:0:0:0:0:1", format!("[::1]:{port}")),
        ("0:0:0:0:0:0:0:1", format!("[0:0:0:0:0:0:0:1]:{port}")),
        ("::0:1", "::1".to_owned()),
    ] {
        let line = server.known_hosts(port);
        let line = format!("{known} {}", line.split_once(' ').unwrap().1);
        let run = server
            .deployment(&App::version(host))
            .input("host", host)
            .input("known-hosts", &line)
            .after(&hosts("127.0.0.1 web_1.example web.example.\n"))
            .run();
        last = Some(run.assert_deployed(last.as_deref()));
    }
}

#[test]
fn sudos_own_words_are_shown() {
    let server = ThrowawayServer::up();
    server.exec("echo 'Defaults:deploy requiretty' >>/etc/sudoers.d/deploy");
    let run = server.deploy(&App::version("1"));
    run.assert_ended(4, "not-ready", "check");
    run.assert_verdict("sudo: sorry, you must have a tty to run sudo");
    let hint = run.log.lines().map(str::trim);
    let mut hint = hint.filter(|line| line.contains("!requiretty"));
    let command = hint.next_back().unwrap_or_else(|| panic!("{}", run.log));
    server.exec(command);
    server.deploy_well(&App::version("1"), None);
}
