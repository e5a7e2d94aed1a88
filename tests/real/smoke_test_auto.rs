//! `smoke-test: auto` starts what the unit starts, as the unit says it, beside the live one.

use crate::app::App;
use crate::load::Load;
use crate::run::Deployment;
use crate::smoke_test::Live;
use crate::throwaway::{ThrowawayServer, TARGET};
use std::fs;
use std::net::TcpListener;

const FILE: &str = "deploy/diting.service";

/// A server whose first release went live after its smoke test.
fn live(server: ThrowawayServer, first: Deployment) -> Live {
    let run = first.input("smoke-test", "auto").run();
    run.assert_says("started beside the live release with ");
    let good = run.assert_deployed(None);
    server.assert_live(&good, "1", None);
    Live::of(server, good)
}

/// Shows what it was given. In the live service it does nothing.
const SHOW: &str = "\
import os, sys
if 'DEPLOY_ACTION_SMOKE_TEST' in os.environ:
    own = os.environ.get('RUNTIME_DIRECTORY', '')
    open(own + '/file', 'w').close()
    port = sys.argv[sys.argv.index('--port') + 1]
    print('given', *(os.environ.get(name) for name in ('A', 'B', 'C', 'HOST')), own, port == os.environ['PORT'], flush=True)
";

#[test]
fn a_release_is_tried_with_its_own_variables_and_users_notice_nothing() {
    let server = ThrowawayServer::up();
    server.drop_in(&format!(
        "[Service]\nEnvironment=A=unit B=unit\nEnvironmentFile={TARGET}/current/.env\nRuntimeDirectory=web\n"
    ));
    let with = |deployment: Deployment, value: &str| {
        let file = format!("B={value}\nC={value}\nPORT=1\nHOST=0.0.0.0\n");
        let inputs = deployment.input("env-file", &file);
        inputs.input("env", "C=env\nPORT=2\nHOST=::")
    };
    let first = server.deployment(&App::version("1").at_start(SHOW));
    let live = live(server, with(first, "v1"));
    let pid = live.server.property("MainPID");

    let load = Load::on(live.server.app_port);
    let broken = App::health_500("2").at_start(SHOW);
    let run = with(live.deployment(&broken, "auto"), "v2");
    let run = run.input("health-timeout", "8s").run();
    let counts = load.stop();
    live.assert_unaffected(&run);
    run.assert_verdict("500");
    assert_eq!(live.server.property("MainPID"), pid);
    assert!(counts.requests > 66 && counts.failed() == 0, "{counts}");
    let given = format!("given unit v2 env 127.0.0.1 {TARGET}/.deploy/smoke-test/web True");
    run.assert_says(&given);

    let good = App::version("3").at_start(SHOW);
    let run = with(live.deployment(&good, "auto"), "v3").run();
    let third = run.assert_deployed(Some(&live.good));
    run.assert_says(&given.replace("v2", "v3"));
    live.server.assert_live(&third, "3", Some(&live.good));
    live.assert_nothing_left();
}

/// The kernel shows its folder and its sockets to root alone, as of a program with capabilities.
const HIDE: &str = "import ctypes; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\nimport http.server";

#[test]
fn the_unit_file_of_the_release_says_what_is_tried() {
    let server = ThrowawayServer::up();
    server.exec(&format!(
        "ln -sf {TARGET}/current/{FILE} /etc/systemd/system/diting.service; systemctl daemon-reload; \
         echo 'deploy ALL=(root) NOPASSWD: /bin/systemctl daemon-reload' >> /etc/sudoers.d/deploy"
    ));
    let app = |version: &str, port: u16, program: &str| {
        let unit = format!(
            "[Service]\nUser=deploy\nWorkingDirectory={TARGET}/current\nEnvironment=PORT={port}\n\
             ExecStart=/usr/bin/python3 {TARGET}/current/{program} 0.0.0.0\nRestart=always\n\
             [Install]\nWantedBy=multi-user.target\n"
        );
        App::plain(version)
            .replace_in("app.py", "sys.argv[2]", "os.environ['PORT']")
            .file("other.py", "raise RuntimeError('the other program')", 0o644)
            .file(FILE, &unit, 0o644)
    };
    let with_units = |deployment: Deployment| {
        let inputs = deployment.input("install", "none");
        inputs.input("units", "deploy/**")
    };
    let port = server.app_port;
    let first = with_units(server.deployment(&app("1", port, "app.py")));
    let mut live = live(server, first);

    let run = with_units(live.deployment(&app("2", port, "other.py"), "auto")).run();
    live.assert_unaffected(&run);
    run.assert_verdict("the other program");

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    live.server.app_port = listener.local_addr().unwrap().port();
    drop(listener);
    let moved = app("3", live.server.app_port, "app.py");
    let hidden = moved.replace_in("app.py", "import http.server", HIDE);
    let run = with_units(live.deployment(&hidden, "auto")).run();
    let third = run.assert_deployed(Some(&live.good));
    live.server.assert_live(&third, "3", Some(&live.good));
    live.assert_nothing_left();
}

/// Shows what it was given.
const SHOW_SOCKETS: &str = "\
import os, socket
if 'DEPLOY_ACTION_SMOKE_TEST' in os.environ:
    names = [socket.socket(fileno=os.dup(fd)).getsockname() for fd in (3, 4)]
    is_own = os.environ['LISTEN_PID'] == str(os.getpid())
    given = os.environ['LISTEN_FDS'], os.environ['LISTEN_FDNAMES']
    print('given', *given, is_own, names == [('127.0.0.1', int(os.environ['PORT']))] * 2, flush=True)
";

#[test]
fn a_service_with_a_socket_unit_is_tried_with_sockets_of_its_own() {
    let server = ThrowawayServer::up();
    let port = server.app_port;
    let socket = format!(
        "[Socket]\nListenStream=127.0.0.1:{port}\nListenStream=127.0.0.2:{port}\nFileDescriptorName=web\n"
    );
    let place = server.path("/etc/systemd/system/diting.socket");
    fs::write(place, socket).unwrap();
    server.drop_in(&format!(
        "[Service]\nExecStart=\nExecStart={TARGET}/current/.venv/bin/uvicorn src.endpoints.wechat.webhook_app:app --fd 3\n"
    ));
    server.exec("systemctl stop diting; systemctl start diting.socket");
    let first = server.deployment(&App::version("1").at_start(SHOW_SOCKETS));
    let live = live(server, first);

    let load = Load::on(port);
    let run = live.deployment(&App::import_error("2"), "auto").run();
    let counts = load.stop();
    live.assert_unaffected(&run);
    run.assert_verdict("No module named 'no_module_of_this_name'");
    assert_eq!(counts.failed(), 0, "{counts}");

    let good = App::version("3").at_start(SHOW_SOCKETS);
    let run = live.deployment(&good, "auto").run();
    let third = run.assert_deployed(Some(&live.good));
    run.assert_says("given 2 web:web True True");
    live.server.assert_live(&third, "3", Some(&live.good));
    live.assert_nothing_left();
}
