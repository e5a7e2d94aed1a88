//! Releases that are started beside the live one before anything is switched.

use crate::app::{App, Node};
use crate::client::{Client, Sending, Told};
use crate::invariants::{within_seconds, Invariants};
use crate::stub_server::StubServer;
use deploy_action::protocol::{
    Ending, Health, HealthAnswer, HealthUrl, LogLevel, Notice, Outcome, Plan, Reason, SmokeTest,
    SmokeTestError, Step, What,
};
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

/// Room for a busy machine.
const ENOUGH: Duration = Duration::from_secs(90);

/// Answers 200 with the release's name; its arguments say what else it does.
const SERVE: &str = r#"
import http.server, os, socket, sys, time
port, does = int(os.environ["PORT"]), sys.argv[1]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if does == "hangs": time.sleep(600)
        self.send_response(500 if does == "fails" else 200)
        self.end_headers()
        self.wfile.write(open("name", "rb").read())
        print("asked", self.path, self.headers["Host"], flush=True)
        if does == "ends": os._exit(3)
    def log_message(self, *_): pass
if does == "raises": raise KeyError("DATABASE_URL")
if does == "logs":
    print("Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyError: 'x'", flush=True)
if does == "elsewhere": port = int(sys.argv[2])
host = "0.0.0.0" if does == "public" else "127.0.0.1"
class Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = True
    def server_bind(self):
        if does == "shared": self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.server_address = self.server_address
        http.server.HTTPServer.server_bind(self)
Server((host, port), Handler).serve_forever()
"#;

fn app(name: &str) -> App {
    let serve = Node::File(0o644, SERVE.as_bytes().to_vec());
    App::good(name).with("serve.py", serve)
}

fn trying(script: &str) -> impl Fn(&mut Plan) + '_ {
    move |plan| {
        plan.staging.smoke_test = Some(SmokeTest::Commands(script.to_owned()));
        plan.verification.timeout = ENOUGH;
        plan.verification.settle = Duration::from_millis(300);
    }
}

/// With a request to a port that nobody of these tests listens on: only what is tried is asked.
fn asking(script: &str) -> impl Fn(&mut Plan) + '_ {
    move |plan| {
        trying(script)(plan);
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        plan.verification.health = Some(Health::get(HealthUrl {
            tls: false,
            host: "localhost".to_owned(),
            port: port.local_addr().unwrap().port(),
            path: "/health".to_owned(),
        }));
    }
}

/// It has failed the smoke test, and nothing has changed.
#[track_caller]
fn reason(server: &StubServer, told: &Told) -> Reason {
    let verdict = told.verdict.as_ref().unwrap();
    assert_eq!(verdict.outcome, Outcome::Failed, "{told:?}");
    let failure = verdict.failure.as_ref().unwrap();
    assert_eq!(failure.step, Step::SmokeTest, "{told:?}");
    assert!(!verdict.switched && verdict.live.is_some());
    assert_unchanged(server);
    failure.reason.clone()
}

#[track_caller]
fn assert_unchanged(server: &StubServer) {
    assert_eq!(server.named_by("current").as_deref(), Some("old"));
    assert_eq!(server.restarts(), ["old"]);
    assert_eq!(left(server), Vec::<String>::new());
}

fn error(reason: Reason) -> SmokeTestError {
    match reason {
        Reason::SmokeTest(error) => error,
        other => panic!("{other}"),
    }
}

fn port(told: &Told) -> u16 {
    let port = |what: &What| match what {
        What::Notice(Notice::SmokeTestStarted { port, .. }) => Some(*port),
        _ => None,
    };
    told.events.iter().find_map(port).unwrap()
}

fn output(told: &Told) -> Vec<String> {
    let line = |what: &What| match what {
        What::Output(line) => Some(String::from_utf8_lossy(line).into_owned()),
        _ => None,
    };
    told.events.iter().filter_map(line).collect()
}

