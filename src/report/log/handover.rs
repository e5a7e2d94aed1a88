//! The end of a step of the run that another step reports.

use super::groups::Groups;
use crate::protocol::End;
use crate::report::page::Level;
use crate::report::place::NAMELESS;
use crate::report::{texts, Report};

/// Which step of the run reports how it ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReportedBy {
    /// This one.
    #[default]
    ThisStep,
    /// The next one, unless the end is final already.
    NextStep,
    /// The previous one has.
    PreviousStep,
}

impl ReportedBy {
    /// Whether this step reports that end.
    #[must_use]
    pub fn is_here(self, end: &End) -> bool {
        match self {
            Self::ThisStep => true,
            Self::NextStep => end.is_final(),
            Self::PreviousStep => false,
        }
    }
}

/// A notice and a line: the verdict is the next step's.
pub(super) fn hand_over(groups: &mut Groups, report: &Report, end: &End) {
    let place = &report.facts.place;
    // after a crash nothing is known of the place
    let title = match place.host.as_str() {
        NAMELESS => "Not finished yet".to_owned(),
        _ => format!("{}: not finished yet", place.subject()),
    };
    let line = texts::handed_over(end, place);
    groups.annotate(Level::Notice, &title, &line);
    groups.outside(&line);
}

/// One line: the verdict is known.
pub(super) fn repeat(groups: &mut Groups, report: &Report, end: &End) {
    groups.close(report);
    groups.outside(&texts::reported_before(end, &report.facts.place));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Outcome, RunError, RunEvent};
    use crate::report::tests::{by_error, ends, planned, verdict, OLD};
    use crate::report::{Facts, Log, Page, Place};

    fn log(by: ReportedBy, end: &End) -> Vec<String> {
        let mut log = Log::new(Page::Actions).reported_by(by);
        log.on(&RunEvent::Planned(Box::new(planned())));
        log.on(&RunEvent::Ended(Box::new(end.clone())))
    }

    #[test]
    fn a_first_step_reports_only_what_is_final() {
        for end in ends() {
            let lines = log(ReportedBy::NextStep, &end);
            if end.is_final() {
                assert_eq!(lines, log(ReportedBy::ThisStep, &end));
                continue;
            }
            let [notice, line] = lines.as_slice() else {
                panic!("{lines:?}");
            };
            let title = "::notice title=diting on web1.example%3A not finished yet::";
            assert!(notice.starts_with(title), "{notice}");
            assert!(line.starts_with("handed over to the next step: "), "{line}");
        }
    }

    #[test]
    fn a_second_step_repeats_no_annotation() {
        for end in ends() {
            let lines = log(ReportedBy::PreviousStep, &end);
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert!(!lines[0].starts_with("::"), "{lines:?}");
        }
    }

    #[test]
    fn a_second_step_that_is_stopped_knows_what_the_first_one_knew() {
        let known = Facts {
            previous: verdict(Outcome::RolledBack, Some(OLD), None).previous,
            place: Place {
                finished_by: Some(1_762_148_300),
                ..Place::default()
            },
            ..Facts::default()
        };
        let refused = by_error(Outcome::Unreachable, None).error;
        let cancelled = Some(RunError::Cancelled { finished_by: None });
        for error in [refused, cancelled] {
            let mut log = Log::new(Page::Actions).knowing(known.clone());
            log.on(&RunEvent::Planned(Box::new(planned())));
            let end = by_error(Outcome::Unknown, error);
            let lines = log.on(&RunEvent::Ended(Box::new(end))).join("\n");
            let by = "web1.example finishes on its own by 2025-11-03 05:38:20 UTC";
            assert!(
                lines.contains(by) && !lines.contains("run it again"),
                "{lines}"
            );
            assert_eq!(log.facts().previous, known.previous);
        }
    }
}
