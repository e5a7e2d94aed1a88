//! action.yml as GitHub's runner runs it, both steps of it, and what becomes of it when a job is cancelled or killed.

use crate::app::App;
use crate::composite::{Action, Fate, Step, Used};
use crate::poll::wait_for;
use crate::runner_commands::commands;
use crate::throwaway::{ThrowawayServer, TARGET};
use std::time::Duration;

/// A cancelled step must have ended by then: what is left to it is for the runner.
const CANCELLED_WITHIN: Duration = Duration::from_secs(7);

/// With what the README's example gives, against this server.
fn action(server: &ThrowawayServer, app: &App) -> Action {
    Action::new(app)
        .with("host", &format!("127.0.0.1:{}", server.ssh_port))
        .with("user", "deploy")
        .with("key", &server.key())
        .with("known-hosts", &server.known_hosts(server.ssh_port))
        .with("service", "diting")
        .with("health-url", &server.health_url())
        .with("health-settle", "3s")
        .with("issue", "off")
}

/// The commands to the runner that a step printed, by their names; each must be one of ours.
fn said_to_the_runner(used: &Used, id: &str) -> Vec<String> {
    let said = commands(&used.step(id).log);
    for command in &said {
        assert!(
            ["group", "endgroup", "error", "warning", "notice"].contains(&command.as_str()),
            "{command}"
        );
    }
    said
}

fn count(said: &[String], command: &str) -> usize {
    said.iter().filter(|name| *name == command).count()
}

/// Only the lines of the log are coloured: annotations, outputs and the summary are shown elsewhere.
fn assert_coloured(used: &Used, step: &Step) {
    let log = &step.log;
    assert!(step.last_line().starts_with("\x1b[32mdeployed: "), "{log}");
    assert!(log.contains("\x1b[32m✓ \x1b[0mverify "), "{log}");
    let commands = log.lines().filter(|line| line.starts_with("::"));
    let outputs = used.outputs.values().map(String::as_str);
    let plain: String = commands.chain(outputs).chain([&*step.summary]).collect();
    assert!(!plain.contains('\x1b'), "{plain}");
}

#[test]
fn the_readmes_inputs_deploy_through_action_yml_and_no_default_is_needed() {
    let (server, app) = (ThrowawayServer::up(), App::version("1"));
    let mut action = action(&server, &app);
    action.env.remove("NO_COLOR");
    // the service is the repository's name
    for input in ["service", "issue", "health-settle"] {
        action.with.remove(input);
    }
    let used = action.run(Fate::Runs);
    let step = used.step("deploy");
    assert_eq!(step.code, Some(0), "{}", step.log);
    assert!(
        !used.steps.contains_key("finish"),
        "there is nothing left to be done"
    );
    assert_coloured(&used, step);
    assert_eq!(
        (used.output("outcome"), used.output("finished")),
        ("deployed", "true")
    );
    assert_eq!(used.output("transaction").len(), 32);
    assert!(
        step.summary.trim_start().starts_with("## ✅ Deployed"),
        "{}",
        step.summary
    );
    assert!(
        step.summary.contains(used.output("live-release")),
        "{}",
        step.summary
    );
    let said = said_to_the_runner(&used, "deploy");
    assert_eq!((count(&said, "error"), count(&said, "notice")), (0, 1));
    assert!(server.get("/").unwrap().1.starts_with("version 1,"));
}

#[test]
fn a_rollback_makes_the_step_red_with_one_error_and_all_outputs() {
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    let used = action(&server, &App::health_500("2"))
        .with("health-timeout", "8s")
        .run(Fate::Runs);
    let step = used.ended(6, "rolled-back");
    assert!(!used.steps.contains_key("finish"));
    assert_eq!(
        (used.output("live-release"), used.output("failed-step")),
        (first.as_str(), "verify")
    );
    assert_eq!(count(&said_to_the_runner(&used, "deploy"), "error"), 1);
    assert!(step.summary.contains("<details>"), "{}", step.summary);
}

