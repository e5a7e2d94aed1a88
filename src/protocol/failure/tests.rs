//! What versions from 1.0.0 on wrote can be read, and they can read what is written now.

use super::*;
use crate::protocol::ManifestError;
use std::time::Duration;

/// One of each kind, as 1.2.0 wrote it into a verdict.
const OF_1_2_0: &str = include_str!("of_1_2_0.jsonl");
/// As versions before 1.1 wrote it.
const OF_1_0_0: &str = r#"[
    {"step": "Verify", "reason": {"Crashed": {"result": "exit-code, exit status 1"}}},
    {"step": "Verify", "reason": {"NotRunning": {"state": "inactive/dead, success, exit status 0"}}},
    {"step": "RollBack", "reason": {"Unhealthy": {
        "last": "Refused", "attempts": 3, "waited": {"secs": 2, "nanos": 0}
    }}}
]"#;

fn of_1_2_0() -> Vec<Failure> {
    let lines = OF_1_2_0.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn what_the_first_versions_left_can_be_read() {
    let failures: Vec<Failure> = serde_json::from_str(OF_1_0_0).unwrap();
    let exited = |result: &str, status| ProcessEnd::Exited {
        result: result.into(),
        status,
    };
    let reasons = [
        Reason::Crashed {
            end: exited("exit-code", 1),
            log_line: None,
        },
        Reason::NotRunning {
            state: UnitState::Ended {
                active: "inactive".into(),
                sub: "dead".into(),
                end: exited("success", 0),
            },
            log_line: None,
        },
        Reason::Unhealthy {
            last: Box::new(HealthAnswer::Refused),
            attempts: 3,
            waited: Duration::from_secs(2),
            log_line: None,
        },
    ];
    let read: Vec<Reason> = failures.into_iter().map(|failure| failure.reason).collect();
    assert_eq!(read, reasons);
}

#[test]
#[expect(clippy::too_many_lines, reason = "the snapshot is long")]
fn what_1_2_0_left_reads_as_it_did_there() {
    let all: Vec<String> = of_1_2_0()
        .iter()
        .flat_map(|failure| match &failure.reason {
            Reason::NotReady(found) => found.iter().map(Finding::to_string).collect(),
            reason => vec![reason.to_string()],
        })
        .collect();
    insta::assert_snapshot!(all.join("\n"), @"
    /opt/app on the server cannot be created or written by deploy: Permission denied (os error 13)
    current on the server is not a link to a release, but a folder
    current on the server is not a link to a release, but a link to /x, which is not there
    systemd on the server cannot be used: it is older than version 232
    systemd on the server cannot be used: Failed to connect to bus
    unit app on the server is masked
    deploy may not run sudo -n systemctl restart app on the server
    logind on the server kills the processes of deploy at logout
    uv is not on the server (searched: /usr/bin)
    the release needs 1 B and 3 B must stay free, but the target's disk has 2 B
    the target's disk can hold only 4 more files
    files on the server cannot be locked: the folder is on NFS
    another deployment holds the lock on the server
    another deployment holds the lock on the server (since 1970-01-01 00:00:07 UTC, https://x/1)
    the server cannot write /opt/app/x: No space left on device (os error 28)
    the server cannot make the folder /opt/app/x: No space left on device (os error 28)
    the server cannot look at /opt/app/x: No space left on device (os error 28)
    the server cannot understand the pending transaction in /opt/app/x: No space left on device (os error 28)
    the upload does not match what was announced: the tree is not the one that was announced
    the connection to the runner was lost, or the run was cancelled
    the time limit before the switch (1 min) was reached
    line 2, false, ended with exit code 1 on the server
    the command was killed by signal 9 (SIGKILL) on the server; its output: x
    the command did not end in time and was killed on the server
    the command ended with exit code 1 on the server; its log shows: no database
    the unit on the server needs /opt/app/current/x (ExecStart): it is not executable
    the unit on the server needs /opt/app/current/x (ExecStart): its interpreter /nowhere is not there or not executable
    shared/logs on the server is missing
    shared/logs on the server is a folder: write it with a / at its end
    the new process logged a crash: FATAL: x
    3f2a1bc: 1700000300 is current already
    3f2a1bc: no release on the server has this id, or a commit that begins so
    systemd on the server refuses to start the unit again within 10 s; its log shows: no database
    the unit's process on the server ended: exit-code, exit status 203
    the unit's process on the server ended: signal, signal 9; its log shows: no database
    the unit's process on the server ended: start limit hit
    the unit's process on the server ended: exit-code, exit status
    the unit on the server is activating/auto-restart
    the unit on the server is inactive/dead, success, exit status 0
    the unit on the server still runs the old process
    systemd on the server did not start the unit, because a condition in its file is not met
    systemd on the server did not start the unit
    someone else changed the server during the deployment: the unit was restarted by someone else while it was verified
    the unit's state cannot be read on the server: Failed to connect to bus
    port 8000 on the server is held by process 7 (x) of no service, in /, not by the new process
    the process that deploys on the server was killed, or the server went down
    health answered 500 with “no” after 3 attempts in 2.0 s
    health answered 302, a redirect to /login after 3 attempts in 2.0 s
    health answered with a body that does not match “x”: “y” after 3 attempts in 2.0 s
    health refused the connection: no process listens there after 3 attempts in 2.0 s
    health timed out while waiting for an answer after 3 attempts in 2.0 s
    health timed out while waiting for the rest of the body after 3 attempts in 2.0 s
    health could not be checked: health-match can't be asked: it names {sha}, but no commit is known after 3 attempts in 2.0 s
    health answered 200 after 3 attempts in 2.0 s
    ");
}

#[test]
fn what_hints_depend_on_is_read_from_the_texts_of_1_2_0() {
    let all = of_1_2_0();
    let has = |reason: &Reason| all.iter().any(|failure| failure.reason == *reason);
    let crashed = |end, line: Option<&str>| Reason::Crashed {
        end,
        log_line: line.map(str::to_owned),
    };
    let result = "signal".to_owned();
    let killed = ProcessEnd::Killed { result, signal: 9 };
    assert!(has(&crashed(killed, Some("no database"))));
    assert!(has(&crashed(ProcessEnd::StartLimit, None)));
    let found = |failure: &Failure| match &failure.reason {
        Reason::NotReady(found) => found.clone(),
        _ => Vec::new(),
    };
    assert!(all.iter().flat_map(found).any(|finding| finding
        == Finding::Link {
            name: "current".into(),
            found: LinkState::Folder,
        }));
}

/// One of each kind, structured as this version makes it.
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn structured() -> Vec<Reason> {
    let id = |text: &str| text.parse().unwrap();
    let text = || "x".to_owned();
    let (error, path) = (text, text);
    let io = |operation| Reason::Io {
        operation,
        path: path(),
        error: error(),
        kind: IoKind::Other,
    };
    let target = |error| Reason::NoSuchRelease {
        wanted: text(),
        error,
    };
    let end = || ProcessEnd::Killed {
        result: text(),
        signal: 6,
    };
    let (active, sub) = (text, text);
    let unhealthy = |last| Reason::Unhealthy {
        last: Box::new(last),
        attempts: 1,
        waited: Duration::ZERO,
        log_line: None,
    };
    let broken = |error| unhealthy(HealthAnswer::Broken(error));
    let listener = |owner| Reason::OtherListener { port: 1, owner };
    let shared = |error| Reason::Shared {
        path: path(),
        error,
    };
    let unit = |error| Reason::Unreadable(UnreadableState::Systemd(error));
    let mut all: Vec<Reason> = of_1_2_0().into_iter().map(|it| it.reason).collect();
    all.extend([
        io(Operation::CreateLink),
        Reason::Upload(BadUpload::Manifest(ManifestError::Path(3))),
        Reason::Upload(BadUpload::Count {
            found: 1,
            announced: 2,
        }),
        Reason::Program {
            property: "EnvironmentFile".to_owned(),
            path: path(),
            error: PathError::Interpreter(path()),
            others: vec![UnitPath {
                property: "WorkingDirectory".to_owned(),
                path: path(),
                error: PathError::DeadLink(path()),
                unit: None,
            }],
        },
        shared(SharedError::Inaccessible { error: error() }),
        shared(SharedError::Parent(path())),
        target(RollbackTargetError::NoRecord(id("v1.4.2"))),
        target(RollbackTargetError::NoneGood {
            current: Some(id("7")),
        }),
        target(RollbackTargetError::Ambiguous {
            releases: vec![id("7"), id("6")],
            current: Some(id("7")),
            more: true,
        }),
        Reason::NotRunning {
            state: UnitState::Ended {
                active: active(),
                sub: sub(),
                end: end(),
            },
            log_line: None,
        },
        Reason::Interference(Interference::Current(id("7"))),
        Reason::Interference(Interference::Current(id("v1.4.2"))),
        Reason::Interference(Interference::CurrentReplaced(LinkState::Dead(path()))),
        Reason::Interference(Interference::ReleaseDeleted(path())),
        unit(SystemdError::Systemctl { error: error() }),
        unit(SystemdError::Failed { output: text() }),
        Reason::Unreadable(UnreadableState::LogPattern { error: error() }),
        listener(PortHolder::LeftOver {
            pid: 1,
            name: text(),
        }),
        listener(PortHolder::Earlier(OtherProcess {
            process: Some((1, text())),
            group: Some(text()),
        })),
        Reason::NotRunning {
            state: UnitState::OtherRelease(ReleaseProcess {
                pid: 1,
                name: text(),
                release: text(),
            }),
            log_line: None,
        },
        broken(HealthError::Resolve {
            host: text(),
            error: error(),
        }),
        broken(HealthError::TooLong { limit: 7 }),
        broken(HealthError::Unit(UnitState::Changing {
            active: active(),
            sub: sub(),
        })),
        unhealthy(HealthAnswer::TimedOut {
            during: Phase::Body,
        }),
        Reason::NotReady(vec![
            Finding::Link {
                name: text(),
                found: LinkState::Elsewhere(path()),
            },
            Finding::Link {
                name: text(),
                found: LinkState::UnusableName(path()),
            },
            Finding::NoSystemd(SystemdError::TooOld),
            Finding::NoLocks {
                error: LockError::Nfs,
            },
        ]),
    ]);
    all
}

#[test]
fn on_the_wire_the_structure_travels() {
    for reason in structured() {
        let bytes = postcard::to_stdvec(&reason).unwrap();
        assert_eq!(postcard::from_bytes::<Reason>(&bytes), Ok(reason));
    }
}

#[test]
fn what_is_written_now_reads_the_same_when_it_is_read_again() {
    for reason in structured() {
        let text = serde_json::to_string(&reason).unwrap();
        let read: Reason = serde_json::from_str(&text).unwrap();
        assert_eq!(read.to_string(), reason.to_string());
    }
}

/// The types of 1.2.0, as far as they are in JSON.
mod mirror {
    use crate::protocol::Holder;
    use crate::protocol::{Ending, IoKind};
    use serde::de::IgnoredAny;
    use serde::Deserialize;
    use std::time::Duration;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read counts")]
    pub(super) enum Reason {
        NotReady(Vec<Unready>),
        Busy(Option<Holder>),
        Io {
            operation: String,
            path: String,
            error: String,
            kind: IoKind,
        },
        Upload(String),
        Cancelled,
        OutOfTime(Duration),
        Command {
            ending: Ending,
            line: Option<(u32, String)>,
            output: Vec<u8>,
            said: Option<String>,
        },
        // `property` and `others` are of 1.5: 1.2.0 did not know them, and reads past what it does not know
        Program {
            property: IgnoredAny,
            program: String,
            problem: String,
            others: IgnoredAny,
        },
        Shared {
            path: String,
            problem: String,
        },
        Log {
            lines: Vec<Vec<u8>>,
        },
        NoSuchRelease {
            wanted: String,
            problem: String,
        },
        StartLimit {
            interval: Duration,
            said: Option<String>,
        },
        Crashed {
            result: String,
            said: Option<String>,
        },
        NotRunning {
            state: String,
            said: Option<String>,
        },
        NotRestarted,
        NotStarted {
            condition: bool,
        },
        Interference(String),
        Unreadable(String),
        ForeignListener {
            port: u16,
            who: String,
        },
        Unhealthy {
            last: Answer,
            attempts: u32,
            waited: Duration,
            said: Option<String>,
        },
        Interrupted,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read counts")]
    pub(super) enum Unready {
        Target {
            path: String,
            user: String,
            error: String,
        },
        Link {
            name: String,
            found: String,
        },
        NoSystemd(String),
        Unit {
            service: String,
            state: String,
        },
        Sudo {
            service: String,
            user: String,
            /// Newer, and ignored.
            #[serde(default)]
            output: IgnoredAny,
        },
        KillUserProcesses {
            user: String,
        },
        Missing {
            program: String,
            path: String,
        },
        Room {
            needed: u64,
            free: u64,
            min_free: u64,
            inodes: Option<u64>,
        },
        NoLocks {
            error: String,
        },
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read counts")]
    pub(super) enum Answer {
        Healthy {
            status: u16,
        },
        Status {
            status: u16,
            location: Option<String>,
            body: Vec<u8>,
        },
        Mismatch {
            pattern: String,
            body: Vec<u8>,
        },
        Refused,
        TimedOut {
            during: String,
        },
        Broken(String),
    }
}

#[test]
fn what_is_written_now_can_be_read_by_1_2_0() {
    for reason in structured() {
        let text = serde_json::to_string(&reason).unwrap();
        let read = serde_json::from_str::<mirror::Reason>(&text);
        assert!(read.is_ok(), "{text}: {read:?}");
    }
}

/// Only of a service with unit files in its releases. A version before 1.8 does not begin where such a transaction is pending,
/// and tells nothing of one that has ended.
const SINCE_1_8: [&str; 2] = ["RejectedUnitFiles", "UnitFiles"];

/// Only of a release that was not switched to. Only the run that failed reads that verdict, and it is of the same version.
const SINCE_1_9: [&str; 1] = ["SmokeTest"];

/// Nothing else may be added to what 1.2.0 knows, as it would refuse the whole verdict.
#[test]
fn every_kind_of_reason_is_written_here() {
    let names = |all: &[Reason]| -> std::collections::BTreeSet<String> {
        let name = |reason: &Reason| match serde_json::to_value(reason).unwrap() {
            serde_json::Value::String(name) => name,
            other => other.as_object().unwrap().keys().next().unwrap().clone(),
        };
        all.iter().map(name).collect()
    };
    let error = serde_json::from_str::<Reason>("\"?\"")
        .unwrap_err()
        .to_string();
    // unknown variant `?`, expected one of `NotReady`, `Busy`, …
    let known = error.split('`').skip(3).step_by(2).map(str::to_owned);
    let newer = [&SINCE_1_8[..], &SINCE_1_9].concat();
    let known = known.filter(|name| !newer.contains(&name.as_str()));
    assert_eq!(names(&structured()), known.collect());
}
