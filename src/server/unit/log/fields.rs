//! The fields of the journal that select a unit's lines. Any local user can send a line with any field, but those that begin
//! with `_` are journald's own: systemd.journal-fields(7).

use crate::protocol::Scope;

/// Lines of the unit's processes.
pub(super) fn of_unit(scope: Scope, unit: &str) -> Vec<String> {
    match scope {
        Scope::System => vec![format!("_SYSTEMD_UNIT={unit}")],
        // every user may have a unit of this name
        Scope::User => vec![format!("_SYSTEMD_USER_UNIT={unit}"), own()],
    }
}

/// Lines of the processes of one of the unit's invocations. The unit is named too, because the invocations of a user's own
/// units are what that user makes them.
pub(super) fn of_invocation(scope: Scope, unit: &str, id: &str) -> Vec<String> {
    let mut fields = vec![format!("_SYSTEMD_INVOCATION_ID={id}")];
    fields.extend(of_unit(scope, unit));
    fields
}

/// Lines of the systemd that runs the units.
pub(super) fn of_systemd(scope: Scope) -> Vec<String> {
    match scope {
        Scope::System => vec!["_PID=1".to_owned()],
        Scope::User => vec!["_SYSTEMD_USER_UNIT=init.scope".to_owned(), own()],
    }
}

/// Lines of systemd about the unit.
pub(super) fn about_unit(scope: Scope, unit: &str) -> Vec<String> {
    about(scope, format!("UNIT={unit}"))
}

/// Lines of systemd about the invocation; those of the system too that it logs as a process that is to be the unit's.
pub(super) fn about_invocation(scope: Scope, id: &str) -> Vec<String> {
    let about_it = format!("INVOCATION_ID={id}");
    match scope {
        Scope::System => vec![about_it, "_UID=0".to_owned()],
        Scope::User => about(scope, about_it),
    }
}

/// A field as the system's own systemd writes it.
fn about(scope: Scope, field: String) -> Vec<String> {
    let mut fields = vec![match scope {
        Scope::System => field,
        Scope::User => format!("USER_{field}"),
    }];
    fields.extend(of_systemd(scope));
    fields
}

/// In the control groups of the deploy user's own systemd.
fn own() -> String {
    format!("_SYSTEMD_OWNER_UID={}", rustix::process::geteuid().as_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every local user may run a unit of the same name, and send lines that name any unit and invocation.
    #[test]
    fn only_fields_that_no_other_user_can_set_select_lines() {
        let all = |scope| {
            [
                of_unit(scope, "web.service"),
                of_invocation(scope, "web.service", "id"),
                about_unit(scope, "web.service"),
                about_invocation(scope, "id"),
            ]
            .map(|fields| fields.join(" "))
            .join("\n")
        };
        insta::assert_snapshot!(all(Scope::System), @"
        _SYSTEMD_UNIT=web.service
        _SYSTEMD_INVOCATION_ID=id _SYSTEMD_UNIT=web.service
        UNIT=web.service _PID=1
        INVOCATION_ID=id _UID=0
        ");
        let own = own();
        assert!(own.starts_with("_SYSTEMD_OWNER_UID="));
        insta::assert_snapshot!(all(Scope::User).replace(&own, "OWN"), @"
        _SYSTEMD_USER_UNIT=web.service OWN
        _SYSTEMD_INVOCATION_ID=id _SYSTEMD_USER_UNIT=web.service OWN
        USER_UNIT=web.service _SYSTEMD_USER_UNIT=init.scope OWN
        USER_INVOCATION_ID=id _SYSTEMD_USER_UNIT=init.scope OWN
        ");
    }
}
