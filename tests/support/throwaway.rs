//! A server of scripts/throwaway-server: systemd, sshd, logind, sudo and uv, with the unit that the project's first
//! users have.

use crate::poll::wait_for;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{fs, io};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/throwaway-server");
pub(crate) const TARGET: &str = "/opt/diting";
/// Where the units of deploy's own systemd are.
pub(crate) const OWN_UNITS: &str = "/home/deploy/.config/systemd/user";
/// For what follows a verdict: retention, and the server part's farewell.
const ANSWER: Duration = Duration::from_secs(10);

/// A running server; removed when dropped.
pub(crate) struct ThrowawayServer {
    name: String,
    state: PathBuf,
    pub(crate) ssh_port: u16,
    pub(crate) app_port: u16,
    /// The unit is one of deploy's own systemd.
    own_units: bool,
}

impl ThrowawayServer {
    pub(crate) fn up() -> Self {
        Self::up_with(&[])
    }

    /// With the options of `throwaway-server up`.
    pub(crate) fn up_with(options: &[&str]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "real-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let mut arguments = vec!["up", &name];
        arguments.extend_from_slice(options);
        let state = PathBuf::from(script(&arguments).trim());
        let env = fs::read_to_string(state.join("env")).unwrap();
        let port = |key: &str| {
            env.lines()
                .find_map(|line| line.strip_prefix(key))
                .unwrap()
                .parse()
                .unwrap()
        };
        Self {
            ssh_port: port("SSH_PORT="),
            app_port: port("APP_PORT="),
            own_units: false,
            name,
            state,
        }
    }

    /// Without sudo: the unit is one of deploy's own systemd, and deploy lingers.
    pub(crate) fn up_with_own_units(options: &[&str]) -> Self {
        let mut server = Self::up_with(options);
        server.own_units = true;
        server.exec(&format!(
            "rm /etc/sudoers.d/deploy
             systemctl --quiet disable --now diting
             runuser -u deploy -- mkdir -p {OWN_UNITS}
             sed -e /^User=/d -e s/multi-user/default/ /etc/systemd/system/diting.service >{OWN_UNITS}/diting.service
             rm /etc/systemd/system/diting.service
             systemctl daemon-reload
             loginctl enable-linger deploy"
        ));
        server.wait_for("systemctl is-active user@1000.service");
        server.own_systemctl("daemon-reload");
        server.own_systemctl("--quiet enable diting");
        server
    }

    /// `systemctl --user` as deploy, without a login.
    pub(crate) fn own_systemctl(&self, arguments: &str) -> String {
        self.exec(&as_deploy(&format!("systemctl --user {arguments}")))
    }

    /// Whether the unit is one of deploy's own systemd.
    pub(crate) fn has_own_units(&self) -> bool {
        self.own_units
    }

    pub(crate) fn key(&self) -> String {
        fs::read_to_string(self.state.join("key")).unwrap()
    }

    /// As the client sees it at `port`: a relay's, or the server's own.
    pub(crate) fn known_hosts(&self, port: u16) -> String {
        let line = fs::read_to_string(self.state.join("known_hosts")).unwrap();
        line.replace(&format!(":{} ", self.ssh_port), &format!(":{port} "))
    }

