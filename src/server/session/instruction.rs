//! Builds the sealed instruction for the transaction.

use super::check;
use super::initial_state::InitialState;
use super::units::CheckedUnit;
use crate::protocol::{
    Origin, Outcome, Plan, ReleaseId, Restart, Scope, Task, UnitName, Verification, Warning,
};
use crate::server::exec::process;
use crate::server::store::layout::Layout;
use crate::server::store::pending::{Old, Pending};
use crate::server::store::records;
use crate::server::unit::files::transaction as unit_files;
use crate::server::unit::restart;
use std::time::Duration;

/// What goes live.
pub(super) struct Goal {
    pub(super) release: ReleaseId,
    /// The outcome if all goes well.
    pub(super) success: Outcome,
    pub(super) verification: Verification,
    /// What `before-switch` changed is not undone if the transaction ends with the older release.
    pub(super) before_switch: bool,
}

/// What an instruction is built from.
pub(super) struct InstructionBuilder<'a> {
    pub(super) layout: &'a Layout,
    pub(super) plan: &'a Plan,
    pub(super) before: &'a InitialState<'a>,
    /// Whether the current release is good.
    pub(super) is_current_good: bool,
}

impl InstructionBuilder<'_> {
    pub(super) fn build(&self, goal: Goal) -> Pending {
        let plan = self.plan;
        let old = self
            .before
            .current
            .as_ref()
            .map(|release| self.old(release));
        let rollback = old
            .as_ref()
            .map_or(&goal.verification, |old| &old.verification);
        Pending {
            format: self.format(&goal, rollback),
            deadline: deadline(
                &plan.restart,
                [&goal.verification, rollback],
                &self.before.units,
            ) + unit_files::limit(&plan.units),
            transaction: plan.transaction.clone(),
            success: goal.success,
            old,
            previous: self.before.previous.clone(),
            restart: plan.restart.clone(),
            verification: goal.verification,
            before_switch: goal.before_switch,
            retention: plan.retention,
            origin: origin(self.layout, plan, Some(&goal.release)),
            release: goal.release,
            service: None,
            others: Vec::new(),
            scope: Scope::System,
            files: Vec::new(),
            new_units: self.new_units(),
        }
        .with_units(&plan.units)
    }

    /// The units that come with the release.
    fn new_units(&self) -> Vec<UnitName> {
        let is_new = |name: &&UnitName| {
            let mut units = self.before.units.iter();
            units.any(|it| it.name.name == name.as_str() && it.unit.get("LoadState") == "not-found")
        };
        self.plan
            .units
            .names
            .iter()
            .filter(is_new)
            .cloned()
            .collect()
    }

    /// The oldest format that has all of it.
    fn format(&self, goal: &Goal, rollback: &Verification) -> u32 {
        let InitialState {
            current, previous, ..
        } = self.before;
        let releases = [Some(&goal.release), current.as_ref(), previous.as_ref()];
        let verifications = [&goal.verification, rollback].map(Verification::format);
        let releases = releases.into_iter().flatten().map(ReleaseId::format);
        verifications.into_iter().chain(releases).fold(1, u32::max)
    }

    fn old(&self, release: &ReleaseId) -> Old {
        let (verification, origin) = recorded(self.layout, self.plan, release);
        Old {
            release: release.clone(),
            good: self.is_current_good,
            verification,
            commit: origin.commit,
        }
    }
}

/// A warning if the transaction may take longer than the runner half watches it. systemd's start limit has a warning of its
/// own.
pub(super) fn long_deadline(
    layout: &Layout,
    plan: &Plan,
    before: &InitialState<'_>,
) -> Option<Warning> {
    let old = before.current.as_ref();
    let old = old.map(|release| recorded(layout, plan, release).0);
    let both = [
        &plan.verification,
        old.as_ref().unwrap_or(&plan.verification),
    ];
    let mut without_start_limit = before.units.clone();
    for unit in &mut without_start_limit {
        unit.resettable = true;
    }
    let watched = plan.watch_limit();
    let slowest = before
        .units
        .iter()
        .max_by_key(|it| restart::time_limit(it.name, &it.unit));
    let files = unit_files::limit(&plan.units);
    (deadline(&plan.restart, both, &without_start_limit) + files > watched).then(|| {
        Warning::LongDeadline {
            deadline: deadline(&plan.restart, both, &before.units) + files,
            watched,
            service: slowest.map(|it| it.name.name.to_owned()),
        }
    })
}

/// How an existing release is verified, and what it was made from.
pub(super) fn recorded(
    layout: &Layout,
    plan: &Plan,
    release: &ReleaseId,
) -> (Verification, Origin) {
    let record = records::get(layout, release);
    let origin = record
        .as_ref()
        .map(|record| record.origin.clone())
        .unwrap_or_default();
    let verification = record.and_then(|record| record.verification);
    (
        verification.unwrap_or_else(|| check::without_match(&plan.verification)),
        origin,
    )
}

/// Who deploys what. In a rollback the commit is that of the release, not the one that the workflow runs on.
pub(super) fn origin(layout: &Layout, plan: &Plan, release: Option<&ReleaseId>) -> Origin {
    let own = plan.origin.clone();
    match plan.task {
        Task::Deploy => own,
        Task::RollBack { .. } => {
            let of = release
                .map(|release| recorded(layout, plan, release).1)
                .unwrap_or_default();
            Origin {
                commit: of.commit,
                reference: of.reference,
                changed: of.changed,
                ..own
            }
        }
    }
}

/// The longest that the transaction may take: for the release that goes live stop and start of all units, health timeout,
/// settle time, and the start limits that cannot be reset; twice the same for the rollback with its own settings, because it
/// restarts again as long as the old release does not serve.
fn deadline(restart: &Restart, both: [&Verification; 2], units: &[CheckedUnit<'_>]) -> Duration {
    let retries = match restart {
        Restart::Commands(_) if units.is_empty() => restart::NO_UNIT_RETRIES,
        _ => Duration::ZERO,
    };
    let of_unit = |it: &CheckedUnit<'_>| {
        let limit = it.unit.start_limit().filter(|_| !it.resettable);
        restart::time_limit(it.name, &it.unit) + limit.map_or(Duration::ZERO, |(_, limit)| limit)
    };
    let restart = match restart {
        Restart::Nothing => Duration::ZERO,
        _ if units.is_empty() => restart::LIMIT_WITHOUT_UNIT,
        _ => units.iter().map(of_unit).sum(),
    };
    let once = |verification: &Verification| {
        let last = verification.command.as_ref();
        let last = last.map_or(Duration::ZERO, |_| process::GIVE_UP_AFTER);
        restart + verification.timeout + verification.settle + last
    };
    let [new, old] = both;
    once(new) + 2 * once(old) + retries
}
