//! Round trips are the cost: counted by delay, not by seconds.

use crate::app::App;
use crate::relay::Relay;
use crate::run::Deployment;
use crate::throwaway::ThrowawayServer;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) const ROUND_TRIP: Duration = Duration::from_millis(200);
/// The best counts, for the others had less of a CPU; on a machine at work the best may need so many tries.
const TRIES: std::ops::Range<usize> = 3..12;
/// The floor for a script is 9.5.
const MOST: f64 = 11.0;

/// A server whose unit starts at once, as often as it must.
fn quick_server() -> ThrowawayServer {
    let server = ThrowawayServer::up();
    server.drop_in(&format!(
        "[Unit]\nStartLimitIntervalSec=0\n{}",
        server.plain_service("127.0.0.1")
    ));
    server
}

/// A deployment over the relay, without what only takes time.
fn deployment(server: &ThrowawayServer, relay: &Relay, app: &App) -> Deployment {
    server
        .deployment(app)
        .input("install", "none")
        .input("health-settle", "0s")
        .at_port(server, relay.port())
}

#[test]
fn a_small_redeployment_costs_about_what_a_script_would() {
    let server = quick_server();
    let deploy = |relay: &Relay, version: &str| {
        let run = deployment(&server, relay, &App::plain(version));
        let run = run.input("health-interval", "50ms").run();
        run.assert_ended(0, "deployed", "");
        run
    };
    let near = Relay::start(server.ssh_address(), Duration::ZERO);
    let far = Relay::start(server.ssh_address(), ROUND_TRIP);
    deploy(&near, "0");
    let mut best = [Duration::MAX; 4];
    let (mut floor, mut cost) = (0.0, f64::MAX);
    for attempt in 0..TRIES.end {
        if attempt >= TRIES.start && cost <= MOST {
            break;
        }
        for (index, relay) in [&near, &far].into_iter().enumerate() {
            best[index] = best[index].min(ssh_true(&server, relay));
            let connections = relay.connections();
            best[index + 2] = best[index + 2].min(deploy(relay, &format!("{attempt}{index}")).took);
            assert_eq!(relay.connections() - connections, 1);
        }
        (floor, cost) = (round_trips(best[0], best[1]), round_trips(best[2], best[3]));
    }
    let (up, down) = (far.bytes_up(), far.bytes_down());
    deploy(&far, "9");
    let [ssh_near, ssh_far, near, far_away] = best.map(|best| best.as_secs_f64());
    println!("ssh true: {floor:.1} round trips ({ssh_near:.2} s near, {ssh_far:.2} s far)");
    println!("redeployment: {cost:.1} round trips ({near:.2} s near, {far_away:.2} s far)");
    println!(
        "redeployment: {} bytes up, {} bytes down, 1 connection",
        far.bytes_up() - up,
        far.bytes_down() - down
    );
    assert!(cost <= MOST, "{cost:.1} round trips; ssh true {floor:.1}");
}

/// 1000 files; with `edited`, ten of them have a line more.
fn large_app(version: &str, edited: bool) -> App {
    let file = |app: App, index: u32| {
        let edit = if edited && index % 100 == 7 {
            "one more line\n"
        } else {
            ""
        };
        app.file(
            &format!("lib/{}/{index}.txt", index % 30),
            &(text(index) + edit),
            0o644,
        )
    };
    (0..1000).fold(App::plain(version), file)
}

#[test]
fn a_large_tree_costs_what_changed_in_it() {
    let server = quick_server();
    let far = Relay::start(server.ssh_address(), ROUND_TRIP);
    let deploy = |version: &str| {
        let (up, down) = (far.bytes_up(), far.bytes_down());
        let app = large_app(version, version == "ten edited");
        let run = deployment(&server, &far, &app).run();
        run.assert_ended(0, "deployed", "");
        let bytes = (far.bytes_up() - up, far.bytes_down() - down);
        println!(
            "1000 files, {version}: {:.2} s, {} bytes up, {} down",
            run.took.as_secs_f64(),
            bytes.0,
            bytes.1
        );
        (run, bytes)
    };
    deploy("first");
    let (run, (up, down)) = deploy("one changed");
    run.assert_says("1 file sent");
    // half a digest and a name for each
    assert!(up < 32_000, "{up}");
    let (run, edited) = deploy("ten edited");
    run.assert_says("11 files sent");
    run.assert_says("of 10 of them only the changes");
    // a few chunks of each, and the digests of the others
    assert!(
        edited.0 < up + 10 * 1000 && edited.1 < down + 10 * 400,
        "{edited:?} rather than {up} and {down}"
    );
}

/// Some 8 kB that do not compress well.
fn text(seed: u32) -> String {
    let next = |n: &u32| Some(n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    std::iter::successors(Some(seed), next)
        .take(1000)
        .map(|n| format!("{n:08x}"))
        .collect()
}

/// How many of [`ROUND_TRIP`] lie between what the same took near and far.
pub(crate) fn round_trips(near: Duration, far: Duration) -> f64 {
    (far.as_secs_f64() - near.as_secs_f64()) / ROUND_TRIP.as_secs_f64()
}

/// For ssh to log in over the relay; they hold no blank. `folder` is to be there as long.
pub(crate) fn ssh_options(server: &ThrowawayServer, relay: &Relay, folder: &Path) -> Vec<String> {
    let (key, hosts) = (folder.join("key"), folder.join("hosts"));
    std::fs::write(&hosts, server.known_hosts(relay.port())).unwrap();
    crate::throwaway::write_private(&key, &server.key());
    let mut options = [
        "-F",
        "none",
        "-p",
        &relay.port().to_string(),
        "-i",
        key.to_str().unwrap(),
    ]
    .map(str::to_owned)
    .to_vec();
    let hosts = format!("UserKnownHostsFile={}", hosts.display());
    for option in [
        "IdentitiesOnly=yes",
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        &hosts,
    ] {
        options.extend(["-o".to_owned(), option.to_owned()]);
    }
    options
}

fn ssh_true(server: &ThrowawayServer, relay: &Relay) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let mut ssh = Command::new("ssh");
    ssh.args(ssh_options(server, relay, folder.path()))
        .args(["deploy@127.0.0.1", "true"])
        .stdin(Stdio::null());
    let started = Instant::now();
    let status = ssh.status();
    let took = started.elapsed();
    assert!(status.unwrap().success());
    took
}
