//! What runs the app: a systemd unit, or no systemd.

use crate::protocol::UnitName;
use crate::settings::problem::{invalid, Invalid};
use crate::text::Prose;

/// Unit types that are no services.
const OTHER_TYPES: &[&str] = &[
    "automount",
    "device",
    "mount",
    "path",
    "scope",
    "slice",
    "socket",
    "swap",
    "target",
    "timer",
];

/// What runs the app on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// No systemd.
    None,
    /// This unit.
    Unit(UnitName),
}

impl Service {
    /// The unit, if there is one.
    pub fn unit(&self) -> Option<&UnitName> {
        match self {
            Self::None => None,
            Self::Unit(name) => Some(name),
        }
    }
}

pub(in crate::settings) fn parse(text: &str) -> Result<Service, Invalid> {
    match text {
        "none" => Ok(Service::None),
        _ => unit_name(text).map(Service::Unit),
    }
}

/// The name of a service unit, kept exactly as written.
pub(in crate::settings) fn unit_name(text: &str) -> Result<UnitName, Invalid> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":_.@-".contains(&byte);
    let reserved = text.starts_with('-') || [".", ".."].contains(&text);
    if !text.bytes().all(allowed) || reserved || text.len() > 255 {
        let fix = "Allowed are 1 to 255 letters, digits and `:_.@-`, no `-` first; or `none` for no systemd";
        return invalid("is not a systemd unit name", fix);
    }
    let other_type = text.rsplit_once('.').map(|(_, kind)| kind);
    if let Some(kind) = other_type.filter(|kind| OTHER_TYPES.contains(kind)) {
        let fix = "Name the service unit that it starts";
        return invalid(Prose::of("is a {}, not a service", [&kind]), fix);
    }
    let stem = text.strip_suffix(".service").unwrap_or(text);
    if stem.is_empty() || stem.starts_with('@') {
        let fix = "Write the unit's whole name, as in `diting` or `app@1`";
        return invalid("has only a suffix", fix);
    }
    if stem.ends_with('@') {
        let fix = "Name the instance, as in `app@1`";
        return invalid("is a template without an instance", fix);
    }
    Ok(UnitName::checked(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_names_are_kept_exactly_as_written() {
        for text in [
            "diting",
            "diting.service",
            "app@1",
            "app@1.service",
            "a:b_c.d-e",
            "None",
        ] {
            assert_eq!(unit_name(text).unwrap().as_str(), text);
        }
        assert_eq!(parse("none"), Ok(Service::None));
    }

    #[test]
    fn b15_what_is_no_unit_name_is_refused() {
        let long = "a".repeat(256);
        for text in [
            "..", ".", "a/b", "-a", "A B", "a\nb", "a\\x2d", "*", "a;b", "$(id)", ".service", "@1",
            &long,
        ] {
            assert!(unit_name(text).is_err(), "{text}");
        }
    }

    #[test]
    fn b17_timers_and_templates_are_refused_by_name() {
        let text = |name| {
            crate::settings::Problem::showing("service", name, unit_name(name).unwrap_err())
                .to_string()
        };
        insta::assert_snapshot!(text("backup.timer"), @r#"service = "backup.timer": is a timer, not a service. Name the service unit that it starts."#);
        insta::assert_snapshot!(text("app@"), @r#"service = "app@": is a template without an instance. Name the instance, as in `app@1`."#);
        insta::assert_snapshot!(text("app@.service"), @r#"service = "app@.service": is a template without an instance. Name the instance, as in `app@1`."#);
        insta::assert_snapshot!(text("a;b"), @r#"service = "a;b": is not a systemd unit name. Allowed are 1 to 255 letters, digits and `:_.@-`, no `-` first; or `none` for no systemd."#);
    }
}
