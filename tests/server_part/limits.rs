//! What is too much: output, and time.

use crate::app::App;
use crate::client::Told;
use crate::plan_options::is_deployed;
use crate::stub_server::StubServer;
use deploy_action::protocol::{Install, LeftOut, Warning, What};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

const FLOOD: &str = "seq 5000000 5400000; echo last";

fn left_out(told: &Told) -> Option<LeftOut> {
    told.events.iter().find_map(|what| match what {
        What::OutputLeftOut(left_out) => Some(left_out.clone()),
        _ => None,
    })
}

/// Checks what was sent of the flood of a step, and gives the file with all of it.
fn flood(told: &Told, step: &str) -> String {
    is_deployed(told);
    let sent: usize = told
        .events
        .iter()
        .map(|what| match what {
            What::Output(line) => line.len() + 1,
            _ => 0,
        })
        .sum();
    assert!(sent < 200_000, "{sent}");
    let is = |text: &str| told.has(|what| *what == What::Output(text.as_bytes().to_vec()));
    assert!(is("5000000") && is("last") && !is("5200000"));
    let left_out = left_out(told).unwrap();
    let file = left_out.file.unwrap();
    assert!(
        left_out.whole && file.ends_with(&format!(".{step}")),
        "{file}"
    );
    let kept = fs::read_to_string(&file).unwrap();
    assert_eq!(kept.lines().count(), 400_002);
    assert!(kept.starts_with("5000000\n") && kept.ends_with("5400000\nlast\n"));
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    file
}

#[test]
fn of_much_output_the_ends_are_sent_and_the_whole_stays_on_the_server_as_long_as_the_release() {
    let server = StubServer::new();
    let told = server.deploy_with(&App::good("one"), |plan| {
        plan.staging.install = Install::Commands(FLOOD.to_owned());
    });
    let first = flood(&told, "install");
    let told = server.deploy_with(&App::good("two"), |plan| {
        plan.staging.before_switch = Some(FLOOD.to_owned());
    });
    let second = flood(&told, "before-switch");
    for name in ["three", "four"] {
        let told = server.deploy_with(&App::good(name), |plan| plan.retention.count = Some(1));
        is_deployed(&told);
        assert_eq!(left_out(&told), None);
    }
    // retention goes on behind the verdict
    let start = Instant::now();
    let is_there = |file: &String| fs::exists(file).unwrap();
    while is_there(&first) || is_there(&second) {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{first} {second}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_unit_that_may_take_longer_than_the_run_watches_is_warned_of() {
    for (start, warned) in [("infinity", true), ("20min", true), ("1min 30s", false)] {
        let server = StubServer::with(&App::good("old"));
        server.before_systemctl(&format!(
            "#!/bin/sh\n\"$0-itself\" \"$@\" | sed 's/^TimeoutStartUSec=.*/TimeoutStartUSec={start}/'\n"
        ));
        let told = server.deploy_with(&App::good("new"), |_| ());
        let warning = told.events.iter().find_map(|what| match what {
            What::Warning(Warning::LongDeadline {
                deadline, watched, ..
            }) => Some((*deadline, *watched)),
            _ => None,
        });
        assert_eq!(warning.is_some(), warned, "{start}");
        // the inputs' 300 ms, three times, and a quarter of an hour
        let most = Duration::from_millis(900 + 900_000);
        if let Some((deadline, watched)) = warning {
            assert!(
                deadline > watched && watched == most,
                "{deadline:?} {watched:?}"
            );
        }
    }
}
