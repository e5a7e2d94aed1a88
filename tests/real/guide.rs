//! docs/server.md: its commands, run as they stand on a server that knows nothing of the service, make one to deploy to.

use crate::app::App;
use crate::server::Server;
use std::fs;

/// The guide's shell commands in their order, for a service and a user that the throwaway server has not got.
fn commands(server: &Server) -> Vec<String> {
    let guide = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/server.md")).unwrap();
    let blocks = guide.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let renamed = |block: &str| {
        let ours = block.replace("/.deploy/", "/.OURS/").replace("deploy", "carrier").replace("/.OURS/", "/.deploy/");
        ours.replace("diting", "guided").replace("--port 8000", &format!("--port {}", server.app_port))
    };
    blocks.map(renamed).collect()
}

fn prepared() -> (Server, Vec<String>) {
    let server = Server::up();
    let commands = commands(&server);
    // the port is to be free, and key and uv are where the guide says that they are to be
    server.exec("systemctl disable --now diting");
    for command in &commands {
        if !command.starts_with("sed ") {
            server.exec(command);
        }
    }
    server.exec("install -m 600 -o carrier -g carrier /home/deploy/.ssh/authorized_keys /home/carrier/.ssh/");
    server.exec("install -d -o carrier -g carrier /home/carrier/.local /home/carrier/.local/bin /home/carrier/.cache");
    server.exec("install -m 755 -o carrier -g carrier /home/deploy/.local/bin/uv /home/carrier/.local/bin/");
    server.exec("cp -a /home/deploy/.cache/uv /home/carrier/.cache/ && chown -R carrier: /home/carrier/.cache");
    (server, commands)
}

#[test]
fn a_server_prepared_by_the_guide_is_ready_and_guards_itself_after_a_power_cut() {
    let (server, commands) = prepared();
    let line = commands.iter().find(|command| command.starts_with("sed ")).unwrap();
    let known = server.exec(line).replace("203.0.113.7 ", "");
    let mut words = known.split_whitespace();
    let key = format!("{} {}", words.next().unwrap(), words.next().unwrap());
    assert!(server.known_hosts(server.ssh_port).contains(&key), "{known}");

    let deployment = |app: &App| server.deployment(app).input("user", "carrier").input("service", "guided");
    let first = deployment(&App::version("1")).run().assert_deployed(None);
    let run = deployment(&App::version("2")).input("health-settle", "60s").input("health-timeout", "90s").start();
    run.wait_for("answered 200");
    let current = || fs::read_link(server.path("/opt/guided/current")).unwrap();
    assert!(!current().ends_with(&first));
    run.kill();
    server.cut_power();

    server.boot();
    server.wait_until_answers(&first);
    assert!(current().ends_with(&first), "{}", current().display());
    let run = deployment(&App::version("3")).run();
    run.assert_deployed(Some(&first));
    run.assert_says("earlier");
}
