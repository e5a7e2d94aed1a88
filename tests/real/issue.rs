//! The issue that tells of it, from the first failure to the next success.

use crate::action::unknown_key;
use crate::app::App;
use crate::hub::{Hub, Script, TOKEN};
use crate::poll::wait_for;
use crate::run::{Deployment, Run};
use crate::throwaway::ThrowawayServer;
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// A job in a repository whose GitHub this is.
fn job(server: &ThrowawayServer, hub: &Hub, app: &App) -> Deployment {
    server
        .deployment(app)
        .on_github()
        .env("GITHUB_API_URL", &hub.url())
        .input("github-token", TOKEN)
}

fn output<'a>(run: &'a Run, name: &str) -> Option<&'a str> {
    run.outputs.get(name).map(String::as_str)
}

/// The run opened issue 1, and hides the token.
fn assert_opened_the_issue(run: &Run, hub: &Hub) {
    let url = format!("http://127.0.0.1:{}/diting/app/issues/1", hub.port);
    assert_eq!(
        (output(run, "issue-url"), output(run, "issue-number")),
        (Some(url.as_str()), Some("1"))
    );
    assert_eq!(output(run, "finished"), Some("true"));
    run.assert_says(&format!("issue: {url}"));
    assert!(
        run.summary.ends_with(&format!("\n\nIssue [#1]({url})\n")),
        "{}",
        run.summary
    );
    run.assert_says("Exception: ***");
    run.assert_silent_about(TOKEN);
    run.assert_verdict("is live and healthy again");
    assert_eq!(hub.state().issue(1).labels, ["ci-cd", "bug"]);
}

#[test]
fn a_failure_opens_an_issue_a_further_one_comments_and_a_success_closes_it() {
    let (server, hub) = (ThrowawayServer::up_with(&["--journal-access"]), Hub::new());
    // a token that the app got hold of is hidden all the same
    let broken =
        |version: &str| App::version(version).at_start(&format!("raise Exception('{TOKEN}')"));

    let run = job(&server, &hub, &App::version("1")).run();
    let good = run.assert_deployed(None);
    assert_eq!(hub.calls(), ["GET /user 403", "GET /issues 200"]);
    assert_eq!(
        (output(&run, "issue-url"), output(&run, "finished")),
        (None, Some("true"))
    );

    let run = job(&server, &hub, &broken("2")).run();
    run.assert_rolled_back("verify", &good);
    assert_opened_the_issue(&run, &hub);

    let run = job(&server, &hub, &broken("3")).run();
    run.assert_rolled_back("verify", &good);
    let comments: Vec<usize> = hub
        .state()
        .issues
        .iter()
        .map(|issue| issue.comments.len())
        .collect();
    assert_eq!(comments, [1]);
    assert_eq!(output(&run, "issue-number"), Some("1"));

    let run = job(&server, &hub, &App::version("4")).run();
    run.assert_deployed(Some(&good));
    assert_eq!(output(&run, "issue-number"), Some("1"));
    let state = hub.state();
    assert_eq!(
        (state.issue(1).state.as_str(), state.issue(1).comments.len()),
        ("closed", 2)
    );
    let told = format!("{:?}", state.issues);
    assert!(!told.contains(TOKEN), "{told}");
}

#[test]
fn with_failure_a_server_that_is_not_reached_opens_an_issue_until_the_next_success() {
    let (server, hub) = (ThrowawayServer::up(), Hub::new());
    hub.state().visibility = "private";
    let (unknown_key, _) = unknown_key();
    let unreached = |issue: &str| {
        job(&server, &hub, &App::version("1"))
            .input("issue", issue)
            .input("key", &unknown_key)
            .run()
    };
    unreached("rollback").assert_ended(3, "unreachable", "connect");
    assert!(hub.state().issues.is_empty());
    let run = unreached("failure");
    run.assert_ended(3, "unreachable", "connect");
    assert_eq!(output(&run, "issue-number"), Some("1"), "{}", run.log);
    let title = format!(
        "Deployment of diting on 127.0.0.1:{} failed",
        server.ssh_port
    );
    assert_eq!(hub.state().issue(1).title, title);
    job(&server, &hub, &App::version("1"))
        .run()
        .assert_deployed(None);
    assert_eq!(hub.state().issue(1).state, "closed");
}

