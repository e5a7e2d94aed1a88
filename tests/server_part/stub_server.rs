//! A server in a temporary folder: the target, and a home folder with stubs in place of systemd's programs.

use crate::app::App;
use crate::client::{Client, Sending, Told};
use crate::invariants::Invariants;
use deploy_action::protocol::{
    Errand, Install, LogCheck, Origin, Outcome, Plan, Restart, Retention, Staging, Target, Task,
    TransactionId, UnitName, Units, Verification,
};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Mutex;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_deploy-action");
const SERVICE: &str = "app";

/// The unit `app`, in the folder `unit`, and others, each in `unit-NAME`. What a unit does after a restart stands in the
/// release's `behaviour`, which only `app` obeys, or in `behave-RELEASE` or `behave-NAME-RELEASE` of a test; the main process
/// of `app`, if it has one, in `main`; the state of the whole system in `system`; what else systemd says of another unit in
/// its `more`; a program `on-restart` may meddle, and gets the release's name and the unit's. All that is not asked is noted in
/// `commands`. One restart at a time, as with systemd: that of a transaction which was killed goes on.
/// If `loaded` is there, it has the first line of the unit file that was read last, and each restart is noted with it.
const SYSTEMCTL: &str = r#"#!/bin/sh
home=${0%/.local/bin/*}; unit=$home/unit; app=$home/../app; of=
units=/etc/systemd/system
[ "$1" = --user ] && shift && units=$home/.config/systemd/user
for last; do :; done
[ -d "$home/unit-${last%.service}" ] && last=${last%.service} && unit=$home/unit-$last && of=$last-
[ "$1" = show ] && exec cat "$unit/state"
case $1 in
daemon-reload) echo nothing > "$unit/loaded"; head -n 1 "$units/app.service" > "$unit/loaded.new" 2> /dev/null && mv "$unit/loaded.new" "$unit/loaded" ;;
is-enabled) [ -e "$unit/enabled" ] && echo enabled || echo disabled ;;
enable) touch "$unit/enabled" ;;
disable) rm -f "$unit/enabled"; echo none >> "$unit/restarts" ;;
esac
[ "$1" = is-system-running ] && exec cat "$unit/system"
case $1 in restart | start | stop) ;; *) exit 0 ;; esac
exec 9< "$unit/count" && flock 9
read -r count < "$unit/count"; count=$((count + 1))
name=none; behaviour=nothing-there
[ -e "$app/current/name" ] && read -r name < "$app/current/name" && read -r behaviour < "$app/current/behaviour"
[ -n "$of" ] && behaviour=healthy
[ -e "$home/behave-$of$name" ] && read -r behaviour < "$home/behave-$of$name"
echo "$1 $last $name" >> "$home/commands"
[ -e "$unit/loaded" ] && read -r loaded < "$unit/loaded" && echo "$name as $loaded" >> "$unit/definitions"
[ "$loaded" = nothing ] && exit 5
[ "$1" = stop ] || echo "$name" >> "$unit/restarts"
[ -x "$home/on-restart" ] && "$home/on-restart" "$name" "$last"
active=active; sub=running; result=success; restarts=0; limit=0; code=0; main=0
[ -z "$of" ] && [ -e "$home/main" ] && read -r main < "$home/main"
case $last in *.timer | *.path) sub=waiting ;; *.socket) sub=listening ;; esac
[ "$1" = stop ] && behaviour=stopped
case $behaviour in
stopped) active=inactive; sub=dead; count=$((count - 1)) ;;
crash | nothing-there) active=activating; sub=auto-restart; result=exit-code; restarts=1 ;;
failed) active=failed; sub=failed; result=exit-code ;;
never-ready) active=activating; sub=start ;;
same-process) count=$((count - 1)) ;;
refused) active=failed; sub=failed; result=start-limit-hit; limit=5; code=1 ;;
esac
echo "$count" > "$unit/count"
cat > "$unit/state.new" <<END
LoadState=loaded
UnitFileState=enabled
Type=simple
ActiveState=$active
SubState=$sub
Result=$result
InvocationID=${of}start-$count
MainPID=$main
NRestarts=$restarts
TimeoutStartUSec=2s
TimeoutStopUSec=2s
StartLimitBurst=$limit
StartLimitIntervalUSec=1s
WorkingDirectory=$(dirname "$home")/app/current
Job=0
END
[ -e "$unit/more" ] && cat "$unit/more" >> "$unit/state.new"
mv "$unit/state.new" "$unit/state"
exit $code
"#;

static TRANSACTIONS: AtomicU64 = AtomicU64::new(1);

pub(crate) fn new_transaction() -> TransactionId {
    TransactionId::from_random(
        u128::from(TRANSACTIONS.fetch_add(1, Ordering::Relaxed)).to_le_bytes(),
    )
}

pub(crate) struct StubServer {
    folder: TempDir,
    /// Every tree that was sent, by its name.
    sent: Mutex<BTreeMap<String, App>>,
}

impl StubServer {
    pub(crate) fn new() -> Self {
        let server = Self {
            folder: TempDir::new().unwrap(),
            sent: Mutex::default(),
        };
        fs::set_permissions(server.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(server.target()).unwrap();
        fs::create_dir_all(server.home().join(".local/bin")).unwrap();
        fs::create_dir(server.home().join("unit")).unwrap();
        server.program(".local/bin/systemctl", SYSTEMCTL);
        server.program(
            ".local/bin/sudo",
            "#!/bin/sh\n[ \"$2\" = -l ] && exit 0\nshift\nexec \"$@\"\n",
        );
        server.program(".local/bin/busctl", "#!/bin/sh\necho b false\n");
        server.program(".local/bin/systemd-analyze", "#!/bin/sh\n");
        server.program(
            ".local/bin/journalctl",
            "#!/bin/sh\necho a line of the log\n",
        );
        fs::write(server.home().join("unit/count"), "0\n").unwrap();
        fs::write(server.home().join("unit/restarts"), "").unwrap();
        fs::write(server.home().join("unit/system"), "running\n").unwrap();
        server.unit("inactive", "dead");
        server
    }

    /// A server on which `app` was deployed and is live.
    pub(crate) fn with(app: &App) -> Self {
        let server = Self::new();
        server.deploys(app);
        server
    }

    /// The same in another place.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self {
            folder: TempDir::new().unwrap(),
            sent: Mutex::new(self.sent.lock().unwrap().clone()),
        };
        let from = self.folder.path().join(".");
        assert!(Command::new("cp")
            .arg("-a")
            .arg(from)
            .arg(copy.folder.path())
            .status()
            .unwrap()
            .success());
        copy.relink(&self.target());
        copy
    }

    /// Lets links of units lead to this server's releases.
    fn relink(&self, before: &Path) {
        for entry in fs::read_dir(self.system_units()).into_iter().flatten() {
            let path = entry.unwrap().path();
            let text = fs::read_link(&path).unwrap_or_default();
            if let Ok(below) = text.strip_prefix(before) {
                fs::remove_file(&path).unwrap();
                symlink(self.target().join(below), path).unwrap();
            }
        }
    }

    pub(crate) fn target(&self) -> PathBuf {
        self.folder.path().join("app")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// What systemd's folder is for the programs of this server, if it is there.
    pub(crate) fn system_units(&self) -> PathBuf {
        self.home().join("etc")
    }

    pub(crate) fn own(&self) -> PathBuf {
        self.target().join(".deploy")
    }

    pub(crate) fn program(&self, name: &str, text: &str) {
        let path = self.home().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// From now on `text` is systemctl; it finds the stub beside itself as `systemctl-itself`.
    pub(crate) fn before_systemctl(&self, text: &str) {
        let folder = self.home().join(".local/bin");
        fs::rename(folder.join("systemctl"), folder.join("systemctl-itself")).unwrap();
        self.program(".local/bin/systemctl", text);
    }

    pub(crate) fn unit(&self, active: &str, sub: &str) {
        let state = format!(
            "LoadState=loaded\nUnitFileState=enabled\nType=simple\nActiveState={active}\nSubState={sub}\n\
             Result=success\nInvocationID=\nNRestarts=0\nTimeoutStartUSec=2s\nTimeoutStopUSec=2s\nJob=0\n\
             WorkingDirectory={}\n",
            self.target().join("current").display()
        );
        fs::write(self.home().join("unit/state"), state).unwrap();
    }

    /// One more unit, of which systemd says `more` too.
    pub(crate) fn another_unit(&self, name: &str, active: &str, sub: &str, more: &str) {
        let folder = self.home().join(format!("unit-{name}"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("count"), "0\n").unwrap();
        fs::write(folder.join("restarts"), "").unwrap();
        fs::write(folder.join("more"), more).unwrap();
        let state = format!(
            "LoadState=loaded\nUnitFileState=enabled\nActiveState={active}\nSubState={sub}\nResult=success\n\
             InvocationID={name}-before\nNRestarts=0\nJob=0\n{more}"
        );
        fs::write(folder.join("state"), state).unwrap();
    }

    /// What systemctl was told to do, and which release was live then.
    pub(crate) fn commands(&self) -> Vec<String> {
        let text = fs::read_to_string(self.home().join("commands")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// From now on the release does that.
    pub(crate) fn behaves(&self, name: &str, behaviour: &str) {
        fs::write(
            self.home().join(format!("behave-{name}")),
            format!("{behaviour}\n"),
        )
        .unwrap();
    }

    /// The names of the releases that the unit was started with, one after the other.
    pub(crate) fn restarts(&self) -> Vec<String> {
        let text = fs::read_to_string(self.home().join("unit/restarts")).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// What the unit runs.
    pub(crate) fn runs(&self) -> Option<String> {
        self.restarts().pop()
    }

    pub(crate) fn remember(&self, app: &App) {
        self.sent
            .lock()
            .unwrap()
            .insert(app.name.clone(), app.clone());
    }

    /// The tree of which the release in `folder` was made.
    pub(crate) fn tree_of(&self, folder: &Path) -> Option<App> {
        let name = fs::read_to_string(folder.join("name")).ok()?;
        self.sent.lock().unwrap().get(name.trim()).cloned()
    }

    /// The name of the release that a link leads to.
    pub(crate) fn named_by(&self, link: &str) -> Option<String> {
        let name = fs::read_to_string(self.target().join(link).join("name")).ok()?;
        Some(name.trim().to_owned())
    }

    /// A release as others left it: a folder without a record of ours.
    pub(crate) fn foreign_release(&self, id: impl ToString, app: &App) -> PathBuf {
        let folder = self.target().join("releases").join(id.to_string());
        app.write(&folder);
        self.remember(app);
        folder
    }

    pub(crate) fn link(&self, name: &str, to: impl AsRef<Path>) {
        symlink(to, self.target().join(name)).unwrap();
    }

    pub(crate) fn plan(&self, app: &App) -> Plan {
        self.remember(app);
        let entries = app.entries();
        Plan {
            transaction: new_transaction(),
            task: Task::Deploy,
            target: Target::checked(self.target().to_str().unwrap()),
            units: Units::one(UnitName::checked(SERVICE)),
            staging: Staging::default(),
            restart: Restart::Systemctl,
            verification: Verification {
                health: None,
                command: None,
                timeout: Duration::from_millis(300),
                interval: Duration::from_millis(20),
                settle: Duration::ZERO,
                log: LogCheck::default(),
            },
            retention: Retention {
                count: Some(3),
                age: None,
            },
            lock_wait: Duration::from_secs(10),
            stage_limit: Duration::from_secs(120),
            origin: Origin::default(),
            entries: u32::try_from(entries.len()).unwrap(),
            root: app.root(),
        }
    }

    /// What replaces systemd's own folder, if it is there.
    pub(crate) fn systemd_state(&self) -> PathBuf {
        self.home().join("var")
    }

    /// As root, in a mount namespace, if the server has folders of systemd's.
    fn in_namespace(&self, command: Command) -> Command {
        let folders = [self.system_units(), self.systemd_state()];
        if !folders.iter().any(|folder| folder.exists()) {
            return command;
        }
        let mut unshare = Command::new("unshare");
        let script = "
            if [ -d \"$0\" ]; then mount --bind \"$0\" /etc/systemd/system; fi &&
            if [ -d \"$1\" ]; then mount --bind \"$1\" /var/lib/systemd; fi &&
            shift && exec \"$@\"";
        unshare.args(["--mount", "sh", "-c", script]);
        unshare.args(&folders).arg(command.get_program());
        unshare.args(command.get_args());
        unshare
    }

    pub(crate) fn in_surroundings(&self, command: Command) -> Command {
        let mut command = self.in_namespace(command);
        command
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", "/usr/bin:/bin")
            .current_dir("/");
        command
    }

    pub(crate) fn serve_arguments(&self, plan: &Plan) -> [String; 6] {
        self.arguments_for(plan, Errand::Start)
    }

    fn arguments_for(&self, plan: &Plan, errand: Errand) -> [String; 6] {
        let Plan {
            target,
            transaction,
            root,
            ..
        } = plan;
        [
            "server-part".into(),
            "serve".into(),
            target.to_string(),
            transaction.to_string(),
            root.to_string(),
            errand.to_string(),
        ]
    }

    fn serve(&self, plan: &Plan, errand: Errand) -> Command {
        let mut command = Command::new(BINARY);
        command.args(self.arguments_for(plan, errand));
        self.in_surroundings(command)
    }

    /// In a shell that runs `script` first, as a login shell does.
    pub(crate) fn serve_after(&self, script: &str, plan: &Plan, errand: Errand) -> Command {
        let mut command = Command::new("bash");
        let login = format!("{script}; exec \"$@\"");
        command.args(["-c", &login, "bash", BINARY]);
        command.args(self.arguments_for(plan, errand));
        self.in_surroundings(command)
    }

    pub(crate) fn start(&self, plan: &Plan) -> Client {
        self.start_for(plan, Errand::Start)
    }

    pub(crate) fn start_for(&self, plan: &Plan, errand: Errand) -> Client {
        Client::start(self.serve(plan, errand), plan)
    }

    /// A whole run of a good client; afterwards all invariants hold.
    pub(crate) fn run(&self, plan: &Plan, app: &App, sending: Sending) -> Told {
        let mut client = self.start(plan);
        client.send_all(plan, app, sending);
        let told = client.finish(app);
        Invariants::of(self).after(&told);
        told
    }

    pub(crate) fn deploy(&self, app: &App) -> Told {
        self.run(&self.plan(app), app, Sending::Ask)
    }

    pub(crate) fn deploy_with(&self, app: &App, change: impl FnOnce(&mut Plan)) -> Told {
        let mut plan = self.plan(app);
        change(&mut plan);
        self.run(&plan, app, Sending::Ask)
    }

    /// A plan that brings a release live which is there.
    pub(crate) fn plan_back(&self, to: Option<&str>) -> Plan {
        Plan {
            task: Task::RollBack {
                to: to.map(str::to_owned),
            },
            ..self.plan(&App::empty(""))
        }
    }

    pub(crate) fn roll_back(&self, to: Option<&str>) -> Told {
        self.run(&self.plan_back(to), &App::empty(""), Sending::Unasked)
    }

    /// The id of the release that a link leads to.
    pub(crate) fn id_by(&self, link: &str) -> String {
        Invariants::of(self).id_by(link).unwrap().to_string()
    }

    /// The releases that are there, by their names.
    pub(crate) fn releases(&self) -> Vec<String> {
        let named = |folder: PathBuf| {
            fs::read_to_string(folder.join("name")).map(|name| name.trim().to_owned())
        };
        let mut names: Vec<String> = Invariants::of(self)
            .releases()
            .into_iter()
            .filter_map(|path| named(path).ok())
            .collect();
        names.sort();
        names
    }

    /// A run that goes well.
    pub(crate) fn deploys(&self, app: &App) -> Told {
        let told = self.deploy(app);
        assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
        assert_eq!(self.named_by("current").as_deref(), Some(app.name.as_str()));
        assert_eq!(self.runs().as_deref(), Some(app.name.as_str()));
        told
    }

    /// A run that ends what is pending, and then changes nothing, for its install fails.
    pub(crate) fn look_in(&self) -> Told {
        let app = App::good("look-in");
        self.deploy_with(&app, |plan| {
            plan.staging.install = Install::Commands("exit 3".to_owned())
        })
    }
}
