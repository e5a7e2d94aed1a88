//! Reads a unit's state with systemctl, which needs no special rights, and builds the commands that do.

use super::span;
use crate::protocol::{
    Ending, ProcessEnd, Reason, Scope, SystemdError, UnitRef, UnitState, UnreadableState,
};
use crate::server::clock::{since_epoch, ticks_since_boot};
use crate::server::exec::process::{command, quick};
use crate::server::exec::processes;
use crate::server::exec::user::login_name;
use std::collections::HashMap;
use std::io;
use std::thread;
use std::time::Duration;

const PROPERTIES: &str =
    "Id,LoadState,UnitFileState,NeedDaemonReload,Type,ActiveState,SubState,Result,InvocationID,MainPID,\
     NRestarts,ExecMainStatus,ExecMainCode,ControlGroup,ExecStart,TimeoutStartUSec,TimeoutStopUSec,StartLimitBurst,\
     StartLimitIntervalUSec,Job,ExecMainStartTimestampMonotonic,ConditionResult,User,Restart,RestartUSec,TriggeredBy,Triggers";
/// For one command. systemd responds within milliseconds unless the machine is overloaded.
const TIMEOUT: Duration = Duration::from_secs(20);
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(300);

/// The state of a unit at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::server) struct Unit {
    properties: HashMap<String, String>,
}

impl Unit {
    /// Reads the unit's state. Tries again if systemd does not respond, because it may be reloading.
    pub(in crate::server) fn show(unit: UnitRef<'_>) -> Result<Self, Reason> {
        let mut shown = Self::show_within(unit, TIMEOUT);
        for _ in 1..TRIES {
            if shown.is_ok() {
                break;
            }
            thread::sleep(PAUSE);
            shown = Self::show_within(unit, TIMEOUT);
        }
        shown
    }

    /// The same with one try.
    pub(in crate::server) fn show_once(unit: UnitRef<'_>) -> Result<Self, Reason> {
        Self::show_within(unit, TIMEOUT)
    }

    /// The same within a limit.
    pub(super) fn show_within(unit: UnitRef<'_>, limit: Duration) -> Result<Self, Reason> {
        let mut show = show(unit, PROPERTIES);
        let (ending, output) = quick(&mut show, limit).map_err(|error| not_run(&error))?;
        let output = String::from_utf8_lossy(&output);
        if ending != Ending::Exit(0) {
            let output = output.trim().to_owned();
            let error = SystemdError::Failed { output };
            return Err(Reason::Unreadable(UnreadableState::Systemd(error)));
        }
        Ok(Self::shown(&output, unit.scope))
    }

    /// What systemd shows of a unit. All units of the deploy user's own systemd run as this user, whatever they say.
    pub(super) fn shown(text: &str, scope: Scope) -> Self {
        let mut unit = Self::parse(text);
        if scope == Scope::User {
            let uid = || rustix::process::geteuid().as_raw().to_string();
            let own = login_name().unwrap_or_else(uid);
            unit.properties.insert("User".to_owned(), own);
        }
        unit
    }

