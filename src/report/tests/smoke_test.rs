//! A release that failed the smoke test, or that cannot be tried.

use super::*;
use crate::protocol::{
    Ending, Finding, HealthAnswer, HealthError, Interruption, Notice, Outcome, PortHolder, Reason,
    SmokeTestError, SmokeTestObstacle, SmokeTestProblem, Step, Verdict, Warning,
};
use crate::report::{hints, RawLogs};
use crate::text::Redactor;

pub(in crate::report) fn errors() -> Vec<SmokeTestError> {
    let ended = |ending, line: &str| SmokeTestError::Ended {
        ending,
        log_line: (!line.is_empty()).then(|| line.to_owned()),
    };
    vec![
        ended(Ending::Exit(0), ""),
        ended(Ending::Exit(1), "ModuleNotFoundError: No module named 'x'"),
        ended(
            Ending::Exit(1),
            "OSError: [Errno 98] Address already in use",
        ),
        ended(Ending::Exit(127), "sh: 1: ./serve: not found"),
        ended(Ending::Exit(3), ""),
        ended(Ending::Signal(9), ""),
        ended(Ending::Signal(11), "\u{1b}[31mcrash ##[error]"),
        SmokeTestError::Public {
            address: "0.0.0.0:41231".into(),
        },
        SmokeTestError::LivePort { port: 8000 },
        SmokeTestError::OtherPort {
            port: 41231,
            found: vec![8001, 9000],
        },
        SmokeTestError::OtherProcess {
            port: 41231,
            owner: PortHolder::Other("process 4711 (nginx)".into()),
        },
        SmokeTestError::OtherRelease(Some(id(OLD))),
        SmokeTestError::OtherRelease(None),
    ]
}

pub(in crate::report) fn problems() -> Vec<SmokeTestProblem> {
    let places = ["ExecStart", "PORT=", "WORKERS=", "A=", "B=", "C="];
    let errors = [
        SmokeTestObstacle::OtherUser {
            user: "www-data".into(),
            deploy_user: "deploy".into(),
        },
        SmokeTestObstacle::NoPort { port: 443 },
        SmokeTestObstacle::AmbiguousPort {
            port: 8,
            places: places.map(str::to_owned).to_vec(),
        },
        SmokeTestObstacle::Commands { count: 0 },
        SmokeTestObstacle::Commands { count: 2 },
        SmokeTestObstacle::Setting {
            setting: "LoadCredential=".into(),
        },
        SmokeTestObstacle::Unreadable {
            path: "/etc/diting/env".into(),
            error: "Permission denied".into(),
        },
        SmokeTestObstacle::Oneshot,
    ];
    let commands = [
        ".venv/bin/uvicorn app:app --host 127.0.0.1 --port $PORT",
        "",
        "a\nb",
        "${{ secrets.KEY }}",
        "x\u{202e}y",
    ];
    let commands = commands.into_iter().cycle();
    let problem = |(error, command): (_, &str)| SmokeTestProblem {
        service: "diting".into(),
        error,
        command: command.into(),
    };
    errors.into_iter().zip(commands).map(problem).collect()
}

pub(in crate::report) fn notice_and_warning() -> (Notice, Warning) {
    let started = Notice::SmokeTestStarted {
        command: ".venv/bin/uvicorn app:app --port 41231".into(),
        port: 41231,
    };
    let processes = (4711..4731).collect();
    (started, Warning::SmokeTestLeft { processes })
}

/// The end of a run whose release failed it.
pub(in crate::report) fn end(reason: Reason) -> crate::protocol::End {
    by_verdict(Verdict {
        switched: false,
        interruption: Some(Interruption::none(1_762_148_000_000)),
        ..verdict(Outcome::Failed, Some(OLD), failed(Step::SmokeTest, reason))
    })
}

fn hint(reason: Reason) -> String {
    let failure = failed(Step::SmokeTest, reason).unwrap();
    hints::reason(&failure, &place()).to_string()
}

