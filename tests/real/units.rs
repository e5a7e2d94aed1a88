//! Units and users unlike those of the first users.

use crate::app::App;
use crate::run::Run;
use crate::throwaway::ThrowawayServer;
use std::fs;

const NOT_CHECKED: &str = "the process that listens on the health port was not checked";

fn deploy(server: &ThrowawayServer, version: &str) -> Run {
    server
        .deployment(&App::plain(version))
        .input("install", "none")
        .run()
}

#[test]
fn a_service_of_another_user_is_told_from_a_stranger_all_the_same() {
    let server = ThrowawayServer::up();
    server.drop_in(&format!("{}User=nobody\n", server.plain_service("0.0.0.0")));
    let run = deploy(&server, "1");
    let first = run.assert_deployed(None);
    run.assert_silent_about(NOT_CHECKED);
    server.assert_live(&first, "1", None);
    let second = deploy(&server, "2").assert_deployed(Some(&first));
    server.assert_live(&second, "2", Some(&first));
}

#[test]
fn a_service_behind_its_own_socket_unit_is_deployed_and_rolled_back() {
    let server = ThrowawayServer::up();
    let socket = format!("[Socket]\nListenStream=127.0.0.1:{}\n", server.app_port);
    fs::write(server.path("/etc/systemd/system/diting.socket"), socket).unwrap();
    server.drop_in(&server.plain_service("127.0.0.1"));
    server.exec("systemctl stop diting; systemctl start diting.socket");
    let first = deploy(&server, "1").assert_deployed(None);
    server.assert_live(&first, "1", None);
    let run = deploy(&server, "2");
    let second = run.assert_deployed(Some(&first));
    server.assert_live(&second, "2", Some(&first));
    let broken = App::plain("3\\n'.encode(); raise SystemExit; b'");
    let run = server
        .deployment(&broken)
        .input("install", "none")
        .input("health-timeout", "8s")
        .run();
    run.assert_rolled_back("verify", &second);
    server.assert_live(&second, "2", Some(&first));
}

#[test]
fn localhost_is_both_families_and_root_may_deploy() {
    let server = ThrowawayServer::up();
    server.drop_in(&server.plain_service("::1"));
    let app = App::plain("1");
    let run = server
        .deployment(&app)
        .input("install", "none")
        .input("user", "root")
        .run();
    let first = run.assert_deployed(None);
    assert_eq!(server.exec("stat -c %U /opt/diting/current/app.py"), "root");
    assert_eq!(server.link("current"), Some(format!("releases/{first}")));
    // what is root's now is said so, with the cure
    let run = deploy(&server, "2");
    run.assert_ended(4, "not-ready", "connect");
    run.assert_says("sudo chown -R deploy:");
}

#[test]
fn ids_go_on_increasing_where_the_clock_was_once_ahead() {
    let server = ThrowawayServer::up();
    server.drop_in(&server.plain_service("0.0.0.0"));
    server.exec_as_deploy("mkdir /opt/diting/releases/4102444800");
    let first = deploy(&server, "1").assert_deployed(None);
    assert_eq!(first, "4102444801");
    let second = deploy(&server, "2").assert_deployed(Some(&first));
    assert_eq!(second, "4102444802");
    server.assert_live(&second, "2", Some(&first));
}
