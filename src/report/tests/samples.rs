use crate::protocol::{
    Answer, ConnectionKind, End, Ending, Failure, Holder, Hop, IoKind, KeyState, Notice,
    OfferedKey, Outcome, Part, Planned, Reason, ReleaseId, Step, Task, TransactionId, Trouble,
    Unready, Verdict, Warning,
};
use crate::report::Place;
use std::time::Duration;

pub(in crate::report) const OLD: &str = "1762147685";
pub(in crate::report) const NEW: &str = "1762147999";
pub(in crate::report) const STEPS: [Step; 14] = [
    Step::Connect,
    Step::Lock,
    Step::Recover,
    Step::Check,
    Step::Upload,
    Step::Install,
    Step::BeforeSwitch,
    Step::Seal,
    Step::Switch,
    Step::Restart,
    Step::Verify,
    Step::Commit,
    Step::RollBack,
    Step::Retention,
];
const IMPORT_ERROR: &str = "ModuleNotFoundError: No module named 'x'";
const PANIC: &str = "thread 'main' panicked at src/main.rs:2:5: no \u{1b}[31mdatabase ##[error]";
const SECOND: Duration = Duration::from_secs(1);

pub(in crate::report) fn id(text: &str) -> ReleaseId {
    text.parse().unwrap()
}

pub(in crate::report) fn planned() -> Planned {
    Planned {
        part: Part::Whole,
        task: Task::Deploy,
        host: "web1.example".into(),
        port: 22,
        user: "deploy".into(),
        target: "/opt/diting".into(),
        service: Some("diting".into()),
        commit: Some("3f2a1bc".into()),
        entries: 120,
        bytes: 1_234_567,
        timeout: SECOND * 1800,
    }
}

pub(in crate::report) fn place() -> Place {
    Place::from(&planned())
}

pub(in crate::report) fn held() -> Holder {
    let run = Some("https://github.com/diting/app/actions/runs/7".into());
    Holder {
        run,
        actor: Some("alice".into()),
        since: 1_762_147_000,
    }
}

pub(in crate::report) fn answers() -> Vec<Answer> {
    vec![
        Answer::Healthy { status: 200 },
        Answer::Status {
            status: 500,
            location: None,
            body: b"{\"status\":\r\n ##[error]\"db\"}".to_vec(),
        },
        Answer::Status {
            status: 302,
            location: Some("https://web1/login".into()),
            body: Vec::new(),
        },
        Answer::Mismatch {
            pattern: "\"release\":\"1762147999\"".into(),
            body: b"x".repeat(300),
        },
        Answer::Refused,
        Answer::TimedOut {
            during: "the body".into(),
        },
        Answer::Broken("no HTTP".into()),
    ]
}

pub(in crate::report) fn unhealthy(last: Answer) -> Reason {
    Reason::Unhealthy {
        last,
        attempts: 30,
        waited: SECOND * 60,
        said: None,
    }
}

pub(in crate::report) fn command(ending: Ending, output: &[u8]) -> Reason {
    Reason::Command {
        ending,
        line: Some((2, "uv sync --frozen".into())),
        output: output.to_vec(),
        said: None,
    }
}

fn io(kind: IoKind, error: &str) -> Reason {
    let (operation, path) = (
        "write".into(),
        "/opt/diting/releases/1762147999/app.py".into(),
    );
    Reason::Io {
        operation,
        path,
        error: error.into(),
        kind,
    }
}

pub(in crate::report) fn crashed(result: &str) -> Reason {
    Reason::Crashed {
        result: result.into(),
        said: None,
    }
}

fn not_running(state: &str) -> Reason {
    Reason::NotRunning {
        state: state.into(),
        said: None,
    }
}

/// Those that a line of the log explains.
pub(in crate::report) fn explained() -> [Reason; 5] {
    let no_database = || Some("ValueError: no database".to_owned());
    [
        Reason::Command {
            ending: Ending::Exit(1),
            line: None,
            output: Vec::new(),
            said: no_database(),
        },
        Reason::StartLimit {
            interval: SECOND * 10,
            said: no_database(),
        },
        Reason::Crashed {
            result: "exit-code, exit status 1".into(),
            said: Some(IMPORT_ERROR.into()),
        },
        Reason::NotRunning {
            state: "inactive/dead, success, exit status 0".into(),
            said: Some("bye".into()),
        },
        Reason::Unhealthy {
            last: Answer::Refused,
            attempts: 30,
            waited: SECOND * 60,
            said: Some(PANIC.into()),
        },
    ]
}

