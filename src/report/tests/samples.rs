use super::smoke_test;
use crate::protocol::{
    AccessFix, AppAccess, BadUpload, BinaryError, Bug, ConnectionError, ConnectionKind, End,
    Ending, Failure, FileKind, Finding, HealthAnswer, HealthError, Holder, Hop, Interference,
    Interruption, IoKind, KeyState, LinkState, LockError, LoginScriptError, Notice, OfferedKey,
    Operation, OtherProcess, Outcome, Part, PathError, Phase, Planned, PortHolder, ProcessEnd,
    ProtocolError, Reason, RejectedUnitFile, ReleaseId, ReleaseProcess, Restart,
    RollbackTargetError, RunError, Scope, ServerPartError, SharedError, SharedInRelease,
    SourceProblem, Step, SystemdError, Task, ToolError, TransactionId, UncheckedListener,
    UnitFileError, UnitFileProblem, UnitPath, UnitState, UnreadLog, UnreadableState, UnsafeFolder,
    UnseenRelease, Verdict, Warning, WrittenData, WrittenItem, WrittenKind,
};
use crate::report::Place;
use std::time::Duration;

pub(in crate::report) const OLD: &str = "1762147685";
pub(in crate::report) const NEW: &str = "1762147999";
pub(in crate::report) const STEPS: [Step; 15] = [
    Step::Connect,
    Step::Lock,
    Step::Recover,
    Step::Check,
    Step::Upload,
    Step::Install,
    Step::BeforeSwitch,
    Step::SmokeTest,
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
        others: Vec::new(),
        scope: Scope::System,
        unit_files: false,
        restart: Restart::Systemctl,
        health: None,
        shared: ["data/app.db", "it's uploads", "config/wechat.yaml"]
            .map(str::to_owned)
            .to_vec(),
        commit: Some("3f2a1bc".into()),
        changed: false,
        actor: Some("alice".into()),
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

pub(in crate::report) fn answers() -> Vec<HealthAnswer> {
    vec![
        HealthAnswer::Healthy { status: 200 },
        HealthAnswer::Status {
            status: 500,
            location: None,
            body: b"{\"status\":\r\n ##[error]\"db\"}".to_vec(),
        },
        HealthAnswer::Status {
            status: 302,
            location: Some("https://web1/login".into()),
            body: Vec::new(),
        },
        HealthAnswer::Mismatch {
            pattern: "\"release\":\"1762147999\"".into(),
            body: b"x".repeat(300),
        },
        HealthAnswer::Refused,
        HealthAnswer::TimedOut {
            during: Phase::Body,
        },
        HealthAnswer::Broken(HealthError::Http {
            error: "no HTTP".into(),
        }),
        HealthAnswer::Broken(HealthError::EnvFile {
            error: "Permission denied".into(),
        }),
        of_command(Ending::Exit(0), b"queue is empty"),
        of_command(Ending::Exit(3), b"asking\nredis: ##[error]refused"),
        of_command(Ending::Exit(127), b"sh: 2: grpc-probe: not found"),
        of_command(Ending::OutOfTime, b""),
    ]
}

fn of_command(ending: Ending, output: &[u8]) -> HealthAnswer {
    let output = output.to_vec();
    HealthAnswer::Command { ending, output }
}

pub(in crate::report) fn unhealthy(last: HealthAnswer) -> Reason {
    Reason::Unhealthy {
        last: Box::new(last),
        attempts: 30,
        waited: SECOND * 60,
        log_line: None,
    }
}

pub(in crate::report) fn command(ending: Ending, output: &[u8]) -> Reason {
    Reason::Command {
        ending,
        line: Some((2, "uv sync --frozen".into())),
        output: output.to_vec(),
        log_line: None,
    }
}

fn io(kind: IoKind, error: &str) -> Reason {
    Reason::Io {
        operation: Operation::Write,
        path: "/opt/diting/releases/1762147999/app.py".into(),
        error: error.into(),
        kind,
    }
}

pub(in crate::report) fn exited(status: i32) -> Reason {
    let result = "exit-code".into();
    crashed(ProcessEnd::Exited { result, status })
}

fn crashed(end: ProcessEnd) -> Reason {
    Reason::Crashed {
        end,
        log_line: None,
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
            log_line: no_database(),
        },
        Reason::StartLimit {
            interval: SECOND * 10,
            log_line: no_database(),
        },
        Reason::Crashed {
            end: ProcessEnd::Exited {
                result: "exit-code".into(),
                status: 1,
            },
            log_line: Some(IMPORT_ERROR.into()),
        },
        Reason::NotRunning {
            state: UnitState::Ended {
                active: "inactive".into(),
                sub: "dead".into(),
                end: ProcessEnd::Exited {
                    result: "success".into(),
                    status: 0,
                },
            },
            log_line: Some("bye".into()),
        },
        Reason::Unhealthy {
            last: Box::new(HealthAnswer::Refused),
            attempts: 30,
            waited: SECOND * 60,
            log_line: Some(PANIC.into()),
        },
    ]
}