    /// A property with several values has several lines.
    pub(super) fn parse(text: &str) -> Self {
        let mut properties: HashMap<String, String> = HashMap::new();
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            let all = properties.entry(key.to_owned()).or_default();
            if !all.is_empty() {
                all.push('\n');
            }
            all.push_str(value.trim());
        }
        Self { properties }
    }

    /// Whether systemd reports invocations, which show that a unit was restarted (since version 232).
    pub(in crate::server) fn knows_invocations(&self) -> bool {
        self.properties.contains_key("InvocationID")
    }

    /// Whether systemd still has a job for the unit.
    pub(super) fn has_job(&self) -> bool {
        !matches!(self.get("Job"), "" | "0")
    }

    /// The property's value, the last one if it has several.
    pub(in crate::server) fn get(&self, property: &str) -> &str {
        self.all(property).rsplit('\n').next().unwrap_or_default()
    }

    /// All values of the property, one per line.
    pub(super) fn all(&self, property: &str) -> &str {
        self.properties.get(property).map_or("", String::as_str)
    }

    fn number(&self, property: &str) -> u64 {
        self.get(property).parse().unwrap_or(0)
    }

    fn span(&self, property: &str) -> Option<Duration> {
        span::parse(self.get(property))
    }

    /// The unit's full name, which the input `service` may shorten. If systemd has not told it, what systemd makes of
    /// such an input: a name of another type is refused.
    pub(in crate::server) fn full_name(&self, service: &str) -> String {
        const TYPES: [&str; 4] = [".service", ".timer", ".socket", ".path"];
        match self.get("Id") {
            "" if TYPES.iter().any(|it| service.ends_with(it)) => service.to_owned(),
            "" => format!("{service}.service"),
            name => name.to_owned(),
        }
    }

    /// The id of the unit's current start; empty if it never ran.
    pub(in crate::server) fn invocation(&self) -> &str {
        self.get("InvocationID")
    }

    /// The number of automatic restarts. A manual restart does not reset it.
    pub(super) fn automatic_restarts(&self) -> u64 {
        self.number("NRestarts")
    }

    /// `None` if it has no main process.
    pub(super) fn main_pid(&self) -> Option<u32> {
        self.get("MainPID").parse().ok().filter(|pid| *pid != 0)
    }

    /// All that run, wherever they were moved.
    pub(super) fn processes(&self) -> Vec<u32> {
        processes::of_service(self.get("ControlGroup"), self.main_pid())
    }

    /// When the main process started, since boot.
    pub(super) fn main_start(&self) -> Option<Duration> {
        let at = Duration::from_micros(self.number("ExecMainStartTimestampMonotonic"));
        (!at.is_zero()).then_some(at)
    }

    /// When the main process started, since the epoch.
    pub(super) fn main_started(&self) -> Option<Duration> {
        let up = Duration::from_millis(ticks_since_boot()? * 10);
        let ago = up.saturating_sub(self.main_start()?);
        Some(since_epoch().saturating_sub(ago))
    }

    /// Without how its process ended.
    pub(in crate::server) fn state(&self) -> UnitState {
        UnitState::Changing {
            active: self.get("ActiveState").to_owned(),
            sub: self.get("SubState").to_owned(),
        }
    }

    /// With how its process ended.
    pub(super) fn ended_state(&self) -> UnitState {
        UnitState::Ended {
            active: self.get("ActiveState").to_owned(),
            sub: self.get("SubState").to_owned(),
            end: self.process_end(),
        }
    }

    /// Whether it runs, or is a oneshot that ended without an error.
    pub(in crate::server) fn is_up(&self) -> bool {
        match (self.get("ActiveState"), self.get("SubState")) {
            ("active", "running" | "exited" | "listening" | "waiting" | "elapsed") => true,
            ("inactive", "dead") => {
                self.get("Type") == "oneshot" && self.get("Result") == "success"
            }
            _ => false,
        }
    }

    /// How the last process ended.
    pub(super) fn process_end(&self) -> ProcessEnd {
        // CLD_KILLED and CLD_DUMPED of waitid(2)
        let killed = matches!(self.get("ExecMainCode"), "2" | "3");
        let number: i32 = self.get("ExecMainStatus").parse().unwrap_or_default();
        let result = match self.get("Result") {
            // the next start has reset it
            "success" if killed => "signal",
            "success" if number != 0 => "exit-code",
            result => result,
        };
        let result = result.to_owned();
        match result.as_str() {
            "start-limit-hit" => ProcessEnd::StartLimit,
            "success" if self.get("ExecMainCode") == "0" && self.main_pid().is_some() => {
                ProcessEnd::Other("unknown how, because systemd has started it again".to_owned())
            }
            "signal" | "core-dump" | "watchdog" | "oom-kill" => ProcessEnd::Killed {
                result,
                signal: number,
            },
            _ if killed => ProcessEnd::Killed {
                result,
                signal: number,
            },
            _ => ProcessEnd::Exited {
                result,
                status: number,
            },
        }
    }

    /// Whether its processes are being ended.
    pub(super) fn is_being_stopped(&self) -> bool {
        self.get("ActiveState") == "deactivating"
    }

    /// Whether only a stop can have ended it: by itself it would have been started again, or would not have ended by
    /// SIGTERM without being called failed.
    pub(super) fn ended_by_a_stop(&self) -> bool {
        const KILLED: &str = "2";
        const SIGTERM: &str = "15";
        let terminated =
            self.get("ExecMainCode") == KILLED && self.get("ExecMainStatus") == SIGTERM;
        let restarts = matches!(self.get("Restart"), "always" | "on-success");
        self.get("ActiveState") == "inactive"
            && self.get("Result") == "success"
            && (terminated || restarts)
    }

    pub(super) fn hit_start_limit(&self) -> bool {
        self.get("Result") == "start-limit-hit"
    }

    /// How many starts are allowed in which interval; `None`: no limit.
    pub(in crate::server) fn start_limit(&self) -> Option<(u64, Duration)> {
        let (burst, interval) = (
            self.number("StartLimitBurst"),
            self.span("StartLimitIntervalUSec")?,
        );
        (burst > 0 && !interval.is_zero()).then_some((burst, interval))
    }

    /// How long systemd waits before it starts the unit again by itself; `None`: it does not.
    pub(super) fn restart_pause(&self) -> Option<Duration> {
        let restarts = !matches!(self.get("Restart"), "" | "no");
        self.span("RestartUSec").filter(|_| restarts)
    }

    /// The socket units that start it.
    pub(in crate::server) fn socket_units(&self) -> impl Iterator<Item = &str> {
        let all = self.get("TriggeredBy").split_whitespace();
        all.filter(|name| name.ends_with(".socket"))
    }

    /// The unit's own time limits for stopping and starting together. `default` replaces each that is not set.
    pub(in crate::server) fn restart_limit(&self, default: Duration) -> Duration {
        let span = |property| self.span(property).unwrap_or(default);
        span("TimeoutStopUSec") + span("TimeoutStartUSec")
    }

    /// The programs in `ExecStart`.
    pub(in crate::server) fn programs(&self) -> Vec<&str> {
        self.commands("ExecStart")
            .map(|(program, _)| program)
            .collect()
    }

    /// The programs of a property such as `ExecStart`, and whether systemd ignores their failure.
    pub(super) fn commands(&self, property: &str) -> impl Iterator<Item = (&str, bool)> {
        let parts = self.all(property).split("{ path=").skip(1);
        parts.filter_map(|part| {
            let path = &part[..part.find(" ;")?];
            Some((path, part.contains(" ; ignore_errors=yes")))
        })
    }
}

