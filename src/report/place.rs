//! Where a deployment goes.

use crate::protocol::{
    FailedStart, Failure, HealthUrl, Planned, Restart, Scope, Step, UnitKind, UnitRef,
};
use crate::text::excerpt::{excerpt, lines};

/// What the server is called if its name is not known, or must not be.
pub(super) const NAMELESS: &str = "the server";
/// What stands for the deploy user then.
pub(super) const USER: &str = "USER";

/// Where the deployment goes: the names for texts and hints. Harmless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name or address of the server.
    pub host: String,
    /// TCP port of sshd.
    pub port: u16,
    /// Login name.
    pub user: String,
    /// Folder on the server.
    pub target: String,
    /// The unit that texts and hints are about, if there is one: the first of the service.
    pub service: Option<String>,
    /// The other units of the service, in their order.
    pub others: Vec<String>,
    /// Which systemd runs them.
    pub scope: Scope,
    /// Whether unit files travel with the release.
    pub unit_files: bool,
    /// How the service is restarted.
    pub restart: Restart,
    /// Whether the last health check succeeded.
    pub answered: bool,
    /// The commits of a rollback that succeeded, if they are known: of what is live now, and of what it replaced.
    pub commits: Option<String>,
    /// Commands of `before-switch` were run.
    pub before_switch: bool,
    /// The health check's URL, if there is one.
    pub health: Option<HealthUrl>,
    /// What outlives releases, as paths below `shared`.
    pub shared: Vec<String>,
    /// The start that failed, untrusted as the server told it.
    pub start: Option<FailedStart>,
    /// Hints are about what runs now, not about that start.
    pub about_now: bool,
    /// Epoch seconds by which the server finishes on its own, if an earlier step of the run saw it begin.
    pub finished_by: Option<u64>,
}

impl Default for Place {
    /// For errors before anything is planned.
    fn default() -> Self {
        Self {
            host: NAMELESS.into(),
            port: 22,
            user: "deploy".into(),
            target: "the target folder".into(),
            service: None,
            others: Vec::new(),
            scope: Scope::System,
            unit_files: false,
            restart: Restart::Systemctl,
            answered: false,
            commits: None,
            before_switch: false,
            health: None,
            shared: Vec::new(),
            start: None,
            about_now: false,
            finished_by: None,
        }
    }
}

impl From<&Planned> for Place {
    fn from(planned: &Planned) -> Self {
        Self {
            host: excerpt(&planned.host),
            port: planned.port,
            user: excerpt(&planned.user),
            target: excerpt(&planned.target),
            service: planned.service.as_ref().map(excerpt),
            others: planned.others.iter().map(excerpt).collect(),
            scope: planned.scope,
            unit_files: planned.unit_files,
            restart: planned.restart.clone(),
            answered: false,
            commits: None,
            before_switch: false,
            health: planned.health.clone(),
            shared: planned.shared.clone(),
            start: None,
            about_now: false,
            finished_by: None,
        }
    }
}

impl Place {
    /// All units of the service, in their order.
    pub(super) fn units(&self) -> Vec<&str> {
        let all = self.service.iter().chain(&self.others);
        all.map(String::as_str).collect()
    }

    /// The units that a step is about, in a sentence, if there are several: to restart is to restart the services.
    pub(super) fn several(&self, step: Step) -> Option<String> {
        if self.others.is_empty() {
            return None;
        }
        let mut units = self.units();
        units.retain(|unit| step == Step::Verify || self.kind(unit) == UnitKind::Service);
        Some(units.join(", "))
    }

    fn kind(&self, name: &str) -> UnitKind {
        let scope = self.scope;
        UnitRef { name, scope }.kind()
    }

    /// The same, about this unit alone. A name that is none of its units is only the server's word: about no unit.
    pub(super) fn with_unit(&self, unit: &str) -> Self {
        let unit = excerpt(unit);
        Self {
            service: self.units().contains(&unit.as_str()).then_some(unit),
            others: Vec::new(),
            ..self.clone()
        }
    }

