//! What runs the app: systemd units, or no systemd.

use super::lists::{self, Form};
use crate::protocol::{Scope, UnitKind, UnitName, UnitRef};
use crate::settings::problem::{invalid, Invalid};
use crate::text::excerpt::excerpt;
use crate::text::Prose;

/// Unit types that nobody restarts.
const OTHER_TYPES: [&str; 7] = [
    "automount",
    "device",
    "mount",
    "scope",
    "slice",
    "swap",
    "target",
];

/// More units than that are no one service.
const MOST: usize = 20;

/// What runs the app on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// No systemd.
    None,
    /// These units, at least one; the first one is a service unit.
    Units(Vec<UnitName>),
}

impl Service {
    /// The units, if there are any.
    pub fn units(&self) -> &[UnitName] {
        match self {
            Self::None => &[],
            Self::Units(names) => names,
        }
    }

    /// The first one, which owns the port of the health check.
    pub fn unit(&self) -> Option<&UnitName> {
        self.units().first()
    }
}

pub(in crate::settings) fn parse(text: &str) -> Result<Service, Invalid> {
    match text {
        "none" => Ok(Service::None),
        _ => units(text).map(Service::Units),
    }
}

pub(in crate::settings) fn scope(text: &str) -> Result<Scope, Invalid> {
    match text {
        "system" => Ok(Scope::System),
        "user" => Ok(Scope::User),
        _ => invalid("does not say whose units", "Write `system` or `user`"),
    }
}

/// One per line or between commas, each once.
fn units(text: &str) -> Result<Vec<UnitName>, Invalid> {
    lists::check(text, Form::Both)?;
    let entries = Form::Both.entries(text);
    let is_alone = entries.len() == 1;
    let mut units: Vec<UnitName> = Vec::new();
    for entry in entries {
        let at = |invalid: Invalid| match is_alone {
            true => invalid,
            false => invalid.at(&format!("`{}`", excerpt(entry))),
        };
        let unit = unit_name(entry).map_err(at)?;
        if entry == "none" && !is_alone {
            let fix = "Leave it out, or write only `none`";
            return Err(at(Invalid::new("stands beside units", fix)));
        }
        if units
            .iter()
            .any(|other| full_name(other) == full_name(&unit))
        {
            let fix = "Name each unit once";
            return Err(at(Invalid::new("is there twice", fix)));
        }
        units.push(unit);
    }
    let Some(first) = units.first() else {
        return invalid(
            "names no unit",
            "Give the systemd unit, or `none` for no systemd",
        );
    };
    if kind(first) != UnitKind::Service {
        let fix = "Name the service first that answers the health check, and this one after it";
        let invalid = Invalid::new("comes first, but is no service", fix);
        return Err(invalid.at(&format!("`{first}`")));
    }
    if units.len() > MOST {
        let fix = "Deploy services that are independent of each other in steps of their own";
        return invalid(Prose::of("names more than {} units", [&MOST]), fix);
    }
    Ok(units)
}

/// The name of a unit, kept exactly as written.
pub(in crate::settings) fn unit_name(text: &str) -> Result<UnitName, Invalid> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":_.@-".contains(&byte);
    let reserved = text.starts_with('-') || [".", ".."].contains(&text);
    if !text.bytes().all(allowed) || reserved || text.len() > 255 {
        let fix = "Allowed are 1 to 255 letters, digits and `:_.@-`, no `-` first; or `none` for no systemd";
        return invalid("is not a systemd unit name", fix);
    }
    let other_type = text.rsplit_once('.').map(|(_, kind)| kind);
    if let Some(kind) = other_type.filter(|kind| OTHER_TYPES.contains(kind)) {
        let fix = "Name services, timers, sockets and paths";
        return invalid(Prose::of("is a unit of type {}", [&kind]), fix);
    }
    let unit = UnitName::checked(text);
    let full = full_name(&unit);
    let stem = full.rsplit_once('.').map_or("", |(stem, _)| stem);
    if stem.is_empty() || stem.starts_with('@') {
        let fix = "Write the unit's whole name, as in `diting` or `app@1`";
        return invalid("has only a suffix", fix);
    }
    if stem.ends_with('@') {
        let fix = "Name the instance, as in `app@1`";
        return invalid("is a template without an instance", fix);
    }
    Ok(unit)
}

fn kind(unit: &UnitName) -> UnitKind {
    let (name, scope) = (unit.as_str(), Scope::System);
    UnitRef { name, scope }.kind()
}