/// systemctl itself could not be run.
pub(super) fn not_run(error: &io::Error) -> Reason {
    let error = error.to_string();
    Reason::Unreadable(UnreadableState::Systemd(SystemdError::Systemctl { error }))
}

/// `systemctl`, asking the systemd of this scope.
pub(in crate::server) fn systemctl(scope: Scope) -> std::process::Command {
    let mut systemctl = command("systemctl");
    if scope == Scope::User {
        systemctl.arg("--user");
    }
    systemctl
}

/// The command as it is shown to people, without sudo.
pub(super) fn in_words(verb: &str, unit: UnitRef<'_>) -> String {
    let own = match unit.scope {
        Scope::System => "",
        Scope::User => "--user ",
    };
    format!("systemctl {own}{verb} {}", unit.name)
}

/// `systemctl show` with these properties.
pub(super) fn show(unit: UnitRef<'_>, properties: &str) -> std::process::Command {
    let mut show = systemctl(unit.scope);
    show.args([
        "show",
        "--no-pager",
        "--property",
        properties,
        "--",
        unit.name,
    ]);
    show
}

/// `systemctl cat`: the unit's file and its drop-ins.
pub(super) fn cat(unit: UnitRef<'_>) -> std::process::Command {
    let mut cat = systemctl(unit.scope);
    cat.args(["cat", "--no-pager", "--", unit.name]);
    cat
}

/// Whether the deploy user may run `systemctl verb unit`: as root, or with sudo and without a password.
pub(in crate::server) fn may_run(verb: &str, unit: UnitRef<'_>) -> bool {
    ask_sudo(verb, unit).is_ok()
}

/// Like [`may_run`].
///
/// # Errors
/// What sudo printed.
pub(in crate::server) fn ask_sudo(verb: &str, unit: UnitRef<'_>) -> Result<(), Vec<u8>> {
    match unit.scope {
        Scope::System => ask_sudo_for(&["systemctl", verb, unit.name]),
        Scope::User => Ok(()),
    }
}

/// What makes systemd read the unit files again.
pub(super) const RELOAD: [&str; 2] = ["systemctl", "daemon-reload"];

/// Whether the deploy user may run exactly this: as root, or with sudo and without a password.
///
/// # Errors
/// What sudo printed.
pub(super) fn ask_sudo_for(words: &[&str]) -> Result<(), Vec<u8>> {
    if is_root() {
        return Ok(());
    }
    let mut list = command("sudo");
    list.args(["-n", "-l"]).args(words);
    match quick(&mut list, TIMEOUT) {
        Ok((Ending::Exit(0), _)) => Ok(()),
        Ok((_, output)) => Err(output),
        Err(error) => Err(error.to_string().into_bytes()),
    }
}

/// The command `systemctl verb unit`, with sudo unless this is root or the unit is the deploy user's own.
pub(super) fn privileged(verb: &str, unit: UnitRef<'_>) -> std::process::Command {
    match unit.scope {
        Scope::System => as_root(&["systemctl", verb, unit.name]),
        Scope::User => {
            let mut command = systemctl(unit.scope);
            command.args([verb, unit.name]);
            command
        }
    }
}

/// The command, with sudo unless this is root.
pub(super) fn as_root(words: &[&str]) -> std::process::Command {
    let mut sudo = command("sudo");
    match words {
        [program, arguments @ ..] if is_root() => {
            sudo = command(program);
            sudo.args(arguments);
        }
        _ => drop(sudo.arg("-n").args(words)),
    }
    sudo
}

pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_of_a_unit_are_found() {
        let unit = Unit::parse(
            "Type=simple\nExecStart={ path=/opt/diting/current/.venv/bin/uvicorn ; argv[]=/opt/diting/current/.venv/bin/uvicorn \
             a:app --port 8000 ; ignore_errors=no ; start_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }\n",
        );
        assert_eq!(unit.programs(), ["/opt/diting/current/.venv/bin/uvicorn"]);
        let unit =
            Unit::parse("ExecStart={ path=/bin/x ; argv[]=/bin/x --config-path=/opt/diting/current/conf ; pid=0 }");
        assert_eq!(unit.programs(), ["/bin/x"]);
        assert!(Unit::parse("").programs().is_empty());
        let several = "ExecStart={ path=/bin/a ; argv[]=/bin/a ; ignore_errors=yes ; pid=0 }\n\
                       ExecStart={ path=/bin/b ; argv[]=/bin/b ; ignore_errors=no ; pid=0 }";
        let unit = Unit::parse(several);
        let all: Vec<_> = unit.commands("ExecStart").collect();
        assert_eq!(all, [("/bin/a", true), ("/bin/b", false)]);
    }

    #[test]
    fn a_unit_of_ones_own_systemd_runs_as_this_user() {
        let user = |scope| Unit::shown("User=www-data", scope).get("User").to_owned();
        assert_eq!(user(Scope::System), "www-data");
        let own = login_name().unwrap_or_default();
        assert_eq!(user(Scope::User), own);
        let web = |scope| in_words("status", UnitRef { name: "web", scope });
        assert_eq!(web(Scope::System), "systemctl status web");
        assert_eq!(web(Scope::User), "systemctl --user status web");
    }

    /// In 252, a start that follows resets `Result`, but not how the process before ended.
    #[test]
    fn the_end_of_a_process_is_read_although_the_next_start_has_begun() {
        let end = |text: &str| Unit::parse(text).process_end().to_string();
        let all = [
            "Result=exit-code\nExecMainCode=1\nExecMainStatus=3",
            "Result=success\nExecMainCode=1\nExecMainStatus=3",
            "Result=success\nExecMainCode=2\nExecMainStatus=11",
            "Result=core-dump\nExecMainCode=3\nExecMainStatus=6",
            "Result=timeout\nExecMainCode=2\nExecMainStatus=15",
            "Result=success\nExecMainCode=1\nExecMainStatus=0",
            "Result=success\nExecMainCode=0\nExecMainStatus=0\nMainPID=7",
            "Result=start-limit-hit",
        ];
        insta::assert_snapshot!(all.map(end).join("\n"), @"
        exit-code, exit status 3
        exit-code, exit status 3
        signal, signal 11
        core-dump, signal 6
        timeout, signal 15
        success, exit status 0
        unknown how, because systemd has started it again
        start limit hit
        ");
    }

    /// Nothing in the journal is of `diting`: an application's lines would not be found.
    #[test]
    fn the_name_in_the_journal_is_full_even_if_systemd_does_not_tell_it() {
        let untold = Unit::default();
        assert_eq!(untold.full_name("diting"), "diting.service");
        assert_eq!(untold.full_name("diting.service"), "diting.service");
        assert_eq!(untold.full_name("diting.v2"), "diting.v2.service");
        let alias = Unit::parse("Id=diting.service");
        assert_eq!(alias.full_name("www"), "diting.service");
    }

    #[test]
    fn a_unit_is_up_only_when_it_runs() {
        let up = |text: &str| Unit::parse(text).is_up();
        assert!(up("ActiveState=active\nSubState=running"));
        assert!(up(
            "ActiveState=inactive\nSubState=dead\nType=oneshot\nResult=success"
        ));
        assert!(!up(
            "ActiveState=inactive\nSubState=dead\nType=simple\nResult=success"
        ));
        assert!(!up("ActiveState=activating\nSubState=auto-restart"));
        assert!(!up("ActiveState=failed\nSubState=failed"));
        assert!(!up(""));
    }

    #[test]
    fn a_unit_can_be_without_a_start_limit() {
        let limit = |text: &str| Unit::parse(text).start_limit();
        assert_eq!(
            limit("StartLimitBurst=5\nStartLimitIntervalUSec=10s"),
            Some((5, Duration::from_secs(10)))
        );
        assert_eq!(limit("StartLimitBurst=5\nStartLimitIntervalUSec=0"), None);
        assert_eq!(limit("StartLimitBurst=0\nStartLimitIntervalUSec=10s"), None);
    }
}
