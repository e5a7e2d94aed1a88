//! Specifiers in unit files: systemd.unit(5). What cannot be told becomes a mark, and nobody looks for a path with one.

use crate::protocol::Scope;

/// Stands for what cannot be told: a specifier, or bytes that are no UTF-8.
pub(in crate::server::unit) const UNKNOWN: char = char::REPLACEMENT_CHARACTER;

/// The unit whose specifiers are replaced.
#[derive(Debug, Clone, Copy)]
pub(super) struct Specifiers<'a> {
    /// The full name.
    pub(super) unit: &'a str,
    pub(super) scope: Scope,
}

impl Specifiers<'_> {
    /// The text with values in place of specifiers.
    pub(super) fn expand(self, text: &str) -> String {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            match c {
                '%' => match rest.next().and_then(|specifier| self.value(specifier)) {
                    Some(value) => expanded += &value,
                    None => expanded.push(UNKNOWN),
                },
                c => expanded.push(c),
            }
        }
        expanded
    }

    fn value(self, specifier: char) -> Option<String> {
        let name = self.unit.rsplit_once('.').map_or(self.unit, |(it, _)| it);
        let (prefix, instance) = name.split_once('@').unwrap_or((name, ""));
        let last = prefix.rsplit('-').next().unwrap_or_default();
        let of = |system: &str, user: Option<String>| match self.scope {
            Scope::System => Some(system.to_owned()),
            Scope::User => user,
        };
        let own = |name| std::env::var(name).ok();
        match specifier {
            '%' => Some("%".to_owned()),
            'n' => Some(self.unit.to_owned()),
            'N' => Some(name.to_owned()),
            'p' => Some(prefix.to_owned()),
            'P' => unescape(prefix),
            'i' => Some(instance.to_owned()),
            'I' => unescape(instance),
            'j' => Some(last.to_owned()),
            'J' => unescape(last),
            'f' => {
                let path = unescape(if name.contains('@') { instance } else { prefix })?;
                Some(format!("/{}", path.trim_start_matches('/')))
            }
            't' => {
                let uid = rustix::process::geteuid().as_raw();
                of("/run", Some(format!("/run/user/{uid}")))
            }
            'h' => of("/root", own("HOME")),
            'u' => of("root", crate::server::exec::user::login_name()),
            'U' => of("0", Some(rustix::process::geteuid().as_raw().to_string())),
            'S' => of("/var/lib", None),
            'C' => of("/var/cache", None),
            'L' => of("/var/log", None),
            'E' => of("/etc", None),
            _ => of_machine(specifier),
        }
    }
}

/// The specifiers that mean the same in all units.
fn of_machine(specifier: char) -> Option<String> {
    match specifier {
        'H' => first_line("/proc/sys/kernel/hostname"),
        'l' => Some(
            first_line("/proc/sys/kernel/hostname")?
                .split('.')
                .next()?
                .to_owned(),
        ),
        'm' => first_line("/etc/machine-id"),
        'v' => first_line("/proc/sys/kernel/osrelease"),
        'T' => Some("/tmp".to_owned()),
        'V' => Some("/var/tmp".to_owned()),
        _ => None,
    }
}

fn first_line(path: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    text.lines().next().map(str::to_owned)
}

/// systemd-escape(1) backwards.
fn unescape(text: &str) -> Option<String> {
    let parts = text.replace('-', "/");
    let mut parts = parts.split("\\x");
    let mut plain = parts.next()?.to_owned();
    for part in parts {
        let code = u8::from_str_radix(part.get(..2)?, 16).ok()?;
        plain.push(code.is_ascii().then(|| char::from(code))?);
        plain += &part[2..];
    }
    Some(plain)
}