/// The processes that the smoke tests of this server have left: those that have its variable, and those that have written
/// down their numbers.
fn left(server: &StubServer) -> Vec<String> {
    let wanted = format!("DEPLOY_ACTION_SMOKE_TEST={}", server.target().display());
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let is_tried = |path: &PathBuf| {
        let environment = fs::read(path.join("environ")).unwrap_or_default();
        let mut variables = environment.split(|byte| *byte == 0);
        variables.any(|variable| variable == wanted.as_bytes())
    };
    let tried = entries.map(|entry| entry.path()).filter(is_tried);
    let numbers = fs::read_to_string(server.home().join("pids")).unwrap_or_default();
    let numbered = numbers
        .split_whitespace()
        .map(|pid| PathBuf::from("/proc").join(pid));
    let lives = |path: PathBuf| {
        let stat = fs::read_to_string(path.join("stat")).ok()?;
        (!stat.contains(") Z ")).then_some(stat)
    };
    tried.chain(numbered).filter_map(lives).collect()
}

#[test]
fn a_release_that_answers_passes_and_is_ended_before_the_switch() {
    let server = StubServer::with(&App::good("old"));
    let told = server.deploy_with(&app("new"), |plan| {
        asking("exec python3 serve.py healthy")(plan);
        plan.verification.timeout = Duration::from_secs(30);
        // the live one is not asked in this test
        plan.staging.env.push(("X".to_owned(), "y".into()));
    });
    let steps: Vec<Step> = told.events.iter().filter_map(step).collect();
    let at = |wanted| steps.iter().position(|step| *step == wanted);
    assert!(at(Step::SmokeTest) < at(Step::Seal), "{told:?}");
    let port = port(&told);
    let asked = format!("asked /health localhost:{port}");
    assert!(output(&told).contains(&asked), "{told:?}");
    assert!(told.has(|what| matches!(what, What::Attempt(it) if it.answer.is_healthy())));
    assert_eq!(left(&server), Vec::<String>::new());
}

fn step(what: &What) -> Option<Step> {
    match what {
        What::Step(step) => Some(*step),
        _ => None,
    }
}

#[test]
fn a_release_that_does_not_answer_as_it_should_fails_and_no_user_notices() {
    let server = StubServer::with(&App::good("old"));
    let within = |script: &str, seconds: u64| {
        server.deploy_with(&app("new"), |plan| {
            asking(script)(plan);
            plan.verification.timeout = Duration::from_secs(seconds);
        })
    };
    let told = within("exec python3 serve.py fails", 8);
    match reason(&server, &told) {
        Reason::Unhealthy { last, attempts, .. } => {
            assert!(
                matches!(*last, HealthAnswer::Status { status: 500, .. }),
                "{last}"
            );
            assert!(attempts > 1);
        }
        other => panic!("{other}"),
    }
    let told = within("exec python3 serve.py hangs", 8);
    match reason(&server, &told) {
        Reason::Unhealthy { last, .. } => {
            assert!(matches!(*last, HealthAnswer::TimedOut { .. }), "{last}");
        }
        other => panic!("{other}"),
    }
    let told = within("exec sleep 600", 2);
    match reason(&server, &told) {
        Reason::Unhealthy { last, .. } => assert_eq!(*last, HealthAnswer::Refused),
        other => panic!("{other}"),
    }
    assert_eq!(Invariants::of(&server).releases().len(), 2);
}

#[test]
fn a_crash_is_the_verdict_at_once_with_the_line_that_explains_it() {
    let server = StubServer::with(&App::good("old"));
    let told = server.deploy_with(&app("new"), asking("python3 serve.py raises"));
    let SmokeTestError::Ended { ending, log_line } = error(reason(&server, &told)) else {
        panic!("{told:?}")
    };
    assert_eq!(ending, Ending::Exit(1));
    assert_eq!(log_line.as_deref(), Some("KeyError: 'DATABASE_URL'"));
    let told = server.deploy_with(&app("new"), asking("exec python3 serve.py ends"));
    match error(reason(&server, &told)) {
        SmokeTestError::Ended { ending, .. } => assert_eq!(ending, Ending::Exit(3)),
        other => panic!("{other}"),
    }
    // a request that hangs hides no crash
    let script = "python3 serve.py hangs & sleep 8; kill -9 $$";
    let told = server.deploy_with(&app("new"), asking(script));
    match error(reason(&server, &told)) {
        SmokeTestError::Ended { ending, .. } => assert_eq!(ending, Ending::Signal(9)),
        other => panic!("{other}"),
    }
}