/// As systemd writes it.
fn full_name(unit: &UnitName) -> String {
    let name = unit.as_str();
    match kind(unit) == UnitKind::Service && !name.ends_with(".service") {
        true => format!("{name}.service"),
        false => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Problem;

    fn problem(text: &str) -> String {
        Problem::showing("service", text, parse(text).unwrap_err()).to_string()
    }

    fn names(text: &str) -> Vec<String> {
        let service = parse(text).unwrap();
        service.units().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn unit_names_are_kept_exactly_as_written() {
        for text in [
            "diting",
            "diting.service",
            "app@1",
            "app@1.service",
            "a:b_c.d-e",
            "None",
            "app.v2",
            "timer",
        ] {
            assert_eq!(names(text), [text]);
        }
        assert_eq!(parse("none"), Ok(Service::None));
        for text in ["dump.timer", "app@1.socket", "inbox.path"] {
            assert_eq!(names(&format!("diting,{text}")), ["diting", text]);
        }
    }

    #[test]
    fn units_stand_on_lines_or_between_commas() {
        let three = ["diting", "worker@1", "dump.timer"];
        for text in [
            "diting, worker@1, dump.timer",
            "diting\nworker@1\r\n\n dump.timer \n",
            "diting,worker@1\n,dump.timer,",
        ] {
            assert_eq!(names(text), three, "{text}");
        }
        assert_eq!(
            parse("diting,b").unwrap().unit().unwrap().as_str(),
            "diting"
        );
        let many = |count| (0..count).map(|n| format!("u{n}\n")).collect::<String>();
        assert_eq!(names(&many(MOST)).len(), MOST);
        assert!(problem(&many(MOST + 1)).contains("names more than 20 units"));
    }

    #[test]
    fn a_list_in_another_form_is_refused_with_the_right_one() {
        let texts = [
            "[\"diting\", \"worker\"]",
            "[diting, worker]",
            "- diting\n- worker",
            "\"diting\", \"worker\"",
            "'diting, worker'",
            "diting\n'worker'",
        ];
        insta::assert_snapshot!(texts.map(problem).join("\n"), @r#"
        service = "[\"diting\", \"worker\"]": is an array. Write the entries plainly, separated by commas: `diting, worker`.
        service = "[diting, worker]": is an array. Write the entries plainly, separated by commas: `diting, worker`.
        service = "- diting\n- worker": has an entry that begins with `- `, as in a YAML list. Write the entries plainly, separated by commas: `diting`.
        service = "\"diting\", \"worker\"": has an entry that is in quotes. Write the entries plainly, separated by commas: `diting`.
        service = "'diting, worker'": has an entry that is in quotes. Write the entries plainly, separated by commas: `diting, worker`.
        service = "diting\n'worker'": has an entry that is in quotes. Write the entries plainly, separated by commas: `worker`.
        "#);
    }

    #[test]
    fn units_that_do_not_fit_together_are_refused() {
        let texts = [
            "diting, diting",
            "diting, worker, diting.service",
            "app@1.service\napp@1",
            "web, a.timer, a.timer",
            "dump.timer",
            "web.socket, web",
            "inbox.path\nweb",
            "diting, none",
            "none, none",
            ",",
            "diting, a b",
            "diting, $(id)",
            "web, multi-user.target",
        ];
        insta::assert_snapshot!(texts.map(problem).join("\n"), @r#"
        service = "diting, diting": `diting` is there twice. Name each unit once.
        service = "diting, worker, diting.service": `diting.service` is there twice. Name each unit once.
        service = "app@1.service\napp@1": `app@1` is there twice. Name each unit once.
        service = "web, a.timer, a.timer": `a.timer` is there twice. Name each unit once.
        service = "dump.timer": `dump.timer` comes first, but is no service. Name the service first that answers the health check, and this one after it.
        service = "web.socket, web": `web.socket` comes first, but is no service. Name the service first that answers the health check, and this one after it.
        service = "inbox.path\nweb": `inbox.path` comes first, but is no service. Name the service first that answers the health check, and this one after it.
        service = "diting, none": `none` stands beside units. Leave it out, or write only `none`.
        service = "none, none": `none` stands beside units. Leave it out, or write only `none`.
        service = ",": names no unit. Give the systemd unit, or `none` for no systemd.
        service = "diting, a b": `a b` is not a systemd unit name. Allowed are 1 to 255 letters, digits and `:_.@-`, no `-` first; or `none` for no systemd.
        service = "diting, $(id)": `$(id)` is not a systemd unit name. Allowed are 1 to 255 letters, digits and `:_.@-`, no `-` first; or `none` for no systemd.
        service = "web, multi-user.target": `multi-user.target` is a unit of type target. Name services, timers, sockets and paths.
        "#);
    }

    #[test]
    fn b15_what_is_no_unit_name_is_refused() {
        let long = "a".repeat(256);
        for text in [
            "..",
            ".",
            "a/b",
            "-a",
            "A B",
            "a\\x2d",
            "*",
            "a;b",
            "$(id)",
            ".service",
            "@1",
            ".timer",
            "@1.socket",
            &long,
        ] {
            assert!(unit_name(text).is_err(), "{text}");
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn b17_other_types_and_templates_are_refused_by_name() {
        let texts = [
            "system.slice",
            "srv.mount",
            "app@",
            "app@.service",
            "web, dump@.timer",
            "a;b",
        ];
        insta::assert_snapshot!(texts.map(problem).join("\n"), @r#"
        service = "system.slice": is a unit of type slice. Name services, timers, sockets and paths.
        service = "srv.mount": is a unit of type mount. Name services, timers, sockets and paths.
        service = "app@": is a template without an instance. Name the instance, as in `app@1`.
        service = "app@.service": is a template without an instance. Name the instance, as in `app@1`.
        service = "web, dump@.timer": `dump@.timer` is a template without an instance. Name the instance, as in `app@1`.
        service = "a;b": is not a systemd unit name. Allowed are 1 to 255 letters, digits and `:_.@-`, no `-` first; or `none` for no systemd.
        "#);
    }

    #[test]
    fn the_scope_is_one_of_two_words() {
        assert_eq!(
            (scope("system"), scope("user")),
            (Ok(Scope::System), Ok(Scope::User))
        );
        for text in ["User", "root", "--user", "global"] {
            assert!(scope(text).is_err(), "{text}");
        }
    }
}
