//! Warns about data that an application wrote into its release.

use super::client::Client;
use crate::protocol::{Notice, Plan, ReleaseId, Warning, What, WrittenData};
use crate::server::channel::events::Events;
use crate::server::store::{data_list, written};
use std::path::Path;

/// Lists what retention has kept because no run had listed it.
pub(super) fn tell_kept(client: &mut Client<'_>) {
    for data in data_list::unlisted(client.layout) {
        data_list::list(client.layout, data.clone(), Some(client.transaction));
        client.outbox.emit(What::Notice(Notice::DataKept(data)));
    }
}

/// Lists what the live release holds and the next one will not. It still serves, so it may write more until the switch.
pub(super) fn warn(client: &mut Client<'_>, plan: &Plan, live: Option<&ReleaseId>) {
    let found = live.and_then(|live| written::find(client.layout, live, written::BRIEFLY));
    let Some(mut data) = found.filter(|data| !data.items.is_empty()) else {
        return;
    };
    data.named = named(&data, plan);
    data_list::list(client.layout, data.clone(), Some(client.transaction));
    client
        .outbox
        .emit(What::Warning(Warning::DataLeftBehind(data)));
}

/// What is shared from now on is taken from there. The live release has something of its own there.
fn named(data: &WrittenData, plan: &Plan) -> Vec<String> {
    let shared = &plan.staging.shared;
    let is_shared = |path: &&String| {
        shared
            .iter()
            .any(|it| Path::new(path).starts_with(&it.path))
    };
    let paths = data.items.iter().map(|item| &item.path);
    paths.filter(is_shared).cloned().collect()
}
