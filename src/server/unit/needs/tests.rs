use super::*;
use std::os::unix::fs::{symlink, PermissionsExt};

/// A server whose root is a folder: the target is `opt/app`, where the release 2 is to go live and 1 is live.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    fn new() -> Self {
        let disk = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for folder in [
            "opt/app/releases/1",
            "opt/app/releases/2/bin",
            "opt/app/shared",
            "srv",
        ] {
            fs::create_dir_all(disk.at(folder)).unwrap();
        }
        symlink("releases/1", disk.at("opt/app/current")).unwrap();
        symlink(disk.at("opt/app/current"), disk.at("srv/app")).unwrap();
        disk
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(path)
    }

    fn here(&self, text: &str) -> String {
        text.replace("CURRENT", self.at("opt/app/current").to_str().unwrap())
            .replace("ROOT", self.at("").to_str().unwrap().trim_end_matches('/'))
    }

    /// A file of the new release.
    fn write(&self, path: &str, mode: u32, text: &str) {
        let path = self.at("opt/app/releases/2").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, self.here(text)).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// What the new release lacks for a unit with these properties and this file, as `PROPERTY: why`.
    fn lacks(&self, properties: &str, file: &str) -> Vec<String> {
        let layout = Layout::new(self.at("opt/app").to_str().unwrap());
        let release = Release {
            current: Current::of(&layout),
            folder: self.at("opt/app/releases/2"),
        };
        let unit = Unit::parse(&self.here(properties));
        let lacking = release.lacks_for(&unit, &self.here(file), false);
        let shown = |it: UnitPath| format!("{}: {}", it.property, it.error);
        lacking.into_iter().map(shown).collect()
    }
}

fn exec(property: &str, path: &str, ignore: &str) -> String {
    format!("{property}={{ path={path} ; argv[]={path} a ; ignore_errors={ignore} ; pid=0 }}\n")
}

#[test]
fn each_property_that_systemd_needs_is_checked() {
    let disk = Disk::new();
    let missing = |name: &str| vec![format!("{name}: it is missing")];
    for (name, properties) in [
        ("EnvironmentFile", "EnvironmentFiles=/etc/env (ignore_errors=no)\nEnvironmentFiles=CURRENT/.env (ignore_errors=no)"),
        ("EnvironmentFile", "EnvironmentFiles=CURRENT/with space/.env (ignore_errors=no)"),
        ("EnvironmentFile", "EnvironmentFiles=CURRENT/bin/*.env (ignore_errors=no)"),
        ("EnvironmentFile", "EnvironmentFiles=ROOT/srv/app/.env (ignore_errors=no)"),
        ("WorkingDirectory", "WorkingDirectory=CURRENT/src"),
        ("WorkingDirectory", "WorkingDirectory=ROOT/srv/app/src"),
        ("RootDirectory", "RootDirectory=CURRENT/root\nWorkingDirectory=CURRENT/src"),
        ("RootImage", "RootImage=CURRENT/root.img"),
        ("BindPaths", "BindPaths=CURRENT/data:/data:rbind"),
        ("BindReadOnlyPaths", "BindReadOnlyPaths=/usr:/usr:rbind CURRENT/data:CURRENT/data:rbind"),
        ("ReadWritePaths", "ReadWritePaths=/var/lib/x +CURRENT/data"),
        ("InaccessiblePaths", "InaccessiblePaths=CURRENT/data"),
        ("ExecStop", "KillMode=none\nExecStop={ path=CURRENT/x ; ignore_errors=no ; pid=0 }"),
    ] {
        assert_eq!(disk.lacks(properties, ""), missing(name), "{properties}");
    }
    for name in [
        "ExecCondition",
        "ExecStartPre",
        "ExecStart",
        "ExecStartPost",
    ] {
        let second = exec(name, "/bin/true", "no") + &exec(name, "CURRENT/bin/x", "no");
        assert_eq!(disk.lacks(&second, ""), missing(name));
    }
    for (name, file) in [
        (
            "LoadCredential",
            "LoadCredential=a:/etc/a\nLoadCredential=b:CURRENT/b\n",
        ),
        (
            "LoadCredentialEncrypted",
            "LoadCredentialEncrypted = b:CURRENT/b",
        ),
        ("StandardInput", "StandardInput=file:CURRENT/in"),
        (
            "StandardOutput",
            "StandardOutput=append:CURRENT/logs/%n.log",
        ),
        (
            "StandardError",
            "StandardError=null\nStandardError=\\\n  truncate:CURRENT/logs/x",
        ),
        ("ConditionPathExists", "ConditionPathExists=CURRENT/x"),
        ("AssertPathIsDirectory", "AssertPathIsDirectory=CURRENT/x"),
    ] {
        assert_eq!(disk.lacks("", file), missing(name), "{file}");
    }
}

