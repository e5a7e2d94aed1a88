//! An upload that was cut short is not begun again.

use crate::app::App;
use crate::poll::until;
use crate::relay::Relay;
use crate::run::{Deployment, Run};
use crate::throwaway::ThrowawayServer;
use std::time::Duration;

const FILES: u32 = 400;
/// Hexadecimal words of 8 bytes in each file: 64 kB.
const WORDS: usize = 8000;

/// `FILES` files that no other seed's tree holds.
fn tree(seed: u32) -> App {
    let file =
        |app: App, index: u32| app.file(&format!("lib/{index}.txt"), &text(seed + index), 0o644);
    (0..FILES).fold(App::plain(&seed.to_string()), file)
}

fn text(seed: u32) -> String {
    let next = |n: &u32| Some(n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    std::iter::successors(Some(seed), next)
        .take(WORDS)
        .map(|n| format!("{n:08x}"))
        .collect()
}

fn files_sent(run: &Run) -> u32 {
    let (before, _) = run
        .log
        .split_once(" files sent")
        .unwrap_or_else(|| panic!("{}", run.log));
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn an_upload_whose_client_was_killed_sends_nothing_twice() {
    let server = ThrowawayServer::up();
    server.drop_in(&format!(
        "[Unit]\nStartLimitIntervalSec=0\n{}",
        server.plain_service("127.0.0.1")
    ));
    let relay = Relay::start(server.ssh_address(), Duration::from_millis(20));
    let deployment = |app: &App| -> Deployment {
        let deployment = server.deployment(app).input("install", "none");
        deployment
            .input("health-settle", "0s")
            .at_port(&server, relay.port())
    };
    // uploads the server part too
    let first = deployment(&tree(1_000_000)).run().assert_deployed(None);
    let before = relay.bytes_up();
    let run = deployment(&tree(2_000_000)).run();
    let second = run.assert_deployed(Some(&first));
    let whole = relay.bytes_up() - before;

    let (app, before) = (tree(3_000_000), relay.bytes_up());
    let run = deployment(&app).start();
    let a_third_is_sent = || relay.bytes_up() - before > whole / 3;
    assert!(until(Duration::from_secs(60), a_third_is_sent));
    let log = run.kill();
    assert!(!log.contains("goes live"), "{log}");
    server.assert_quiet();
    let part = relay.bytes_up() - before;
    assert!(part < whole * 9 / 10, "{part} of {whole}");

    let before = relay.bytes_up();
    let run = deployment(&app).run();
    run.assert_deployed(Some(&second));
    let rest = relay.bytes_up() - before;
    let sent = files_sent(&run);
    println!("{whole} bytes in one go; {part} before it was killed, then {rest} and {sent} of {FILES} files");
    assert!(sent < FILES * 3 / 4, "{sent}");
    // manifest and login once more, and the file that was under way
    assert!(
        part + rest < whole * 21 / 20,
        "{part} and {rest}, but {whole} in one go"
    );
}