    /// The same, about the unit that failed.
    pub(super) fn about(&self, failure: &Failure) -> Self {
        match &failure.unit {
            Some(unit) => self.with_unit(unit),
            None => self.clone(),
        }
    }

    /// `deploy@web1.example`, with the port if it is not 22.
    #[must_use]
    pub fn address(&self) -> String {
        match (self.port, self.host.contains(':')) {
            (22, _) => format!("{}@{}", self.user, self.host),
            (port, false) => format!("{}@{}:{port}", self.user, self.host),
            (port, true) => format!("{}@[{}]:{port}", self.user, self.host),
        }
    }

    /// `diting on web1.example`: which service on which server, with target and port if they are not the default.
    #[must_use]
    pub fn subject(&self) -> String {
        let host = match (self.port, self.host.contains(':')) {
            (22, _) => self.host.clone(),
            (port, false) => format!("{}:{port}", self.host),
            (port, true) => format!("[{}]:{port}", self.host),
        };
        match self.service.as_deref() {
            Some(unit) if self.target == format!("/opt/{unit}") => format!("{unit} on {host}"),
            Some(unit) => format!("{unit} ({}) on {host}", self.target),
            None => format!("{} on {host}", self.target),
        }
    }

    /// The same, if the name of the server is known.
    pub(super) fn known_subject(&self) -> Option<String> {
        (self.host != NAMELESS).then(|| self.subject())
    }

    /// The command that logs in.
    pub(super) fn ssh(&self) -> String {
        let port = match self.port {
            22 => String::new(),
            port => format!("-p {port} "),
        };
        format!("ssh {port}{}", self.login())
    }

    /// User and server, for a shell.
    pub(super) fn login(&self) -> String {
        match self.host.as_str() {
            NAMELESS => format!("{USER}@SERVER"),
            host => shell(&format!("{}@{host}", self.user)),
        }
    }

    /// A path below the target, for a shell.
    pub(super) fn below(&self, name: &str) -> String {
        shell(&format!("{}/{name}", self.target))
    }

    /// A path that the server has named, for a shell: only if it is the target or lies below it. What else a server names
    /// belongs in no command.
    pub(super) fn own_path(&self, path: &str) -> Option<String> {
        is_below(path, &self.target).then(|| shell(path))
    }

    /// The same for a log, which is only read.
    pub(super) fn log_path(&self, path: &str) -> Option<String> {
        let is_log = is_below(path, &self.target) || is_below(path, "/var/log");
        is_log.then(|| shell(path))
    }

    /// The commands that restart the service, for the deploy user: a line of sudoers allows one unit. A socket cannot be
    /// restarted while its service runs.
    pub(super) fn restart(&self) -> Vec<String> {
        let restart = match (&self.restart, self.user.as_str()) {
            (Restart::Nothing, _) => return Vec::new(),
            (Restart::Commands(script), _) => return lines(script.as_bytes()),
            (Restart::Systemctl, "root") => "systemctl restart",
            (Restart::Systemctl, _) => "sudo -n systemctl restart",
        };
        let mut units = self.units();
        units.retain(|unit| self.kind(unit) != UnitKind::Socket);
        let one = |unit: &&str| format!("{} {}", self.own(restart), shell(unit));
        units.iter().map(one).collect()
    }

    /// A command for the systemd that runs the units. The deploy user's own needs no root.
    pub(super) fn own(&self, command: &str) -> String {
        if self.scope == Scope::System {
            return command.to_owned();
        }
        let command = command.strip_prefix("sudo ").unwrap_or(command);
        let command = command.strip_prefix("-n ").unwrap_or(command);
        let program = command.find(' ').unwrap_or(command.len());
        let (program, rest) = command.split_at(program);
        format!("{program} --user{rest}")
    }

    /// The unit's name for a shell, if there is a unit.
    pub(super) fn unit(&self) -> Option<String> {
        self.service.as_deref().map(shell)
    }

