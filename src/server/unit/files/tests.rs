use super::effective::effective;
use super::settings::settings;
use super::specifiers::{Specifiers, UNKNOWN};
use super::staged::{has_files_of, Staged};
use super::*;
use crate::protocol::{Scope, UnitRef, Units};
use crate::server::unit::systemd::Unit;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

fn of(unit: &str) -> Specifiers<'_> {
    Specifiers {
        unit,
        scope: Scope::System,
    }
}

/// The values of a property of a unit with this file.
fn shown(unit: &str, file: &str, property: &str) -> String {
    let (unit, _) = effective(&settings(file), of(unit));
    unit.all(property).to_owned()
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn a_file_is_merged_as_systemd_does() {
    for (file, property, expected) in [
        ("[Service]\nUser=a\nUser=b", "User", "b"),
        ("[Service]\nUser=a\nUser=", "User", ""),
        ("[Service]\nUser = a b \n", "User", "a b"),
        ("[Service]\n# User=a\n ; User=b\nUser=c", "User", "c"),
        (
            "[Unit]\nUser=a\n[Install]\nUser=b\n[X-Own]\nUser=c",
            "User",
            "",
        ),
        ("User=a\n[Service]\nGroup=g", "User", ""),
        ("\u{feff}[Service]\r\nUser=a\r\n", "User", "a"),
        (
            "[Service]\nWorkingDirectory=/a/\\\n# no\n; no\n  b",
            "WorkingDirectory",
            "/a/   b",
        ),
        (
            "[Service]\nWorkingDirectory=-/a//b/./c/",
            "WorkingDirectory",
            "-/a/b/c",
        ),
        ("[Service]\nWorkingDirectory=~", "WorkingDirectory", "~"),
        ("[Service]\nDynamicUser=On", "DynamicUser", "yes"),
        (
            "[Service]\nSupplementaryGroups=a\nSupplementaryGroups=b c",
            "SupplementaryGroups",
            "a b c",
        ),
        (
            "[Service]\nReadWritePaths=/a\nReadWritePaths=\nReadWriteDirectories=-/b",
            "ReadWritePaths",
            "-/b",
        ),
        (
            "[Service]\nBindPaths=/a /b:/c \"-/d e:/f:norbind\"",
            "BindPaths",
            "/a:/a:rbind /b:/c:rbind -/d e:/f:norbind",
        ),
        (
            "[Service]\nEnvironmentFile=/a\nEnvironmentFile=-/b c",
            "EnvironmentFiles",
            "/a (ignore_errors=no)\n/b c (ignore_errors=yes)",
        ),
        (
            "[Service]\nEnvironmentFile=/a\nEnvironmentFile=",
            "EnvironmentFiles",
            "",
        ),
        (
            "[Service]\nTimeoutSec=2min 3\nTimeoutStopSec=5sec",
            "TimeoutStartUSec",
            "2min 3s",
        ),
        (
            "[Service]\nTimeoutSec=90\nTimeoutStopSec=5sec",
            "TimeoutStopUSec",
            "5s",
        ),
        (
            "[Service]\nTimeoutStartSec=0",
            "TimeoutStartUSec",
            "infinity",
        ),
        ("[Service]\nTimeoutStartSec=soon", "TimeoutStartUSec", ""),
        ("[Service]\nExecStart=/x", "Type", "simple"),
        ("[Service]\nExecStop=/x", "Type", "oneshot"),
        (
            "[Unit]\nWants=a.service\nWants=b.service",
            "Wants",
            "a.service b.service",
        ),
    ] {
        assert_eq!(shown("a.service", file, property), expected, "{file}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn commands_are_read_as_systemd_does() {
    let starts = |lines: &str| shown("w@a-b.service", &format!("[Service]\n{lines}"), "ExecStart");
    let show = |program: &str, arguments: &str, ignored: &str| {
        format!("{{ path={program} ; argv[]={arguments} ; ignore_errors={ignored} ; }}")
    };
    for (lines, expected) in [
        ("ExecStart=/a b", show("/a", "/a b", "no")),
        ("ExecStart=-/a", show("/a", "/a", "yes")),
        ("ExecStart=@-/a named b", show("/a", "named b", "yes")),
        ("ExecStart=+!!:/a", show("/a", "/a", "no")),
        (
            "ExecStart=/a\nExecStart=\nExecStart=/b",
            show("/b", "/b", "no"),
        ),
        (
            "ExecStart=\"/a b/c\" 'd e'",
            show("/a b/c", "/a b/c d e", "no"),
        ),
        ("ExecStart=/a\\x20b/c", show("/a b/c", "/a b/c", "no")),
        (
            "ExecStart=/opt//x/./y --n=%i",
            show("/opt/x/y", "/opt//x/./y --n=a-b", "no"),
        ),
        (
            "ExecStart=/srv/%p/%I/%n/%N",
            show(
                "/srv/w/a/b/w@a-b.service/w@a-b",
                "/srv/w/a/b/w@a-b.service/w@a-b",
                "no",
            ),
        ),
        ("ExecStart=/a %%h", show("/a", "/a %h", "no")),
        (
            "ExecStart=/a \\\n  # comment\n  b",
            show("/a", "/a b", "no"),
        ),
    ] {
        assert_eq!(starts(lines), expected, "{lines}");
    }
    assert_eq!(
        starts("ExecStart=/a b ; -/c"),
        format!("{}\n{}", show("/a", "/a b", "no"), show("/c", "/c", "yes"))
    );
    assert_eq!(starts("ExecStart=/a ';' b"), show("/a", "/a ; b", "no"));
}

#[test]
fn what_cannot_be_told_is_marked() {
    for text in ["/a/%Q/b", "/a/%", "/a/%d"] {
        assert!(of("a.service").expand(text).contains(UNKNOWN), "{text}");
    }
    let user = Specifiers {
        unit: "a.service",
        scope: Scope::User,
    };
    assert!(
        user.expand("%S").contains(UNKNOWN),
        "it depends on systemd's version"
    );
    for (unit, text, expected) in [
        ("a.service", "%n %N %p %i. %j", "a.service a a . a"),
        (
            "a-b@c\\x2dd.timer",
            "%p %P %i %I %j %f",
            "a-b a/b c\\x2dd c-d b /c-d",
        ),
        (
            "a-b.service",
            "%f %t %S %h %u %U %%",
            "/a/b /run /var/lib /root root 0 %",
        ),
    ] {
        assert_eq!(of(unit).expand(text), expected);
    }
}

#[test]
fn what_a_unit_triggers_is_told_by_its_file_or_its_name() {
    for (unit, file, expected) in [
        ("a.timer", "[Timer]\nOnCalendar=daily", "a.service"),
        ("a.timer", "[Timer]\nUnit=b.service", "b.service"),
        ("a@1.path", "[Path]\nPathExists=/x", "a@1.service"),
        (
            "a.socket",
            "[Socket]\nService=%p-web.service",
            "a-web.service",
        ),
        ("a.socket", "[Socket]\nAccept=yes", ""),
        ("a.service", "[Service]\nUnit=b.service", ""),
    ] {
        assert_eq!(shown(unit, file, "Triggers"), expected, "{unit} {file}");
    }
}

#[test]
fn files_are_of_units_as_systemd_has_it() {
    let is_of = |path: &str, unit: &str| has_files_of(&[UnitFile::at(path).unwrap()], unit);
    for (path, unit) in [
        ("x/a.service", "a.service"),
        ("w@.service", "w@1.service"),
        ("w@1.service", "w@1.service"),
        ("a.service.d/x.conf", "a.service"),
        ("w@.service.d/x.conf", "w@1.service"),
        ("w@1.service.d/x.conf", "w@1.service"),
        ("a-.service.d/x.conf", "a-b-c.service"),
        ("a-b-.service.d/x.conf", "a-b-c.service"),
        ("a-.service.d/x.conf", "a-b@1.service"),
    ] {
        assert!(is_of(path, unit), "{path} {unit}");
    }
    for (path, unit) in [
        ("a.service", "a.timer"),
        ("w@2.service", "w@1.service"),
        ("a.timer.d/x.conf", "a.service"),
        ("b-.service.d/x.conf", "a-b-c.service"),
        ("a-b-c-.service.d/x.conf", "a-b-c.service"),
    ] {
        assert!(!is_of(path, unit), "{path} {unit}");
    }
}

/// A server whose root is a folder: the target is `opt/app`, release 1 is live.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    fn new() -> Self {
        let disk = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for release in ["1", "2"] {
            fs::create_dir_all(disk.at("opt/app/releases").join(release)).unwrap();
        }
        symlink("releases/1", disk.at("opt/app/current")).unwrap();
        disk
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A file of the new release.
    fn stage(&self, path: &str, text: &str) {
        self.write(&format!("opt/app/releases/2/{path}"), text);
    }

    fn layout(&self) -> Layout {
        Layout::new(self.at("opt/app").to_str().unwrap())
    }

    fn staged(&self) -> Staged {
        let units = Units {
            files: vec!["deploy/**".into()],
            ..Units::default()
        };
        Staged::of(&self.layout(), &"2".parse().unwrap(), &units)
    }

    /// Text of each part of the unit in its order, if anything of it changes. `loaded` is what systemd reads now.
    fn parts(&self, name: &str, loaded: &[(&str, &[&str])]) -> Option<Vec<String>> {
        let mut shown = String::new();
        for (property, paths) in loaded {
            let paths: Vec<String> = paths
                .iter()
                .map(|it| self.at(it).display().to_string())
                .collect();
            shown += &format!("{property}={}\n", paths.join(" "));
        }
        let staged = self.staged();
        let scope = Scope::System;
        let parts = staged.changed(name, UnitRef { name, scope }, &Unit::parse(&shown))?;
        Some(parts.iter().filter_map(|part| read(&part.path)).collect())
    }
}

#[test]
fn staged_files_replace_those_of_the_same_name_and_the_others_stay() {
    let disk = Disk::new();
    let all: &[(&str, &[&str])] = &[
        ("FragmentPath", &["etc/a.service"]),
        (
            "DropInPaths",
            &[
                "etc/a.service.d/10.conf",
                "lib/a.service.d/30.conf",
                "etc/a.service.d/50.conf",
            ],
        ),
    ];
    disk.write("etc/a.service", "old");
    for drop_in in all[1].1 {
        disk.write(drop_in, &format!("server {drop_in}"));
    }
    assert_eq!(disk.parts("a.service", all), None);
    disk.stage("deploy/a.service", "old");
    assert_eq!(disk.parts("a.service", all), None, "the same text");
    disk.stage("deploy/a.service.d/20.conf", "staged 20");
    disk.stage("deploy/a.service.d/30.conf", "staged 30");
    disk.stage("deploy/b.service.d/40.conf", "another unit's");
    let expected = [
        "old",
        "server etc/a.service.d/10.conf",
        "staged 20",
        "staged 30",
        "server etc/a.service.d/50.conf",
    ];
    assert_eq!(disk.parts("a.service", all).unwrap(), expected);
    disk.stage("deploy/a.service", "new");
    assert_eq!(disk.parts("a.service", all).unwrap()[0], "new");
    assert_eq!(disk.parts("c.service", &[]), None);
}

#[test]
fn a_link_through_current_is_read_in_the_new_release() {
    let disk = Disk::new();
    disk.write("opt/app/releases/1/other/a.service", "old");
    disk.write("opt/app/releases/1/other/x.conf", "old drop-in");
    fs::create_dir_all(disk.at("etc/a.service.d")).unwrap();
    let link = |path: &str, to: &str| symlink(disk.at(to), disk.at(path)).unwrap();
    link("etc/a.service", "opt/app/current/other/a.service");
    link("etc/a.service.d/x.conf", "opt/app/current/other/x.conf");
    let all: &[(&str, &[&str])] = &[
        ("FragmentPath", &["etc/a.service"]),
        ("DropInPaths", &["etc/a.service.d/x.conf"]),
    ];
    disk.stage("other/a.service", "new");
    assert_eq!(
        disk.parts("a.service", all).unwrap(),
        ["new"],
        "the drop-in is gone"
    );
    let loaded = |path: &str| Unit::parse(&format!("FragmentPath={}", disk.at(path).display()));
    assert_eq!(disk.staged().dangling(&loaded("etc/a.service")), None);
    fs::remove_file(disk.at("opt/app/releases/2/other/a.service")).unwrap();
    let dangling = disk.staged().dangling(&loaded("etc/a.service"));
    assert_eq!(dangling.as_deref(), Some("other/a.service"));
    disk.write("etc/b.service", "a file");
    assert_eq!(disk.staged().dangling(&loaded("etc/b.service")), None);
}

#[test]
fn an_instance_is_read_from_its_own_file_before_its_template() {
    let disk = Disk::new();
    disk.stage("deploy/w@.service", "template");
    assert_eq!(disk.parts("w@1.service", &[]).unwrap(), ["template"]);
    let own: &[(&str, &[&str])] = &[("FragmentPath", &["etc/w@1.service"])];
    disk.write("etc/w@1.service", "the server's own");
    assert_eq!(disk.parts("w@1.service", own), None);
    disk.stage("deploy/w@1.service", "its own");
    assert_eq!(disk.parts("w@1.service", own).unwrap(), ["its own"]);
    // the folder of the instance comes before that of the template
    disk.stage("deploy/w@.service.d/x.conf", "drop-in of all");
    disk.stage("deploy/w@1.service.d/x.conf", "drop-in of one");
    assert_eq!(
        disk.parts("w@1.service", own).unwrap(),
        ["its own", "drop-in of one"]
    );
    assert_eq!(
        disk.parts("w@2.service", &[]).unwrap(),
        ["template", "drop-in of all"]
    );
}

#[test]
fn files_of_a_release_are_found_by_their_patterns() {
    let disk = Disk::new();
    for path in [
        "deploy/a.service",
        "deploy/x/b.timer",
        "deploy/a.service.d/x.conf",
        "c.service",
        "deploy/README",
        "srv/d.service",
    ] {
        disk.stage(path, "");
    }
    symlink(
        "a.service",
        disk.at("opt/app/releases/2/deploy/link.service"),
    )
    .unwrap();
    let found = |patterns: &[&str]| {
        let patterns: Vec<String> = patterns.iter().map(|it| (*it).to_owned()).collect();
        let found = of_release(&disk.layout(), &"2".parse().unwrap(), &patterns);
        found.into_iter().map(|file| file.path).collect::<Vec<_>>()
    };
    assert_eq!(
        found(&["deploy/*.service", "deploy/a.*"]),
        ["deploy/a.service"]
    );
    assert_eq!(found(&["*.service"]), ["c.service"]);
    assert_eq!(
        found(&["deploy/*/*"]),
        ["deploy/a.service.d/x.conf", "deploy/x/b.timer"]
    );
    assert_eq!(
        found(&["**/*.timer", "c.service"]),
        ["c.service", "deploy/x/b.timer"]
    );
    assert_eq!(
        found(&["none/*.service", "deploy/[ab].service"]),
        ["deploy/a.service"]
    );
    assert!(found(&[]).is_empty());
}

mod systemd;
