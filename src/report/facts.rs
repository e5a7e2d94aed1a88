//! What is known about a run.

use super::{commits, texts, Place};
use crate::protocol::{LiveRelease, Made, Outcome, ReleaseId, RunEvent, Step, Task, Verdict, What};
use crate::text::excerpt::excerpt;

/// What is known so far about a run; its verdict may never arrive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Deployment or rollback.
    pub task: Task,
    /// Nothing goes live: the run lists what is on the server.
    pub is_listing: bool,
    /// Where.
    pub place: Place,
    /// The step that runs, or ran last.
    pub step: Option<Step>,
    /// The release that should go live, once it has an id.
    pub release: Option<ReleaseId>,
    /// The release that was live before anything was changed. Untrusted.
    pub live: Option<LiveRelease>,
    /// The rollback target.
    pub previous: Option<ReleaseId>,
    /// The commit of the release that goes live, as the server knows it. Untrusted.
    pub commit: Option<String>,
    /// What the rollback target was made from.
    pub made: Made,
}

impl Facts {
    /// Records an event.
    pub fn on(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Planned(planned) => {
                self.task = planned.task.clone();
                self.place = Place {
                    finished_by: self.place.finished_by,
                    ..Place::from(planned.as_ref())
                };
            }
            RunEvent::Connecting => self.step = Some(Step::Connect),
            RunEvent::Server(event) => self.on_server(&event.what),
            RunEvent::ConnectFailed { .. }
            | RunEvent::Connected { .. }
            | RunEvent::ConnectionLost { .. }
            | RunEvent::Reconnected { .. }
            | RunEvent::Doubt(_)
            | RunEvent::CopyingServerPart { .. }
            | RunEvent::Sending { .. }
            | RunEvent::Sent { .. }
            | RunEvent::UnexpectedOutput(_)
            | RunEvent::WatchLimited { .. }
            | RunEvent::Ended(_) => {}
        }
    }

    fn on_server(&mut self, what: &What) {
        match what {
            What::Step(step) => {
                self.step = Some(*step);
                self.place.before_switch |= *step == Step::BeforeSwitch;
                // another release is verified next
                if matches!(step, Step::Switch | Step::RollBack) {
                    self.place.answered = false;
                }
            }
            What::Attempt(attempt) => self.place.answered = attempt.answer.is_healthy(),
            What::FailedStart(start) => self.place.start = Some(start.as_ref().clone()),
            What::Live(live) => self.live = Some(live.as_ref().clone()),
            What::Staged(staged) => self.release = Some(staged.release.clone()),
            What::PointOfNoReturn {
                release,
                previous,
                commit,
                made,
                deadline: _,
            } => {
                self.commit = commit.clone();
                self.made = made.clone();
                self.release = Some(release.clone());
                self.previous = previous.clone();
            }
            What::Releases(_)
            | What::Waiting(_)
            | What::Recovered(_)
            | What::Output(_)
            | What::OutputLeftOut(_)
            | What::Warning(_)
            | What::Notice(_)
            | What::Diagnostics(_) => {}
            What::Ended(verdict) if verdict.outcome == Outcome::Restored => {
                self.place.commits = self.commits(verdict);
            }
            What::Ended(_) => {}
        }
    }

    /// The commits of a rollback. What was live already replaced nothing.
    fn commits(&self, verdict: &Verdict) -> Option<String> {
        let short = |commit: &String, changed| commits::short(&excerpt(commit), changed);
        if verdict.switched {
            let old = self.made.commit.as_ref();
            let old = old.map(|commit| short(commit, self.made.changed));
            let new = short(self.commit.as_ref()?, false);
            return Some(texts::restored(&new, old.as_deref()));
        }
        let live = self.live.as_ref()?;
        let is_target = Some(&live.release) == verdict.live.as_ref();
        let commit = live.made.commit.as_ref().filter(|_| is_target)?;
        Some(texts::restored(&short(commit, live.made.changed), None))
    }
}