fn no_such_release(error: RollbackTargetError) -> Reason {
    Reason::NoSuchRelease {
        wanted: "3f2a1bc".into(),
        error,
    }
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
pub(in crate::report) fn reasons() -> Vec<Reason> {
    let mut all = vec![
        Reason::NotReady(findings().split_off(7)),
        Reason::Busy(None),
        Reason::Busy(Some(held())),
        io(IoKind::Full, "No space left on device"),
        io(IoKind::ReadOnly, "Read-only file system"),
        io(IoKind::Denied, "Permission denied"),
        io(IoKind::Other, "Input/output error"),
        Reason::Upload(BadUpload::Corrupt("app.py".into())),
        Reason::Cancelled,
        Reason::OutOfTime(SECOND * 1800),
        command(Ending::Exit(1), b""),
        Reason::Command {
            ending: Ending::Exit(1),
            line: None,
            output: b"\nsudo: @a\nmore".to_vec(),
            log_line: None,
        },
        Reason::Command {
            ending: Ending::Signal(9),
            line: None,
            output: Vec::new(),
            log_line: None,
        },
        Reason::Command {
            ending: Ending::OutOfTime,
            line: None,
            output: Vec::new(),
            log_line: None,
        },
        Reason::Program {
            property: "ExecStart".into(),
            path: "/opt/diting/current/.venv/bin/uvicorn".into(),
            error: PathError::NotExecutable,
            others: Vec::new(),
        },
        Reason::Program {
            property: "EnvironmentFile".into(),
            path: "/opt/diting/current/.env".into(),
            error: PathError::Missing,
            others: vec![UnitPath {
                property: "WorkingDirectory".into(),
                path: "/opt/diting/current/web".into(),
                error: PathError::DeadLink("/opt/diting/shared/web".into()),
                unit: None,
            }],
        },
        Reason::RejectedUnitFiles(vec![
            RejectedUnitFile {
                file: "deploy/diting.service:7".into(),
                message: "Unknown key 'Userr' in section [Service], ignoring.".into(),
            },
            RejectedUnitFile {
                file: "deploy/diting-dump.service".into(),
                message: "User=dump does not exist on the server".into(),
            },
        ]),
        Reason::Shared {
            path: "config/wechat.yaml".into(),
            error: SharedError::Missing,
        },
        Reason::Log {
            lines: lines([
                b"Traceback (most recent call last):",
                b"KeyError: 'DATABASE_URL'",
            ]),
        },
        Reason::StartLimit {
            interval: SECOND * 10,
            log_line: None,
        },
        exited(1),
        exited(203),
        exited(200),
        exited(217),
        crashed(ProcessEnd::Killed {
            result: "signal".into(),
            signal: 9,
        }),
        Reason::NotRunning {
            state: UnitState::Ended {
                active: "failed".into(),
                sub: "failed".into(),
                end: ProcessEnd::Exited {
                    result: "exit-code".into(),
                    status: 203,
                },
            },
            log_line: None,
        },
        Reason::NotRestarted,
        Reason::NotStarted { condition: true },
        Reason::Interference(Interference::Current(id("1762147001"))),
        Reason::Interference(Interference::Stopped),
        Reason::Interference(Interference::GoingDown),
        Reason::Interference(Interference::OwnSystemdDown),
        Reason::Unreadable(UnreadableState::Systemd(SystemdError::Failed {
            output: "Failed to connect to bus".into(),
        })),
        Reason::NotRunning {
            state: UnitState::OtherRelease(ReleaseProcess {
                pid: 513,
                name: "gunicorn".into(),
                release: OLD.to_string(),
            }),
            log_line: None,
        },
        Reason::OtherListener {
            port: 8000,
            owner: PortHolder::LeftOver {
                pid: 4711,
                name: "uvicorn".into(),
            },
        },
        Reason::Interrupted,
        unit_files_failed(),
        no_such_release(RollbackTargetError::Failed(id(OLD))),
        Reason::NoSuchRelease {
            wanted: String::new(),
            error: RollbackTargetError::NoneGood { current: None },
        },
    ];
    all.extend(
        answers()
            .into_iter()
            .filter(|answer| !answer.is_healthy())
            .map(unhealthy),
    );
    all.extend(smoke_test::errors().into_iter().map(Reason::SmokeTest));
    all
}

fn unit_files_failed() -> Reason {
    Reason::UnitFiles {
        command: "sudo -n systemctl daemon-reload".into(),
        ending: Ending::Exit(1),
        output: b"sudo: a password is required\n".to_vec(),
    }
}

pub(in crate::report) fn findings() -> Vec<Finding> {
    let mut all = of_the_server();
    all.extend(smoke_test::problems().into_iter().map(Finding::SmokeTest));
    all
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn of_the_server() -> Vec<Finding> {
    let user = || "deploy".to_owned();
    let unit = |state: &str| Finding::Unit {
        service: "diting".into(),
        state: state.into(),
    };
    let other_scope = |found| Finding::OtherScope {
        service: "diting".into(),
        user: user(),
        found,
    };
    let unit_file = |error, link| {
        let path = "deploy/diting.service".to_owned();
        Finding::UnitFile(UnitFileProblem { path, error, link })
    };
    vec![
        Finding::Target {
            path: "/opt/diting".into(),
            user: user(),
            error: "Permission denied".into(),
        },
        Finding::Link {
            name: "current".into(),
            found: LinkState::Folder,
        },
        Finding::Link {
            name: "current".into(),
            found: LinkState::Elsewhere("/srv/app".into()),
        },
        Finding::NoSystemd(SystemdError::Systemctl {
            error: "No such file or directory".into(),
        }),
        unit("not-found"),
        unit("masked"),
        unit("bad-setting"),
        Finding::Sudo {
            service: "diting".into(),
            user: user(),
            output: b"sudo: a password is required\n".to_vec(),
        },
        Finding::Sudo {
            service: "diting".into(),
            user: user(),
            output: b"sudo: sorry, you must have a tty to run sudo\n".to_vec(),
        },
        Finding::KillUserProcesses { user: user() },
        Finding::NoLinger { user: user() },
        Finding::NoOwnSystemd {
            user: user(),
            error: SystemdError::Failed {
                output: "Failed to connect to bus: No such file or directory".into(),
            },
        },
        Finding::NotActive {
            service: "diting-dump.timer".into(),
            state: "inactive".into(),
        },
        Finding::SudoAround {
            verb: "stop".into(),
            service: "diting".into(),
            socket: "diting.socket".into(),
            user: user(),
            output: b"sudo: a password is required\n".to_vec(),
        },
        other_scope(Scope::User),
        other_scope(Scope::System),
        Finding::Missing {
            program: "uv".into(),
            path: "/home/deploy/.local/bin:/usr/bin".into(),
        },
        Finding::Missing {
            program: "make".into(),
            path: "/usr/bin".into(),
        },
        room(None),
        room(Some(12)),
        Finding::UnitElsewhere {
            service: "diting".into(),
            starts: "/opt/legacy/hello".into(),
            target: "/opt/diting".into(),
        },
        Finding::ReloadUnseen {
            service: "diting".into(),
            user: "deploy".into(),
        },
        Finding::NoLocks {
            error: LockError::Other("No locks available".into()),
        },
        unit_file(UnitFileError::Absent, true),
        unit_file(UnitFileError::Fixed, false),
        unit_file(UnitFileError::OtherFileSystem, false),
        unit_file(UnitFileError::LackedBy(id(OLD)), false),
        Finding::DaemonReload {
            user: user(),
            output: b"sudo: a password is required\n".to_vec(),
        },
        Finding::AppAccess(app_access("www-data")),
        Finding::AppAccess(app_access("domain users")),
        in_release("data/app.db", false),
        in_release("it's uploads", true),
        Finding::Link {
            name: "current".into(),
            found: LinkState::UnusableName("releases/.hidden".into()),
        },
        Finding::Link {
            name: "current".into(),
            found: LinkState::Dead("releases/1".into()),
        },
        shared("config/wechat.yaml", SharedError::Missing),
        shared(
            "it's uploads",
            SharedError::NotWritable {
                user: user(),
                folder: "/opt/diting/shared".into(),
                error: "Permission denied".into(),
            },
        ),
        shared("config/wechat.yaml", SharedError::IsFolder),
        Finding::RollbackTarget {
            wanted: "3f2a1bc".into(),
            error: RollbackTargetError::NoMatch,
        },
        Finding::RollbackTarget {
            wanted: String::new(),
            error: RollbackTargetError::NoneGood { current: None },
        },
    ]
}

fn shared(path: &str, error: SharedError) -> Finding {
    let path = path.into();
    Finding::Shared { path, error }
}

fn app_access(group: &str) -> AppAccess {
    AppAccess {
        user: "www-data".into(),
        group: group.into(),
        reads: vec![".env".into()],
        writes: vec!["data".into(), "it's uploads".into()],
        fixes: vec![
            AccessFix::HandDown("releases".into()),
            AccessFix::CreateShared,
            AccessFix::Write("shared/it's uploads".into()),
            AccessFix::Read("shared/config/wechat.yaml".into()),
        ],
    }
}

fn in_release(path: &str, folder: bool) -> Finding {
    Finding::SharedInRelease(vec![SharedInRelease {
        path: path.into(),
        folder,
        release: id(OLD),
        link: format!("{}shared/{path}", "../".repeat(path.split('/').count() + 1)),
        siblings: match folder {
            true => Vec::new(),
            false => vec![format!("{path}-wal")],
        },
        missing: match folder {
            true => Vec::new(),
            false => vec![String::new(), "data".into()],
        },
        in_the_way: folder,
    }])
}

pub(in crate::report) fn data() -> WrittenData {
    let item = |path: &str, kind, size| WrittenItem {
        path: path.into(),
        kind,
        size,
    };
    WrittenData {
        release: id(OLD),
        folder: format!("/opt/diting/releases/{OLD}"),
        items: vec![
            item("uploads", WrittenKind::Folder(341), 80_000_000),
            item("public", WrittenKind::Among(7), 70_000),
            item("app.db", WrittenKind::File, 12_000),
            item("db.json", WrittenKind::Changed, 300),
            item("pg\u{1b}[31m", WrittenKind::Unreadable, 0),
        ],
        more: 2,
        partial: true,
        named: Vec::new(),
    }
}

fn room(inodes: Option<u64>) -> Finding {
    Finding::NoSpace {
        needed: 1_234_567,
        free: 400_000_000,
        min_free: 500_000_000,
        inodes,
    }
}

fn lines<const N: usize>(lines: [&[u8]; N]) -> Vec<Vec<u8>> {
    lines.map(<[u8]>::to_vec).to_vec()
}

#[expect(clippy::too_many_lines, reason = "one of each")]
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
        Warning::LoggedErrors(lines([
            b"ERROR: \x1b[31mno cache",
            b"Exception in worker process",
        ])),
        Warning::LogNotChecked(UnreadLog::NothingOfOwnUnit {
            service: "diting".into(),
            user: "deploy".into(),
        }),
        Warning::LogNotChecked(UnreadLog::OnlyLast {
            lines: 10,
            user: "deploy".into(),
        }),
        Warning::MaybeOldCrashes {
            lines: lines([b"Traceback (most recent call last):", b"KeyError: 'A'"]),
            read: 10,
            user: "deploy".into(),
        },
        Warning::MaybeOldCrashes {
            lines: lines([b"FATAL: \x1b[31mno cache"]),
            read: 0,
            user: "deploy".into(),
        },
        Warning::OldUnhealthy(HealthAnswer::Refused),
        Warning::ListenerNotChecked(UncheckedListener::Proxy {
            port: 80,
            other: OtherProcess {
                process: Some((512, "nginx".into())),
                group: Some("/system.slice/nginx.service".into()),
            },
        }),
        Warning::ReleaseNotSeen(UnseenRelease::Hidden),
        Warning::OtherRelease(ReleaseProcess {
            pid: 513,
            name: "gunicorn".into(),
            release: OLD.to_string(),
        }),
        Warning::RollbackDoubt(Box::new(Reason::Crashed {
            end: ProcessEnd::Exited {
                result: "exit-code".into(),
                status: 1,
            },
            log_line: None,
        })),
        Warning::DataLeftBehind(data()),
        Warning::PendingSetAside {
            path: "/opt/diting/.deploy/pending.damaged".into(),
        },
        Warning::GroupWritable {
            path: "/opt/diting".into(),
            group: "www".into(),
        },
        Warning::LongDeadline {
            deadline: Duration::from_secs(34 * 60),
            watched: Duration::from_secs(18 * 60),
            service: Some("diting".into()),
        },
        Warning::AppAccess(app_access("www-data")),
        Warning::UnitFileStays {
            path: "deploy/diting.service".into(),
        },
        Warning::UnitFilesNotRestored(Box::new(unit_files_failed())),
        Warning::OfUnit {
            unit: "diting-worker".into(),
            warning: Box::new(Warning::NotEnabled("diting-worker".into())),
        },
        Warning::UnitFileGone {
            name: "diting-dump.timer".into(),
            scope: Scope::System,
        },
        Warning::UnitFileGone {
            name: "diting.service.d/env.conf".into(),
            scope: Scope::User,
        },
        Warning::UnsafePager {
            service: "diting".into(),
            user: "deploy".into(),
        },
        Warning::SocketDown {
            socket: "diting.socket".into(),
            result: "service-start-limit-hit".into(),
        },
        smoke_test::notice_and_warning().1,
    ]
}

