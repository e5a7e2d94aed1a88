//! Figures, not a test: `scripts/benchmark` runs it.

use crate::app::App;
use crate::relay::Relay;
use crate::server::Server;
use std::time::Duration;

const FILES: u32 = 5000;
/// Hexadecimal words of 8 bytes in each file: 60 MB altogether.
const WORDS: usize = 1500;

#[test]
#[ignore = "it measures, and takes minutes"]
fn benchmark() {
    println!(
        "{:30} {:>8} {:>5} {:>11} {:>11} {:>7} {:>8}",
        "", "seconds", "conn", "bytes up", "bytes down", "CPU s", "peak"
    );
    for (name, small) in [("small app", true), ("5,000 files, 60 MB", false)] {
        for delay in [0, 200] {
            println!("{name}, {delay} ms");
            measure(small, Duration::from_millis(delay));
        }
    }
}

fn measure(small: bool, delay: Duration) {
    let server = Server::up();
    server.drop_in(&format!("[Unit]\nStartLimitIntervalSec=0\n{}", server.plain_service("127.0.0.1")));
    let relay = Relay::start(server.ssh_address(), delay);
    let app = |version: &str| if small { App::plain(version) } else { large(version) };
    for (what, version) in [("first deployment", "1"), ("nothing changed", "1"), ("one file changed", "2")] {
        let before = (relay.connections(), relay.bytes_up(), relay.bytes_down());
        let deployment = server.deployment(&app(version)).input("install", "none").input("health-settle", "0s");
        let deployment = deployment.input("health-interval", "50ms").at_port(&server, relay.port());
        let (run, used) = deployment.run_measured();
        run.assert_ended(0, "deployed", "");
        println!(
            "  {what:28} {:8.2} {:5} {:11} {:11} {:7.2} {:5} MB",
            run.took.as_secs_f64(),
            relay.connections() - before.0,
            relay.bytes_up() - before.1,
            relay.bytes_down() - before.2,
            used.cpu,
            used.memory >> 20,
        );
    }
}

fn large(version: &str) -> App {
    let file = |app: App, index: u32| app.file(&format!("lib/{}/{index}.txt", index % 50), &text(index), 0o644);
    (0..FILES).fold(App::plain(version), file)
}

fn text(seed: u32) -> String {
    let next = |n: &u32| Some(n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    std::iter::successors(Some(seed), next).take(WORDS).map(|n| format!("{n:08x}")).collect()
}
