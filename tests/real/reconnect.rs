//! A line that is cut is made anew, and nothing is done twice.

use crate::app::App;
use crate::relay::Relay;
use crate::run::{Deployment, Run, Running};
use crate::throwaway::ThrowawayServer;
use std::time::{Duration, Instant};

const AGAIN: &str = "reconnecting";
/// For a line that says nothing to be taken for dead.
const SILENCE: Duration = Duration::from_secs(60);

/// A server with a good release, and a line to it that can be cut.
struct Cuttable {
    server: ThrowawayServer,
    relay: Relay,
    first: String,
}

impl Cuttable {
    fn new() -> Self {
        let server = ThrowawayServer::up();
        let first = server.deploy_well(&App::version("1"), None);
        let relay = Relay::start(server.ssh_address(), Duration::ZERO);
        Self {
            server,
            relay,
            first,
        }
    }

    fn deployment(&self, app: &App) -> Deployment {
        self.server
            .deployment(app)
            .at_port(&self.server, self.relay.port())
    }

    /// Version 2, stopped in the midst of being watched.
    fn watched(&self, settle: &str) -> Running {
        let run = self
            .deployment(&App::version("2"))
            .input("health-settle", settle)
            .start();
        run.wait_for("answered 200");
        run
    }

    /// Version 2 is live by one restart, and the log tells each step of it once.
    fn assert_deployed_once(&self, run: &Run, invocation: &str) {
        let second = run.assert_deployed(Some(&self.first));
        self.server.assert_live(&second, "2", Some(&self.first));
        assert_eq!(self.server.property("InvocationID"), invocation);
        for told in [
            "from here on the server finishes on its own",
            "✓ restart ",
            "✓ verify ",
            "✓ commit ",
        ] {
            assert_eq!(run.log.matches(told).count(), 1, "{told}\n{}", run.log);
        }
        run.assert_says(AGAIN);
        self.server.deploy_well(&App::version("3"), Some(&second));
    }
}

#[test]
fn a_line_cut_during_health_is_made_anew_and_the_end_is_seen() {
    let cuttable = Cuttable::new();
    let run = cuttable.watched("3s");
    let invocation = cuttable.server.property("InvocationID");
    cuttable.relay.cut();
    cuttable.assert_deployed_once(&run.finish(), &invocation);
}

#[test]
fn a_line_that_comes_back_after_the_end_tells_it() {
    let cuttable = Cuttable::new();
    let run = cuttable.watched("2s");
    let invocation = cuttable.server.property("InvocationID");
    cuttable.relay.refuse();
    cuttable.relay.cut();
    run.wait_for("next attempt in");
    let ended = "[ ! -e /opt/diting/.deploy/pending ]";
    cuttable.server.wait_for(ended);
    cuttable.relay.accept();
    cuttable.assert_deployed_once(&run.finish(), &invocation);
}

#[test]
fn a_line_that_falls_silent_is_made_anew_in_time() {
    let cuttable = Cuttable::new();
    let run = cuttable.watched("2s");
    let invocation = cuttable.server.property("InvocationID");
    cuttable.relay.lose();
    let silent = Instant::now();
    run.wait_for(AGAIN);
    println!(
        "a silent line is given up after {:.1} s",
        silent.elapsed().as_secs_f64()
    );
    assert!(silent.elapsed() < SILENCE);
    cuttable.assert_deployed_once(&run.finish(), &invocation);
}

/// Hangs the first time, and is done the second time. It leaves its mark before it says that it has begun: the connection may
/// be lost right after that word.
const HANGS_ONCE: &str = "again=\n[ ! -e /tmp/begun ] || again=yes\ntouch /tmp/begun\necho begun\n\
    [ -n \"$again\" ] || sleep 300\nuv sync --frozen --quiet";

#[test]
fn a_line_cut_during_install_begins_it_anew_even_where_the_server_has_not_noticed() {
    for silent in [false, true] {
        let cuttable = Cuttable::new();
        let (server, relay) = (&cuttable.server, &cuttable.relay);
        let run = cuttable
            .deployment(&App::version("2"))
            .input("install", HANGS_ONCE)
            .input("wait-lock", "0s")
            .start();
        run.wait_for("begun");
        if silent {
            // the first login is still there when the second one comes
            relay.lose();
        } else {
            relay.cut();
        }
        let run = run.finish();
        let second = run.assert_deployed(Some(&cuttable.first));
        run.assert_says("result unknown");
        run.assert_silent_about("another deployment");
        server.assert_live(&second, "2", Some(&cuttable.first));
        assert_eq!(server.exec("pgrep -af [s]leep.300 || true"), "");
    }
}

#[test]
fn a_line_that_stays_cut_before_the_switch_ends_with_the_time() {
    let cuttable = Cuttable::new();
    let run = cuttable
        .deployment(&App::version("2"))
        .input("install", "echo begun\nsleep 300")
        .input("timeout", "8s");
    let run = run.start();
    run.wait_for("begun");
    cuttable.relay.refuse();
    cuttable.relay.cut();
    let run = run.finish();
    // it had all it needed, so that only its own word could tell that it did not switch
    run.assert_ended(9, "unknown", "install");
    run.assert_verdict("the connection was lost before the server finished");
    assert!((8..20).contains(&run.took.as_secs()), "{:?}", run.took);
    cuttable.server.assert_live(&cuttable.first, "1", None);
    assert_eq!(cuttable.server.exec("pgrep -af [s]leep.300 || true"), "");
    cuttable
        .server
        .deploy_well(&App::version("3"), Some(&cuttable.first));
}

/// One file of 20 MiB that hardly packs, and four of one.
fn large() -> App {
    let mut state = 1_u64;
    let mut text = |megabytes: usize| {
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            char::from(33 + u8::try_from((state >> 33) % 90).unwrap())
        };
        (0..megabytes << 20).map(|_| next()).collect::<String>()
    };
    let one = App::version("2").file("data/large", &text(20), 0o644);
    (0..4).fold(one, |app, index| {
        app.file(&format!("data/{index}"), &text(1), 0o644)
    })
}

#[test]
fn an_upload_that_is_cut_goes_on_where_it_was() {
    let cuttable = Cuttable::new();
    let (relay, app) = (&cuttable.relay, large());
    let whole = relay.bytes_up();
    let run = cuttable.deployment(&app).run();
    run.assert_deployed(Some(&cuttable.first));
    let whole = relay.bytes_up() - whole;

    let other = Cuttable::new();
    let before = other.relay.bytes_up();
    let run = other.deployment(&app).start();
    let sent = || other.relay.bytes_up() - before;
    crate::poll::wait_for("half of it is sent", || sent() > whole / 2);
    other.relay.cut();
    let run = run.finish();
    run.assert_deployed(Some(&other.first));
    run.assert_says("already on the server");
    println!(
        "{whole} bytes up in one go, {} with a cut in the midst",
        sent()
    );
    // but for what was on the way when the line was cut
    assert!(sent() < whole + whole / 10, "{} of {whole}", sent());
}
