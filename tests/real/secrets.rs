//! What may never be seen, and what a hostile app may never do to the runner.

use crate::app::App;
use crate::poll::until;
use crate::run::Deployment;
use crate::runner_commands::commands;
use crate::throwaway::ThrowawayServer;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

const OURS: [&str; 5] = ["group", "endgroup", "error", "warning", "notice"];
const HOSTILE: &str = r"print('##[error]x', '::set-output name=outcome::deployed', '\n::set-env name=PATH::/x', 'x\r::error::y', '\x1b[31m::add-mask::1\x1b]0;t\x07', '\n::stop-commands::x', '\n##[group]g', flush=True)";

#[test]
fn nothing_that_a_server_prints_becomes_a_command_of_the_runner() {
    let server = ThrowawayServer::up_with(&["--journal-access"]);
    let install = "uv sync --frozen --quiet\n\
        printf '##[error]x\\n::set-output name=outcome::deployed\\n\\r::error::y\\nx\\r::add-path::/x\\n\\033[2K::warning::z\\n'\n\
        printf 'a ##[add-mask]b\\n \\t ::endgroup::\\n' >&2";
    let github = |app: &App| server.deployment(app).on_github().input("install", install);
    let run = github(&App::version("1").at_start(HOSTILE)).run();
    let good = run.assert_deployed(None);
    assert_only_ours(&run.log, 0);

    let body = r"no ##[error]database\r\n::set-output name=outcome::deployed\n::error::z";
    let broken = App::version("2").at_start(HOSTILE).replace(
        "send, 200, \"application/json\", body",
        &format!("send, 500, \"text/plain\", \"{body}\""),
    );
    let run = github(&broken).input("health-timeout", "8s").run();
    run.assert_rolled_back("verify", &good);
    run.assert_says("set-output");
    assert_only_ours(&run.log, 1);

    let run = github(
        &App::version("3")
            .at_start(HOSTILE)
            .at_start("import no_such_module"),
    )
    .run();
    run.assert_rolled_back("verify", &good);
    assert_only_ours(&run.log, 1);
    let run = github(&App::version("4"))
        .input("install", &format!("{install}\nfalse"))
        .run();
    run.assert_ended(5, "failed", "install");
    assert_only_ours(&run.log, 1);
}

const PRINTS_SECRETS: &str = r"print('-----BEGIN PRIVATE KEY-----\nMIIEowIBAAKCAQEAvRxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx1\nQw9x==\n-----END PRIVATE KEY-----\nto postgres://me:p4ssw0rd@db/x with AKIAIOSFODNN7EXAMPLE\nAuthorization: Bearer abcdef0123456789', flush=True)";
const PRINTED_SECRETS: [&str; 5] = [
    "MIIEowIBAAKCAQEAvRxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx1",
    "Qw9x",
    "p4ssw0rd",
    "AKIAIOSFODNN7EXAMPLE",
    "abcdef0123456789",
];

#[test]
fn secrets_that_an_app_prints_are_hidden_in_log_and_summary() {
    let server = ThrowawayServer::up_with(&["--journal-access"]);
    let good = server.deploy_well(&App::version("1"), None);
    let broken = App::version("2")
        .at_start(PRINTS_SECRETS)
        .at_start("raise SystemExit('no_such_module')");
    let run = server.deployment(&broken).on_github().run();
    run.assert_rolled_back("verify", &good);
    run.assert_verdict("; its log shows: no_such_module");
    for secret in PRINTED_SECRETS {
        run.assert_silent_about(secret);
    }
    for said in [&run.log, &run.summary] {
        for shown in [
            "-----BEGIN PRIVATE KEY-----",
            "postgres://me:***@db/x with ***",
            "Authorization: Bearer ***",
        ] {
            assert!(said.contains(shown), "{shown:?} is not in\n{said}");
        }
    }
    assert!(
        run.summary.contains("no_such_module")
            && ["uname -a", "systemctl status diting"]
                .iter()
                .all(|it| run.summary.contains(it)),
        "{}",
        run.summary
    );
    let broken =
        App::version("3").at_start("raise RuntimeError('no way to postgres://me:p4ssw0rd@db/x')");
    let run = server.deployment(&broken).on_github().run();
    run.assert_verdict("; its log shows: RuntimeError: no way to postgres://me:***@db/x");
    run.assert_silent_about("p4ssw0rd");
}