pub(in crate::report) fn notices() -> Vec<Notice> {
    vec![
        Notice::TakenOver(id(OLD)),
        Notice::OldCrashes(lines([
            b"Traceback (most recent call last):",
            b"KeyError: \x1b[31m'A'",
        ])),
        Notice::LingerNotChecked,
        Notice::StartLimitWait {
            up_to: SECOND * 10,
            serving: true,
        },
        Notice::StartLimitWait {
            up_to: SECOND * 300,
            serving: false,
        },
        Notice::GoingDown,
        Notice::OwnSystemdDown,
        Notice::SocketRestart {
            socket: "diting.socket".into(),
            service: "diting".into(),
        },
        Notice::SocketUnit {
            socket: "diting.socket".into(),
            service: "diting".into(),
        },
        Notice::UnitFilesNotVerified {
            error:
                "it ended with exit code 1: Failed to initialize manager: No such device or address"
                    .into(),
        },
        Notice::LinkReplaced {
            name: "current".into(),
            target: "/opt/diting/previous".into(),
        },
        Notice::DataKept(data()),
        smoke_test::notice_and_warning().0,
    ]
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
pub(in crate::report) fn run_errors() -> Vec<RunError> {
    use ConnectionKind::{
        Closed, Expired, HostKey, Login, Negotiation, Other, Refused, Resolve, Slow, TimedOut,
    };
    let connection = |kind| RunError::Connection {
        kind,
        error: ConnectionError::Ssh {
            stderr: b"what the server said\nssh: what ssh said\r\n".to_vec(),
        },
        hop: Hop::Server,
        offered: None,
    };
    let mut all = vec![
        RunError::Tool {
            program: "ssh-agent".into(),
            error: ToolError::NotFound,
        },
        RunError::Key {
            output: b"error in libcrypto\n".to_vec(),
        },
        RunError::Source {
            path: b"run/app.sock".to_vec(),
            problem: SourceProblem::Kind(FileKind::Socket),
        },
        RunError::ServerPart {
            error: ServerPartError::Start,
            output: b"Permission denied".to_vec(),
        },
        RunError::ServerPart {
            error: ServerPartError::Unsafe(UnsafeFolder::OtherOwner {
                path: "/opt/diting/.deploy".into(),
                owner: "root".into(),
                user: "deploy".into(),
            }),
            output: Vec::new(),
        },
        RunError::NoBinary {
            cpu: "aarch64".into(),
            file: "deploy-action-aarch64".into(),
            error: BinaryError::Missing,
        },
        RunError::Protocol(ProtocolError::Unreadable),
        RunError::LoginScript {
            error: LoginScriptError::InputRead,
            output: Vec::new(),
        },
        RunError::LoginScript {
            error: LoginScriptError::NoInput { limit: SECOND * 30 },
            output: Vec::new(),
        },
        RunError::LoginScript {
            error: LoginScriptError::Endless { limit: 1 << 20 },
            output: b"y\ny\n".to_vec(),
        },
        RunError::LoginScript {
            error: LoginScriptError::Silent {
                limit: SECOND * 120,
            },
            output: b"Press enter".to_vec(),
        },
        RunError::NoTrace,
        RunError::WentDown,
        RunError::Killed { begun: true },
        RunError::Bug(Bug::Crashed {
            at: Some("src/runner/run.rs:12".into()),
            begun: true,
        }),
        RunError::Overdue {
            watched: Duration::from_secs(18 * 60),
        },
        RunError::ConnectionLost { finished_by: None },
        RunError::ConnectionLost {
            finished_by: Some(1_762_148_300),
        },
        RunError::OutOfTime {
            limit: SECOND * 1800,
        },
        RunError::Cancelled { finished_by: None },
        RunError::Cancelled {
            finished_by: Some(1_762_148_300),
        },
        RunError::Bug(Bug::Stopped),
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
    all.push(RunError::Passphrase);
    all.push(RunError::KeyFormat {
        output: b"Error loading key \"(stdin)\": invalid format\n".to_vec(),
    });
    let hop = Hop::Jump {
        host: "jump.example".into(),
        port: 2222,
        user: "hop".into(),
    };
    all.push(RunError::Connection {
        kind: Login,
        error: ConnectionError::Ssh {
            stderr: b"Permission denied (publickey).".to_vec(),
        },
        hop,
        offered: None,
    });
    all.push(RunError::Tool {
        program: "ssh".into(),
        error: ToolError::Ended {
            stderr: b"No user exists for uid 12345\r\n".to_vec(),
        },
    });
    let kinds = [
        Refused,
        TimedOut,
        Resolve,
        HostKey,
        Login,
        Other,
        Slow,
        Negotiation,
        Closed,
        Expired,
    ];
    all.extend(kinds.map(connection));
    all
}

fn not_trusted(state: KeyState) -> RunError {
    let line = "web1.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==".into();
    let offered = OfferedKey {
        line,
        fingerprint: "SHA256:47DEQpj8HBSa".into(),
        state,
    };
    let stderr = b"Host key verification failed.\r\n".to_vec();
    RunError::Connection {
        kind: ConnectionKind::HostKey,
        error: ConnectionError::Ssh { stderr },
        hop: Hop::Server,
        offered: Some(Box::new(offered)),
    }
}

pub(in crate::report) fn failed(step: Step, reason: Reason) -> Option<Failure> {
    Some(Failure {
        step,
        reason,
        unit: None,
    })
}

/// As long as it is for such an outcome.
fn interruption(outcome: Outcome) -> Option<Interruption> {
    let took = match outcome {
        Outcome::Deployed | Outcome::Restored => 900,
        Outcome::RolledBack => 4_600,
        _ => return None,
    };
    let took = Duration::from_millis(took);
    Some(Interruption::of(1_762_148_000_000, took))
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
        before_switch: false,
        interruption: interruption(outcome),
        at: 1_762_148_020,
    }
}

pub(in crate::report) fn by_verdict(verdict: Verdict) -> End {
    End {
        outcome: verdict.outcome,
        verdict: Some(verdict),
        error: None,
        took: Duration::from_millis(21_400),
    }
}

pub(in crate::report) fn by_error(outcome: Outcome, error: Option<RunError>) -> End {
    End {
        outcome,
        verdict: None,
        error,
        took: Duration::from_millis(12_300),
    }
}

fn down() -> Option<Failure> {
    failed(
        Step::Verify,
        unhealthy(HealthAnswer::Status {
            status: 500,
            location: None,
            body: b"no database".to_vec(),
        }),
    )
}

fn smoke_test_failed(live: Option<&str>) -> Verdict {
    let failure = Failure {
        step: Step::SmokeTest,
        ..down().unwrap()
    };
    Verdict {
        interruption: Some(Interruption::none(1_762_148_000_000)),
        switched: false,
        ..verdict(Outcome::Failed, live, Some(failure))
    }
}

/// At least one of every outcome.
pub(in crate::report) fn ends() -> Vec<End> {
    let mut all = by_the_server();
    all.extend(by_the_runner());
    all
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn by_the_server() -> Vec<End> {
    let unsent = |outcome, failure| Verdict {
        interruption: Some(Interruption::none(1_762_148_000_000)),
        switched: false,
        before_switch: false,
        ..verdict(outcome, Some(OLD), failure)
    };
    let first = |outcome, failure| Verdict {
        previous: None,
        ..verdict(outcome, None, failure)
    };
    let install = || failed(Step::Install, command(Ending::Exit(127), b""));
    let refused = || failed(Step::RollBack, unhealthy(HealthAnswer::Refused));
    [
        verdict(Outcome::Deployed, Some(NEW), None),
        Verdict {
            release: Some(id(OLD)),
            previous: Some(id(NEW)),
            ..verdict(Outcome::Restored, Some(OLD), None)
        },
        Verdict {
            release: Some(id(OLD)),
            previous: None,
            ..unsent(Outcome::Restored, None)
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
                Reason::Interference(Interference::CurrentDeleted),
            ),
        ),
        unsent(Outcome::Failed, install()),
        Verdict {
            switched: false,
            before_switch: false,
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
                Outcome::NotReady,
                failed(
                    Step::Check,
                    no_such_release(RollbackTargetError::NeverLive(id(OLD))),
                ),
            )
        },
        smoke_test_failed(Some(OLD)),
        Verdict {
            previous: None,
            ..smoke_test_failed(None)
        },
        unsent(Outcome::Cancelled, failed(Step::Upload, Reason::Cancelled)),
        unsent(Outcome::Error, None),
    ]
    .map(by_verdict)
    .into()
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn by_the_runner() -> Vec<End> {
    let out_of_time = || {
        Some(RunError::OutOfTime {
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
        before_switch: false,
        ..stopped
    });
    let no_binary = RunError::NoBinary {
        cpu: "riscv64".into(),
        file: "deploy-action-riscv64".into(),
        error: BinaryError::Missing,
    };
    vec![
        End {
            outcome: Outcome::Failed,
            error: out_of_time(),
            ..stopped
        },
        by_error(Outcome::Error, Some(RunError::Bug(Bug::Stopped))),
        by_error(Outcome::Error, Some(RunError::Killed { begun: false })),
        by_error(
            Outcome::Unknown,
            Some(RunError::Overdue {
                watched: Duration::from_secs(18 * 60),
            }),
        ),
        by_error(Outcome::Invalid, None),
        by_error(
            Outcome::Invalid,
            Some(RunError::Key {
                output: b"error in libcrypto\n".to_vec(),
            }),
        ),
        by_error(Outcome::Unreachable, run_errors().pop()),
        by_error(Outcome::NotReady, Some(no_binary)),
        by_error(
            Outcome::Failed,
            Some(RunError::ConnectionLost { finished_by: None }),
        ),
        by_error(Outcome::Failed, out_of_time()),
        by_error(
            Outcome::Cancelled,
            Some(RunError::Cancelled { finished_by: None }),
        ),
        by_error(
            Outcome::Unknown,
            Some(RunError::ConnectionLost { finished_by }),
        ),
        by_error(Outcome::Unknown, Some(RunError::Cancelled { finished_by })),
        by_error(
            Outcome::Unknown,
            Some(RunError::Protocol(ProtocolError::TooLong(2_000_000))),
        ),
        by_error(Outcome::Done, None),
    ]
}
