//! The warnings of a run, which stand together before its outcome, the most important ones first.

use super::groups::Groups;
use crate::protocol::Warning;
use crate::report::page::{Level, ANNOTATIONS};
use crate::report::texts;

/// What comes after the run may need one annotation.
const ANNOTATED: usize = ANNOTATIONS - 1;
/// How many can be shown before it is known which ones matter most.
const AT_ONCE: usize = 3;
/// The most that are kept; a hostile server could send any number.
const MOST: usize = 100;

/// How much depends on a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Users may be served by what nobody expects, or data may be lost.
    Urgent,
    /// A later deployment may fail, or something could not be proven.
    Useful,
    /// It can wait.
    Minor,
}

impl Rank {
    /// The rank of what the server warns of.
    pub(super) fn of(warning: &Warning) -> Self {
        match warning {
            Warning::OfUnit { warning, .. } => Self::of(warning),
            Warning::DataLeftBehind(_)
            | Warning::OtherRelease(_)
            | Warning::OldUnhealthy(_)
            | Warning::RollbackDoubt(_)
            | Warning::PendingSetAside { .. }
            | Warning::UnsafePager { .. }
            | Warning::GroupWritable { .. }
            | Warning::UnitFilesNotRestored(_)
            | Warning::UnitFileStays { .. }
            | Warning::SmokeTestLeft { .. }
            | Warning::SocketDown { .. }
            | Warning::AppAccess(_) => Self::Urgent,
            Warning::LoggedErrors(_)
            | Warning::MaybeOldCrashes { .. }
            | Warning::DiskNearlyFull(_)
            | Warning::NotEnabled(_)
            | Warning::DaemonReload
            | Warning::UnitFileGone { .. }
            | Warning::LongDeadline { .. }
            | Warning::ListenerNotChecked(_)
            | Warning::ReleaseNotSeen(_) => Self::Useful,
            Warning::Leftover { .. }
            | Warning::LogNotChecked(_)
            | Warning::NoResetFailed { .. } => Self::Minor,
        }
    }
}

#[derive(Debug)]
struct Item {
    rank: Rank,
    title: &'static str,
    text: String,
}

/// The warnings so far.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    kept: Vec<Item>,
    /// How many more there were.
    over: usize,
    /// How many were shown at once.
    shown: usize,
}

impl Warnings {
    /// Keeps a warning, unless it was given before.
    pub(super) fn add(&mut self, rank: Rank, title: &'static str, text: String) {
        if self.kept.iter().any(|item| item.text == text) {
            return;
        }
        match self.kept.len() < MOST {
            true => self.kept.push(Item { rank, title, text }),
            false => self.over += 1,
        }
    }

    /// Writes a warning that someone may want to act on before the run goes on.
    pub(super) fn add_at_once(&mut self, groups: &mut Groups, title: &'static str, text: String) {
        if self.shown == AT_ONCE {
            return self.add(Rank::Useful, title, text);
        }
        self.shown += 1;
        groups.annotate(Level::Warning, title, &text);
    }

    /// Writes them.
    pub(super) fn write(&mut self, groups: &mut Groups) {
        self.kept.sort_by_key(|item| item.rank);
        let annotated = (ANNOTATED - self.shown).min(self.kept.len());
        for Item { title, text, .. } in self.kept.drain(..annotated) {
            groups.annotate(Level::Warning, title, &text);
        }
        for item in self.kept.drain(..) {
            groups.outside(&format!("warning: {}", item.text));
        }
        match std::mem::take(&mut self.over) {
            0 => {}
            over => groups.outside(&texts::more_warnings(over)),
        }
    }
}
