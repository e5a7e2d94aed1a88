//! Deployments that succeed.

use crate::app::App;
use crate::relay::Relay;
use crate::throwaway::{ThrowawayServer, TARGET};
use std::time::Duration;

#[test]
fn a_first_release_an_update_and_the_same_again_go_live_one_after_the_other() {
    let server = ThrowawayServer::up();
    let (app, update) = (App::version("1").large(), App::version("2").large());

    let run = server.deployment(&app).on_github().run();
    let first = run.assert_deployed(None);
    server.assert_live(&first, "1", None);
    let record = server.record(&first);
    assert_eq!(record["state"], "Good");
    let origin = &record["origin"];
    assert_eq!(origin["commit"], "1f0c9de0a3f5a7f1d8f3c0b3b1f0f1a2b3c4d5e6");
    assert_eq!(origin["reference"], "refs/heads/master");
    assert_eq!(origin["actor"], "alice");
    assert_eq!(origin["tool"], env!("CARGO_PKG_VERSION"));
    let run = origin["run"].as_str().unwrap();
    assert!(
        run.starts_with("https://github.example/diting/app/actions/runs/7"),
        "{run}"
    );

    let run = server.deploy(&update);
    let second = run.assert_deployed(Some(&first));
    run.assert_says("1 file sent (1.0 kB), 4 already on the server");
    server.assert_live(&second, "2", Some(&first));
    let run = server.deploy(&update);
    let third = run.assert_deployed(Some(&second));
    run.assert_says("0 files sent");
    server.assert_live(&third, "2", Some(&second));
    assert!(first < second && second < third, "{first} {second} {third}");
    assert_eq!(server.releases(), [first.clone(), second, third]);

    // nothing of ours lies in a release
    let entries = server.exec(&format!("ls -A /opt/diting/releases/{first}"));
    assert_eq!(
        entries.lines().collect::<Vec<_>>(),
        [
            ".venv",
            "README.md",
            "large.txt",
            "pyproject.toml",
            "src",
            "uv.lock"
        ]
    );
}

#[test]
fn an_ipv6_address_is_compared_as_an_address() {
    let server = ThrowawayServer::up();
    let app = App::version("1");
    let known = server.known_hosts(server.ssh_port);
    let mut previous: Option<String> = None;
    for (host, name) in [
        ("0:0:0:0:0:0:0:1", "::1"),
        ("0:0:0:0:0:0:0:1", "0:0:0:0:0:0:0:1"),
        ("::1", "0::0:1"),
    ] {
        let line = known.replace("127.0.0.1", name);
        let run = server
            .deployment(&app)
            .input("host", host)
            .input("known-hosts", &line)
            .run();
        previous = Some(run.assert_deployed(previous.as_deref()));
    }
}

/// Over a slow connection, an install of seconds took as long as its output took to be sent.
#[test]
fn of_an_install_that_prints_40_mb_little_is_sent_and_the_log_names_the_file_with_all_of_it() {
    let server = ThrowawayServer::up();
    let relay = Relay::start(server.ssh_address(), Duration::from_millis(200));
    let script = "uv sync --frozen\nyes 'line of output' | head -c 40000000\necho the last line";
    let run = server
        .deployment(&App::version("1"))
        .at_port(&server, relay.port())
        .input("install", script)
        .run();
    let release = run.assert_deployed(None);
    let sent = relay.bytes_down();
    assert!(sent < 500_000, "{sent}");
    let file = format!("{TARGET}/.deploy/records/{release}.install");
    let told = format!("the whole output is on the server, in {file}");
    for text in [
        told.as_str(),
        "│ the last line",
        "omitted, the last lines follow",
    ] {
        assert!(run.log.contains(text), "{}", run.log);
    }
    assert!(run.summary.contains(&file), "{}", run.summary);
    let size = server.exec(&format!("stat -c '%s %a %U' {file}"));
    let (bytes, rights) = size.split_once(' ').unwrap();
    assert!(bytes.parse::<u64>().unwrap() > 40_000_000, "{size}");
    assert_eq!(rights, "600 deploy");
}