#[test]
fn a_step_without_inputs_says_all_that_is_missing_and_a_missing_program_is_said_too() {
    let app = App::version("1");
    let action = Action::new(&app);
    let used = action.run(Fate::Runs);
    let step = used.ended(2, "invalid");
    for input in ["host", "key", "known-hosts"] {
        assert!(
            step.log.contains(&format!("problem: {input}")),
            "{}",
            step.log
        );
        assert!(step.summary.contains(input), "{}", step.summary);
    }
    assert_eq!(count(&said_to_the_runner(&used, "deploy"), "error"), 1);
    assert!(!used.steps.contains_key("finish"));

    action.remove_dist();
    let used = action.run(Fate::Runs);
    assert_eq!(used.step("deploy").code, Some(4));
    assert!(used
        .step("deploy")
        .log
        .contains("::error title=deploy-action::"));
    // nothing was begun
    assert_eq!(used.output("outcome"), "not-ready");
    assert!(!used.steps.contains_key("finish"));
}

#[test]
fn no_input_becomes_a_command_of_a_script() {
    let (app, folder) = (App::version("1"), tempfile::tempdir().unwrap());
    let file = folder.path().join("written");
    let hostile = format!(
        "a\"; #\r\ntouch {0}\n`touch {0}`$(touch {0})",
        file.display()
    );
    for input in ["service", "user", "host", "target", "command"] {
        let mut action = Action::new(&app).with(input, &hostile);
        if input == "target" {
            action = action.with("service", "none");
        }
        let used = action.run(Fate::Runs);
        let log = &used.ended(2, "invalid").log;
        assert!(!log.contains("not found"), "{log}");
        assert!(!file.exists(), "{input}: {log}");
    }
}

/// What the first step's process is, if it is none of ours: a script that has the real program beside it.
fn first_step(script: &str) -> String {
    format!("#!/bin/sh\nif [ \"$1\" = finish ]; then exec \"$0.real\" \"$@\"; fi\n{script}\n")
}

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

#[test]
fn a_runner_that_is_not_linux_is_told_so_and_leaves_nothing_to_finish() {
    for system in ["Darwin", "MINGW64_NT-10.0-26100"] {
        let mut action = Action::new(&App::version("1"));
        let programs = tempfile::tempdir().unwrap();
        let uname = programs.path().join("uname");
        std::fs::write(&uname, format!("#!/bin/sh\necho {system}\n")).unwrap();
        std::fs::set_permissions(&uname, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        let path = format!("{}:{}", programs.path().display(), action.env["PATH"]);
        action.env.insert("PATH".to_owned(), path);
        let used = action.run(Fate::Runs);
        let step = used.step("deploy");
        assert_eq!((step.code, used.output("outcome")), (Some(4), "not-ready"));
        let words = format!("does not run on {system}. Use a Linux runner");
        assert!(step.log.contains(&words), "{}", step.log);
        assert!(!used.steps.contains_key("finish"));
    }
}

#[test]
fn braces_without_end_are_bad_input_and_no_crash() {
    let app = App::version("1").file(".deployignore", &"{".repeat(20_000), 0o644);
    let used = Action::new(&app).run(Fate::Runs);
    let step = used.ended(2, "invalid");
    assert!(step.log.contains(".deployignore"), "{}", step.log);
}

/// A runner without bash: the log of a run with bad inputs, from start to end.
#[test]
fn every_posix_shell_can_start_the_action() {
    let app = App::version("1");
    for shell in ["dash", "busybox sh", "bash --posix"] {
        let mut action = Action::new(&app).with("host", "user@host");
        action.shell = shell.split(' ').map(str::to_owned).collect();
        let used = action.run(Fate::Runs);
        used.ended(2, "invalid");
        // the second step's script too
        action.replace_program(&first_step("kill -SEGV $$"));
        let used = action.run(Fate::Runs);
        assert_eq!(used.output("outcome"), "error", "{shell}");
    }
}

/// A key and a line of known_hosts that no server has.
fn unknown_key() -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let done = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&file)
        .status();
    assert!(done.unwrap().success());
    let public = std::fs::read_to_string(file.with_extension("pub")).unwrap();
    (
        std::fs::read_to_string(file).unwrap(),
        format!("127.0.0.1 {public}"),
    )
}