#[test]
fn what_systemd_does_without_is_not_needed() {
    let disk = Disk::new();
    for properties in [
        "EnvironmentFiles=CURRENT/.env (ignore_errors=yes)",
        "WorkingDirectory=!CURRENT/src",
        "WorkingDirectory=-CURRENT/src",
        "WorkingDirectory=~",
        "BindPaths=-CURRENT/data:/data:rbind",
        "ReadWritePaths=-CURRENT/data -+CURRENT/more",
        "ReadWritePaths=CURRENT/bin CURRENT/bin/data",
        "BindPaths=/srv:CURRENT/data:rbind\nWorkingDirectory=CURRENT/data/x\nReadWritePaths=CURRENT/data/y",
        "BindPaths=/srv:ROOT/srv/app/data:norbind\nWorkingDirectory=CURRENT/data/x",
        "BindPaths=CURRENT/bin:/a:b:rbind\nWorkingDirectory=CURRENT/x",
        "ReadWritePaths=CURRENT/a b",
        "ReadWritePaths=[unprintable] CURRENT/a",
        "TemporaryFileSystem=CURRENT/a b:ro\nWorkingDirectory=CURRENT/a b",
        "TemporaryFileSystem=CURRENT/tmp:ro\nWorkingDirectory=CURRENT/tmp",
        "RootDirectory=/srv/root\nWorkingDirectory=CURRENT/src",
        "KillMode=control-group\nExecStop={ path=CURRENT/x ; ignore_errors=no ; pid=0 }",
        "ExecReload={ path=CURRENT/x ; ignore_errors=no ; pid=0 }",
        "ExecStartPre={ path=CURRENT/x ; ignore_errors=yes ; pid=0 }",
        "Type=oneshot\nExecStart={ path=CURRENT/x ; ignore_errors=yes ; pid=0 }",
        "ExecStart={ path=python3 ; argv[]=python3 CURRENT/x ; ignore_errors=no ; pid=0 }",
        "LoadCredential=[unprintable]",
        "PIDFile=CURRENT/run/app.pid",
        "EnvironmentFiles=ROOT/opt/app/releases/1/.env (ignore_errors=no)",
    ] {
        assert_eq!(disk.lacks(properties, ""), [""; 0], "{properties}");
    }
    // the only process of a service: ignored or not, nothing would run
    let lacking = disk.lacks(&exec("ExecStart", "CURRENT/x", "yes"), "");
    assert_eq!(lacking, ["ExecStart: it is missing"]);
}

#[test]
fn lines_that_do_not_count_need_nothing() {
    let disk = Disk::new();
    for file in [
        "LoadCredential=a:CURRENT/b\nLoadCredential=\n",
        "LoadCredential=a:CURRENT/b\nSetCredential=a:default",
        "#LoadCredential=a:CURRENT/b",
        "StandardInput=file:CURRENT/in\nStandardInput=null",
        "StandardOutput=append:CURRENT/logs/x\n[Service]\nStandardOutput=append:CURRENT/x.log",
        "ConditionPathExists=!CURRENT/x\nConditionPathExists=|CURRENT/y",
        "ConditionPathExists=CURRENT/x\nConditionUser=\n",
        "LoadCredential=a:CURRENT/%i/b",
        "LoadCredential=a:CURRENT/b\nLoadCredentialEncrypted=",
        "LoadCredential=a:CURRENT/b\nLoadCredential=a:/etc/b",
        "LoadCredential=a:CURRENT/b\n# a comment \\\nLoadCredential=\n",
        "LoadCredential=a:\"CURRENT/b\"",
    ] {
        assert_eq!(disk.lacks("", file), [""; 0], "{file}");
    }
}

