//! No word of a server gets into a command that someone may copy.

use crate::protocol::{
    Ending, FailedStart, Failure, Finding, IoKind, LinkState, LogPlace, Operation, OtherProcess,
    PortHolder, Reason, Scope, SharedError, SharedInRelease, SmokeTestError, SmokeTestObstacle,
    SmokeTestProblem, Step, SystemdError,
};
use crate::report::hints::*;
use crate::report::tests::place;

/// In every text of a hostile server.
const EVIL: &str = "mallory";

#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn findings() -> Vec<Finding> {
    let evil = || EVIL.to_owned();
    let path = || "/etc/mallory".to_owned();
    let one = |change: fn(&mut SharedInRelease)| {
        let mut found = SharedInRelease {
            path: "data/app.db".to_owned(),
            folder: false,
            release: "1".parse().unwrap(),
            link: "../../../shared/data/app.db".to_owned(),
            siblings: vec!["data/app.db-wal".to_owned()],
            missing: vec![String::new(), "data".to_owned()],
            in_the_way: false,
        };
        change(&mut found);
        Finding::SharedInRelease(vec![found])
    };
    vec![
        Finding::Target {
            path: path(),
            user: evil(),
            error: evil(),
        },
        Finding::Link {
            name: "../../../etc/mallory".into(),
            found: LinkState::Folder,
        },
        Finding::Link {
            name: "current".into(),
            found: LinkState::Elsewhere(path()),
        },
        Finding::Unit {
            service: evil(),
            state: "masked".into(),
        },
        Finding::Unit {
            service: evil(),
            state: "error".into(),
        },
        Finding::Sudo {
            service: "mallory, NOPASSWD: ALL".into(),
            user: evil(),
            output: b"mallory".to_vec(),
        },
        Finding::Sudo {
            service: "mallory, NOPASSWD: ALL".into(),
            user: evil(),
            output: b"sudo: mallory, you must have a tty to run sudo".to_vec(),
        },
        Finding::KillUserProcesses { user: evil() },
        Finding::NoLinger { user: evil() },
        Finding::NoOwnSystemd {
            user: evil(),
            error: SystemdError::Failed { output: evil() },
        },
        Finding::OtherScope {
            service: evil(),
            user: evil(),
            found: Scope::User,
        },
        Finding::Missing {
            program: "-omallory".into(),
            path: evil(),
        },
        Finding::UnitElsewhere {
            service: evil(),
            starts: path(),
            target: path(),
        },
        Finding::ReloadUnseen {
            service: evil(),
            user: evil(),
        },
        Finding::SmokeTest(SmokeTestProblem {
            service: evil(),
            error: SmokeTestObstacle::Unreadable {
                path: path(),
                error: evil(),
            },
            command: evil(),
        }),
        one(|it| it.path = "mallory".into()),
        one(|it| it.path = "data/../../../../etc/mallory".into()),
        one(|it| it.link = "/etc/mallory".into()),
        one(|it| it.siblings = vec!["../../../../etc/mallory".into()]),
        one(|it| it.siblings = vec!["data/app.db-/../../../mallory".into()]),
        one(|it| it.missing = vec!["mallory".into()]),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn reasons() -> Vec<Reason> {
    let io = |kind, path: &str| Reason::Io {
        operation: Operation::CreateFolder,
        path: path.to_owned(),
        kind,
        error: EVIL.to_owned(),
    };
    let kinds = [
        IoKind::Full,
        IoKind::ReadOnly,
        IoKind::Denied,
        IoKind::Other,
    ];
    let paths = [
        "/etc/mallory/x",
        "/opt/diting/../../etc/mallory/x",
        "mallory",
    ];
    let mut all: Vec<Reason> = kinds
        .into_iter()
        .flat_map(|kind| paths.map(|path| io(kind, path)))
        .collect();
    let output = b"sh: 1: mallory: not found\nsudo: mallory: a password is required".to_vec();
    all.extend([
        Reason::Shared {
            path: "../../etc/mallory".into(),
            error: SharedError::NotBelow,
        },
        Reason::OtherListener {
            port: 6666,
            owner: PortHolder::LeftOver {
                pid: 6666,
                name: EVIL.into(),
            },
        },
        Reason::OtherListener {
            port: 6666,
            owner: PortHolder::Earlier(OtherProcess {
                process: Some((6666, EVIL.into())),
                group: None,
            }),
        },
        Reason::SmokeTest(SmokeTestError::Ended {
            ending: Ending::Exit(127),
            log_line: Some("sh: 1: mallory: not found".into()),
        }),
        Reason::SmokeTest(SmokeTestError::Public {
            address: "/etc/mallory".into(),
        }),
        Reason::SmokeTest(SmokeTestError::OtherProcess {
            port: 6666,
            owner: PortHolder::Other(EVIL.into()),
        }),
        Reason::Command {
            ending: Ending::Exit(127),
            line: None,
            output: output.clone(),
            log_line: Some("sh: 1: mallory: not found".into()),
        },
        Reason::Command {
            ending: Ending::Exit(1),
            line: None,
            output,
            log_line: None,
        },
    ]);
    all
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn no_word_of_a_server_is_in_a_command() {
    let start = FailedStart {
        log: LogPlace::File {
            path: "/etc/mallory".into(),
            readable: false,
        },
        invocation: Some(EVIL.into()),
        ..FailedStart::default()
    };
    let places = [
        place(),
        Place {
            start: Some(start),
            ..place()
        },
        Place {
            service: None,
            ..place()
        },
    ];
    let steps = [
        Step::Check,
        Step::Install,
        Step::BeforeSwitch,
        Step::SmokeTest,
        Step::Restart,
        Step::Verify,
    ];
    for place in &places {
        let mut hints: Vec<Hint> = findings().iter().map(|it| finding(it, place)).collect();
        for step in steps {
            for unit in [None, Some(EVIL.to_owned())] {
                hints.extend(reasons().into_iter().map(|it| {
                    let failure = Failure {
                        step,
                        reason: it,
                        unit: unit.clone(),
                    };
                    reason(&failure, place)
                }));
            }
        }
        for hint in hints {
            assert!(!hint.is_empty());
            for command in hint.advice().iter().flat_map(|it| &it.commands) {
                let is_ours = !command.contains(EVIL) && !command.contains("6666");
                assert!(is_ours && !command.contains(".."), "{command}");
            }
        }
    }
}

#[test]
fn a_file_of_sudoers_is_checked_before_it_is_in_place() {
    let command = sudoers("deploy", "restart", "diting");
    let at = |text: &str| command.find(text).unwrap();
    assert!(
        at("visudo -cf \"$new\" &&") < at("install -m 0440 \"$new\" /etc/sudoers.d/"),
        "{command}"
    );
}
