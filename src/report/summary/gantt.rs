//! The summary's diagram of the steps.

use super::format;
use crate::protocol::Step;
use crate::report::{Mark, StepRun};
use std::fmt::Write as _;
use std::time::Duration;

/// Shorter bars would be invisible.
const SHORTEST: Duration = Duration::from_millis(100);
/// What took less needs no diagram.
const LEAST: Duration = Duration::from_secs(2);
/// GitHub draws no diagram of more than 50,000 characters.
const MOST: usize = 40;

/// When the steps ran, as a mermaid diagram. It has no untrusted text, so nothing is escaped.
pub(super) fn gantt(steps: &[StepRun]) -> String {
    let mut bars = bars(steps);
    let all = end(&bars);
    bars.retain(|bar| bar.took >= SHORTEST);
    if bars.len() < 2 || all < LEAST {
        return String::new();
    }
    let mut text =
        "```mermaid\ngantt\n    dateFormat HH:mm:ss.SSS\n    axisFormat %M:%S\n".to_owned();
    line(&mut text, &format!("tickInterval {}second", tick(all)));
    let mut section = "";
    for Bar { run, start, took } in bars.iter().take(MOST) {
        if part(run.step) != section {
            section = part(run.step);
            line(&mut text, &format!("section {section}"));
        }
        let name = format!("{} {}", run.step, format::took(*took));
        line(
            &mut text,
            &format!(
                "{name} :{}{}, {}ms",
                tag(run.mark),
                clock(*start),
                took.as_millis()
            ),
        );
    }
    text + "```\n"
}

fn line(text: &mut String, line: &str) {
    // writing to a String cannot fail
    let _ = writeln!(text, "    {line}");
}

/// When the last bar ends.
fn end(bars: &[Bar<'_>]) -> Duration {
    let ends = bars.iter().map(|bar| bar.start + bar.took);
    ends.max().unwrap_or_default()
}

/// Seconds between two marks of the axis: a round number that gives about ten marks.
fn tick(all: Duration) -> u64 {
    let rounds = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800];
    rounds
        .into_iter()
        .find(|round| round * 12 >= all.as_secs())
        .unwrap_or(3600)
}

struct Bar<'a> {
    run: &'a StepRun,
    /// Since the first step began.
    start: Duration,
    took: Duration,
}

/// Connecting is measured by the runner's clock, everything after it by the server's.
fn bars<'a>(steps: &'a [StepRun]) -> Vec<Bar<'a>> {
    let first = steps.iter().find_map(|run| run.began);
    let connected: Duration = steps
        .iter()
        .filter(|run| run.began.is_none())
        .filter_map(|run| run.took)
        .sum();
    let mut on_runner = Duration::ZERO;
    let bar = |run: &'a StepRun| {
        let took = run.took?;
        let start = match run.began.zip(first) {
            Some((began, first)) => connected + Duration::from_millis(began.saturating_sub(first)),
            None => {
                on_runner += took;
                on_runner - took
            }
        };
        // the diagram's clock has 24 hours
        (start + took < Duration::from_secs(86_400)).then_some(Bar { run, start, took })
    };
    steps.iter().filter_map(bar).collect()
}

fn part(step: Step) -> &'static str {
    match step {
        Step::Connect | Step::Lock | Step::Recover | Step::Check => "begin",
        Step::Upload | Step::Install | Step::BeforeSwitch | Step::SmokeTest | Step::Seal => "stage",
        Step::Switch | Step::Restart | Step::Verify | Step::Commit | Step::Retention => "go live",
        Step::RollBack => "roll back",
    }
}

fn tag(mark: Option<Mark>) -> &'static str {
    match mark {
        Some(Mark::Done) => "",
        Some(Mark::Failed) => "crit, ",
        Some(Mark::Cancelled | Mark::Unfinished) | None => "active, ",
    }
}

fn clock(since: Duration) -> String {
    let (seconds, ms) = (since.as_secs(), since.subsec_millis());
    format!(
        "{:02}:{:02}:{:02}.{ms:03}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps that took so many milliseconds, one after the other.
    fn drawn(took: &[(Step, u64)]) -> String {
        let mut at = 1_000;
        let step = |(step, ms): &(Step, u64)| {
            let mut run = StepRun::new(*step, Some(at));
            at += ms;
            run.end(Mark::Done, Some(at));
            run
        };
        let steps: Vec<StepRun> = took.iter().map(step).collect();
        gantt(&steps)
    }

    #[test]
    fn what_took_less_than_a_tenth_of_a_second_has_no_bar() {
        let text = drawn(&[
            (Step::Lock, 99),
            (Step::Check, 100),
            (Step::Upload, 2_000),
            (Step::Install, 0),
        ]);
        assert!(
            text.contains("check 100 ms") && text.contains("upload 2.0 s"),
            "{text}"
        );
        assert!(
            !text.contains("lock") && !text.contains("install"),
            "{text}"
        );
        // it begins where it did, not where the bars before it end
        assert!(text.contains(":00:00:00.099, 100ms"), "{text}");
    }

    #[test]
    fn a_run_of_less_than_two_seconds_has_no_diagram() {
        let short = [(Step::Check, 999), (Step::Upload, 1_000)];
        assert_eq!(drawn(&short), "");
        let long = [(Step::Check, 1_000), (Step::Upload, 1_000)];
        assert!(drawn(&long).starts_with("```mermaid\n"));
        // a single bar shows nothing
        assert_eq!(drawn(&[(Step::Check, 50), (Step::Upload, 60_000)]), "");
    }
}
