//! The steps' lines, in columns.

use crate::protocol::Step;
use crate::report::{duration, Mark, StepRun};
use crate::text::amounts::count;
use std::time::Duration;

/// As wide as the longest name of a step, and a column between.
const NAME: usize = 15;
/// As wide as minutes and seconds.
const TOOK: usize = 10;

/// The title of the lines that a step printed.
#[must_use]
pub fn step_output(step: Step) -> String {
    match step {
        Step::Verify | Step::RollBack => format!("{step}: health checks"),
        Step::SmokeTest => format!("{step}: health checks and output"),
        _ => format!("{step}: output"),
    }
}

/// The title when they go on after a line of another kind.
#[must_use]
pub fn continued(title: &str) -> String {
    format!("{title}, continued")
}

/// How a step ended: its name, how long it took, and what is worth knowing of it.
#[must_use]
pub fn step_result(run: &StepRun, took: Option<Duration>, warnings: usize) -> String {
    let sign = match run.mark {
        Some(Mark::Done) => '✓',
        _ => '✗',
    };
    let (name, took) = (run.step.to_string(), took.map(duration));
    let took = took.unwrap_or_default();
    let line = format!("{sign} {name:NAME$}{took:>TOOK$}   {}", note(run, warnings));
    line.trim_end().to_owned()
}

/// What stands behind the time.
fn note(run: &StepRun, warnings: usize) -> String {
    let health = run.health().map(|last| format!("health {last}"));
    let warned =
        (warnings > 0).then(|| format!("{}, see below", count(warnings as u64, "warning")));
    let notes = health.into_iter().chain(run.note.clone()).chain(warned);
    let notes = notes.collect::<Vec<_>>().join("; ");
    let word = match run.mark {
        Some(Mark::Done) => return notes,
        Some(Mark::Failed) => "FAILED",
        Some(Mark::Cancelled) => "cancelled",
        Some(Mark::Unfinished) | None => "result unknown",
    };
    match notes.is_empty() {
        true => word.to_owned(),
        false => format!("{word}: {notes}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Attempt, HealthAnswer};
    use crate::report::tests::STEPS;

    fn run(step: Step, mark: Option<Mark>, took: Option<u64>) -> StepRun {
        let mut run = StepRun::new(step, None);
        run.mark = mark;
        run.took = took.map(Duration::from_millis);
        run
    }

    #[test]
    fn the_columns_of_all_steps_are_in_line() {
        let result = |run: &StepRun, warnings| step_result(run, run.took, warnings);
        let line = |step| result(&run(step, Some(Mark::Done), Some(83_000)), 0);
        let lines = STEPS.map(line);
        let ends = lines.iter().map(|line| line.chars().count());
        assert!(ends.clone().all(|end| end == 27), "{lines:#?}");
        insta::assert_snapshot!([lines[0].as_str(), lines[6].as_str()].join("\n"), @"
        ✓ connect        1 min 23 s
        ✓ before-switch  1 min 23 s
        ");
    }

    #[test]
    fn a_step_tells_its_time_and_what_is_worth_knowing() {
        let mut uploaded = run(Step::Upload, Some(Mark::Done), Some(640));
        uploaded.note = Some("34 files sent (351.7 kB)".into());
        let mut verified = run(Step::Verify, Some(Mark::Failed), Some(283));
        let refused = Attempt {
            number: 1,
            answer: HealthAnswer::Refused,
            took: Duration::ZERO,
        };
        verified.answered(&refused, 0);
        let result = |run: &StepRun, warnings| step_result(run, run.took, warnings);
        let all = [
            result(&uploaded, 0),
            result(&run(Step::Check, Some(Mark::Done), Some(100)), 1),
            result(&run(Step::BeforeSwitch, Some(Mark::Cancelled), None), 2),
            result(&run(Step::Connect, Some(Mark::Failed), None), 0),
            result(&run(Step::Install, Some(Mark::Unfinished), None), 0),
            result(&verified, 0),
            continued(&step_output(Step::Install)),
            step_output(Step::Verify),
        ];
        insta::assert_snapshot!(all.join("\n"), @"
        ✓ upload              0.6 s   34 files sent (351.7 kB)
        ✓ check               0.1 s   1 warning, see below
        ✗ before-switch               cancelled: 2 warnings, see below
        ✗ connect                     FAILED
        ✗ install                     result unknown
        ✗ verify              0.3 s   FAILED: health refused the connection: no process listens there
        install: output, continued
        verify: health checks
        ");
    }
}
