//! A service without HTTP, whose health check is a command.

use crate::app::App;
use crate::run::Run;
use crate::throwaway::{ThrowawayServer, TARGET};

const CHECK: &str =
    "#!/bin/sh\ntest \"$QUEUE\" = 'redis://s3cret-queue' && systemctl is-active diting\n";
/// It shows what it must not.
const BROKEN: &str = "#!/bin/sh\necho \"no consumer of $QUEUE\" >&2\nexit 3\n";

fn deploy(server: &ThrowawayServer, version: &str, check: &str) -> Run {
    let app = App::plain(version).file("bin/check", check, 0o755);
    let run = server.deployment(&app).input("install", "none");
    run.input("health-url", "none")
        .input("health-command", "cd bin\n./check")
        .input("health-timeout", "8s")
        .input("env-file", "QUEUE='redis://s3cret-queue'\n")
        .run()
}

#[test]
fn a_worker_is_healthy_if_its_command_says_so_and_is_rolled_back_if_not() {
    let server = ThrowawayServer::up();
    server.drop_in(&server.plain_service("127.0.0.1"));
    let run = deploy(&server, "1", CHECK);
    let first = run.assert_deployed(None);
    run.assert_says("health command ended with exit code 0");
    run.assert_silent_about("health-url is empty");
    server.assert_live(&first, "1", None);

    let run = deploy(&server, "2", BROKEN);
    run.assert_rolled_back("verify", &first);
    run.assert_says("health command ended with exit code 3: “no consumer of ***”");
    run.assert_silent_about("s3cret-queue");
    server.assert_live(&first, "1", None);
    let env = format!("stat -c %a {TARGET}/releases/{first}/.env");
    assert_eq!(server.exec(&env), "600");
}