fn no_such_release(problem: &str) -> Reason {
    Reason::NoSuchRelease {
        wanted: "3f2a1bc".into(),
        problem: format!("{OLD} {problem}"),
    }
}

pub(in crate::report) fn reasons() -> Vec<Reason> {
    let mut all = vec![
        Reason::NotReady(findings().split_off(7)),
        Reason::Busy(None),
        Reason::Busy(Some(held())),
        io(IoKind::Full, "No space left on device"),
        io(IoKind::ReadOnly, "Read-only file system"),
        io(IoKind::Denied, "Permission denied"),
        io(IoKind::Other, "Input/output error"),
        Reason::Upload("app.py has another digest".into()),
        Reason::Cancelled,
        Reason::OutOfTime(SECOND * 1800),
        command(Ending::Exit(1), b""),
        Reason::Command {
            ending: Ending::Exit(1),
            line: None,
            output: b"\nsudo: @a\nmore".to_vec(),
            said: None,
        },
        Reason::Command {
            ending: Ending::Signal(9),
            line: None,
            output: Vec::new(),
            said: None,
        },
        Reason::Command {
            ending: Ending::OutOfTime,
            line: None,
            output: Vec::new(),
            said: None,
        },
        Reason::Program {
            program: ".venv/bin/uvicorn".into(),
            problem: "there is no such file".into(),
        },
        Reason::Shared {
            path: "config/wechat.yaml".into(),
            problem: "is missing".into(),
        },
        Reason::Log {
            lines: lines([
                b"Traceback (most recent call last):",
                b"KeyError: 'DATABASE_URL'",
            ]),
        },
        Reason::StartLimit {
            interval: SECOND * 10,
            said: None,
        },
        crashed("exit-code, exit status 1"),
        crashed("exit-code, exit status 203"),
        crashed("exit-code, exit status 200"),
        crashed("exit-code, exit status 217"),
        crashed("signal, signal 9"),
        not_running("failed/failed, exit-code, exit status 203"),
        Reason::NotRestarted,
        Reason::NotStarted { condition: true },
        Reason::Interference("current points to 1762147001".into()),
        Reason::Unreadable("Failed to connect to bus".into()),
        Reason::ForeignListener {
            port: 8000,
            who: "process 4711 (uvicorn)".into(),
        },
        Reason::Interrupted,
        no_such_release("failed when it went live"),
        Reason::NoSuchRelease {
            wanted: String::new(),
            problem: "there is no good release to go back to".into(),
        },
    ];
    all.extend(
        answers()
            .into_iter()
            .filter(|answer| !matches!(answer, Answer::Healthy { .. }))
            .map(unhealthy),
    );
    all
}

pub(in crate::report) fn findings() -> Vec<Unready> {
    let user = || "deploy".to_owned();
    let unit = |state: &str| Unready::Unit {
        service: "diting".into(),
        state: state.into(),
    };
    vec![
        Unready::Target {
            path: "/opt/diting".into(),
            user: user(),
            error: "Permission denied".into(),
        },
        Unready::Link {
            name: "current".into(),
            found: "a folder".into(),
        },
        Unready::Link {
            name: "current".into(),
            found: "a link to /srv/app, which is no release".into(),
        },
        Unready::NoSystemd("no such file".into()),
        unit("not-found"),
        unit("masked"),
        unit("bad-setting"),
        Unready::Sudo {
            service: "diting".into(),
            user: user(),
        },
        Unready::KillUserProcesses { user: user() },
        Unready::Missing {
            program: "uv".into(),
            path: "/home/deploy/.local/bin:/usr/bin".into(),
        },
        Unready::Missing {
            program: "make".into(),
            path: "/usr/bin".into(),
        },
        room(None),
        room(Some(12)),
        Unready::NoLocks {
            error: "No locks available".into(),
        },
    ]
}

fn room(inodes: Option<u64>) -> Unready {
    Unready::Room {
        needed: 1_234_567,
        free: 400_000_000,
        min_free: 500_000_000,
        inodes,
    }
}

fn lines<const N: usize>(lines: [&[u8]; N]) -> Vec<Vec<u8>> {
    lines.map(<[u8]>::to_vec).to_vec()
}