/// As an image of Alpine has it.
#[test]
fn a_job_container_without_bash_and_ssh_says_what_it_lacks() {
    let (key, known_hosts) = unknown_key();
    let mut action = Action::new(&App::version("1"))
        .with("host", "127.0.0.1")
        .with("key", &key)
        .with("known-hosts", &known_hosts)
        .with("service", "diting")
        .with("issue", "off");
    action.use_busybox();
    let used = action.run(Fate::Runs);
    let step = used.step("deploy");
    assert_eq!(used.output("outcome"), "not-ready", "{}", step.log);
    for words in ["OpenSSH's client is needed", "apk add openssh-client"] {
        assert!(step.log.contains(words), "{}", step.log);
    }
}

#[test]
fn a_job_container_with_another_user_than_that_of_its_home_is_told_so() {
    let mut action = Action::new(&App::version("1")).readable_by_all();
    let user = ["--reuid", "12345", "--regid", "12345", "--clear-groups"];
    action.shell = ["setpriv"]
        .iter()
        .chain(&user)
        .chain(&["sh"])
        .map(|it| (*it).to_owned())
        .collect();
    let used = action.run(Fate::Runs);
    let step = used.step("deploy");
    assert_eq!(step.code, Some(2), "{}", step.log);
    for words in [
        "runs as user 12345, but its HOME",
        "belongs to user 0",
        "cannot write the outputs",
    ] {
        assert!(step.log.contains(words), "{}", step.log);
    }
    // outputs that are missing for that reason are no crash
    let finish = used.step("finish");
    assert_eq!((finish.code, finish.log.as_str()), (Some(0), ""));
}

#[test]
fn cancelled_before_the_switch_it_ends_in_time_and_the_server_is_as_it_was() {
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    let invocation = server.property("InvocationID");
    let action = action(&server, &App::version("2")).with("install", "echo begun\nsleep 300");
    let used = action.run(Fate::CancelledAt("│ begun"));
    let step = used.ended(130, "cancelled");
    assert!(step.took < CANCELLED_WITHIN, "{:?}", step.took);
    println!(
        "cancelled during install: ended after {:.1} s",
        step.took.as_secs_f64()
    );
    assert!(!used.steps.contains_key("finish"), "that is final");
    assert!(
        step.last_line().contains(&format!("{first} is still live")),
        "{}",
        step.log
    );
    assert!(step.summary.contains("ancelled"), "{}", step.summary);
    server.assert_live(&first, "1", None);
    assert_eq!(server.property("InvocationID"), invocation);
    assert_eq!(server.exec("pgrep -af [s]leep.300 || true"), "");
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
    assert!(
        step.last_line().contains("finishes on its own"),
        "{}",
        step.log
    );
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
    assert_eq!(
        (used.output("finished"), used.output("release")),
        ("true", used.step("deploy").outputs["release"].as_str())
    );
}

#[test]
fn killed_at_any_time_the_second_step_tells_the_end() {
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    let slow = action(&server, &App::version("2")).with("install", "echo begun\nsleep 300");
    let used = slow.run(Fate::KilledAt("│ begun"));
    assert_eq!(used.step("deploy").code, None);
    let finish = used.step("finish");
    assert_eq!(
        (finish.code, used.output("outcome")),
        (Some(1), "error"),
        "{}",
        finish.log
    );
    assert!(
        finish
            .last_line()
            .contains(&format!("{first} is still live")),
        "{}",
        finish.log
    );
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
    let finish = used.step("finish");
    assert_eq!(
        (finish.code, used.output("outcome")),
        (Some(1), "error"),
        "{}",
        finish.log
    );
    assert!(
        finish
            .last_line()
            .contains(&format!("{first} is still live")),
        "{}",
        finish.log
    );
    server.assert_live(&first, "1", None);
}
