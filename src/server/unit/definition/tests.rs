use super::*;
use std::os::unix::fs::symlink;

/// A server whose root is a folder: the target is `opt/app`, with a release.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    fn new() -> Self {
        let disk = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir_all(disk.at("opt/app/releases/1/bin")).unwrap();
        fs::create_dir_all(disk.at("opt/app-staging")).unwrap();
        fs::create_dir_all(disk.at("srv")).unwrap();
        disk.link("opt/app/current", "releases/1");
        disk
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(path)
    }

    fn link(&self, path: &str, to: impl AsRef<Path>) {
        symlink(to, self.at(path)).unwrap();
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(
            self.at(path),
            text.replace("ROOT", self.at("").to_str().unwrap()),
        )
        .unwrap();
    }

    /// Whether a unit with these properties leads to `current` of the target. `ROOT/` stands for the folder.
    fn leads(&self, properties: &str) -> bool {
        let root = self.at("").display().to_string();
        let unit = Unit::parse(&properties.replace("ROOT/", &root));
        let layout = Layout::new(self.at("opt/app").to_str().unwrap());
        Definition { unit, text: None }.search(&Current::of(&layout)) == Found::Leads
    }
}

#[test]
fn a_unit_leads_to_current_by_any_of_its_properties() {
    let disk = Disk::new();
    for properties in [
        "ExecStart={ path=ROOT/opt/app/current/bin/run ; argv[]=ROOT/opt/app/current/bin/run ; pid=0 }",
        "ExecStart={ path=/bin/su ; argv[]=/bin/su - deploy -c cd ROOT/opt/app/current && exec ./run ; pid=0 }",
        "ExecStart={ path=/bin/sh ; argv[]=/bin/sh -c cd \"ROOT/opt/app/current\";exec ./run ; pid=0 }",
        "ExecStartPre={ path=/bin/cp ; argv[]=/bin/cp ROOT/opt/app/current/app /run ; pid=0 }",
        "ExecStart={ path=/usr/bin/docker ; argv[]=/usr/bin/docker run -v ROOT/opt/app/current:/app x ; pid=0 }",
        "WorkingDirectory=ROOT/opt/app/current",
        "WorkingDirectory=-ROOT/opt/app/current/src",
        "RootDirectory=ROOT/opt/app/current",
        "Environment=PYTHONPATH=ROOT/opt/app/current PORT=1",
        "Environment=\"PATH=/usr/bin:ROOT/opt/app/current/.venv/bin\"",
        "EnvironmentFiles=ROOT/opt/app/current/.env (ignore_errors=yes)",
        "BindPaths=ROOT/opt/app/current:/app:rbind",
        "BindReadOnlyPaths=ROOT/opt/app/current:/app:rbind",
    ] {
        assert!(disk.leads(properties), "{properties}");
    }
}

#[test]
fn a_unit_that_names_another_folder_does_not_lead_there() {
    let disk = Disk::new();
    disk.link("opt/app-staging/current", "../app/releases/1");
    for properties in [
        "ExecStart={ path=ROOT/opt/legacy/run ; argv[]=ROOT/opt/legacy/run ; pid=0 }\nWorkingDirectory=ROOT/opt/legacy",
        "WorkingDirectory=ROOT/opt/app-staging/current",
        "WorkingDirectory=ROOT/opt/app",
        "ExecStart={ path=ROOT/opt/app/releases/1/run ; argv[]=ROOT/opt/app/releases/1/run ; pid=0 }",
        "ExecStart={ path=ROOT/opt/app/currently ; argv[]=x ; pid=0 }",
        "Description=ROOT/opt/app/current",
        "",
    ] {
        assert!(!disk.leads(properties), "{properties}");
    }
}

