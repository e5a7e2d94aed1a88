//! The action's second step: what it makes of a first one that was cancelled, killed or out of time.

use crate::action::{action, count, first_step, said_to_the_runner, unknown_key, CANCELLED_WITHIN};
use crate::app::App;
use crate::composite::{Action, Fate, Step, Used};
use crate::hub::{Hub, Script, TOKEN};
use crate::poll::wait_for;
use crate::runner_commands::commands;
use crate::throwaway::{ThrowawayServer, TARGET};

#[test]
fn a_first_step_that_a_signal_kills_before_it_sends_anything_ends_as_an_error() {
    let app = App::version("1");
    for signal in ["SEGV", "ABRT", "KILL"] {
        let action = Action::new(&app);
        action.replace_program(&first_step(&format!("kill -{signal} $$")));
        let used = action.run(Fate::Runs);
        assert_eq!(used.step("deploy").code, None);
        let finish = used.step("finish");
        assert_eq!(
            (finish.code, used.output("outcome"), used.output("finished")),
            (Some(1), "error", "true"),
            "{}",
            finish.log
        );
        assert!(
            finish.last_line().contains("nothing was sent"),
            "{}",
            finish.log
        );
        assert!(finish.summary.contains("killed"), "{}", finish.summary);
        assert_eq!(count(&said_to_the_runner(&used, "finish"), "error"), 1);
    }
}

#[test]
fn a_first_step_that_is_cancelled_before_it_sends_anything_leaves_nothing_to_report() {
    let action = Action::new(&App::version("1"));
    action.replace_program(&first_step("echo begun; exec sleep 60"));
    let used = action.run(Fate::CancelledAt("begun"));
    let finish = used.step("finish");
    assert_eq!(
        (finish.code, finish.log.as_str(), used.output("outcome")),
        (Some(0), "", "")
    );
}

/// A first step that has announced a transaction and is then killed.
const ANNOUNCED: &str = "echo transaction=0123456789abcdef0123456789abcdef >>\"$GITHUB_OUTPUT\"";

#[test]
fn a_second_step_that_cannot_read_its_inputs_does_not_claim_that_nothing_was_contacted() {
    let action = Action::new(&App::version("1"));
    action.replace_program(&first_step(&format!("{ANNOUNCED}\nkill -SEGV $$")));
    let used = action.run(Fate::Runs);
    let finish = used.step("finish");
    assert_eq!(finish.code, Some(9), "{}", finish.log);
    assert_eq!(
        (used.output("outcome"), used.output("finished")),
        ("unknown", "")
    );
    assert!(finish.log.contains("cannot follow the deployment: host"));
    assert!(!finish.log.contains("nothing was contacted"));
    assert!(
        finish
            .summary
            .contains("cannot follow the deployment: host"),
        "{}",
        finish.summary
    );
}

#[test]
fn a_listing_that_is_killed_changed_nothing() {
    let (key, known_hosts) = unknown_key();
    let killed = format!("{ANNOUNCED}\nkill -SEGV $$");
    let stopped = format!("{ANNOUNCED}\necho begun\nexec sleep 60");
    for (script, fate, outcome) in [
        (killed, Fate::Runs, "error"),
        (stopped, Fate::CancelledAt("begun"), "cancelled"),
    ] {
        let action = Action::new(&App::version("1"))
            .with("command", "releases")
            .with("host", "127.0.0.1")
            .with("key", &key)
            .with("known-hosts", &known_hosts);
        action.replace_program(&first_step(&script));
        let used = action.run(fate);
        let log = &used.step("finish").log;
        let seen = (used.output("outcome"), used.output("finished"));
        assert_eq!(seen, (outcome, "true"), "{log}");
        let summary = &used.step("finish").summary;
        let words = match outcome {
            "error" => "nothing was sent",
            _ => "**cancelled:** the releases were not listed",
        };
        assert!(summary.contains(words), "{summary}");
        let is_told = log.contains("nothing was sent");
        assert_eq!(is_told, outcome == "error", "{log}");
    }
}

#[test]
fn cancelled_after_it_the_second_step_tells_the_end() {
    for (app, code, outcome) in [
        (App::version("2"), 0, "deployed"),
        (App::health_500("2"), 6, "rolled-back"),
    ] {
        let server = ThrowawayServer::up();
        let first = server.deploy_well(&App::version("1"), None);
        let used = action(&server, &app)
            .with("health-timeout", "8s")
            .run(Fate::CancelledAt("health answered"));
        assert_cancelled_step_left_it(used.step("deploy"));
        assert_finish_step_told(&used, code, outcome);
        let is_first = used.output("live-release") == first;
        assert_eq!(is_first, outcome == "rolled-back");
        server.assert_quiet();
        // it was told, and is not told again
        server
            .deploy(&App::version("3"))
            .assert_silent_about("earlier");
    }
}

