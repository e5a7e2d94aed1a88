use super::Place;
use crate::protocol::{Answer, ReleaseId, RunEvent, Step, Task, What};

/// What is known so far of a run whose verdict may never arrive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// What is done.
    pub task: Task,
    /// Where it goes.
    pub place: Place,
    /// The step that runs, or ran last.
    pub step: Option<Step>,
    /// The release that is to go live, once it has an id.
    pub release: Option<ReleaseId>,
    /// The one to go back to.
    pub previous: Option<ReleaseId>,
}

impl Facts {
    /// Takes in what happened.
    pub fn on(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Planned(planned) => {
                self.task = planned.task.clone();
                self.place = Place::from(planned.as_ref());
            }
            RunEvent::Connecting => self.step = Some(Step::Connect),
            RunEvent::Server(event) => self.on_server(&event.what),
            RunEvent::ConnectFailed { .. }
            | RunEvent::Connected { .. }
            | RunEvent::LineLost { .. }
            | RunEvent::Reconnected { .. }
            | RunEvent::CopyingServerPart { .. }
            | RunEvent::Sending { .. }
            | RunEvent::Sent { .. }
            | RunEvent::Noise(_)
            | RunEvent::Ended(_) => {}
        }
    }

    fn on_server(&mut self, what: &What) {
        match what {
            What::Step(step) => {
                self.step = Some(*step);
                // what is watched next is another release
                if matches!(step, Step::Switch | Step::RollBack) {
                    self.place.answered = false;
                }
            }
            What::Attempt(attempt) => {
                self.place.answered = matches!(attempt.answer, Answer::Healthy { .. })
            }
            What::Staged(staged) => self.release = Some(staged.release),
            What::PointOfNoReturn {
                release, previous, ..
            } => {
                self.release = Some(*release);
                self.previous = *previous;
            }
            What::Waiting(_)
            | What::Recovered(_)
            | What::Output(_)
            | What::Warning(_)
            | What::Notice(_)
            | What::Diagnostics(_)
            | What::Ended(_) => {}
        }
    }
}
