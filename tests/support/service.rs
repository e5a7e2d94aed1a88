//! A service of several units: a web application, a worker and a timer.

use crate::app::App;
use crate::throwaway::{ThrowawayServer, TARGET};
use std::fs;

/// As the input `service` names them.
pub(crate) const SERVICE: &str = "diting, diting-worker, diting-dump.timer";
const SYSTEM: &str = "/etc/systemd/system";

const WORKER: &str = "\
import os, time

with open('/opt/diting/worker.log', 'a') as log:
    log.write(f'version VERSION, release {os.path.basename(os.getcwd())}\\n')
while True:
    time.sleep(1)
";

/// The unit files of a service, by name.
pub(crate) struct UnitFiles {
    pub(crate) web: String,
    pub(crate) worker: String,
    pub(crate) dump: String,
    pub(crate) timer: String,
}

impl UnitFiles {
    /// The web application answers at this port.
    pub(crate) fn at(port: u16) -> Self {
        let service = |description: &str, start: &str, rest: &str| {
            format!(
                "[Unit]\nDescription={description}\n\n[Service]\nUser=deploy\nWorkingDirectory={TARGET}/current\n\
                 ExecStart={start}\n{rest}"
            )
        };
        let install = "Restart=always\nRestartSec=1\n\n[Install]\nWantedBy=multi-user.target\n";
        let app = format!("/usr/bin/python3 {TARGET}/current/app.py 127.0.0.1 {port}");
        Self {
            web: service("Web", &app, install),
            worker: service("Worker", &format!("{TARGET}/current/bin/worker"), install),
            dump: service("Dump", "/bin/true", "Type=oneshot\n"),
            timer: "[Unit]\nDescription=Dump\n\n[Timer]\nOnCalendar=Sun 03:00\n\n[Install]\nWantedBy=timers.target\n"
                .to_owned(),
        }
    }

    /// With their names.
    pub(crate) fn all(&self) -> [(&'static str, &str); 4] {
        [
            ("diting.service", &self.web),
            ("diting-worker.service", &self.worker),
            ("diting-dump.service", &self.dump),
            ("diting-dump.timer", &self.timer),
        ]
    }

    /// Puts them on a server, by hand and started.
    pub(crate) fn install(&self, server: &ThrowawayServer) {
        for (name, text) in self.all() {
            fs::write(server.path(SYSTEM).join(name), text).unwrap();
        }
        server.exec("systemctl daemon-reload && systemctl enable -q diting diting-worker && systemctl enable -q --now diting-dump.timer");
    }

    /// Puts them into a source.
    pub(crate) fn into(self, app: App) -> App {
        let add =
            |app: App, (name, text): (&str, &str)| app.file(&format!("deploy/{name}"), text, 0o644);
        self.all().into_iter().fold(app, add)
    }
}

/// An application that needs no install, with a worker.
pub(crate) fn with_worker(version: &str) -> App {
    with_this_worker(version, &WORKER.replace("VERSION", version))
}

/// With a worker that does this.
pub(crate) fn with_this_worker(version: &str, python: &str) -> App {
    let worker = format!("#!/usr/bin/env -S python3 -u\n{python}");
    App::plain(version).file("bin/worker", &worker, 0o755)
}

/// With a web application that ends when it is asked.
pub(crate) fn with_dead_web(version: &str) -> App {
    with_worker(version).replace_in("app.py", "self.send_response(200)", "os._exit(1)")
}

/// What deploy may run as root.
pub(crate) fn allow(server: &ThrowawayServer, commands: &[&str]) {
    let line = |command: &&str| format!("deploy ALL=(root) NOPASSWD: {command}\n");
    let lines: String = commands.iter().map(line).collect();
    let file = server.path("/etc/sudoers.d/units");
    fs::write(&file, lines).unwrap();
    server.exec("chmod 440 /etc/sudoers.d/units && visudo -cqf /etc/sudoers.d/units");
}

/// A property of a unit.
pub(crate) fn property(server: &ThrowawayServer, unit: &str, name: &str) -> String {
    server.exec(&format!("systemctl show --value --property {name} {unit}"))
}

/// The folder in which a unit's main process works.
pub(crate) fn folder(server: &ThrowawayServer, unit: &str) -> String {
    let pid = property(server, unit, "MainPID");
    server.exec(&format!("readlink /proc/{pid}/cwd"))
}

/// The unit runs this release.
pub(crate) fn assert_runs(server: &ThrowawayServer, unit: &str, release: &str) {
    assert_eq!(property(server, unit, "ActiveState"), "active", "{unit}");
    let expected = format!("{TARGET}/releases/{release}");
    assert_eq!(folder(server, unit), expected, "{unit}");
}
