//! How the unit is watched during the settle time. Its main process is the test's own, or one that the test ends.

use crate::app::App;
use crate::client::{Client, Sending};
use crate::poll::wait_for;
use crate::stub_server::StubServer;
use deploy_action::protocol::{Outcome, Reason, Step, What};
use std::fs;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// What was answered is noted.
const NOTING: &str = "#!/bin/sh
\"${0%/*}/systemctl-itself\" \"$@\"
code=$?
echo \"$1\" >> \"${0%/.local/bin/*}/asked\"
exit $code
";
/// Far less than the settle window that this one would have had.
const AT_ONCE: Duration = Duration::from_secs(60);
/// Ten ticks.
const SETTLE: Duration = Duration::from_secs(2);

struct Watched {
    server: StubServer,
    app: App,
    client: Client,
}

impl Watched {
    /// A release of which the unit runs this process; it was seen to be up, and is due after `settle` only.
    fn new(main: u32, settle: Duration) -> Self {
        let server = StubServer::new();
        fs::write(server.home().join("main"), format!("{main}\n")).unwrap();
        server.before_systemctl(NOTING);
        let app = App::good("new");
        let mut plan = server.plan(&app);
        (plan.verification.settle, plan.verification.interval) = (settle, Duration::from_secs(300));
        let mut client = server.start(&plan);
        client.send_all(&plan, &app, Sending::Ask);
        assert!(client.follow_until(&app, |what| *what == What::Step(Step::Verify)));
        let watched = Self {
            server,
            app,
            client,
        };
        let asked = watched.server.home().join("asked");
        // the first one is asked for its definition
        let looked = "restart\nshow\nshow\n";
        let seen = || fs::read_to_string(&asked).is_ok_and(|asked| asked.contains(looked));
        wait_for("the unit is looked at", seen);
        watched
    }

    /// What systemd says of the unit from now on.
    fn changes(&self, from: &str, to: &str) {
        let state = self.server.home().join("unit/state");
        let text = fs::read_to_string(&state).unwrap();
        assert!(text.contains(from), "{text}");
        let new = state.with_extension("new");
        fs::write(&new, text.replace(from, to)).unwrap();
        fs::rename(new, state).unwrap();
    }

    /// How it ends, why, and how often systemd was asked.
    fn ends(self) -> (Outcome, Option<Reason>, usize) {
        let asked = self.server.home().join("asked");
        let told = self.client.finish(&self.app);
        let shows = fs::read_to_string(asked)
            .unwrap()
            .lines()
            .filter(|verb| *verb == "show")
            .count();
        let verdict = told.verdict.unwrap();
        (
            verdict.outcome,
            verdict.failure.map(|failure| failure.reason),
            shows,
        )
    }
}

fn sleeping() -> Child {
    Command::new("sleep").arg("600").spawn().unwrap()
}

#[test]
fn while_the_main_process_goes_on_systemd_is_not_asked() {
    let (outcome, _, shows) = Watched::new(std::process::id(), SETTLE).ends();
    assert_eq!(outcome, Outcome::Deployed);
    assert!(shows < 9, "{shows}");
}

#[test]
fn what_is_to_be_called_healthy_is_looked_at_once_more() {
    let watched = Watched::new(std::process::id(), 3 * SETTLE);
    watched.changes("InvocationID=start-1", "InvocationID=by-hand");
    let (outcome, reason, _) = watched.ends();
    assert_eq!(outcome, Outcome::Failed);
    assert!(
        matches!(reason, Some(Reason::Interference(_))),
        "{reason:?}"
    );
}

#[test]
fn a_main_process_that_ends_is_noticed_at_once() {
    let mut main = sleeping();
    let watched = Watched::new(main.id(), Duration::from_secs(300));
    watched.changes("SubState=running", "SubState=auto-restart");
    let start = Instant::now();
    main.kill().unwrap();
    main.wait().unwrap();
    let (outcome, reason, _) = watched.ends();
    assert_eq!(outcome, Outcome::Failed);
    assert!(matches!(reason, Some(Reason::Crashed { .. })), "{reason:?}");
    assert!(start.elapsed() < AT_ONCE);
}