pub(in crate::report) fn warnings() -> Vec<Warning> {
    vec![
        Warning::Leftover {
            path: "/opt/diting/releases/1762000000".into(),
            error: "Permission denied".into(),
        },
        Warning::DaemonReload,
        Warning::NotEnabled("diting".into()),
        Warning::DiskNearlyFull(87),
        Warning::NoResetFailed {
            service: "diting".into(),
            user: "deploy".into(),
        },
        Warning::LogWords(lines([
            b"ERROR: \x1b[31mno cache",
            b"Exception in worker process",
        ])),
        Warning::LogNotChecked("only its last 10 lines can be read".into()),
        Warning::OldUnhealthy(Answer::Refused),
    ]
}

pub(in crate::report) fn notices() -> Vec<Notice> {
    vec![
        Notice::TakenOver(id(OLD)),
        Notice::ListenerNotChecked("it is nginx.service".into()),
        Notice::LingerNotChecked,
        Notice::StartLimitWait {
            up_to: SECOND * 10,
            serving: true,
        },
        Notice::StartLimitWait {
            up_to: SECOND * 300,
            serving: false,
        },
        Notice::Adopted("current -> /opt/diting/previous".into()),
    ]
}

pub(in crate::report) fn troubles() -> Vec<Trouble> {
    use ConnectionKind::{HostKey, Login, Other, Refused, Resolve, TimedOut};
    let connection = |kind| Trouble::Connection {
        kind,
        said: b"debug\nssh: what ssh said\r\n".to_vec(),
        hop: Hop::Server,
        offered: None,
    };
    let mut all = vec![
        Trouble::Tool {
            program: "ssh-agent".into(),
            problem: "it is not on PATH".into(),
        },
        Trouble::Key {
            said: b"error in libcrypto\n".to_vec(),
        },
        Trouble::Source {
            path: b"run/app.sock".to_vec(),
            problem: "it is a socket".into(),
        },
        Trouble::ServerPart {
            operation: "start".into(),
            said: b"Permission denied".to_vec(),
        },
        Trouble::NoBinary {
            cpu: "aarch64".into(),
            file: "deploy-action-aarch64".into(),
        },
        Trouble::Protocol {
            problem: "no greeting".into(),
        },
        Trouble::LineCut { finished_by: None },
        Trouble::LineCut {
            finished_by: Some(1_762_148_300),
        },
        Trouble::OutOfTime {
            limit: SECOND * 1800,
        },
        Trouble::Cancelled { finished_by: None },
        Trouble::Cancelled {
            finished_by: Some(1_762_148_300),
        },
        Trouble::Bug {
            problem: "two verdicts".into(),
        },
    ];
    all.extend(
        [
            KeyState::Unknown,
            KeyState::Changed,
            KeyState::Revoked,
            KeyState::OtherName,
        ]
        .map(not_trusted),
    );
    all.push(Trouble::Passphrase);
    let hop = Hop::Jump {
        host: "jump.example".into(),
        port: 2222,
        user: "hop".into(),
    };
    all.push(Trouble::Connection {
        kind: Login,
        said: b"Permission denied (publickey).".to_vec(),
        hop,
        offered: None,
    });
    all.extend([Refused, TimedOut, Resolve, HostKey, Login, Other].map(connection));
    all
}

fn not_trusted(state: KeyState) -> Trouble {
    let line = "web1.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==".into();
    let offered = OfferedKey {
        line,
        fingerprint: "SHA256:47DEQpj8HBSa".into(),
        state,
    };
    let said = b"Host key verification failed.\r\n".to_vec();
    Trouble::Connection {
        kind: ConnectionKind::HostKey,
        said,
        hop: Hop::Server,
        offered: Some(Box::new(offered)),
    }
}

pub(in crate::report) fn failed(step: Step, reason: Reason) -> Option<Failure> {
    Some(Failure { step, reason })
}

pub(in crate::report) fn verdict(
    outcome: Outcome,
    live: Option<&str>,
    failure: Option<Failure>,
) -> Verdict {
    Verdict {
        transaction: TransactionId::from_random([7; 16]),
        outcome,
        release: Some(id(NEW)),
        previous: Some(id(OLD)),
        live: live.map(id),
        failure,
        rollback: None,
        switched: true,
        at: 1_762_148_020,
    }
}

pub(in crate::report) fn by_verdict(verdict: Verdict) -> End {
    End {
        outcome: verdict.outcome,
        verdict: Some(verdict),
        trouble: None,
        took: Duration::from_millis(21_400),
    }
}

pub(in crate::report) fn by_trouble(outcome: Outcome, trouble: Option<Trouble>) -> End {
    End {
        outcome,
        verdict: None,
        trouble,
        took: Duration::from_millis(12_300),
    }
}

