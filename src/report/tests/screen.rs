//! The order of a page: what is live, what failed, why, what to do, the two releases, links; then what can wait.

use super::*;
use crate::protocol::{
    Attempt, Diagnostic, DiagnosticOrigin, Event, HealthAnswer, Interruption, LiveRelease, Made,
    Outcome, Planned, Reason, RunEvent, Step, Task, Verdict, Warning, What,
};
use crate::report::{hints, issue_text, summary, Job, RawLogs, Report};
use crate::text::Redactor;
use std::time::Duration;

const APP: &str = "https://github.com/diting/app";
const NEW_COMMIT: &str = "3f2a1bc0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4";
const OLD_COMMIT: &str = "9c1d77e0a1b2c3d4e5f60718293a4b5c6d7e8f90";

fn job() -> Job {
    Job {
        run: Some(format!("{APP}/actions/runs/8")),
        commit: Some(NEW_COMMIT.into()),
        commit_link: Some(format!("{APP}/commit/{NEW_COMMIT}")),
        repository: Some("diting/app".into()),
        actor: Some("alice".into()),
    }
}

fn at(report: &mut Report, at: u64, what: What) {
    report.on(&RunEvent::Server(Event { at, what }));
}

fn attempt(report: &mut Report, ms: u64, number: u32, answer: HealthAnswer) {
    let took = Duration::from_millis(5);
    let attempt = Attempt {
        number,
        answer,
        took,
    };
    at(report, ms, What::Attempt(attempt));
}

/// A run to the restart, 10 s after its beginning.
fn restarted(planned: Planned) -> Report {
    let mut report = Report::default();
    report.on(&RunEvent::Planned(Box::new(planned)));
    at(&mut report, 0, What::Step(Step::Check));
    let made = Made {
        commit: Some(OLD_COMMIT.into()),
        live_since: Some(1_762_137_000),
        actor: Some("bob".into()),
        ..Made::default()
    };
    let release = id(OLD);
    let live = LiveRelease { release, made };
    at(&mut report, 1, What::Live(Box::new(live)));
    at(&mut report, 10, What::Warning(Warning::DiskNearlyFull(83)));
    at(&mut report, 20, What::Step(Step::Install));
    at(&mut report, 10_000, What::Step(Step::Restart));
    report
}

fn ended(mut report: Report, end: crate::protocol::End) -> Report {
    report.on(&RunEvent::Ended(Box::new(end)));
    report
}

fn page(report: &Report) -> String {
    summary(report, &job(), &Redactor::default())
}

/// Where the parts of a page begin that it has.
fn parts(page: &str) -> Vec<(&'static str, Option<usize>)> {
    let marks = [
        ("heading", "## "),
        ("what failed", "by alice"),
        ("evidence", "```text\n"),
        ("what to do", "**What to do:**"),
        ("two releases", "\n|  | "),
        ("links", "\n[run]("),
        ("folds", "\n<details>"),
        ("warnings", "\n> [!WARNING]"),
    ];
    let screen = page.find("\n<details>").unwrap_or(page.len());
    let place = |(name, mark): (&'static str, &str)| {
        let found = page.find(mark);
        // the output of programs is folded, too
        (name, found.filter(|at| name != "evidence" || *at < screen))
    };
    marks.map(place).into()
}

