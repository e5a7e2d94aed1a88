//! Compares what is made of unit files with what systemd makes of them.

use super::*;
use std::env;
use std::process::Command;

const NEEDS_A_SERVER: &str =
    "DEPLOY_ACTION_TEST_SERVER names the state folder of a throwaway server";

/// Files by their paths below systemd's folder.
type Files = &'static [(&'static str, &'static str)];

/// A unit, its file, and its drop-ins.
const UNITS: &[(&str, &str, Files)] = &[
    ("n1.service", "[Service]\nExecStart=/bin/sh -c 'exec sleep 1' ; /bin/true\nType=oneshot\nUser=deploy\nGroup=deploy", &[]),
    ("n2.service", "[Service]\nExecStartPre=-/bin/a\nExecStartPre=+:/bin/b\nExecStart=@/bin/sleep named 1\nWorkingDirectory=-/opt//x/./y/\nEnvironmentFile=/a\nEnvironmentFile=-/b c", &[]),
    ("n3.service", "\u{feff}[Service]\r\nExecStart=/bin/sleep \\\r\n  1\r\nUser=deploy\r\n", &[]),
    ("n4.service", "[Service]\nExecStart=/bin/a\n[Unit]\nUser=wrong\n[Service]\nUser = nobody \n[Install]\nUser=wrong\n[X-A]\nUser=x", &[
        ("n4.service.d/20.conf", "[Service]\nExecStart=\nExecStart=/bin/b"),
        ("n4.service.d/10.conf", "[Service]\nExecStart=\nExecStart=/bin/c\nGroup=adm"),
    ]),
    ("n5@a-b.service", "", &[]),
    ("n5@.service", "[Service]\nExecStart=/srv/%p/%I\nWorkingDirectory=/srv/%i/%n/%N/%j/%f\nEnvironmentFile=%t/%%/%S/%h\nUser=%p", &[
        ("n5@.service.d/x.conf", "[Service]\nEnvironmentFile=/all"),
        ("n5@a-b.service.d/x.conf", "[Service]\nEnvironmentFile=/one"),
    ]),
    ("n6.service", "[Service]\n# ExecStart=/bin/no\nExecStart=/bin/sh \\\n# in between\n; and again\n  -c \"a ; b\" \\\n c\nBindPaths=/a /b:/c -/d:/e:norbind\nReadWritePaths=/var/x -/y\nReadWritePaths=/z", &[]),
    ("n7.service", "[Service]\nExecStart=\"/opt/with space/x\" 'y z'\nExecStartPre=/opt/with\\x20space/y\nExecStartPost=/bin/a \\; b ';' ; /bin/c\nSupplementaryGroups=adm\nSupplementaryGroups=deploy", &[]),
    ("n8.service", "[Service]\nTimeoutSec=1min 30s\nTimeoutStopSec=2m\nExecStart=/bin/a\nExecStart=\nExecStart=/bin/b\nDynamicUser=1\nUser=\nEnvironmentFile=/a\nEnvironmentFile=", &[]),
    ("n9-x-y.service", "[Service]\nExecStart=/bin/a", &[
        ("n9-.service.d/1.conf", "[Service]\nUser=one"),
        ("n9-x-.service.d/1.conf", "[Service]\nUser=two"),
        ("n9-x-y.service.d/1.conf", "[Service]\nGroup=three"),
    ]),
    ("n10.timer", "[Timer]\nOnCalendar=daily", &[]),
    ("n10.service", "[Service]\nExecStop=/bin/a\nRemainAfterExit=yes\nKillMode=none\nTimeoutStopSec=infinity", &[]),
    ("n11.timer", "[Timer]\nOnCalendar=daily\nUnit=n1.service", &[]),
    ("n12.socket", "[Socket]\nListenStream=/run/n12\nService=n1.service", &[]),
    ("n13.service", "[Service]\nExecStart=/bin/a \\\\\nUser=nobody\nWorkingDirectory=~", &[]),
    ("n14.service", "[Service]\njunk\nExecStart=/bin/a\n=b\nUser=nobody\nReadWriteDirectories=/q", &[]),
];

/// What both must have alike, in words.
fn told(unit: &Unit) -> Vec<String> {
    let mut all = Vec::new();
    for property in [
        "ExecCondition",
        "ExecStartPre",
        "ExecStart",
        "ExecStartPost",
        "ExecStop",
    ] {
        for (program, ignored) in unit.commands(property) {
            all.push(format!("{property} {program} {ignored}"));
        }
    }
    for property in [
        "EnvironmentFiles",
        "Id",
        "User",
        "Group",
        "KillMode",
        "SupplementaryGroups",
        "Triggers",
        "Type",
        "ReadWritePaths",
        "BindPaths",
    ] {
        let default = if property == "KillMode" {
            "control-group"
        } else {
            ""
        };
        let value = unit.all(property).replace(":norbind", "");
        all.push(format!(
            "{property} {}",
            if value.is_empty() { default } else { &value }
        ));
    }
    all.push(unit.get("WorkingDirectory").replace('!', "-"));
    all.push(format!("dynamic {}", unit.get("DynamicUser") == "yes"));
    let default = std::time::Duration::from_secs(90);
    all.push(format!("{} s", unit.restart_limit(default).as_secs()));
    all
}

/// What the command prints on the server.
fn exec(state: &Path, command: &[&str]) -> String {
    let known = fs::read_to_string(state.join("env")).unwrap();
    let name = known
        .lines()
        .find_map(|line| line.strip_prefix("NAME="))
        .unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/throwaway-server");
    let output = Command::new(script)
        .args(["exec", name])
        .args(command)
        .output()
        .unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
#[ignore = "needs a server"]
fn systemd_makes_the_same_of_these_files() {
    let state = PathBuf::from(env::var_os("DEPLOY_ACTION_TEST_SERVER").expect(NEEDS_A_SERVER));
    let own = state.join("root/etc/systemd/system");
    let write = |path: PathBuf, text: &str| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let disk = Disk::new();
    for (unit, file, drop_ins) in UNITS {
        let own_file = [(*unit, *file)];
        let all = drop_ins.iter().chain(&own_file);
        for (path, text) in all.filter(|(_, text)| !text.is_empty()) {
            write(own.join(path), text);
            disk.stage(&format!("deploy/{path}"), text);
        }
    }
    exec(&state, &["systemctl", "daemon-reload"]);
    let staged = disk.staged();
    let (mut compared, mut wrong) = (0, Vec::new());
    for (unit, ..) in UNITS.iter().filter(|(unit, ..)| !unit.contains("@.")) {
        let loaded = Unit::parse(&exec(&state, &["systemctl", "show", "--", unit]));
        let scope = Scope::System;
        let parts = staged.changed(unit, UnitRef { name: unit, scope }, &Unit::default());
        let (ours, _) = staged.effective(unit, scope, &parts.unwrap());
        assert_eq!(loaded.get("LoadState"), "loaded", "{unit}");
        for (ours, theirs) in told(&ours).into_iter().zip(told(&loaded)) {
            if ours != theirs {
                wrong.push(format!("{unit}: {ours:?} instead of {theirs:?}"));
            }
        }
        compared += 1;
    }
    assert_eq!(compared, UNITS.len() - 1);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