const ENV_FILE: &str = "NUM_PASSWORD=83749283746\nP=correct  horse  battery\nQ=be<y>&ond/x+y\nAPP=diting\nLEVEL=warning\n";
const VALUES: [&str; 3] = ["83749283746", "correct  horse  battery", "be<y>&ond/x+y"];
/// Every value in every form, then a crash that holds them all.
const ECHOES: &str = "import base64, html, json, urllib.parse; \
    values = [line.partition('=')[2] for line in open('.env').read().splitlines()]; \
    forms = (str, json.dumps, urllib.parse.quote, urllib.parse.quote_plus, html.escape, \
    lambda value: base64.b64encode(value.encode()).decode()); \
    [print(form(value), flush=True) for value in values for form in forms]; \
    raise RuntimeError(' and '.join(values))";

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn values_of_the_env_file_are_hidden_in_every_form_and_masked_in_the_job() {
    let server = ThrowawayServer::up_with(&["--journal-access"]);
    let good = server.deploy_well(&App::version("1"), None);
    let install = "uv sync --frozen --quiet\ncat .env\nbase64 -w 20 .env";
    let deployment = || {
        let run = server.deployment(&App::version("2").at_start(ECHOES));
        run.input("env-file", ENV_FILE).input("install", install)
    };
    let shown = [
        "83749283746",
        "correct",
        "battery",
        "be<y>",
        "be&lt;y&gt;",
        "be%3Cy%3E",
        // base64 of the values, and of lines in the middle of the file
        "ODM3NDkyODM3ND",
        "Y29ycmVjdCAgaG9yc2",
        "NzQ5MjgzNzQ2",
        "ICBob3JzZSAg",
    ];
    for run in [deployment().on_github().run(), deployment().run()] {
        run.assert_rolled_back("verify", &good);
        run.assert_verdict("RuntimeError: *** and *** and *** and diting and");
        for text in shown {
            run.assert_silent_about(text);
            assert!(run.outputs.values().all(|value| !value.contains(text)));
        }
        run.assert_says("diting on ");
    }
    let run = deployment().on_github().run();
    for value in VALUES {
        assert!(
            run.masks.iter().any(|mask| mask == value),
            "{:?}",
            run.masks
        );
    }
    let ours = ["diting", "warning", "127.0.0.1", "/opt/diting", &good];
    for mask in &run.masks {
        assert!(
            !ours.iter().any(|text| text.contains(mask.as_str())),
            "{mask}"
        );
    }
    assert_eq!(deployment().run().masks, [""; 0], "there is no runner");
}

#[test]
fn a_password_in_an_invalid_input_is_not_shown() {
    let server = ThrowawayServer::up();
    let deployment = || server.deployment(&App::version("1")).on_github();
    let url = "http://me:hunter2-hunter2@localhost/";
    let run = deployment().input("health-url", url).run();
    assert_eq!((run.code, run.output("outcome")), (2, "invalid"));
    run.assert_says("health-url = \"http://***@localhost/\": holds a user or a password");
    run.assert_silent_about("hunter2");
    let run = deployment()
        .input("env-file", "TOKEN=hunter2-hunter2")
        .input("health-timeout", "hunter2-hunter2")
        .run();
    assert_eq!((run.code, run.output("outcome")), (2, "invalid"));
    run.assert_silent_about("hunter2");
    // it is also an input that is not secret
    assert!(!run.masks.iter().any(|mask| mask.contains("hunter2")));
}

fn assert_only_ours(log: &str, errors: usize) {
    let found = commands(log);
    assert!(
        found.iter().all(|name| OURS.contains(&name.as_str())),
        "{found:?}\n{log}"
    );
    let count = |name: &str| found.iter().filter(|found| *found == name).count();
    assert_eq!(count("error"), errors, "{found:?}\n{log}");
    assert_eq!(count("group"), count("endgroup"), "{found:?}\n{log}");
    assert!(!log.contains('\x1b') && !log.contains('\x07'), "{log}");
}

#[test]
fn the_key_is_seen_nowhere_while_a_deployment_runs_and_left_nowhere() {
    let server = ThrowawayServer::up();
    let deployment = server.deployment(&App::version("1"));
    assert_seen_nowhere(&server, deployment, &[line_of(&server.key())]);
}

#[test]
fn a_key_with_a_passphrase_opens_the_server_and_neither_is_seen_anywhere() {
    const PASSPHRASE: &str = "correct horse 'battery' $(staple)";
    let server = ThrowawayServer::up();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    crate::throwaway::write_private(&file, &server.key());
    let keygen = Command::new("ssh-keygen")
        .args(["-q", "-p", "-P", "", "-N", PASSPHRASE, "-f"])
        .arg(&file)
        .output();
    assert!(keygen.unwrap().status.success());
    let encrypted = fs::read_to_string(&file).unwrap();
    let deployment = |passphrase: &str| {
        let deployment = server
            .deployment(&App::version("1"))
            .input("key", &encrypted);
        deployment.input("passphrase", passphrase)
    };

    let run = deployment("").run();
    assert_eq!(
        (run.code, run.output("outcome")),
        (2, "invalid"),
        "{}",
        run.log
    );
    run.assert_says("passphrase");
    let run = deployment("correct horse").run();
    run.assert_ended(2, "invalid", "connect");
    run.assert_says("passphrase");
    run.assert_silent_about("correct horse");
    assert!(!server.has("/opt/diting/.deploy"));

    let secrets = [
        line_of(&server.key()),
        line_of(&encrypted),
        PASSPHRASE.to_owned(),
    ];
    assert_seen_nowhere(&server, deployment(PASSPHRASE), &secrets);
}

/// A line in the middle; the first ones are the same in every key.
fn line_of(key: &str) -> String {
    let line = key.lines().nth(3).unwrap().to_owned();
    assert!(line.len() > 40);
    line
}

