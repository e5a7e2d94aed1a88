//! Limits of the log.

use super::*;

#[test]
fn of_much_output_the_middle_is_omitted() {
    let mut run = Run::staged(Page::Actions);
    (1..3000).for_each(|n| run.output(&format!("line {n}")));
    run.steps([Step::Seal]);
    let shown = run
        .lines
        .iter()
        .filter(|line| line.contains("line "))
        .count();
    assert_eq!(shown, 2000 - 1 + 30);
    assert!(
        run.lines.contains(&"… 970 lines omitted …".to_owned()),
        "{:#?}",
        &run.lines[2000..]
    );
    assert!(run.lines.contains(&"│ line 2999".to_owned()));
}

#[test]
fn of_many_warnings_the_most_important_ones_are_annotations() {
    let mut run = Run::staged(Page::Actions);
    let leftover = |n: u32| Warning::Leftover {
        path: format!("/opt/diting/releases/{n}"),
        error: "Permission denied".into(),
    };
    // the same one twice is one
    (0..20).for_each(|n| run.server(What::Warning(leftover(n / 2))));
    run.server(What::Warning(Warning::DaemonReload));
    run.server(What::Warning(Warning::UnsafePager {
        service: "diting".into(),
        user: "deploy".into(),
    }));
    assert!(!run.lines.concat().contains("warning"), "{:#?}", run.lines);
    let text = run.end(verdict(Outcome::Deployed, Some(NEW), None));
    let annotated: Vec<&str> = lines_with(&text, "::warning");
    let plain: Vec<&str> = lines_with(&text, "warning: ");
    assert_eq!((annotated.len(), plain.len()), (9, 3), "{text}");
    assert!(annotated[0].contains("root shell"), "{text}");
    assert!(annotated[1].contains("daemon-reload"), "{text}");
    assert!(plain[2].contains("/opt/diting/releases/9"), "{text}");
    assert!(text.contains("22 warnings, see below"), "{text}");
}

#[test]
fn warnings_without_end_fill_no_log() {
    let mut run = Run::staged(Page::Terminal);
    for n in 0..1000 {
        let warning = Warning::NotEnabled(format!("unit-{n}"));
        run.server(What::Warning(warning));
    }
    let text = run.end(verdict(Outcome::Deployed, Some(NEW), None));
    assert_eq!(text.matches("is not started at boot").count(), 100);
    assert!(text.contains("… 900 warnings omitted …"), "{text}");
}

#[test]
fn what_is_odd_about_the_inputs_is_ranked_too() {
    let mut run = Run::staged(Page::Actions);
    let inputs = (0..12).map(|n| format!("odd {n}")).collect();
    run.log = Log::new(Page::Actions).warning_of(inputs);
    run.on(RunEvent::Planned(Box::new(planned())));
    run.server(What::Warning(Warning::UnsafePager {
        service: "diting".into(),
        user: "deploy".into(),
    }));
    let text = run.end(verdict(Outcome::Deployed, Some(NEW), None));
    let annotated = lines_with(&text, "::warning");
    assert_eq!(annotated.len(), 9, "{text}");
    assert!(annotated[0].contains("root shell"), "{text}");
    assert_eq!(lines_with(&text, "warning: odd").len(), 4, "{text}");
}

fn lines_with<'a>(text: &'a str, beginning: &str) -> Vec<&'a str> {
    let lines = text.lines();
    lines.filter(|line| line.starts_with(beginning)).collect()
}

#[test]
fn a_wait_is_shown_once() {
    let mut run = Run::staged(Page::Actions);
    run.steps([Step::Restart]);
    let wait = |seconds| Notice::StartLimitWait {
        up_to: Duration::from_secs(seconds),
        serving: false,
    };
    (0..5).for_each(|n| run.server(What::Notice(wait(50 - 10 * n))));
    assert_eq!(
        run.lines
            .iter()
            .filter(|line| line.starts_with("note: waiting"))
            .count(),
        1
    );
}

#[test]
fn no_secret_reaches_the_log() {
    let mut run = Run::staged(Page::Actions);
    run.log = Log::new(Page::Actions).hiding(Redactor::new(["hunter2hunter2"]));
    run.lines.clear();
    run.output("password=hunter2hunter2");
    let body = b"hunter2hunter2".to_vec();
    let answer = HealthAnswer::Mismatch {
        pattern: "hunter2hunter2".into(),
        body,
    };
    let failure = failed(Step::Verify, unhealthy(answer));
    let text = run.end(verdict(Outcome::RolledBack, Some(OLD), failure));
    assert!(!text.contains("hunter2") && text.contains("***"), "{text}");
}

#[test]
fn a_server_that_sends_without_end_fills_no_log() {
    let mut run = Run::staged(Page::Actions);
    for _ in 0..9000 {
        run.steps([Step::Check]);
        run.output(&"x".repeat(2000));
    }
    let bytes: usize = run.lines.iter().map(String::len).sum();
    assert!(bytes < 9 << 20, "{bytes}");
    assert!(run
        .lines
        .last()
        .unwrap()
        .contains("the end of the run follows"));
    let count = |beginning: &str| lines_with(&run.lines.join("\n"), beginning).len();
    assert_eq!(count("::group::"), count("::endgroup::"));
    let text = run.end(verdict(Outcome::Deployed, Some(NEW), None));
    assert!(text.contains("deployed"), "{text}");
}

#[test]
fn of_a_server_that_sends_without_end_the_warnings_are_shown() {
    let mut run = Run::staged(Page::Actions);
    for _ in 0..9000 {
        run.steps([Step::Check]);
        run.output(&"x".repeat(2000));
    }
    run.server(What::Warning(Warning::DaemonReload));
    let earlier = verdict(
        Outcome::RolledBack,
        Some(OLD),
        failed(Step::Verify, Reason::Interrupted),
    );
    run.server(What::Recovered(Box::new(earlier)));
    let mut run = run.without_beginning();
    run.steps([Step::Check]);
    assert_eq!(run.lines, [""; 0]);
    let text = run.end(verdict(Outcome::Deployed, Some(NEW), None));
    let warnings = lines_with(&text, "::warning");
    assert_eq!(warnings.len(), 2, "{text}");
    assert!(warnings[0].contains("How an earlier run ended"), "{text}");
    assert!(warnings[1].contains("daemon-reload"), "{text}");
}