#[test]
fn what_github_refuses_changes_neither_outcome_nor_exit_code() {
    let (server, hub) = (ThrowawayServer::up(), Hub::new());
    hub.state().may_write = false;
    let run = job(&server, &hub, &App::import_error("1"))
        .input("issue-assignees", "alice")
        .run();
    run.assert_ended(5, "failed", "verify");
    run.assert_says("::warning title=deploy-action::cannot open the issue: GitHub responded 403");
    run.assert_says("permissions: issues: write");
    let line = run.summary.lines().next_back().unwrap();
    assert!(
        line.starts_with("No issue: cannot open the issue: GitHub responded 403"),
        "{line}"
    );
    assert_eq!(
        (output(&run, "issue-url"), output(&run, "finished")),
        (None, Some("true"))
    );
    assert_eq!(run.log.matches("::error ").count(), 1, "{}", run.log);

    // nothing was switched, so nobody is called; and with `off` GitHub is not even asked
    hub.calls();
    let failing = |issue: &str| {
        job(&server, &hub, &App::version("2"))
            .input("install", "false")
            .input("issue", issue)
            .run()
    };
    failing("off").assert_ended(5, "failed", "install");
    assert_eq!(hub.calls(), Vec::<String>::new());
    failing("rollback").assert_ended(5, "failed", "install");
    assert_eq!(
        hub.calls(),
        [
            "GET /repos/diting/app 200",
            "GET /user 403",
            "GET /issues 200"
        ]
    );
    assert!(hub.state().issues.is_empty());
}

#[test]
fn a_job_that_is_cancelled_while_github_is_silent_ends_at_once_with_its_outcome() {
    let (server, hub) = (ThrowawayServer::up(), Hub::new());
    hub.plan("GET /user", Script::Silent);
    let failing = job(&server, &hub, &App::version("1"))
        .input("install", "false")
        .input("issue-logs", "never");
    let run = failing.start();
    wait_for("GitHub is asked", || !hub.calls().is_empty());
    let asked = Instant::now();
    run.signal(Signal::TERM);
    let run = run.finish();
    assert!(
        asked.elapsed() < Duration::from_secs(10),
        "{:?}",
        asked.elapsed()
    );
    run.assert_ended(5, "failed", "install");
    run.assert_says("the issue may not be updated: the job was cancelled");
}

#[test]
fn a_rollback_whose_issue_was_not_told_is_left_to_the_second_step() {
    let (server, hub) = (ThrowawayServer::up(), Hub::new());
    let good = server.deploy_well(&App::version("1"), None);
    hub.plan("GET /user", Script::Silent);
    let failing = job(&server, &hub, &App::health_500("2"))
        .env("DEPLOY_ACTION_HAS_NEXT_STEP", "true")
        .input("health-timeout", "8s")
        .input("issue-logs", "never");
    let run = failing.start();
    wait_for("GitHub is asked", || !hub.calls().is_empty());
    run.signal(Signal::TERM);
    let run = run.finish();
    assert_eq!(
        (run.code, run.output("outcome"), run.output("live-release")),
        (6, "rolled-back", good.as_str())
    );
    assert_eq!(
        (run.output("finished"), run.output("transaction").len()),
        ("", 32),
        "{}",
        run.log
    );
}

#[test]
fn an_issue_that_strangers_can_read_says_nothing_of_the_server_and_the_inputs() {
    let (server, hub) = (ThrowawayServer::up_with(&["--journal-access"]), Hub::new());
    let good = server.deploy_well(&App::version("1"), None);
    hub.state().visibility = "public";
    let broken = App::version("2").replace(
        "send, 200, \"application/json\", body",
        "send, 500, \"text/plain\", \"no S3CRET for customer 7\"",
    );
    let run = job(&server, &hub, &broken)
        .input("health-timeout", "3s")
        .run();
    run.assert_rolled_back("verify", &good);
    run.assert_says("customer 7");
    let failing = job(&server, &hub, &App::version("3"))
        .input("install", "echo begun\n./migrate --key S3CRET")
        .input("issue", "failure")
        .run();
    failing.assert_ended(5, "failed", "install");
    failing.assert_says("./migrate --key S3CRET");
    let issues = format!("{:?}", hub.state().issues);
    assert!(issues.contains("health answered 500"), "{issues}");
    assert!(issues.contains("line 2, `(not shown)`"), "{issues}");
    for word in [
        "S3CRET",
        "customer",
        "127.0.0.1",
        "deploy@",
        "uname",
        "df -h",
    ] {
        assert!(!issues.contains(word), "{word}: {issues}");
    }
}