fn down() -> Option<Failure> {
    failed(
        Step::Verify,
        unhealthy(Answer::Status {
            status: 500,
            location: None,
            body: b"no database".to_vec(),
        }),
    )
}

/// At least one of every outcome.
pub(in crate::report) fn ends() -> Vec<End> {
    let mut all = by_the_server();
    all.extend(by_the_runner());
    all
}

fn by_the_server() -> Vec<End> {
    let unsent = |outcome, failure| Verdict {
        switched: false,
        ..verdict(outcome, Some(OLD), failure)
    };
    let first = |outcome, failure| Verdict {
        previous: None,
        ..verdict(outcome, None, failure)
    };
    let install = || failed(Step::Install, command(Ending::Exit(127), b""));
    let refused = || failed(Step::RollBack, unhealthy(Answer::Refused));
    [
        verdict(Outcome::Deployed, Some(NEW), None),
        Verdict {
            release: Some(id(OLD)),
            previous: Some(id(NEW)),
            ..verdict(Outcome::Restored, Some(OLD), None)
        },
        verdict(Outcome::RolledBack, Some(OLD), down()),
        verdict(
            Outcome::RolledBack,
            Some(OLD),
            failed(Step::Recover, Reason::Interrupted),
        ),
        Verdict {
            rollback: refused(),
            ..verdict(Outcome::RollbackFailed, Some(OLD), down())
        },
        first(Outcome::Failed, down()),
        Verdict {
            rollback: refused(),
            ..verdict(Outcome::Failed, Some(OLD), down())
        },
        Verdict {
            rollback: refused(),
            ..verdict(Outcome::Failed, Some(NEW), down())
        },
        verdict(
            Outcome::Failed,
            Some(OLD),
            failed(
                Step::Switch,
                Reason::Interference("current was changed".into()),
            ),
        ),
        unsent(Outcome::Failed, install()),
        Verdict {
            switched: false,
            ..first(Outcome::Failed, install())
        },
        Verdict {
            release: None,
            ..unsent(
                Outcome::NotReady,
                failed(Step::Check, Reason::NotReady(findings())),
            )
        },
        Verdict {
            release: None,
            ..unsent(
                Outcome::Busy,
                failed(Step::Lock, Reason::Busy(Some(held()))),
            )
        },
        Verdict {
            release: None,
            ..unsent(
                Outcome::Failed,
                failed(Step::Check, no_such_release("is current already")),
            )
        },
        unsent(Outcome::Cancelled, failed(Step::Upload, Reason::Cancelled)),
        unsent(Outcome::Error, None),
    ]
    .map(by_verdict)
    .into()
}

fn by_the_runner() -> Vec<End> {
    let out_of_time = || {
        Some(Trouble::OutOfTime {
            limit: SECOND * 1800,
        })
    };
    let finished_by = Some(1_762_148_300);
    let stopped = verdict(
        Outcome::Cancelled,
        Some(OLD),
        failed(Step::Install, Reason::Cancelled),
    );
    let stopped = by_verdict(Verdict {
        switched: false,
        ..stopped
    });
    let no_binary = Trouble::NoBinary {
        cpu: "riscv64".into(),
        file: "deploy-action-riscv64".into(),
    };
    vec![
        End {
            outcome: Outcome::Failed,
            trouble: out_of_time(),
            ..stopped
        },
        by_trouble(
            Outcome::Error,
            Some(Trouble::Bug {
                problem: "two verdicts".into(),
            }),
        ),
        by_trouble(Outcome::Invalid, None),
        by_trouble(
            Outcome::Invalid,
            Some(Trouble::Key {
                said: b"error in libcrypto\n".to_vec(),
            }),
        ),
        by_trouble(Outcome::Unreachable, troubles().pop()),
        by_trouble(Outcome::NotReady, Some(no_binary)),
        by_trouble(
            Outcome::Failed,
            Some(Trouble::LineCut { finished_by: None }),
        ),
        by_trouble(Outcome::Failed, out_of_time()),
        by_trouble(
            Outcome::Cancelled,
            Some(Trouble::Cancelled { finished_by: None }),
        ),
        by_trouble(Outcome::Unknown, Some(Trouble::LineCut { finished_by })),
        by_trouble(Outcome::Unknown, Some(Trouble::Cancelled { finished_by })),
        by_trouble(
            Outcome::Unknown,
            Some(Trouble::Protocol {
                problem: "a message is too long".into(),
            }),
        ),
    ]
}
