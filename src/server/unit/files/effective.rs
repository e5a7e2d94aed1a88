//! What systemd makes of a unit's files, in the form of `systemctl show`.

use super::settings::Setting;
use super::specifiers::{Specifiers, UNKNOWN};
use super::words::{commands, words};
use crate::protocol::Scope;
use crate::server::exec::user::login_name;
use crate::server::unit::systemd::Unit;
use std::path::{Path, PathBuf};

/// Lists whose items `systemctl show` prints in one line.
const LISTS: [&str; 10] = [
    "ReadWritePaths",
    "ReadOnlyPaths",
    "InaccessiblePaths",
    "ExecPaths",
    "NoExecPaths",
    "TemporaryFileSystem",
    "SupplementaryGroups",
    "Wants",
    "Requires",
    "Environment",
];
/// The starts of settings that belong to the section `[Unit]`.
const GENERAL: [&str; 4] = ["Condition", "Assert", "Wants", "Requires"];
/// The user that runs a unit of the deploy user's own systemd is always this one.
const ACCOUNTS: [&str; 4] = ["User", "Group", "SupplementaryGroups", "DynamicUser"];

/// The properties of a unit with these settings, and the lines of its files.
pub(super) fn effective(settings: &[Setting], of: Specifiers<'_>) -> (Unit, String) {
    let kind = of.unit.rsplit_once('.').map_or("service", |(_, it)| it);
    let mut all: Vec<(&str, String)> = vec![("Id", of.unit.to_owned())];
    let mut text = String::new();
    for Setting {
        section,
        name,
        value,
    } in settings
    {
        let is_general = GENERAL.iter().any(|start| name.starts_with(start));
        let is_ignored = of.scope == Scope::User && ACCOUNTS.contains(&&**name);
        let of_kind = section.eq_ignore_ascii_case(kind);
        if is_ignored || !of_kind && !is_general || is_general && section != "Unit" {
            continue;
        }
        text += &format!("{name}={}\n", of.expand(value));
        let property = property(name);
        let is_single = !is_list(property);
        if value.is_empty() || is_single {
            all.retain(|(known, _)| *known != property);
        }
        match name.as_str() {
            "TimeoutSec" => {
                for property in ["TimeoutStartUSec", "TimeoutStopUSec"] {
                    all.retain(|(known, _)| *known != property);
                    all.extend(span(value).map(|span| (property, span)));
                }
            }
            _ if property.ends_with("USec") => all.extend(span(value).map(|span| (property, span))),
            _ if value.is_empty() => {}
            _ => add(&mut all, property, value, of),
        }
    }
    let mut shown: String = all
        .iter()
        .map(|(it, value)| format!("{it}={value}\n"))
        .collect();
    shown += &defaults(&Unit::parse(&shown), kind, of);
    (Unit::parse(&shown), text)
}

/// What `systemctl show` calls a setting.
fn property(name: &str) -> &str {
    match name {
        "EnvironmentFile" => "EnvironmentFiles",
        "ReadWriteDirectories" => "ReadWritePaths",
        "ReadOnlyDirectories" => "ReadOnlyPaths",
        "InaccessibleDirectories" => "InaccessiblePaths",
        "TimeoutStartSec" => "TimeoutStartUSec",
        "TimeoutStopSec" => "TimeoutStopUSec",
        name => name,
    }
}

fn is_command(property: &str) -> bool {
    property.starts_with("Exec") && !property.ends_with("Paths") && property != "ExecSearchPath"
}

fn is_bind(property: &str) -> bool {
    property.starts_with("Bind") && property.ends_with("Paths")
}

fn is_list(property: &str) -> bool {
    is_command(property)
        || is_bind(property)
        || property == "EnvironmentFiles"
        || LISTS.contains(&property)
}