    pub(crate) fn ssh_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ssh_port).into()
    }

    pub(crate) fn health_url(&self) -> String {
        format!("http://localhost:{}/health", self.app_port)
    }

    /// Runs a shell script in it as root, and gives what it printed.
    pub(crate) fn exec(&self, commands: &str) -> String {
        let output = self.try_exec(commands);
        assert!(
            output.status.success(),
            "{commands}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout)
            .unwrap()
            .trim_end()
            .to_owned()
    }

    pub(crate) fn try_exec(&self, commands: &str) -> Output {
        Command::new(SCRIPT)
            .args(["exec", &self.name, "sh", "-euc", commands])
            .output()
            .unwrap()
    }

    /// As the deploy user, as ssh would.
    pub(crate) fn exec_as_deploy(&self, commands: &str) -> String {
        self.exec(&format!(
            "su -l deploy -s /bin/sh <<'COMMANDS'\nset -eu\n{commands}\nCOMMANDS"
        ))
    }

    /// Where a path of the server (not of its memory: /run, /tmp) lies here.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.state.join("root").join(path.trim_start_matches('/'))
    }

    /// All that was written to its disk.
    pub(crate) fn written(&self) -> PathBuf {
        self.state.join("memory/upper")
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// What a link of the target says.
    pub(crate) fn link(&self, name: &str) -> Option<String> {
        let text = fs::read_link(self.path(TARGET).join(name)).ok()?;
        Some(text.to_str().unwrap().to_owned())
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }

    /// The releases, oldest first.
    pub(crate) fn releases(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path(TARGET).join("releases")).unwrap();
        let mut names: Vec<String> = entries
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// A release's record.
    pub(crate) fn record(&self, release: &str) -> serde_json::Value {
        serde_json::from_str(&self.read(&format!("{TARGET}/.deploy/records/{release}.json")))
            .unwrap()
    }

    /// Changes the unit by a drop-in.
    pub(crate) fn drop_in(&self, section: &str) {
        let units = match self.own_units {
            true => OWN_UNITS,
            false => "/etc/systemd/system",
        };
        let folder = self.path(&format!("{units}/diting.service.d"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("test.conf"), section).unwrap();
        match self.own_units {
            true => self.own_systemctl("daemon-reload"),
            false => self.exec("systemctl daemon-reload"),
        };
    }

    /// For a drop-in: runs [`App::plain`](crate::app::App::plain).
    pub(crate) fn plain_service(&self, address: &str) -> String {
        let app = "/usr/bin/python3 /opt/diting/current/app.py";
        format!(
            "[Service]\nExecStart=\nExecStart={app} {address} {}\n",
            self.app_port
        )
    }

    pub(crate) fn property(&self, name: &str) -> String {
        let show = format!("show --value --property {name} diting");
        match self.own_units {
            true => self.own_systemctl(&show),
            false => self.exec(&format!("systemctl {show}")),
        }
    }

    /// Asks the app as anybody could: status and body.
    pub(crate) fn get(&self, path: &str) -> Option<(u16, String)> {
        get(self.app_port, path).ok()
    }

    /// Ends it at once; its disk stays.
    pub(crate) fn cut_power(&self) {
        script(&["cut", &self.name]);
    }

    /// Shuts it down in order; its disk stays.
    pub(crate) fn power_off(&self) {
        self.exec("systemctl poweroff");
        wait_for("the server is off", || {
            let list = script(&["list"]);
            let own = format!("{} ended ", self.name);
            list.lines().any(|line| line.starts_with(&own))
        });
        // what is left of it on this machine
        self.cut_power();
    }

    pub(crate) fn boot(&self) {
        script(&["boot", &self.name]);
    }

    /// Nothing of ours runs or is pending; polled, for retention comes after the verdict.
    pub(crate) fn assert_quiet(&self) {
        let ours = || self.exec("pgrep -af [s]erver-part || true");
        wait_for("nothing of ours runs on the server", || ours().is_empty());
        for name in ["pending", "switch", "rollback", "next"] {
            assert!(
                !self.has(&format!("{TARGET}/.deploy/{name}")),
                ".deploy/{name} is there"
            );
        }
    }

    /// `release` is live, by everything that can tell; `previous` is the way back.
    pub(crate) fn assert_live(&self, release: &str, version: &str, previous: Option<&str>) {
        assert_eq!(
            self.link("current").as_deref(),
            Some(format!("releases/{release}").as_str())
        );
        self.assert_answers(release, version);
        let resolved = |name: &str| {
            let found = self
                .try_exec(&format!("basename \"$(readlink -e {TARGET}/{name})\""))
                .stdout;
            String::from_utf8(found).unwrap().trim().to_owned()
        };
        assert_eq!(
            resolved("previous"),
            previous.unwrap_or_default(),
            "previous"
        );
        assert_eq!(resolved("current"), release, "current");
        self.assert_quiet();
    }

    /// The unit runs, and the app says which release it is.
    pub(crate) fn assert_answers(&self, release: &str, version: &str) {
        assert_eq!(self.property("ActiveState"), "active");
        let said = self.get("/").map(|(_, body)| body);
        assert_eq!(
            said,
            Some(format!("version {version}, release {release}\n"))
        );
    }

    /// Waits for the app to say so.
    pub(crate) fn wait_until_answers(&self, release: &str) {
        let wanted = format!("release {release}\n");
        wait_for(&wanted, || {
            self.get("/")
                .is_some_and(|(_, body)| body.ends_with(&wanted))
        });
    }

    /// Runs `commands` as root until they succeed.
    pub(crate) fn wait_for(&self, commands: &str) {
        wait_for(commands, || self.try_exec(commands).status.success());
    }
}

impl Drop for ThrowawayServer {
    fn drop(&mut self) {
        if std::env::var_os("KEEP_SERVERS").is_some() {
            return;
        }
        let down = Command::new(SCRIPT)
            .args(["down", &self.name])
            .stdin(Stdio::null())
            .status();
        assert!(
            down.is_ok_and(|status| status.success()) || std::thread::panicking(),
            "{} is not down",
            self.name
        );
    }
}

/// The command as deploy, without a login, finding deploy's own systemd.
pub(crate) fn as_deploy(command: &str) -> String {
    format!(
        "XDG_RUNTIME_DIR=/run/user/1000 setpriv --reuid=deploy --regid=deploy --init-groups {command}"
    )
}

fn script(arguments: &[&str]) -> String {
    let output = Command::new(SCRIPT)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "throwaway-server {arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn get(port: u16, path: &str) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), ANSWER)?;
    stream.set_read_timeout(Some(ANSWER))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or(io::ErrorKind::InvalidData)?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .ok_or(io::ErrorKind::InvalidData)?;
    Ok((status, body.to_owned()))
}

/// Copies a tree as it is.
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    let copied = Command::new("cp")
        .arg("-a")
        .arg(from)
        .arg(to)
        .status()
        .unwrap();
    assert!(copied.success());
}

/// The processes of this machine and of all servers on it, as folders of /proc.
pub(crate) fn processes() -> impl Iterator<Item = PathBuf> {
    let is_pid = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| name.as_encoded_bytes()[0].is_ascii_digit())
    };
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .filter(is_pid)
}

/// A file that nobody else may read.
pub(crate) fn write_private(path: &Path, text: &str) {
    let mut file = fs::File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .unwrap();
    file.write_all(text.as_bytes()).unwrap();
}
