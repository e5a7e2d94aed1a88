//! The interruption that a run reports is the one that visitors see.

use crate::app::App;
use crate::load::{Counts, Load};
use crate::run::{Deployment, Run};
use crate::throwaway::ThrowawayServer;
use std::time::Duration;

/// Seconds that the application takes until it listens.
const START: f64 = 1.5;
/// What is measured inside and outside may differ by so much.
const DIFFERENCE: f64 = 0.3;

fn slow(version: &str) -> App {
    let wait = format!("import time; time.sleep({START})\nclass Handler");
    App::plain(version).replace_in("app.py", "class Handler", &wait)
}

fn deployment(server: &ThrowawayServer, app: &App) -> Deployment {
    server.deployment(app).input("install", "none")
}

fn visited(server: &ThrowawayServer, deployment: Deployment) -> (Run, Counts) {
    let visitors = Load::on(server.app_port);
    let run = deployment.run();
    (run, visitors.stop())
}

/// The output, which the last line shows too.
fn reported(run: &Run) -> f64 {
    let reported = run.output("interruption");
    let shown = format!("; interruption: {reported} s; ");
    assert!(run.last_line().contains(&shown), "{}", run.last_line());
    reported.parse().unwrap()
}

#[track_caller]
fn assert_same(run: &Run, counted: &Counts) {
    let (inside, outside) = (reported(run), counted.longest_gap.as_secs_f64());
    println!("interruption: {inside} s, seen by visitors: {outside:.2} s; {counted:?}");
    assert!(
        (inside - outside).abs() <= DIFFERENCE,
        "{inside} {outside}\n{}",
        run.log
    );
}

#[test]
fn the_interruption_of_a_plain_unit_is_what_visitors_see() {
    let server = ThrowawayServer::up();
    server.drop_in(&format!(
        "{}RestartSec=10\n",
        server.plain_service("0.0.0.0")
    ));
    let first = deployment(&server, &slow("1")).run().assert_deployed(None);
    // the application is asked as soon as it listens, however long the interval is
    let patient = deployment(&server, &slow("2")).input("health-interval", "20s");
    let (run, counted) = visited(&server, patient);
    let second = run.assert_deployed(Some(&first));
    assert_same(&run, &counted);
    assert!(reported(&run) >= START, "{}", run.log);
    assert!(
        run.summary.contains("**Interruption:** "),
        "{}",
        run.summary
    );

    let dies = App::plain("3").replace_in("app.py", "class Handler", "sys.exit(3)\nclass Handler");
    let (run, counted) = visited(&server, deployment(&server, &dies));
    run.assert_rolled_back("verify", &second);
    assert_same(&run, &counted);
    assert!(run.summary.contains("interruption of "), "{}", run.summary);
    server.assert_live(&second, "2", Some(&first));
}

#[test]
fn without_a_restart_there_is_no_interruption() {
    let server = ThrowawayServer::up();
    server.drop_in(&server.plain_service("0.0.0.0"));
    let first = deployment(&server, &App::plain("1"))
        .run()
        .assert_deployed(None);
    let failing = deployment(&server, &App::plain("2")).input("before-switch", "exit 1");
    let (run, counted) = visited(&server, failing);
    run.assert_ended(5, "failed", "before-switch");
    assert_eq!(run.output("interruption"), "0");
    assert!(
        run.last_line().contains("; interruption: none; "),
        "{}",
        run.last_line()
    );
    assert!(counted.longest_gap < Duration::from_secs(1), "{counted:?}");
    server.assert_answers(&first, "1");
}
