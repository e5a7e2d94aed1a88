//! The users and groups that unit files name: systemd looks them up when it starts the unit, and not before.

use super::specifiers::UNKNOWN;
use crate::protocol::Ending;
use crate::server::exec::process::{command, quick};
use crate::server::unit::systemd::Unit;
use std::time::Duration;

/// For one look-up, which may ask a directory server.
const TIMEOUT: Duration = Duration::from_secs(10);
/// What getent(1) ends with if there is no such entry.
const UNKNOWN_ENTRY: i32 = 2;

/// The settings of a unit that name a user or group which does not exist, such as `User=shop`.
pub(super) fn missing(unit: &Unit) -> Vec<String> {
    let is_dynamic = unit.get("DynamicUser") == "yes";
    let named = [
        ("User", "passwd"),
        ("Group", "group"),
        ("SupplementaryGroups", "group"),
    ];
    let mut missing = Vec::new();
    for (property, database) in named {
        // systemd chooses or creates the others
        if is_dynamic && property != "SupplementaryGroups" {
            continue;
        }
        for name in unit.get(property).split_whitespace() {
            if is_missing_for_sure(database, name) {
                missing.push(format!("{property}={name}"));
            }
        }
    }
    missing
}

fn is_missing_for_sure(database: &str, name: &str) -> bool {
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    // what is no name systemd refuses by itself
    if is_number || name.contains(UNKNOWN) || name.starts_with('-') {
        return false;
    }
    let looked_up = quick(command("getent").args([database, name]), TIMEOUT);
    matches!(looked_up, Ok((Ending::Exit(UNKNOWN_ENTRY), _)))
}