#[test]
fn paths_are_looked_up_as_if_the_release_were_live() {
    let disk = Disk::new();
    disk.write("bin/run", 0o755, "#!CURRENT/bin/python -s\n");
    disk.write("bin/python", 0o755, "");
    disk.write("conf.d/a.env", 0o644, "");
    disk.write("conf.d/.hidden", 0o644, "");
    let release = |path: &str| disk.at("opt/app/releases/2").join(path);
    symlink(disk.at("opt/app/current/conf.d/a.env"), release("through")).unwrap();
    symlink("../../shared/env", release(".env")).unwrap();
    let env = |path: &str| disk.lacks(&format!("EnvironmentFiles={path} (ignore_errors=no)"), "");
    for path in [
        "CURRENT/conf.d/a.env",
        "CURRENT/conf.d/*.env",
        "CURRENT/conf.d/?.e[n]v",
        "CURRENT/through",
    ] {
        assert_eq!(env(path), [""; 0], "{path}");
    }
    assert_eq!(env("CURRENT/conf.d/*"), [""; 0]);
    assert_eq!(
        env("CURRENT/conf.d/*.conf"),
        ["EnvironmentFile: it is missing"]
    );
    assert_eq!(
        env("CURRENT/conf.d/*hidden"),
        ["EnvironmentFile: it is missing"]
    );
    assert_eq!(env("CURRENT/conf.d"), ["EnvironmentFile: it is not a file"]);
    let dead = disk.here("EnvironmentFile: it leads to ROOT/opt/app/shared/env, which is missing");
    assert_eq!(env("CURRENT/.env"), [dead]);
    fs::write(disk.at("opt/app/shared/env"), "").unwrap();
    assert_eq!(env("CURRENT/.env"), [""; 0]);
    assert_eq!(
        disk.lacks(&exec("ExecStart", "CURRENT/bin/run", "no"), ""),
        [""; 0]
    );
    let folder = disk.lacks("WorkingDirectory=CURRENT/bin/run", "");
    assert_eq!(folder, ["WorkingDirectory: it is not a folder"]);
}

#[test]
fn a_program_needs_its_interpreter_and_the_right_to_execute() {
    let disk = Disk::new();
    let start = || disk.lacks(&exec("ExecStart", "CURRENT/bin/uvicorn", "no"), "");
    assert_eq!(start(), ["ExecStart: it is missing"]);
    disk.write("bin/uvicorn", 0o644, "#!/bin/sh\n");
    assert_eq!(start(), ["ExecStart: it is not executable"]);
    disk.write("bin/uvicorn", 0o755, "#!/bin/sh\n");
    assert_eq!(start(), [""; 0]);
    disk.write("bin/uvicorn", 0o755, "#!/nowhere/python -sE\n");
    assert_eq!(
        start(),
        ["ExecStart: its interpreter /nowhere/python is missing or not executable"]
    );
}

#[test]
fn each_name_of_a_pattern_may_fit() {
    let disk = Disk::new();
    disk.write("conf/a.env", 0o644, "");
    disk.write(".hidden/b.env", 0o644, "");
    let to = disk.at("opt/app/current/conf");
    symlink(to, disk.at("opt/app/releases/2/through")).unwrap();
    let env = |path: &str| disk.lacks(&format!("EnvironmentFiles={path} (ignore_errors=no)"), "");
    for path in [
        "con?/a.env",
        "*/a.env",
        "*/*.env",
        "c*f/?.env",
        "thr*/a.env",
        "[x]/{a,b}.env",
        r"con\f/a.env",
    ] {
        assert_eq!(env(&format!("CURRENT/{path}")), [""; 0], "{path}");
    }
    for path in [
        "con?/b.env",
        "*/b.env",
        "none/*/a.env",
        "conf/*/a.env",
        "con?/a.env/*",
    ] {
        let path = format!("CURRENT/{path}");
        assert_eq!(env(&path), ["EnvironmentFile: it is missing"], "{path}");
    }
}

