//! Whole units: what is started of them, and what keeps them from being started.

use super::trial::Auto;
use crate::protocol::{ReleaseId, UnitName, Units};
use crate::server::exec::user::login_name;
use crate::server::smoke_test::start::Start;
use crate::server::store::layout::Layout;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const RELEASE: &str = "1762147685";
const PORT: u16 = 4321;

mod systemd;

/// A target with a release that has unit files.
struct Disk {
    folder: TempDir,
}

impl Disk {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let disk = Self { folder };
        fs::create_dir_all(disk.release().join("deploy")).unwrap();
        symlink("releases/1", disk.path().join("current")).unwrap();
        disk
    }

    fn path(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    fn release(&self) -> PathBuf {
        self.path().join("releases").join(RELEASE)
    }

    /// Adds a file to the release; `TARGET` is the target.
    fn file(&self, path: &str, text: &str) {
        let text = text.replace("TARGET", &self.path().display().to_string());
        let path = self.release().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn auto<T>(
        &self,
        units: &[&str],
        health_port: Option<u16>,
        run: impl FnOnce(Auto<'_>) -> T,
    ) -> T {
        let layout = Layout::new(self.path().to_str().unwrap());
        let units = Units {
            names: units.iter().map(|it| UnitName::checked(*it)).collect(),
            files: vec!["deploy/**".to_owned()],
            ..Units::default()
        };
        let release: ReleaseId = RELEASE.parse().unwrap();
        run(Auto {
            layout: &layout,
            units: &units,
            health_port,
            release: &release,
            port: PORT,
        })
    }

    /// What is started, in words; or the problem and the command to write.
    fn told(&self, units: &[&str]) -> String {
        self.auto(units, Some(8000), |auto| match auto.start() {
            Ok(start) => self.plain(&in_words(&start)),
            Err(problem) => format!("{problem} | {}", problem.command),
        })
    }

    /// Without paths of the machine that the test runs on.
    fn plain(&self, text: &str) -> String {
        let text = text.replace(&self.release().display().to_string(), "RELEASE");
        text.replace(&self.path().display().to_string(), "TARGET")
    }
}

fn in_words(start: &Start) -> String {
    let mut words = vec![start.program.clone()];
    words.extend(start.name.iter().map(|name| format!("({name})")));
    words.extend(start.arguments.iter().cloned());
    words
        .extend((start.folder != Path::new("/")).then(|| format!("in {}", start.folder.display())));
    words.extend(start.sockets.iter().map(|name| format!("<{name}>")));
    words.join(" ")
}

/// A service of the deploy user with these lines.
fn service(lines: &str) -> String {
    format!("[Service]\nUser={}\n{lines}\n", login_name().unwrap())
}

/// What is started of a unit with these lines.
fn started(lines: &str) -> String {
    let disk = Disk::new();
    disk.file("deploy/web.service", &service(lines));
    disk.told(&["web"])
}

/// A variable of the environment that a unit with these lines gets.
fn variable(disk: &Disk, lines: &str, name: &str) -> Option<String> {
    disk.file("deploy/web.service", &service(lines));
    let environment = disk.auto(&["web"], Some(8000), |auto| {
        auto.start().map(|it| it.environment)
    });
    let environment = environment.map_err(|it| it.to_string()).unwrap();
    let found = environment.into_iter().find(|(known, _)| known == name);
    found.map(|(_, value)| disk.plain(&value))
}

#[test]
fn usual_units_start_the_release_on_the_port_of_the_trial() {
    for (lines, expected) in [
        (
            "WorkingDirectory=TARGET/current\nExecStart=TARGET/current/.venv/bin/uvicorn app:app --host 0.0.0.0 --port 8000",
            "RELEASE/.venv/bin/uvicorn app:app --host 127.0.0.1 --port 4321 in RELEASE",
        ),
        (
            "ExecStart=/usr/bin/gunicorn -b :8000 --chdir TARGET/current app:app",
            "/usr/bin/gunicorn -b 127.0.0.1:4321 --chdir RELEASE app:app",
        ),
        (
            "Environment=PORT=8000\nExecStart=/usr/bin/node TARGET/current/a.js --port ${PORT}",
            "/usr/bin/node RELEASE/a.js --port 4321",
        ),
        ("ExecStart=TARGET/current/app -addr :8000", "RELEASE/app -addr 127.0.0.1:4321"),
        (
            "ExecStart=/usr/bin/java -Dserver.port=8000 -jar TARGET/current/a.jar",
            "/usr/bin/java -Dserver.port=4321 -jar RELEASE/a.jar",
        ),
        ("ExecStart=/usr/bin/java -jar a.jar --server.port=8000", "/usr/bin/java -jar a.jar --server.port=4321"),
        (
            "ExecStart=/bin/sh -c 'cd TARGET/current && exec ./app --port 8000 \"$$HOME\"'",
            "/bin/sh -c cd RELEASE && exec ./app --port 4321 \"$HOME\"",
        ),
        (
            "Environment=OPTS=\"--bind=*:8000 -w 2\"\nExecStart=@/bin/app web $OPTS",
            "/bin/app (web) --bind=127.0.0.1:4321 -w 2",
        ),
        ("ExecStart=:/bin/app ${A} 8000", "/bin/app ${A} 4321"),
        (
            "WorkingDirectory=-/nowhere/at/all\nExecStart=/bin/app --port=8000 --pid /run/web-8000.pid",
            "/bin/app --port=4321 --pid /run/web-8000.pid",
        ),
    ] {
        assert_eq!(started(lines), expected);
    }
}

#[test]
fn an_instance_of_a_template_knows_its_port_by_its_name() {
    let disk = Disk::new();
    let lines = "ExecStart=/bin/app --port %i --log /var/log/%n --name %p-%i";
    disk.file("deploy/web@.service", &service(lines));
    assert_eq!(
        disk.told(&["web@8000"]),
        "/bin/app --port 4321 --log /var/log/web@8000.service --name web-8000"
    );
    disk.file(
        "deploy/web@8000.service.d/x.conf",
        "[Service]\nEnvironment=A=8000\n",
    );
    assert_eq!(
        disk.told(&["web@8000"]),
        "smoke-test: auto cannot start web@8000 on the server: 8000 in the variable A may or may not mean the port | \
         exec /bin/app --port \"$PORT\" --log /var/log/web@8000.service --name web-8000"
    );
}

#[test]
fn links_that_lead_through_current_lead_to_the_release() {
    let disk = Disk::new();
    let outside = disk.path().join("app");
    symlink(disk.path().join("current/.venv/bin/python"), &outside).unwrap();
    disk.file(
        "deploy/web.service",
        &service("ExecStart=TARGET/app TARGET/current-other/x --port 8000"),
    );
    // what is run as is the path of the unit
    assert_eq!(
        disk.told(&["web"]),
        "RELEASE/.venv/bin/python TARGET/current-other/x --port 4321"
    );
}

#[test]
fn a_socket_unit_gives_its_socket() {
    let disk = Disk::new();
    let fd = "ExecStart=TARGET/current/uvicorn --fd 3";
    disk.file("deploy/web.service", &service(fd));
    disk.file(
        "deploy/web.socket",
        "[Socket]\nListenStream=127.0.0.1:8000\nFileDescriptorName=http\n",
    );
    for units in [
        &["web", "web.socket"][..],
        &["web.socket", "web"],
        &["web.socket"],
    ] {
        assert_eq!(
            disk.told(units),
            "RELEASE/uvicorn --fd 3 <http>",
            "{units:?}"
        );
    }
    let lacks = "smoke-test: auto cannot start web on the server: neither its command nor its environment has port 8000 of \
                 health-url | exec ./uvicorn --fd 3 --port \"$PORT\"";
    assert_eq!(
        disk.told(&["web"]),
        lacks,
        "it is not known to be the service's"
    );
}

#[test]
fn a_socket_unit_must_give_the_service_just_one_place_to_listen() {
    let disk = Disk::new();
    let fd = "ExecStart=TARGET/current/uvicorn --fd 3";
    disk.file(
        "deploy/web.socket",
        "[Socket]\nListenStream=8000\nFileDescriptorName=http\n",
    );
    disk.file(
        "deploy/web.service",
        &service(&format!(
            "Sockets=web.socket\n{fd} --limit 8000 --port 8000"
        )),
    );
    assert_eq!(
        disk.told(&["web"]),
        "RELEASE/uvicorn --fd 3 --limit 8000 --port 4321 <http>"
    );
    disk.file(
        "deploy/web.socket",
        "[Socket]\nListenStream=8000\nService=other.service\n",
    );
    assert!(disk.told(&["web.socket"]).contains("no ExecStart"));
    disk.file(
        "deploy/web.socket",
        "[Socket]\nListenStream=8000\nAccept=yes\n",
    );
    disk.file("deploy/web.service", &service(fd));
    assert!(disk
        .told(&["web", "web.socket"])
        .contains("it needs Accept=yes"));
}

#[test]
fn a_unit_that_cannot_be_started_says_why_and_what_to_write() {
    let uvicorn = "ExecStart=TARGET/current/.venv/bin/uvicorn app:app";
    let cannot = "smoke-test: auto cannot start web on the server:";
    for (lines, expected) in [
        (
            uvicorn.to_owned(),
            "neither its command nor its environment has port 8000 of health-url | exec .venv/bin/uvicorn app:app --port \"$PORT\"",
        ),
        (
            format!("{uvicorn} --port 8000 --limit-max-requests 8000 --header 8000"),
            "8000 in --limit-max-requests 8000, --header 8000 may or may not mean the port | exec .venv/bin/uvicorn app:app --port \
             \"$PORT\" --limit-max-requests 8000 --header 8000",
        ),
        (
            format!("{uvicorn} --upstream backend:8000\nEnvironment=PORT=8000"),
            "8000 in --upstream backend:8000 may or may not mean the port | exec .venv/bin/uvicorn app:app --upstream backend:\"$PORT\"",
        ),
        (
            format!("{uvicorn} --port 8000\nLoadCredential=a:/b"),
            "it needs LoadCredential=, which only systemd provides | exec .venv/bin/uvicorn app:app --port \"$PORT\"",
        ),
        ("Type=oneshot\nExecStart=/bin/a\nExecStart=/bin/b".to_owned(), "it is a oneshot, which ends by itself | "),
        ("ExecStop=/bin/a".to_owned(), "it has no ExecStart command | "),
        (
            format!("{uvicorn} --port 8000\nEnvironmentFile=/nowhere/env"),
            "/nowhere/env cannot be read: No such file or directory (os error 2) | exec .venv/bin/uvicorn app:app --port \"$PORT\"",
        ),
    ] {
        assert_eq!(started(&lines), format!("{cannot} {expected}"));
    }
    assert_eq!(
        Disk::new().told(&["web"]),
        format!("{cannot} it has no ExecStart command | ")
    );
}

#[test]
fn the_environment_is_that_of_the_unit_in_the_release() {
    let disk = Disk::new();
    disk.file(
        ".env",
        "PORT=8000\nA=of file\nB='two lines\nof file'\nexport D=1\nURL=http://localhost:8000/x\n",
    );
    disk.file("more/a.env", "C=a\n");
    disk.file("more/b.env", "C=b\n");
    let lines = "Environment=\"A=of unit\" 'B=x' PYTHONPATH=TARGET/current/src BIND=0.0.0.0\nEnvironment=E=%p F=%% \"G=a\\tb\"\n\
                 EnvironmentFile=-/nowhere\nEnvironmentFile=TARGET/current/.env\nEnvironmentFile=TARGET/current/more/*.env\n\
                 UnsetEnvironment=F LANG\nStateDirectory=web\nRuntimeDirectory=web\nEnvironment=SOCK=/run/web/x.sock\n\
                 ExecStart=/bin/app --sock %t/web/x.sock";
    for (name, expected) in [
        ("A", Some("of file")),
        ("B", Some("two lines\nof file")),
        ("C", Some("b")),
        ("D", None),
        ("E", Some("web")),
        ("F", None),
        ("G", Some("a\tb")),
        ("PORT", Some("4321")),
        ("URL", Some("http://localhost:4321/x")),
        ("BIND", Some("127.0.0.1")),
        ("PYTHONPATH", Some("RELEASE/src")),
        ("USER", Some(login_name().unwrap().as_str())),
        (
            "PATH",
            Some("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ),
        ("STATE_DIRECTORY", Some("/var/lib/web")),
        ("RUNTIME_DIRECTORY", Some("TARGET/.deploy/smoke-test/web")),
        ("SOCK", Some("TARGET/.deploy/smoke-test/web/x.sock")),
        ("CARGO_MANIFEST_DIR", None),
    ] {
        assert_eq!(variable(&disk, lines, name).as_deref(), expected, "{name}");
    }
    assert!(disk.path().join(".deploy/smoke-test/web").is_dir());
    assert_eq!(
        disk.told(&["web"]),
        "/bin/app --sock TARGET/.deploy/smoke-test/web/x.sock"
    );
}

/// They start what they want: a number that may mean something else is left alone, and so is a file that cannot be read.
#[test]
fn commands_get_the_environment_as_far_as_it_is_known() {
    let disk = Disk::new();
    let lines = "User=nobody\nEnvironment=APP_PORT=8000 MAX=8000 DATA=TARGET/current/data\nEnvironmentFile=/nowhere/env\nExecStart=/bin/a";
    disk.file("deploy/web.service", &service(lines));
    let environment = disk.auto(&["web"], Some(8000), |auto| auto.environment());
    let value = |name: &str| {
        let found = environment.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| disk.plain(value))
    };
    assert_eq!(value("APP_PORT").as_deref(), Some("4321"));
    assert_eq!(value("MAX").as_deref(), Some("8000"));
    assert_eq!(value("DATA").as_deref(), Some("RELEASE/data"));
    assert!(disk.auto(&[], None, |auto| auto.environment()).is_empty());
}

#[test]
fn without_a_health_url_no_port_is_needed() {
    let disk = Disk::new();
    disk.file(
        "deploy/web.service",
        &service("ExecStart=/bin/app --host :: --port 8000"),
    );
    let start = disk.auto(&["web"], None, |auto| {
        auto.start().map_err(|it| it.to_string())
    });
    assert_eq!(
        in_words(&start.unwrap()),
        "/bin/app --host 127.0.0.1 --port 8000"
    );
}