#[test]
#[expect(clippy::too_many_lines, reason = "it shows whole texts")]
fn what_failed_says_what_to_do() {
    let all = errors().into_iter().map(|it| {
        let reason = Reason::SmokeTest(it);
        format!("{reason}\n{}", hint(reason.clone()))
    });
    insta::assert_snapshot!(all.collect::<Vec<_>>().join("\n---\n"), @r#"
    the process ended with exit code 0
    what smoke-test starts must stay up until deploy-action ends it: keep the app in the foreground, without `&`, `nohup` and options such as `--daemon`. A check that ends by itself belongs in `before-switch`
    ---
    the process ended with exit code 1; its output shows: ModuleNotFoundError: No module named 'x'
    if the module is a package, add it to `pyproject.toml` (or `requirements.txt`), lock again (`uv lock`), and push; if it is the app's own, is it committed, and is its name right?
    ---
    the process ended with exit code 1; its output shows: OSError: [Errno 98] Address already in use
    the app takes its port from its code or from a configuration file: let it use the variable `PORT`, or pass the port on its command line, as in `--port $PORT`
    ---
    the process ended with exit code 127; its output shows: sh: 1: ./serve: not found
    ./serve is not there: smoke-test runs in the folder of the new release; is the file part of it?
    ---
    the process ended with exit code 3
    its last lines show why; to run it by hand, on the server, as the deploy user, go to the newest release:
      cd /opt/diting/releases
      cd "$(ls -t | head -n 1)"
    ---
    the process was killed by signal 9 (SIGKILL)
    two instances run during the smoke test, and most likely the server ran out of memory; on the server:
      free -h
    as root:
      sudo dmesg -T | grep -iE 'oom|out of memory'
    ---
    the process was killed by signal 11 (SIGSEGV); its output shows: crash ##\[error]
    its last lines show why; to run it by hand, on the server, as the deploy user, go to the newest release:
      cd /opt/diting/releases
      cd "$(ls -t | head -n 1)"
    ---
    it listens on 0.0.0.0:41231, not on 127.0.0.1 only
    others could reach it there: the app must listen on 127.0.0.1 in the smoke test. `auto` replaces 0.0.0.0 in the command and the environment of the unit, but not in the app's code or configuration; or give `smoke-test` a command, as in `./server --host 127.0.0.1 --port $PORT`
    ---
    it listens on port 8000 too, which the live release uses
    the app takes its port from its code or from a configuration file: let it use the variable `PORT`, or pass the port on its command line, as in `--port $PORT`
    ---
    it does not listen on port 41231 ($PORT), but on 8001, 9000
    the app takes its port from its code or from a configuration file: let it use the variable `PORT`, or pass the port on its command line, as in `--port $PORT`
    ---
    port 41231 is held by process 4711 (nginx), not by what the smoke test started
    if another program took the port at that moment, run it again; otherwise smoke-test must start the app itself, from the folder of the release that it runs in: no path through current, and no program that passes the work on to a process that runs already (pm2, a container, systemctl)
    ---
    the process that answers runs release 1762147685
    smoke-test must start the app itself, from the folder of the release that it runs in: no path through current, and no program that passes the work on to a process that runs already (pm2, a container, systemctl)
    ---
    the process that answers runs no release
    smoke-test must start the app itself, from the folder of the release that it runs in: no path through current, and no program that passes the work on to a process that runs already (pm2, a container, systemctl)
    "#);
}

#[test]
#[expect(clippy::too_many_lines, reason = "it shows whole texts")]
fn an_answer_says_what_to_do_without_a_word_of_a_unit() {
    // health-command asks the live release: it is not run
    let is_asked = |answer: &HealthAnswer| {
        !answer.is_healthy()
            && !matches!(
                answer,
                HealthAnswer::Command { .. } | HealthAnswer::Broken(_)
            )
    };
    let mut reasons: Vec<Reason> = answers()
        .into_iter()
        .filter(is_asked)
        .map(unhealthy)
        .collect();
    reasons.push(unhealthy(HealthAnswer::Broken(HealthError::Http {
        error: "no HTTP".into(),
    })));
    reasons.push(Reason::Unhealthy {
        last: Box::new(HealthAnswer::Refused),
        attempts: 3,
        waited: std::time::Duration::from_secs(60),
        log_line: Some("KeyError: 'DATABASE_URL'".into()),
    });
    reasons.push(Reason::Log {
        lines: vec![b"panicked".to_vec()],
    });
    reasons.push(Reason::OutOfTime(std::time::Duration::from_secs(60)));
    reasons.push(Reason::Cancelled);
    let all: Vec<String> = reasons.into_iter().map(hint).collect();
    insta::assert_snapshot!(all.join("\n---\n"), @"
    its output shows why; fix it, and push
    ---
    the app, or a proxy in front of it, demands https: set the input health-headers to `X-Forwarded-Proto: https`, as the proxy does, or health-url to the https address that users have
    ---
    compare the body with health-match
    ---
    no process listens on 127.0.0.1 and `$PORT`: does the app use the port that it is given? If it starts slowly, raise health-timeout
    ---
    it listens, but does not answer: the app hangs at start, or waits for a database or another service
    ---
    is health-url right: http or https, path?
    ---
    the app needs a variable that is not set: add it to the input `env` or `env-file`, and deploy again
    ---
    these lines are from the new process; if they are no crash, set the input log-pattern or log-check
    ---
    check above which step took the time, or raise the input timeout
    ---
    run it again: what was uploaded is kept
    ");
    let of_errors = errors().into_iter().map(|it| hint(Reason::SmokeTest(it)));
    for hint in all.into_iter().chain(of_errors) {
        for word in ["systemctl ", "journalctl", "diting", " unit's", "restart"] {
            let hint = hint.replace("systemctl)", "").replace("/opt/diting", "");
            assert!(!hint.contains(word), "{word}: {hint}");
        }
    }
}

#[test]
fn what_cannot_be_tried_says_what_to_write_instead() {
    let all = problems().into_iter().map(|it| {
        let found = Finding::SmokeTest(it);
        format!("{found}\n{}", hints::finding(&found, &place()))
    });
    let all: Vec<String> = all.collect();
    insta::assert_snapshot!(all.join("\n---\n"), @"
    smoke-test: auto cannot start diting on the server: it runs as www-data, not as deploy
    the deploy user cannot start anything as another user: let smoke-test start the app as the deploy user, or leave it out
    set the input smoke-test to .venv/bin/uvicorn app:app --host 127.0.0.1 --port $PORT, after a look at it
    ---
    smoke-test: auto cannot start diting on the server: neither its command nor its environment has port 443 of health-url
    health-url must have the port on which the app itself listens, as in `http://localhost:8000/health`, not that of a proxy. If the app reads its port from its code or a file, let it use the variable `PORT`
    set the input smoke-test to a command such as `./server --host 127.0.0.1 --port $PORT`
    ---
    smoke-test: auto cannot start diting on the server: 8 in ExecStart, PORT=, WORKERS=, A=, B= and more may or may not mean the port
    say where the port belongs, by a command for smoke-test
    set the input smoke-test to a command such as `./server --host 127.0.0.1 --port $PORT`
    ---
    smoke-test: auto cannot start diting on the server: it has no ExecStart command
    let smoke-test start the app, in the foreground
    set the input smoke-test to a command such as `./server --host 127.0.0.1 --port $PORT`
    ---
    smoke-test: auto cannot start diting on the server: it has 2 ExecStart commands
    let smoke-test start the app, in the foreground
    set the input smoke-test to a command such as `./server --host 127.0.0.1 --port $PORT`
    ---
    smoke-test: auto cannot start diting on the server: it needs LoadCredential=, which only systemd provides
    let smoke-test start the app without it, or leave smoke-test out
    set the input smoke-test to .venv/bin/uvicorn app:app --host 127.0.0.1 --port $PORT, after a look at it
    ---
    smoke-test: auto cannot start diting on the server: /etc/diting/env cannot be read: Permission denied
    let the deploy user read it, or let smoke-test start the app without it
    set the input smoke-test to a command such as `./server --host 127.0.0.1 --port $PORT`
    ---
    smoke-test: auto cannot start diting on the server: it is a oneshot, which ends by itself
    leave smoke-test out, or let it start what can stay up for `health-settle`
    set the input smoke-test to a command such as `./server --host 127.0.0.1 --port $PORT`
    ");
    assert!(!all.concat().contains("secrets"));
}

#[test]
fn no_user_was_affected_unless_before_switch_changed_something() {
    let reason = || unhealthy(HealthAnswer::Refused);
    let ends = [
        end(reason()),
        first(end(reason())),
        migrated(end(reason())),
        end(Reason::OutOfTime(std::time::Duration::from_secs(60))),
        end(Reason::SmokeTest(SmokeTestError::LivePort { port: 8000 })),
    ];
    let shown = |end: &crate::protocol::End| {
        let what = crate::report::texts::what_happened(end).unwrap();
        format!("{}\n{what}", crate::report::texts::last_line(end, &place()))
    };
    let all: Vec<String> = ends.iter().map(shown).collect();
    insta::assert_snapshot!(all.join("\n---\n"), @"
    failed: diting on web1.example; no user was affected: 1762147685 is still live; 1762147999 failed the smoke test; 21.4 s
    1762147999 failed the smoke test: health refused the connection: no process listens there after 30 attempts in 1 min
    ---
    failed: diting on web1.example; no user was affected: nothing was live before; 1762147999 failed the smoke test; 21.4 s
    1762147999 failed the smoke test: health refused the connection: no process listens there after 30 attempts in 1 min
    ---
    failed: diting on web1.example; 1762147685 is still live; what `before-switch` changed, such as a database schema, is not undone: 1762147685 now runs with it; 1762147999 failed the smoke test; 21.4 s
    1762147999 failed the smoke test: health refused the connection: no process listens there after 30 attempts in 1 min
    ---
    failed: diting on web1.example; no user was affected: 1762147685 is still live; 1762147999 failed the smoke test; 21.4 s
    1762147999 failed the smoke test: the time limit before the switch (1 min) was reached
    ---
    failed: diting on web1.example; no user was affected: 1762147685 is still live; 1762147999 failed the smoke test; 21.4 s
    1762147999 failed the smoke test: it listens on port 8000 too, which the live release uses
    ");
}

fn first(mut end: crate::protocol::End) -> crate::protocol::End {
    let verdict = end.verdict.as_mut().unwrap();
    (verdict.live, verdict.previous) = (None, None);
    end
}

fn migrated(mut end: crate::protocol::End) -> crate::protocol::End {
    end.verdict.as_mut().unwrap().before_switch = true;
    end
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn strangers_see_no_word_of_the_app_its_unit_file_and_its_users() {
    let word = || "CARRIER".to_owned();
    let problem = |error| {
        let (service, command) = ("diting".to_owned(), "./serve --key CARRIER".to_owned());
        let problem = SmokeTestProblem {
            service,
            error,
            command,
        };
        let reason = Reason::NotReady(vec![Finding::SmokeTest(problem)]);
        by_verdict(Verdict {
            switched: false,
            ..verdict(Outcome::NotReady, Some(OLD), failed(Step::Check, reason))
        })
    };
    let ended = SmokeTestError::Ended {
        ending: Ending::Exit(1),
        log_line: Some(word()),
    };
    let public = SmokeTestError::Public { address: word() };
    let ends = [
        end(Reason::SmokeTest(ended)),
        end(Reason::SmokeTest(public)),
        problem(SmokeTestObstacle::Commands { count: 2 }),
        problem(SmokeTestObstacle::OtherUser {
            user: word(),
            deploy_user: word(),
        }),
        problem(SmokeTestObstacle::AmbiguousPort {
            port: 80,
            places: vec![word()],
        }),
        problem(SmokeTestObstacle::Unreadable {
            path: word(),
            error: word(),
        }),
    ];
    for end in ends {
        let text = |logs| {
            let end = end.clone();
            issue::told_to(logs, planned(), None, end, &Redactor::default()).body
        };
        assert!(text(RawLogs::Show).contains("CARRIER"));
        let hidden = text(RawLogs::Hide);
        assert!(!hidden.contains("CARRIER"), "{hidden}");
    }
}