#[test]
fn links_are_followed() {
    let disk = Disk::new();
    disk.link("srv/app", disk.at("opt/app/current"));
    disk.link("srv/run", "../opt/app/current/bin/run");
    disk.link("srv/target", "../opt/app");
    disk.link("srv/chain", "app");
    disk.link("srv/loop", "loop");
    for path in [
        "srv/app/bin/run",
        "srv/run",
        "srv/target/current/run",
        "srv/chain",
        "opt/app/../app/current",
    ] {
        assert!(
            disk.leads(&format!("WorkingDirectory=ROOT/{path}")),
            "{path}"
        );
    }
    for path in [
        "srv/target",
        "srv/target/releases/1",
        "srv/loop",
        "srv/missing",
    ] {
        assert!(
            !disk.leads(&format!("WorkingDirectory=ROOT/{path}")),
            "{path}"
        );
    }
    // the target itself may be a link
    let layout = Layout::new(disk.at("srv/target").to_str().unwrap());
    let unit = Unit::parse(&format!(
        "WorkingDirectory={}",
        disk.at("opt/app/current").display()
    ));
    assert_eq!(
        Definition { unit, text: None }.search(&Current::of(&layout)),
        Found::Leads
    );
}

#[test]
fn wrapper_scripts_and_environment_files_are_read() {
    let disk = Disk::new();
    let starts = |text: &str| {
        disk.write("srv/start", text);
        disk.leads("ExecStart={ path=ROOT/srv/start ; argv[]=ROOT/srv/start ; pid=0 }")
    };
    assert!(starts(
        "#!/bin/sh\ncd ROOTopt/app/current || exit 1\nexec ./run\n"
    ));
    assert!(starts(
        "#!/bin/sh\nAPP=ROOTopt/app\nexec \"$APP/current/run\"\n"
    ));
    assert!(starts(
        "#!/bin/sh\nAPP='ROOTopt/app'\nexec ${APP}/current/run\n"
    ));
    assert!(starts("#!/bin/sh\ncd ROOTopt/app\nexec current/run\n"));
    assert!(!starts(
        "#!/bin/sh\ncd ROOTopt/legacy\nexec $APP/current/run\n"
    ));
    assert!(!starts("#!/bin/sh\nexec ROOTopt/app-staging/current/run\n"));
    assert!(
        !starts("\u{0}ELF ROOTopt/app/current"),
        "a program is no script"
    );
    // a script that starts another one
    disk.write("srv/inner", "#!/bin/sh\ncd ROOTopt/app/current\n");
    assert!(starts("#!/bin/sh\nexec ROOTsrv/inner\n"));
    disk.write("srv/env", "APP_ROOT=ROOTopt/app/current\n");
    assert!(disk.leads("EnvironmentFiles=ROOT/srv/env (ignore_errors=no)"));
    assert!(disk.leads("ExecStart={ path=/bin/sh ; argv[]=/bin/sh -c exec current/run ; pid=0 }\nWorkingDirectory=ROOT/opt/app"));
}

#[test]
fn a_restart_command_that_reloads_is_known_by_its_words() {
    let is_reload = |script: &str| is_reload(&Restart::Commands(script.to_owned()));
    for script in [
        "sudo -n systemctl reload diting",
        "sudo -n /bin/systemctl reload-or-restart diting",
        "sudo -n /bin/systemctl kill -s HUP --kill-who=main diting",
        "sudo -n systemctl kill --signal=SIGHUP diting",
        "systemctl kill -sHUP diting",
        "pkill -HUP -f gunicorn",
        "kill -USR2 $(cat run/app.pid)",
        "kill -s SIGUSR1 1234; sleep 1",
        "kill -1 `cat app.pid`",
        "apachectl graceful",
    ] {
        assert!(is_reload(script), "{script}");
    }
    for script in [
        "sudo -n systemctl restart diting",
        "sudo -n systemctl restart reloader",
        "sudo -n systemctl kill diting; sudo -n systemctl start diting",
        "pkill -TERM gunicorn",
        "sudo -n systemctl restart diting && sudo -n systemctl reload nginx",
        "sudo -n systemctl kill -s KILL diting; sleep 1; sudo -n systemctl start diting",
        "echo HUP",
    ] {
        assert!(!is_reload(script), "{script}");
    }
    assert!(!super::is_reload(&Restart::Systemctl));
}