#[test]
fn what_an_earlier_command_may_create_is_no_reason_by_itself() {
    let disk = Disk::new();
    let shell = exec("ExecStartPre", "/bin/sh", "no");
    let later = |property: &str| shell.clone() + &exec(property, "CURRENT/gen", "no");
    for property in ["ExecStartPre", "ExecStartPost"] {
        assert_eq!(disk.lacks(&later(property), ""), [""; 0]);
    }
    for property in ["ExecStart", "ExecCondition"] {
        let missing = format!("{property}: it is missing");
        assert_eq!(disk.lacks(&later(property), ""), [missing]);
    }
    // if the release is refused anyway, all is said
    let both = later("ExecStartPre") + "WorkingDirectory=CURRENT/src";
    assert_eq!(
        disk.lacks(&both, ""),
        [
            "WorkingDirectory: it is missing",
            "ExecStartPre: it is missing"
        ]
    );
    let stop = later("ExecStop") + "KillMode=none";
    assert_eq!(disk.lacks(&stop, ""), ["ExecStop: it is missing"]);
    let setup = exec("ExecStart", "/bin/sh", "no") + &exec("ExecStartPost", "CURRENT/x", "no");
    assert_eq!(disk.lacks(&(setup.clone() + "Type=oneshot"), ""), [""; 0]);
    assert_eq!(disk.lacks(&setup, ""), ["ExecStartPost: it is missing"]);
}

#[test]
fn what_is_mounted_may_be_created_outside_of_the_view() {
    let disk = Disk::new();
    let mkdir = exec("ExecStartPre", "/bin/mkdir", "no");
    for property in [
        "ReadWritePaths=CURRENT/data",
        "BindPaths=CURRENT/data:/data:rbind",
    ] {
        let unit = mkdir.clone() + property;
        let lacks = |file: &str| disk.lacks(&unit, file).len();
        assert_eq!(lacks("ExecStartPre=-+/bin/mkdir CURRENT/data"), 0);
        assert_eq!(
            lacks("PermissionsStartOnly=yes\nExecStartPre=/bin/mkdir"),
            0
        );
        assert_eq!(lacks(""), 0, "the file cannot be read");
        assert_eq!(lacks("ExecStartPre=/bin/mkdir CURRENT/data"), 1);
    }
}

#[test]
fn paths_of_bind_mounts_are_read_although_they_have_spaces() {
    let disk = Disk::new();
    let binds = "BindPaths=CURRENT/a b:/mnt:rbind -CURRENT/c:/c d:norbind";
    assert_eq!(disk.lacks(binds, ""), ["BindPaths: it is missing"]);
    disk.write("a b/c", 0o644, "");
    assert_eq!(disk.lacks(binds, ""), [""; 0]);
    let inside = "BindPaths=/srv:CURRENT/c d:rbind\nWorkingDirectory=CURRENT/c d/e";
    assert_eq!(disk.lacks(inside, ""), [""; 0]);
}

#[test]
fn what_lies_in_the_units_own_mounts_cannot_be_told() {
    let disk = Disk::new();
    let run = exec("ExecStart", "CURRENT/run", "no");
    assert_eq!(disk.lacks(&run, "MountImages=/a.img:/b"), [""; 0]);
    let bind = run + "BindPaths=/srv:/nowhere:rbind";
    disk.write("run", 0o755, "#!/nowhere/python\n");
    assert_eq!(disk.lacks(&bind, ""), [""; 0]);
    disk.write("run", 0o755, "#!bin/sh\n");
    assert_eq!(disk.lacks(&bind, ""), [""; 0]);
    fs::remove_file(disk.at("opt/app/releases/2/run")).unwrap();
    symlink("/nowhere/run", disk.at("opt/app/releases/2/run")).unwrap();
    assert_eq!(disk.lacks(&bind, ""), [""; 0]);
}

#[test]
fn a_program_that_nobody_may_execute_is_of_no_use() {
    let disk = Disk::new();
    disk.write("run", 0o755, "#!/etc/passwd/x\n");
    symlink("/etc", disk.at("opt/app/releases/2/etc")).unwrap();
    let run = |path: &str| disk.lacks(&exec("ExecStart", path, "no"), "");
    assert_eq!(
        run("CURRENT/etc/passwd"),
        ["ExecStart: it is not executable"]
    );
    assert_eq!(run("CURRENT/run").len(), 1);
    assert_eq!(run("CURRENT/run/inside"), ["ExecStart: it is missing"]);
}
