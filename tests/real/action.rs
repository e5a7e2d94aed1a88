//! action.yml as GitHub's runner runs it, both steps of it, and what becomes of it when a job is cancelled or killed.

use crate::app::App;
use crate::composite::{Action, Fate, Step, Used};
use crate::runner_commands::commands;
use crate::throwaway::ThrowawayServer;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

/// A cancelled step must have ended by then: what is left to it is for the runner.
pub(crate) const CANCELLED_WITHIN: Duration = Duration::from_secs(7);

/// With what the README's example gives, against this server.
pub(crate) fn action(server: &ThrowawayServer, app: &App) -> Action {
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
pub(crate) fn said_to_the_runner(used: &Used, id: &str) -> Vec<String> {
    let said = commands(&used.step(id).log);
    for command in &said {
        assert!(
            ["group", "endgroup", "error", "warning", "notice"].contains(&command.as_str()),
            "{command}"
        );
    }
    said
}

pub(crate) fn count(said: &[String], command: &str) -> usize {
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
        step.summary.trim_start().starts_with("## ✅ ") && step.summary.contains(": deployed – "),
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
    assert_not_started(&action, "is missing");
}

/// The program was not started, which is said everywhere, and there is nothing to finish.
fn assert_not_started(action: &Action, why: &str) {
    let used = action.run(Fate::Runs);
    let step = used.ended(2, "invalid");
    assert!(!used.steps.contains_key("finish"), "{}", step.log);
    assert_eq!(used.output("finished"), "true");
    assert_eq!(count(&said_to_the_runner(&used, "deploy"), "error"), 1);
    for text in [&step.log, &step.summary] {
        assert!(text.contains(why), "{why}: {text}");
    }
    assert_eq!(step.summary.lines().count(), 1, "{}", step.summary);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn what_keeps_the_program_from_starting_is_invalid_in_every_posix_shell() {
    let app = App::version("1");
    for shell in ["dash", "busybox sh", "bash --posix"] {
        let action = || {
            let mut action = Action::new(&app);
            action.shell = shell.split(' ').map(str::to_owned).collect();
            action
        };
        let damaged = |damage: &dyn Fn(&Path)| {
            let action = action();
            damage(&action.program());
            action
        };
        let cut_at = |size| {
            damaged(&move |program| {
                let file = File::options().write(true).open(program).unwrap();
                file.set_len(size).unwrap();
            })
        };
        let printing = |line: &str| {
            let script = format!("#!/bin/sh\necho first\nprintf '%s\\n' '{line}' >&2\nexit 3\n");
            damaged(&move |program| fs::write(program, &script).unwrap())
        };
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5990184\n";
        let mode = |mode| fs::Permissions::from_mode(mode);
        for (action, why) in [
            (
                action().on_system("Darwin", "arm64"),
                "does not run on Darwin. Use a Linux runner",
            ),
            (
                action().on_system("MINGW64_NT-10.0-26100", "x86_64"),
                "does not run on MINGW64_NT",
            ),
            (
                action().on_system("Linux", "riscv64"),
                "does not support the CPU riscv64",
            ),
            (
                damaged(&|program| fs::remove_file(program).unwrap()),
                "is missing",
            ),
            (
                damaged(&|program| fs::set_permissions(program, mode(0o644)).unwrap()),
                "is not executable",
            ),
            (
                damaged(&|program| fs::write(program, pointer).unwrap()),
                "Git LFS pointer",
            ),
            (
                cut_at(0),
                "it is damaged, or not for this CPU (exit code 0)",
            ),
            (cut_at(100), "does not start"),
            (cut_at(100_000), "or not for this CPU (exit code 139)"),
            (
                printing("no: memory (4 GB) is full"),
                "does not start: no: memory (4 GB) is full.",
            ),
            // neither commands nor markup
            (printing("::error::x"), "(exit code 3)"),
            (printing("a%0A::error::x"), "(exit code 3)"),
            (printing("<b>x</b>"), "(exit code 3)"),
            (printing("\u{1b}[31mx"), "(exit code 3)"),
        ] {
            assert_not_started(&action, why);
        }
        let mut homeless = action();
        homeless.env.remove("GITHUB_ACTION_PATH");
        assert_not_started(&homeless, "GITHUB_ACTION_PATH is not set");
    }
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
pub(crate) fn first_step(script: &str) -> String {
    format!("#!/bin/sh\nif [ \"$1\" = finish ] || [ \"$1\" = --version ]; then exec \"$0.real\" \"$@\"; fi\n{script}\n")
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
pub(crate) fn unknown_key() -> (String, String) {
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
