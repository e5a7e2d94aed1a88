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
    let Some(data) = found.and_then(|data| not_shared(data, plan)) else {
        return;
    };
    data_list::list(client.layout, data.clone(), Some(client.transaction));
    client
        .outbox
        .emit(What::Warning(Warning::DataLeftBehind(data)));
}

/// What is shared from now on is taken from there.
fn not_shared(mut data: WrittenData, plan: &Plan) -> Option<WrittenData> {
    let shared = &plan.staging.shared;
    let is_shared = |path: &str| {
        shared
            .iter()
            .any(|it| Path::new(path).starts_with(&it.path))
    };
    data.items.retain(|item| !is_shared(&item.path));
    (!data.items.is_empty()).then_some(data)
}
