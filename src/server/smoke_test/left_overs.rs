//! What is left of a smoke test whose server part was killed together with its supervisor.

use super::environment::marker;
use super::stop::Stop;
use crate::protocol::{Warning, What};
use crate::server::channel::events::Events;
use crate::server::exec::processes::{all, descendants_of, has_variable};
use crate::server::store::layout::Layout;
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;

/// Ends it. No smoke test of this target runs, because this run holds the lock.
pub(in crate::server) fn end_left_overs(layout: &Layout, events: &mut dyn Events) {
    let (name, target) = marker(layout);
    let find = || {
        let mut found: BTreeSet<u32> = BTreeSet::new();
        found.extend(
            all()
                .into_iter()
                .filter(|pid| has_variable(*pid, name, &target)),
        );
        let started = descendants_of(found.iter().copied());
        found.extend(started);
        found.remove(&std::process::id());
        found
    };
    let left = Stop {
        find: &mut || find(),
        is_urgent: &mut || true,
        meanwhile: &mut || (),
    }
    .run();
    warn(left, events);
    remove_folder(layout);
}

/// Removes what the program had in place of the live service's runtime folders.
pub(super) fn remove_folder(layout: &Layout) {
    let folder = layout.smoke_test();
    if let Err(error) = fs::remove_dir_all(&folder) {
        if error.kind() != ErrorKind::NotFound {
            tracing::info!(%error, "the folder of the smoke test stays");
        }
    }
}

/// Reports what cannot be ended.
pub(super) fn warn(left: BTreeSet<u32>, events: &mut dyn Events) {
    if !left.is_empty() {
        let processes = left.into_iter().collect();
        events.emit(What::Warning(Warning::SmokeTestLeft { processes }));
    }
}
