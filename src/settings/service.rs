//! The systemd unit.

use std::fmt;

use super::problem::{wrong, Wrong};

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

/// A service unit's name exactly as written: a literal line in sudoers for `diting` refuses `diting.service`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitName(String);

/// What runs the app on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// No systemd.
    None,
    /// This unit.
    Unit(UnitName),
}

impl Service {
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        if text == "none" {
            return Ok(Self::None);
        }
        UnitName::parse(text).map(Self::Unit)
    }

    /// The unit, where there is one.
    pub fn unit(&self) -> Option<&UnitName> {
        match self {
            Self::None => None,
            Self::Unit(name) => Some(name),
        }
    }
}

impl UnitName {
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":_.@-".contains(&byte);
        if !text.bytes().all(allowed)
            || text.starts_with('-')
            || text == "."
            || text == ".."
            || text.len() > 255
        {
            let cure = "Allowed are 1 to 255 letters, digits and `:_.@-`, no `-` first; or `none` for no systemd";
            return wrong("is not a systemd unit name", cure);
        }
        if let Some((_, kind)) = text
            .rsplit_once('.')
            .filter(|(_, kind)| OTHER_TYPES.contains(kind))
        {
            return wrong(
                format!("is a {kind}, not a service"),
                "Name the service unit that it starts",
            );
        }
        let stem = text.strip_suffix(".service").unwrap_or(text);
        if stem.is_empty() || stem.starts_with('@') {
            return wrong(
                "has only a suffix",
                "Write the unit's whole name, as in `diting` or `app@1`",
            );
        }
        if stem.ends_with('@') {
            return wrong(
                "is a template without an instance",
                "Name the instance, as in `app@1`",
            );
        }
        Ok(Self(text.to_owned()))
    }

    /// The name exactly as written, safe in a shell without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
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
            assert_eq!(UnitName::parse(text).unwrap().as_str(), text);
        }
        assert_eq!(Service::parse("none"), Ok(Service::None));
    }

    #[test]
    fn b15_what_is_no_unit_name_is_refused() {
        let long = "a".repeat(256);
        for text in [
            "..", ".", "a/b", "-a", "A B", "a\nb", "a\\x2d", "*", "a;b", "$(id)", ".service", "@1",
            &long,
        ] {
            assert!(UnitName::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn b17_timers_and_templates_are_refused_by_name() {
        let text = |name| {
            crate::settings::Problem::showing("service", name, UnitName::parse(name).unwrap_err())
                .to_string()
        };
        insta::assert_snapshot!(text("backup.timer"), @r#"service = "backup.timer": is a timer, not a service. Name the service unit that it starts."#);
        insta::assert_snapshot!(text("app@"), @r#"service = "app@": is a template without an instance. Name the instance, as in `app@1`."#);
        insta::assert_snapshot!(text("app@.service"), @r#"service = "app@.service": is a template without an instance. Name the instance, as in `app@1`."#);
        insta::assert_snapshot!(text("a;b"), @r#"service = "a;b": is not a systemd unit name. Allowed are 1 to 255 letters, digits and `:_.@-`, no `-` first; or `none` for no systemd."#);
    }
}