/// A whole deployment, and none of `secrets` in a file or a process, meanwhile and after it.
fn assert_seen_nowhere(server: &ThrowawayServer, deployment: Deployment, secrets: &[String]) {
    let run = deployment.on_github().env("RUNNER_DEBUG", "1").start();
    let folder = run.folder();
    let watcher = Watcher::start(secrets.to_vec(), folder.clone());
    let kept = tempfile::tempdir().unwrap();
    let run = run.finish_into(kept.path());
    let (seen, looks) = watcher.stop();
    run.assert_deployed(None);
    assert!(looks > 10, "{looks} looks");
    assert!(seen.is_empty(), "{seen:?}");
    assert!(!folder.exists());
    server
        .key()
        .lines()
        .filter(|line| line.len() > 20)
        .for_each(|line| run.assert_silent_about(line));
    for secret in secrets {
        run.assert_silent_about(secret);
        for place in [kept.path(), &server.written()] {
            let found = Command::new("grep")
                .args(["-rlaF", "--devices=skip", secret])
                .arg(place)
                .output()
                .unwrap();
            assert_eq!(
                String::from_utf8_lossy(&found.stdout),
                "",
                "{}",
                place.display()
            );
        }
    }
    assert!(showing(secrets, kept.path()).is_empty());
    let mut left: Vec<_> = fs::read_dir(kept.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["outputs", "summary"]);
}

/// Looks into every file of the run's folder, and every process's command line and environment, but for the environment
/// of the program itself: the runner gave it the key there.
struct Watcher {
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<(Vec<PathBuf>, u32)>,
}

impl Watcher {
    fn start(secrets: Vec<String>, folder: PathBuf) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let (mut seen, mut looks) = (Vec::new(), 0);
            until(Duration::from_secs(120), || {
                seen.extend(showing(&secrets, &folder));
                looks += 1;
                stopped.load(Ordering::Relaxed)
            });
            (seen, looks)
        });
        Self { stop, thread }
    }

    fn stop(self) -> (Vec<PathBuf>, u32) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn showing(secrets: &[String], folder: &Path) -> Vec<PathBuf> {
    let files = crate::throwaway::processes().flat_map(|process| {
        // asked first: what is the program's now may be another's when it is read
        let names: &[&str] = if is_program(&process) {
            &["cmdline"]
        } else {
            &["cmdline", "environ"]
        };
        names
            .iter()
            .map(|name| process.join(name))
            .collect::<Vec<_>>()
    });
    let shows = |path: &PathBuf| {
        let text = fs::read(path)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default();
        secrets.iter().any(|secret| text.contains(secret))
    };
    files
        .chain(files_below(folder))
        .chain(of_sessions())
        .filter(shows)
        .collect()
}

/// What sessions keep, where a socket's path must be short.
fn of_sessions() -> Vec<PathBuf> {
    let ours = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b"da");
    let folders = fs::read_dir("/tmp")
        .unwrap()
        .flatten()
        .filter(|entry| ours(&entry.file_name()));
    folders
        .flat_map(|entry| files_below(&entry.path()))
        .collect()
}

/// The program, or a child that it has not yet made another of.
fn is_program(process: &Path) -> bool {
    fs::read_link(process.join("exe")).is_ok_and(|exe| exe == Path::new(crate::run::PROGRAM))
}

/// Regular files; what vanishes meanwhile is none.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files_below(&entry.path())),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
    found
}

/// Only a request with both headers is answered well. The app logs what it gets.
fn guarded(version: &str) -> App {
    App::version(version).replace(
        "    if scope[\"path\"] == \"/health\":\n",
        "    given = dict(scope[\"headers\"])\n    \
             wanted = (b\"app.example\", b\"Bearer t0ken-of-ours\")\n    \
             if scope[\"path\"] == \"/health\" and (given.get(b\"host\"), given.get(b\"authorization\")) != wanted:\n        \
                 await answer(send, 403, \"text/plain\", \"forbidden\")\n    \
             elif scope[\"path\"] == \"/health\":\n        \
                 print(\"asked with\", given[b\"authorization\"].decode(), flush=True)\n",
    )
}

#[test]
fn a_health_check_sends_headers_also_for_a_rollback_and_their_values_are_seen_by_nobody() {
    let server = ThrowawayServer::up_with(&["--journal-access"]);
    let deploy = |app: &App| {
        let headers = "Host: app.example\nAuthorization: Bearer t0ken-of-ours";
        let run = server.deployment(app).on_github();
        run.input("health-headers", headers)
            .input("health-timeout", "8s")
            .run()
    };
    let good = deploy(&guarded("1")).assert_deployed(None);
    server.assert_live(&good, "1", None);
    // the new release expects another token: it fails, and the old one is verified with the headers of its own
    let run = deploy(&guarded("2").replace("Bearer t0ken-of-ours", "Bearer another"));
    run.assert_rolled_back("verify", &good);
    run.assert_says("403");
    run.assert_silent_about("t0ken-of-ours");
    // not even the names of its files
    let readable = "find /opt/diting/.deploy -perm /077 -not -type l";
    assert_eq!(server.exec(readable), "");
}
