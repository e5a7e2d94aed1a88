//! A run that has ended, as its pages show it.

use crate::protocol::{End, LiveRelease, Made, ReleaseId};
use crate::report::commits::Commits;
use crate::report::evidence::Evidence;
use crate::report::markdown::{self, foreign};
use crate::report::{Job, Report};
use crate::text::{Prose, Redactor};

/// A run that has ended, and what is needed to show it.
#[derive(Clone, Copy)]
pub(in crate::report) struct View<'a> {
    pub(in crate::report) report: &'a Report,
    pub(in crate::report) end: &'a End,
    pub(in crate::report) job: &'a Job,
    pub(in crate::report) redactor: &'a Redactor,
}

impl<'a> View<'a> {
    pub(super) fn evidence(&self) -> Evidence<'a> {
        Evidence {
            report: self.report,
            end: self.end,
            redactor: self.redactor,
        }
    }

    pub(super) fn commits(&self) -> Commits<'a> {
        Commits {
            job: self.job,
            redactor: self.redactor,
        }
    }

    pub(super) fn made(&self, release: &ReleaseId) -> Made {
        self.report.made(release, self.job)
    }

    /// A release by its commit, or else by its id.
    pub(super) fn name(&self, release: &ReleaseId) -> String {
        let commit = self.commits().of(&self.made(release));
        commit.unwrap_or_else(|| self.commits().id(release))
    }

    /// A sentence in which each release is named by its commit.
    pub(super) fn prose(&self, text: &Prose) -> String {
        let known = |text: &str| {
            let release = self.releases().find(|id| id.to_string() == text)?;
            Some(self.name(release))
        };
        markdown::prose_naming(text, self.redactor, known)
    }

    /// ` by alice`; nothing if nobody is known.
    pub(super) fn by(&self, actor: Option<&str>) -> String {
        let actor = actor.map(|actor| foreign(actor, self.redactor));
        let actor = actor.filter(|actor| !actor.is_empty());
        actor.map_or_else(String::new, |actor| {
            format!(" by {}", actor.replace('|', "¦"))
        })
    }

    /// The release that was live before this run changed anything.
    pub(super) fn live_before(&self) -> Option<&'a ReleaseId> {
        let live = self
            .report
            .facts
            .live
            .as_ref()
            .map(|LiveRelease { release, .. }| release);
        let verdict = self
            .end
            .verdict
            .as_ref()
            .and_then(|it| it.previous.as_ref());
        live.or(verdict).or(self.report.facts.previous.as_ref())
    }

    /// The release that is live now, if that is known.
    pub(super) fn live_now(&self) -> Option<&'a ReleaseId> {
        match &self.end.verdict {
            Some(verdict) => verdict.live.as_ref(),
            None => self.live_before(),
        }
    }

    fn releases(&self) -> impl Iterator<Item = &'a ReleaseId> {
        let all = [self.live_now(), self.live_before(), self.report.attempted()];
        all.into_iter().flatten()
    }
}
