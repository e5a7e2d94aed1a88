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
        let needs = needs(&unit, &self.here(file), false);
        let lacking = needs.into_iter().filter_map(|need| release.lacks(need));
        let shown = |it: UnitPath| format!("{}: {}", it.property, it.error);
        lacking.map(shown).collect()
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
    for file in [
        "LoadCredential=a:CURRENT/b\nLoadCredential=\n",
        "LoadCredential=a:CURRENT/b\nSetCredential=a:default",
        "#LoadCredential=a:CURRENT/b",
        "StandardInput=file:CURRENT/in\nStandardInput=null",
        "StandardOutput=append:CURRENT/logs/x\n[Service]\nStandardOutput=append:CURRENT/x.log",
        "ConditionPathExists=!CURRENT/x\nConditionPathExists=|CURRENT/y",
        "ConditionPathExists=CURRENT/x\nConditionUser=\n",
        "LoadCredential=a:CURRENT/%i/b",
    ] {
        assert_eq!(disk.lacks("", file), [""; 0], "{file}");
    }
    // the only process of a service: ignored or not, nothing would run
    let lacking = disk.lacks(&exec("ExecStart", "CURRENT/x", "yes"), "");
    assert_eq!(lacking, ["ExecStart: it is missing"]);
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