#[test]
fn every_page_of_a_failure_has_the_same_order() {
    for end in ends().into_iter().filter(|end| !end.outcome.is_success()) {
        let mut report = restarted(planned());
        let log = Diagnostic {
            title: "log of diting, this start".into(),
            origin: DiagnosticOrigin::Log,
            text: b"a line\n".repeat(40),
        };
        at(&mut report, 12_000, What::Diagnostics(vec![log]));
        let report = ended(report, end.clone());
        let issue = issue_text(&report, &job(), RawLogs::Show, &Redactor::default()).unwrap();
        for text in [page(&report), issue.comment] {
            let parts = parts(&text);
            let there: Vec<usize> = parts.iter().filter_map(|(_, at)| *at).collect();
            assert!(there.is_sorted(), "{parts:?}\n{text}");
            let is_finding = crate::report::causes::findings(&end).is_some();
            let has_hint = !hints::hint(&end, &report.facts.place).is_empty();
            for (name, at) in parts {
                let expected = match name {
                    "what failed" => !is_finding,
                    "what to do" => !is_finding && has_hint,
                    "evidence" | "two releases" => continue,
                    _ => true,
                };
                assert!(!expected || at.is_some(), "no {name}: {end:?}\n{text}");
            }
        }
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "it shows whole texts")]
fn the_heading_names_service_server_outcome_and_commit() {
    let heads = ends().into_iter().map(|end| {
        let report = ended(restarted(planned()), end);
        let page = page(&report);
        page.lines().next().unwrap_or_default().replace(APP, "APP")
    });
    insta::assert_snapshot!(heads.collect::<Vec<_>>().join("\n"), @"
    ## ✅ diting on web1.example: deployed – [`3f2a1bc`](APP/commit/3f2a1bc) is live and healthy
    ## ✅ diting on web1.example: restored – [`9c1d77e`](APP/commit/9c1d77e0a1b2c3d4e5f60718293a4b5c6d7e8f90) is live and healthy
    ## ✅ diting on web1.example: restored – [`9c1d77e`](APP/commit/9c1d77e0a1b2c3d4e5f60718293a4b5c6d7e8f90) is live already and healthy, and nothing was switched or restarted
    ## ↩️ diting on web1.example: rolled back – [`9c1d77e`](APP/commit/9c1d77e0a1b2c3d4e5f60718293a4b5c6d7e8f90) is live and healthy, as before
    ## ↩️ diting on web1.example: rolled back – [`9c1d77e`](APP/commit/9c1d77e0a1b2c3d4e5f60718293a4b5c6d7e8f90) is live and healthy, as before
    ## 🚨 diting on web1.example: rollback failed – users are not served
    ## ❌ diting on web1.example: failed – no release to roll back to, and no release is live
    ## ❌ diting on web1.example: failed – rolled back to [`9c1d77e`](APP/commit/9c1d77e0a1b2c3d4e5f60718293a4b5c6d7e8f90), which was not healthy before either
    ## ❌ diting on web1.example: failed – no release to roll back to, and [`3f2a1bc`](APP/commit/3f2a1bc), which failed, is still current
    ## ❌ diting on web1.example: failed – [`9c1d77e`](APP/commit/9c1d77e0a1b2c3d4e5f60718293a4b5c6d7e8f90) is still live
    ## ❌ diting on web1.example: failed – [`9c1d77e`](APP/commit/9c1d77e0a1b2c3d4e5f60718293a4b5c6d7e8f90) is still live
    ## ❌ diting on web1.example: failed – nothing was switched
    ## ❌ diting on web1.example: not ready – [`9c1d77e`](APP/commit/9c1d77e0a1b2c3d4e5f60718293a4b5c6d7e8f90) is still live
    ## ⏳ diting on web1.example: another deployment is running – this run changed nothing
    ## ❌ diting on web1.example: not ready – [`9c1d77e`](APP/commit/9c1d77e0a1b2c3d4e5f60718293a4b5c6d7e8f90) is still live
    ## ❌ diting on web1.example: failed – no user was affected: [`9c1d77e`](APP/commit/9c1d77e0a1b2c3d4e5f60718293a4b5c6d7e8f90) is still live
    ## ❌ diting on web1.example: failed – no user was affected: nothing was live before
    ## ⏹️ diting on web1.example: cancelled – [`9c1d77e`](APP/commit/9c1d77e0a1b2c3d4e5f60718293a4b5c6d7e8f90) is still live
    ## ❌ diting on web1.example: bug in deploy-action – it is unknown which release is live
    ## ❌ diting on web1.example: failed – [`9c1d77e`](APP/commit/9c1d77e0a1b2c3d4e5f60718293a4b5c6d7e8f90) is still live
    ## ❌ diting on web1.example: bug in deploy-action – it is unknown which release is live
    ## ❌ diting on web1.example: bug in deploy-action – nothing was sent
    ## ❔ diting on web1.example: result unknown – web1.example may still finish on its own
    ## ❌ diting on web1.example: invalid inputs – nothing was sent
    ## ❌ diting on web1.example: invalid inputs – nothing was sent
    ## ❌ diting on web1.example: server unreachable – nothing was changed
    ## ❌ diting on web1.example: not ready – nothing was switched
    ## ❌ diting on web1.example: failed – nothing was switched
    ## ❌ diting on web1.example: failed – nothing was switched
    ## ⏹️ diting on web1.example: cancelled – nothing was switched
    ## ❔ diting on web1.example: result unknown – web1.example finishes on its own
    ## ❔ diting on web1.example: result unknown – web1.example finishes on its own
    ## ❔ diting on web1.example: result unknown – it is unknown whether the deployment was begun
    ## ✅ diting on web1.example: done – nothing was changed
    ");
}

#[test]
#[expect(clippy::too_many_lines, reason = "it shows whole texts")]
fn what_failed_is_one_sentence_with_the_commit_and_who_wanted_it() {
    let sentence = |planned, end| {
        let page = page(&ended(restarted(planned), end));
        let line = page.lines().find(|line| line.contains("by alice"));
        line.unwrap_or_default().replace(APP, "APP")
    };
    let failures = ends().into_iter().filter(|end| !end.outcome.is_success());
    let mut all: Vec<String> = failures.map(|end| sentence(planned(), end)).collect();
    let back = Planned {
        task: Task::RollBack { to: None },
        commit: None,
        ..planned()
    };
    let failure = failed(Step::Verify, exited(1));
    let end = by_verdict(verdict(Outcome::RolledBack, Some(OLD), failure));
    all.push(sentence(back, end));
    insta::assert_snapshot!(all.join("\n"), @"
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice did not become healthy:** health answered 500 with “no database” after 30 attempts in 1 min.
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice was interrupted:** the process that deploys on the server was killed, or the server went down.
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice did not become healthy:** health answered 500 with “no database” after 30 attempts in 1 min.
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice did not become healthy:** health answered 500 with “no database” after 30 attempts in 1 min.
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice did not become healthy:** health answered 500 with “no database” after 30 attempts in 1 min.
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice did not become healthy:** health answered 500 with “no database” after 30 attempts in 1 min.
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice failed to switch:** someone else changed the server during the deployment: current was deleted.
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice failed to install:** line 2, `uv sync --frozen`, ended with exit code 127 on the server.
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice failed to install:** line 2, `uv sync --frozen`, ended with exit code 127 on the server.

    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice did not go live:** [another deployment](APP/actions/runs/7) by alice holds the lock on the server since 2025-11-03 05:16:40 UTC.
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice did not go live:** `3f2a1bc`: `1762147685` never went live, so it is unknown whether it works.
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice failed the smoke test:** health answered 500 with “no database” after 30 attempts in 1 min.
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice failed the smoke test:** health answered 500 with “no database” after 30 attempts in 1 min.
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice was cancelled during upload:** the connection to the runner was lost, or the run was cancelled.
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice has an unknown result.**
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice was stopped during install:** the time limit of 30 min was reached.
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice has an unknown result:** a bug in deploy-action: reading the source stopped by itself.
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice did not go live:** the run ended without a result: its process crashed or was killed, for example because memory ran out.
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice has an unknown result:** the run stopped watching after 18 min, before the server had finished; seen last: restart.
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice did not go live.**
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice did not go live:** on the runner: the private key could not be loaded.
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice did not go live:** the account on the server has expired.
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice did not go live:** on the runner: `deploy-action-riscv64`, the server part for the server's CPU (riscv64), is missing.
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice did not go live:** the connection was lost before the switch.
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice did not go live:** the time limit of 30 min was reached.
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice was cancelled.**
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice has an unknown result:** the connection was lost before the server finished; seen last: restart.
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice has an unknown result:** the run was cancelled when the server could no longer be stopped; seen last: restart.
    **[`3f2a1bc`](APP/commit/3f2a1bc) by alice has an unknown result:** unexpected output from the server: a message of `2000000` bytes is too long; seen last: restart.
    **`1762147999` (rollback by alice) did not start:** the process ended with exit status 1.
    ");
}

#[test]
fn no_table_has_more_than_three_columns() {
    for end in ends() {
        let mut report = restarted(planned());
        at(&mut report, 11_000, What::Step(Step::Verify));
        attempt(&mut report, 12_000, 1, HealthAnswer::Refused);
        let report = ended(report, end);
        let text = page(&report);
        let widest = text
            .lines()
            .filter(|line| line.starts_with("| "))
            .map(|line| line.matches(" |").count())
            .max();
        assert!(widest.is_some_and(|widest| widest <= 3), "{text}");
    }
}

/// The lines that show why are few, and not folded.
#[test]
fn evidence_stands_on_the_first_screen() {
    let log: String = (0..40)
        .map(|line| format!("line {line} of the log\n"))
        .collect();
    for reason in reasons().into_iter().chain(explained()) {
        let mut report = restarted(planned());
        at(&mut report, 10_500, What::Output(b"one\ntwo".to_vec()));
        at(&mut report, 11_000, What::Step(Step::Verify));
        let diagnostic = Diagnostic {
            title: "log of diting, this start".into(),
            origin: DiagnosticOrigin::Log,
            text: log.clone().into_bytes(),
        };
        at(&mut report, 12_000, What::Diagnostics(vec![diagnostic]));
        let is_finding = matches!(reason, Reason::NotReady(_));
        let end = verdict(Outcome::RolledBack, Some(OLD), failed(Step::Verify, reason));
        let text = page(&ended(report, by_verdict(end)));
        let lines: Vec<&str> = text.lines().collect();
        let begin = lines.iter().position(|line| *line == "```text");
        let Some(begin) = begin.filter(|_| !is_finding) else {
            continue;
        };
        let length = lines[begin + 1..]
            .iter()
            .take_while(|line| !line.starts_with("```"))
            .count();
        let fold = lines.iter().position(|line| line.starts_with("<details>"));
        if fold.is_some_and(|fold| begin < fold) {
            assert!(
                begin <= 6 && (1..=8).contains(&length),
                "{begin} {length}\n{text}"
            );
        }
    }
}

/// What a run that ends so says of the interruption.
fn interruption(outcome: Outcome, interruption: Option<Interruption>) -> String {
    let mut report = restarted(planned());
    at(&mut report, 11_000, What::Step(Step::RollBack));
    attempt(&mut report, 14_000, 1, HealthAnswer::Refused);
    let is_deployed = outcome == Outcome::Deployed;
    let live = if is_deployed { NEW } else { OLD };
    let failure = failed(Step::Verify, unhealthy(HealthAnswer::Refused));
    let verdict = Verdict {
        interruption,
        ..verdict(outcome, Some(live), failure.filter(|_| !is_deployed))
    };
    let page = page(&ended(report, by_verdict(verdict)));
    let line = page
        .lines()
        .find(|line| line.contains("users noticed") || line.contains("**Interruption:**"));
    line.unwrap_or("none is shown")
        .split("**Interruption:** ")
        .last()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn the_interruption_is_shown_as_the_server_measured_it() {
    let lasted = |ms| Some(Interruption::of(10_000, Duration::from_millis(ms)));
    let all = [
        interruption(Outcome::Deployed, lasted(1_240)),
        interruption(Outcome::Deployed, lasted(40)),
        interruption(Outcome::Deployed, lasted(0)),
        interruption(Outcome::Deployed, None),
        interruption(Outcome::RolledBack, lasted(5_500)),
        interruption(Outcome::RolledBack, lasted(0)),
        interruption(Outcome::RolledBack, None),
        interruption(Outcome::RollbackFailed, None),
    ];
    insta::assert_snapshot!(all.join("\n"), @"
    1.2 s (00:00:10 – 00:00:11 UTC).
    less than 0.1 s (00:00:10 – 00:00:10 UTC).
    none.
    none is shown
    | users noticed | interruption of 5.5 s (00:00:10 – 00:00:15 UTC) |  |
    | users noticed | nothing |  |
    none is shown
    | users noticed | interruption since 00:00:10 UTC, not over |  |
    ");
}