#[test]
fn a_release_that_users_could_reach_fails_at_once() {
    let server = StubServer::with(&App::good("old"));
    let told = server.deploy_with(&app("new"), asking("exec python3 serve.py public"));
    match error(reason(&server, &told)) {
        SmokeTestError::Public { address } => {
            assert_eq!(address, format!("0.0.0.0:{}", port(&told)));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_release_that_listens_elsewhere_is_told_where() {
    let server = StubServer::with(&App::good("old"));
    let other = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let script = format!("exec python3 serve.py elsewhere {other}");
    let told = server.deploy_with(&app("new"), |plan| {
        asking(&script)(plan);
        plan.verification.timeout = Duration::from_secs(6);
    });
    let expected = SmokeTestError::OtherPort {
        port: port(&told),
        found: vec![other],
    };
    assert_eq!(error(reason(&server, &told)), expected);
}

#[test]
fn a_release_that_shares_the_port_of_the_live_one_fails() {
    let server = StubServer::with(&App::good("old"));
    let socket = |port| {
        use rustix::net::{bind, listen, socket, sockopt, AddressFamily, SocketType};
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        sockopt::set_socket_reuseport(&socket, true).unwrap();
        bind(&socket, &std::net::SocketAddr::from(([127, 0, 0, 1], port))).unwrap();
        listen(&socket, 8).unwrap();
        TcpListener::from(socket)
    };
    let live = socket(0);
    let port = live.local_addr().unwrap().port();
    let script = format!("export PORT={port}\nexec python3 serve.py shared");
    let told = server.deploy_with(&app("new"), asking(&script));
    assert_eq!(
        error(reason(&server, &told)),
        SmokeTestError::LivePort { port }
    );
}

#[test]
fn an_answer_counts_only_from_a_process_of_the_release_that_was_started() {
    let server = StubServer::with(&app("old"));
    // that of the live release
    let script = "cd ../../current && exec python3 serve.py healthy";
    let told = server.deploy_with(&app("new"), asking(script));
    let old = server.id_by("current").parse().unwrap();
    let expected = SmokeTestError::OtherRelease(Some(old));
    assert_eq!(error(reason(&server, &told)), expected);

    // that of someone else, who was asked to start it
    let script = "echo $PORT > ../../../home/wanted; exec sleep 600";
    let (home, release) = (server.home(), server.target().join("current"));
    let wanted = home.join("wanted");
    let helper = thread::spawn(move || {
        assert!(within_seconds(
            || fs::read_to_string(&wanted).is_ok_and(|it| it.ends_with('\n'))
        ));
        let mut python = std::process::Command::new("python3");
        let port = fs::read_to_string(&wanted).unwrap();
        python
            .args(["serve.py", "healthy"])
            .env("PORT", port.trim());
        python.current_dir(release).spawn().unwrap()
    });
    let told = server.deploy_with(&app("new"), asking(script));
    let mut python = helper.join().unwrap();
    python.kill().unwrap();
    python.wait().unwrap();
    match error(reason(&server, &told)) {
        SmokeTestError::OtherProcess { port: of, owner } => {
            assert_eq!(of, port(&told));
            let expected = format!("process {} (python3", python.id());
            assert!(owner.to_string().starts_with(&expected), "{owner}");
        }
        other => panic!("{other}"),
    }
}

#[test]
fn without_a_request_it_must_stay_up_for_the_settle_time() {
    let server = StubServer::with(&App::good("old"));
    let told = server.deploy_with(&app("new"), trying("exit 0"));
    match error(reason(&server, &told)) {
        SmokeTestError::Ended { ending, .. } => assert_eq!(ending, Ending::Exit(0)),
        other => panic!("{other}"),
    }
    let told = server.deploy_with(&app("new"), trying("no-such-program"));
    match error(reason(&server, &told)) {
        SmokeTestError::Ended { ending, log_line } => {
            assert_eq!(ending, Ending::Exit(127));
            assert!(log_line.unwrap().contains("no-such-program"));
        }
        other => panic!("{other}"),
    }
    // a main process that ends leaves its children to be watched
    for script in ["exec sleep 600", "sleep 600 & exit 0"] {
        let name = format!("new{}", script.len());
        let told = server.deploy_with(&app(&name), trying(script));
        assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
        assert_eq!(left(&server), Vec::<String>::new());
    }
}

#[test]
fn what_it_prints_is_judged_like_the_log_of_the_unit() {
    let server = StubServer::with(&App::good("old"));
    let told = server.deploy_with(&app("new"), |plan| {
        asking("exec python3 serve.py logs")(plan);
        plan.verification.log.level = LogLevel::Fail;
    });
    match reason(&server, &told) {
        Reason::Log { lines } => assert_eq!(lines.last().unwrap(), b"KeyError: 'x'"),
        other => panic!("{other}"),
    }
    // the live release logs it too
    let noise = "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyError: 'x'";
    server.program(
        ".local/bin/journalctl",
        &format!("#!/bin/sh\ncat <<'END'\n{noise}\nEND\n"),
    );
    let told = server.deploy_with(&app("newer"), |plan| {
        asking("exec python3 serve.py logs")(plan);
        plan.verification.log.level = LogLevel::Fail;
        plan.verification.timeout = Duration::from_secs(20);
    });
    assert!(
        told.events
            .iter()
            .filter_map(step)
            .any(|step| step == Step::Seal),
        "{told:?}"
    );
    // what it prints because it is ended does not count
    let script =
        "trap 'echo FATAL: interrupted; exit 1' TERM\necho up\nwhile :; do sleep 0.1; done";
    let told = server.deploy_with(&app("newest"), |plan| {
        trying(script)(plan);
        plan.verification.log.level = LogLevel::Fail;
    });
    assert!(output(&told).contains(&"FATAL: interrupted".to_owned()));
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
}

#[test]
fn it_inherits_nothing_and_gives_way_to_the_live_release() {
    let server = StubServer::with(&App::good("old"));
    let script = "echo \"descriptors $(ls /proc/self/fd | wc -l)\"\nreadlink /proc/$$/fd/0\n\
        echo \"nice $(cut -d ' ' -f 19 /proc/$$/stat)\"\necho \"oom $(cat /proc/$$/oom_score_adj)\"\n\
        env | cut -d = -f 1 | sort | tr '\\n' ' '; echo; echo \"at $HOST, $PORT, $X\"; pwd; exec sleep 600";
    let app = app("new");
    let mut plan = server.plan(&app);
    trying(script)(&mut plan);
    for (name, value) in [("X", "y"), ("PORT", "1"), ("HOST", "0.0.0.0")] {
        plan.staging.env.push((name.to_owned(), value.into()));
    }
    // a login that leaves files open
    let login = "exec 3< /etc/passwd 5> /dev/null 77< /etc/passwd; export LOGIN=1";
    let serve = server.serve_after(login, &plan, deploy_action::protocol::Errand::Start);
    let mut client = Client::start(serve, &plan);
    client.send_all(&plan, &app, Sending::Ask);
    let told = client.finish(&app);
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    let lines = output(&told);
    let has = |line: &str| assert!(lines.iter().any(|it| it == line), "{line}: {lines:#?}");
    // standard ones, and the folder that is listed
    has("descriptors 4");
    has("/dev/null");
    has("nice 10");
    has("oom 1000");
    has(&format!("at 127.0.0.1, {}, y", port(&told)));
    let environment = lines
        .iter()
        .find(|line| line.starts_with("DEPLOY_ACTION"))
        .unwrap();
    let mut names: Vec<&str> = environment.split_whitespace().collect();
    // of the shell itself
    names.retain(|name| !["_", "PWD", "OLDPWD", "SHLVL"].contains(name));
    let expected =
        "DEPLOY_ACTION_SMOKE_TEST HOME HOST LC_ALL PATH PORT UV_LINK_MODE UV_NO_PROGRESS X";
    assert_eq!(names.join(" "), expected);
    let folder = lines.iter().any(|line| line.contains("/releases/"));
    assert!(folder, "{lines:#?}");
}

mod faults;