fn add<'a>(all: &mut Vec<(&'a str, String)>, property: &'a str, value: &str, of: Specifiers<'_>) {
    if is_command(property) {
        for command in commands(value) {
            let program = simple(&of.expand(&command.program));
            let arguments = of.expand(&command.arguments.join(" "));
            let ignores = yes_or_no(command.ignores_errors());
            let shown =
                format!("{{ path={program} ; argv[]={arguments} ; ignore_errors={ignores} ; }}");
            all.push((property, shown));
        }
        return;
    }
    let expanded = of.expand(value);
    let one_line = match property {
        "EnvironmentFiles" => {
            let path = expanded.trim_start_matches('-');
            let ignores = yes_or_no(path.len() < expanded.len());
            all.push((
                property,
                format!("{} (ignore_errors={ignores})", simple(path)),
            ));
            return;
        }
        "DynamicUser" => yes_or_no(is_true(value)).to_owned(),
        "WorkingDirectory" | "RootDirectory" | "RootImage" => simple(&expanded),
        _ if is_bind(property) => {
            let words = words(&expanded);
            words
                .iter()
                .map(|word| bind(&word.text))
                .collect::<Vec<_>>()
                .join(" ")
        }
        _ => expanded,
    };
    match all.iter_mut().find(|(known, _)| *known == property) {
        Some((_, known)) => *known += &format!(" {one_line}"),
        None => all.push((property, one_line)),
    }
}

/// `FROM:TO:rbind`, of which a line may leave out all but the first.
fn bind(word: &str) -> String {
    let mut parts = word.trim_start_matches('-').splitn(3, ':');
    let from = parts.next().unwrap_or_default();
    let to = parts.next().filter(|to| !to.is_empty()).unwrap_or(from);
    let mark = if word.starts_with('-') { "-" } else { "" };
    let kind = parts.next().filter(|it| !it.is_empty()).unwrap_or("rbind");
    format!("{mark}{from}:{to}:{kind}")
}

/// A path without what leads nowhere, such as a second slash.
fn simple(path: &str) -> String {
    let at = path.find('/').unwrap_or_default();
    let simple: PathBuf = Path::new(&path[at..]).components().collect();
    format!("{}{}", &path[..at], simple.display())
}

fn yes_or_no(yes: bool) -> &'static str {
    if yes {
        "yes"
    } else {
        "no"
    }
}

fn is_true(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    ["1", "yes", "y", "true", "t", "on"].contains(&value.as_str())
}

/// What systemd makes of what is not set.
fn defaults(unit: &Unit, kind: &str, of: Specifiers<'_>) -> String {
    let has = |property| !unit.get(property).is_empty();
    let mut shown = String::new();
    if of.scope == Scope::User {
        shown += &format!("User={}\n", login_name().unwrap_or_default());
    }
    if kind == "service" && !has("Type") {
        let kind = if has("ExecStart") {
            "simple"
        } else {
            "oneshot"
        };
        shown += &format!("Type={kind}\n");
    }
    let name = if kind == "socket" { "Service" } else { "Unit" };
    let stem = of.unit.rsplit_once('.').map_or(of.unit, |(stem, _)| stem);
    if unit.get("DynamicUser") == "yes" && !has("User") {
        shown += &format!("User={stem}\nGroup={stem}\n");
    }
    if ["timer", "path", "socket"].contains(&kind) && !is_true(unit.get("Accept")) {
        let triggered = match unit.get(name) {
            "" => format!("{stem}.service"),
            named => named.to_owned(),
        };
        shown += &format!("Triggers={triggered}\n");
    }
    shown
}

/// A time span in the form of `systemctl show`; `None`: it takes back what was set, or cannot be told.
fn span(value: &str) -> Option<String> {
    let compact: String = value.split_whitespace().collect();
    if ["0", "infinity"].contains(&compact.as_str()) {
        return Some("infinity".to_owned());
    }
    let mut shown = String::new();
    let mut rest = compact.as_str();
    while !rest.is_empty() {
        let is_number = |c: char| c.is_ascii_digit() || c == '.';
        let (number, after) = rest.split_at(rest.find(|c| !is_number(c)).unwrap_or(rest.len()));
        let (unit, after) = after.split_at(after.find(is_number).unwrap_or(after.len()));
        let unit = match unit {
            "" | "s" | "sec" | "second" | "seconds" => "s",
            "us" | "usec" | "µs" | "μs" => "us",
            "ms" | "msec" => "ms",
            "m" | "min" | "minute" | "minutes" => "min",
            "h" | "hr" | "hour" | "hours" => "h",
            "d" | "day" | "days" => "d",
            _ => return None,
        };
        if number.is_empty() || number.contains(UNKNOWN) {
            return None;
        }
        shown += &format!("{number}{unit} ");
        rest = after;
    }
    (!shown.is_empty()).then(|| shown.trim_end().to_owned())
}
