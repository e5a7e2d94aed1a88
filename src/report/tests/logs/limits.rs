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
fn many_warnings_leave_room_for_other_annotations() {
    let mut run = Run::staged(Page::Actions);
    (0..20).for_each(|_| run.server(What::Warning(Warning::DaemonReload)));
    assert_eq!(
        run.lines
            .iter()
            .filter(|line| line.starts_with("::warning"))
            .count(),
        9
    );
    assert_eq!(
        run.lines
            .iter()
            .filter(|line| line.starts_with("warning: "))
            .count(),
        11
    );
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
    let text = run.end(verdict(Outcome::Deployed, Some(NEW), None));
    assert!(text.contains("deployed"), "{text}");
}