    /// A command with the unit's name at its end; nothing without a unit.
    pub(super) fn of_unit(&self, command: &str) -> Vec<String> {
        let unit = self.unit().into_iter();
        unit.map(|unit| format!("{} {unit}", self.own(command)))
            .collect()
    }

    /// The same with the names of all units.
    pub(super) fn of_units(&self, command: &str) -> Vec<String> {
        let mut commands = self.of_unit(command);
        if let Some(command) = commands.first_mut() {
            for other in &self.others {
                command.push(' ');
                command.push_str(&shell(other));
            }
        }
        commands
    }
}

/// Whether a path is this folder or lies below it, judged by its text: absolute, in normal form, with nothing that could not be
/// seen or would be cut in a command.
fn is_below(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder);
    let rest = rest.filter(|_| folder.starts_with('/') && excerpt(path) == path);
    rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix('/').is_some_and(is_relative))
}

/// Whether a text is a relative path in normal form.
pub(super) fn is_relative(path: &str) -> bool {
    excerpt(path) == path && path.split('/').all(|part| !["", ".", ".."].contains(&part))
}

/// A text as one word of a shell command that someone may copy.
pub(super) fn shell(text: &str) -> String {
    let text = excerpt(text);
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+=-".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_an_unusual_port() {
        let place = |host: &str, port| {
            Place {
                host: host.into(),
                port,
                ..Place::default()
            }
            .address()
        };
        assert_eq!(place("web1", 22), "deploy@web1");
        assert_eq!(place("web1", 2222), "deploy@web1:2222");
        assert_eq!(place("::1", 2222), "deploy@[::1]:2222");
    }

    #[test]
    fn a_subject_names_target_and_port_only_if_they_are_not_the_default() {
        let subject = |service: Option<&str>, target: &str, host: &str, port| {
            Place {
                service: service.map(str::to_owned),
                target: target.into(),
                host: host.into(),
                port,
                ..Place::default()
            }
            .subject()
        };
        let shop = Some("shop");
        assert_eq!(subject(shop, "/opt/shop", "web1", 22), "shop on web1");
        assert_eq!(
            subject(Some("shop@1"), "/opt/shop@1", "web1", 2222),
            "shop@1 on web1:2222"
        );
        assert_eq!(
            subject(shop, "/opt/shop-b", "::1", 2222),
            "shop (/opt/shop-b) on [::1]:2222"
        );
        assert_eq!(subject(None, "/srv/app", "web1", 22), "/srv/app on web1");
    }

    #[test]
    fn a_path_of_the_server_is_used_only_below_the_target() {
        let place = Place {
            target: "/opt/diting".into(),
            ..Place::default()
        };
        let own = |path: &str| place.own_path(path);
        assert_eq!(own("/opt/diting").as_deref(), Some("/opt/diting"));
        let release = "/opt/diting/releases/it's";
        assert_eq!(own(release), Some("'/opt/diting/releases/it'\\''s'".into()));
        let long = format!("/opt/diting/{}", "x".repeat(300));
        for path in [
            "/etc",
            "/opt",
            "/opt/diting2",
            "/opt/diting/../../etc",
            "/opt/diting/releases/..",
            "/opt/diting/./x",
            "/opt/diting//x",
            "/opt/diting/",
            "opt/diting/x",
            "",
            "/opt/diting/a  b",
            "/opt/diting/a\nb",
            "/opt/diting/a\u{202e}b",
            "/var/log/app.log",
            long.as_str(),
        ] {
            assert_eq!(own(path), None, "{path:?}");
        }
        assert!(place.log_path("/var/log/app.log").is_some());
        assert!(place.log_path("/var/log/../../etc/shadow").is_none());
        assert!(Place::default().own_path("the target folder/x").is_none());
    }

    #[test]
    fn what_is_copied_into_a_shell_is_one_word() {
        assert_eq!(shell("/opt/diting"), "/opt/diting");
        assert_eq!(shell("/opt/it's $(reboot)"), "'/opt/it'\\''s $(reboot)'");
        assert_eq!(shell(""), "''");
    }
}