/// The first step was cancelled while the server went on: it ended in time and knows no outcome.
fn assert_cancelled_step_left_it(step: &Step) {
    assert_eq!(
        (step.code, step.outputs["outcome"].as_str()),
        (Some(9), "unknown"),
        "{}",
        step.log
    );
    assert!(step.took < CANCELLED_WITHIN, "{:?}", step.took);
    let last = step.last_line();
    assert!(
        last.starts_with("handed over to the next step: "),
        "{}",
        step.log
    );
    assert!(last.contains("finishes on its own by"), "{}", step.log);
    assert!(
        last.contains("If no next step runs: any run after that time"),
        "{}",
        step.log
    );
    // the verdict and its page are the next step's
    let said = commands(&step.log);
    assert_eq!((count(&said, "error"), count(&said, "notice")), (0, 1));
    assert_eq!(step.summary, "");
    assert!(!step.outputs.contains_key("finished"));
}

/// The second step followed the first one's transaction to its end, and reports it.
fn assert_finish_step_told(used: &Used, code: i32, outcome: &str) {
    let finish = used.step("finish");
    let log = &finish.log;
    assert_eq!(
        (finish.code, used.output("outcome")),
        (Some(code), outcome),
        "{log}"
    );
    assert!(
        log.contains("follow the deployment that the previous step has started"),
        "{log}"
    );
    assert!(
        finish.last_line().starts_with(&format!("{outcome}: ")),
        "{log}"
    );
    assert!(
        finish.summary.contains(used.output("live-release")),
        "{}",
        finish.summary
    );
    assert_outputs_are_whole(used, outcome);
}

/// All outputs are those of the second step, and the time is that of both.
fn assert_outputs_are_whole(used: &Used, outcome: &str) {
    let first = &used.step("deploy").outputs;
    assert_eq!(
        (
            used.output("finished"),
            used.output("release"),
            used.output("transaction")
        ),
        (
            "true",
            first["release"].as_str(),
            first["transaction"].as_str()
        )
    );
    let failed_step = match outcome {
        "deployed" => "",
        _ => "verify",
    };
    assert_eq!(used.output("failed-step"), failed_step);
    let duration = |text: &str| text.parse::<f64>().unwrap();
    assert!(
        duration(used.output("duration")) >= duration(&first["duration"]),
        "{used:#?}"
    );
}

#[test]
fn a_step_out_of_time_keeps_what_it_knew_and_nobody_is_told_to_run_it_again() {
    // in the first moment, nothing can handle the signal yet
    for second in ["", "follow the deployment"] {
        let server = ThrowawayServer::up();
        let first = server.deploy_well(&App::version("1"), None);
        let used = action(&server, &App::health_500("2"))
            .with("health-timeout", "20s")
            .run(Fate::OutOfTimeAt("health answered", second));
        assert_cancelled_step_left_it(used.step("deploy"));
        let finish = used.step("finish");
        assert_eq!(used.output("outcome"), "unknown", "{}", finish.log);
        assert_eq!(used.output("finished"), "");
        assert_eq!(used.output("previous-release"), first);
        for name in [
            "release",
            "previous-release",
            "transaction",
            "failed-step",
            "live-release",
        ] {
            let deploy = &used.step("deploy").outputs;
            assert_eq!(used.output(name), deploy[name], "{name}");
        }
        let has_reported = finish.code == Some(9);
        assert!(has_reported || second.is_empty(), "{}", finish.log);
        let shown = [
            (&finish.log, "finishes on its own by"),
            (&finish.summary, "finishes on its own\n"),
        ];
        for (text, when) in shown {
            assert_eq!(text.contains(when), has_reported, "{text}");
            assert!(!text.contains("run it again"), "{text}");
        }
    }
}

/// The second step tells that the first one was killed before the switch.
#[track_caller]
fn assert_ended_by_a_kill(used: &Used, live: &str) {
    let finish = used.step("finish");
    let ended = (finish.code, used.output("outcome"));
    assert_eq!(ended, (Some(1), "error"), "{}", finish.log);
    let state = format!("{live} is still live");
    assert!(finish.last_line().contains(&state), "{}", finish.log);
}

#[test]
fn killed_at_any_time_the_second_step_tells_the_end() {
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    let slow = action(&server, &App::version("2")).with("install", "echo begun\nsleep 300");
    let used = slow.run(Fate::KilledAt("│ begun"));
    assert_eq!(used.step("deploy").code, None);
    assert_ended_by_a_kill(&used, &first);
    assert_eq!(server.exec("pgrep -af [s]leep.300 || true"), "");

    let used = action(&server, &App::version("3")).run(Fate::KilledAt("health answered 200"));
    let finish = used.step("finish");
    assert_eq!(
        (finish.code, used.output("outcome")),
        (Some(0), "deployed"),
        "{}",
        finish.log
    );
    let pending = || server.has(&format!("{TARGET}/.deploy/pending"));
    wait_for("nothing is pending", || !pending());
    server.assert_live(used.output("live-release"), "3", Some(&first));
}

#[test]
fn killed_before_anything_is_sent_nothing_happened() {
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    let used =
        action(&server, &App::version("2")).run(Fate::KilledAt("time limit before the switch"));
    assert_ended_by_a_kill(&used, &first);
    server.assert_live(&first, "1", None);
}

/// With issues, on this GitHub.
fn reporting_to(hub: &Hub, action: Action) -> Action {
    let mut action = action
        .with("health-timeout", "8s")
        .with("issue", "rollback")
        .with("issue-logs", "never")
        .with("github-token", TOKEN);
    let repository = "diting/app".to_owned();
    action.env.insert("GITHUB_API_URL".into(), hub.url());
    action.env.insert("GITHUB_REPOSITORY".into(), repository);
    action
}

#[test]
fn a_second_step_that_only_updates_the_issue_repeats_no_verdict() {
    let (server, hub) = (ThrowawayServer::up(), Hub::new());
    let first = server.deploy_well(&App::version("1"), None);
    hub.plan("GET /user", Script::Silent);
    let action = reporting_to(&hub, action(&server, &App::health_500("2")));
    let used = action.run(Fate::CancelledAt("::error title="));
    let (deploy, finish) = (used.step("deploy"), used.step("finish"));
    assert_eq!(
        (deploy.code, finish.code),
        (Some(6), Some(6)),
        "{}",
        finish.log
    );
    let names = [
        "outcome",
        "live-release",
        "failed-step",
        "finished",
        "issue-number",
    ];
    assert_eq!(
        names.map(|name| used.output(name)),
        ["rolled-back", &first, "verify", "true", "1"],
        "{}",
        finish.log
    );
    // the issue's line is the second step's
    let has = ["## ", "Issue [", "No issue"].map(|it| deploy.summary.contains(it));
    assert_eq!(has, [true, false, false], "{}", deploy.summary);
    let summary = finish.summary.trim();
    assert!(summary.starts_with("Issue [#1]("), "{summary}");
    assert_eq!(summary.lines().count(), 1, "{summary}");
    let errors = ["deploy", "finish"].map(|id| count(&said_to_the_runner(&used, id), "error"));
    assert_eq!(errors, [1, 0], "{}", finish.log);
    assert_eq!(hub.state().issues.len(), 1);
}

#[test]
fn a_first_step_that_is_killed_before_it_begins_opens_an_issue_if_every_failure_does() {
    let (key, known_hosts) = unknown_key();
    for (opens, issues) in [("failure", 1), ("rollback", 0)] {
        let hub = Hub::new();
        let action = Action::new(&App::version("1"))
            .with("host", "127.0.0.1")
            .with("key", &key)
            .with("known-hosts", &known_hosts);
        let action = reporting_to(&hub, action).with("issue", opens);
        action.replace_program(&first_step("kill -KILL $$"));
        let used = action.run(Fate::Runs);
        let finish = used.step("finish");
        let seen = (finish.code, used.output("outcome"), used.output("finished"));
        assert_eq!(seen, (Some(1), "error", "true"), "{}", finish.log);
        assert_eq!(hub.state().issues.len(), issues, "{}", finish.log);
        let is_linked = finish.summary.contains("Issue [#1](");
        assert_eq!(is_linked, issues == 1, "{}", finish.summary);
        assert!(
            finish.last_line().contains("nothing was sent"),
            "{}",
            finish.log
        );
    }
}

#[test]
fn outputs_that_a_full_disk_swallowed_are_no_crash() {
    let mut action = Action::new(&App::version("1"));
    let full = "export GITHUB_OUTPUT=/dev/full; exec sh \"$@\"";
    action.shell = ["sh", "-c", full, "sh"].map(str::to_owned).to_vec();
    let used = action.run(Fate::Runs);
    let (deploy, finish) = (used.step("deploy"), used.step("finish"));
    assert_eq!(deploy.code, Some(2), "{}", deploy.log);
    assert_eq!((finish.code, finish.log.as_str()), (Some(0), ""));
}
