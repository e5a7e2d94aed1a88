mod stubs;

use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const STAND_IN: &str = r#"#!/bin/sh
if [ "$2" = install ]; then mv "$0" "$(dirname "$0")/$3"; fi
echo "args: $*"
"#;

/// Login shells that an account may have. Those that are not installed are not tested.
fn shells() -> Vec<PathBuf> {
    let found = |name: &str| {
        ["/bin", "/usr/bin"]
            .iter()
            .map(|folder| Path::new(folder).join(name))
            .find(|path| path.exists())
    };
    ["dash", "bash", "fish", "tcsh", "zsh", "ksh", "mksh"]
        .into_iter()
        .filter_map(found)
        .collect()
}

fn transaction() -> TransactionId {
    TransactionId::from_random([0xab; 16])
}

struct Server {
    _folder: TempDir,
    target: String,
    binaries: Binaries,
    digest: Digest,
}

impl Server {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("own");
        fs::write(&own, STAND_IN).unwrap();
        let binaries = Binaries::of(&own, folder.path()).unwrap();
        let target = folder
            .path()
            .join("opt/the-app")
            .to_str()
            .unwrap()
            .to_owned();
        Self {
            _folder: folder,
            target,
            binaries,
            digest: Digest::of(STAND_IN.as_bytes()),
        }
    }

    fn part(&self) -> PathBuf {
        Path::new(&self.target)
            .join(".deploy/bin")
            .join(self.digest.to_string())
    }

    fn put(&self, text: &str, mode: u32) {
        fs::create_dir_all(self.part().parent().unwrap()).unwrap();
        fs::write(self.part(), text).unwrap();
        fs::set_permissions(self.part(), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn start(&self, shell: &Path) -> Output {
        run(shell, &self.start_line(), b"")
    }

    fn start_line(&self) -> String {
        start_line(
            &self.target,
            &transaction(),
            Digest::of(b"root"),
            Errand::Follow { heard: 3 },
            Some(&self.binaries),
        )
        .unwrap()
    }

    fn copy(&self, shell: &Path, packing: Packing, bytes: &[u8]) -> Output {
        let header = copy_header(&transaction()).into_bytes();
        self.copy_as_it_is(shell, packing, &[&header, bytes].concat())
    }

    fn copy_as_it_is(&self, shell: &Path, packing: Packing, bytes: &[u8]) -> Output {
        run(
            shell,
            &copy_line(&self.target, &transaction(), packing, self.digest).unwrap(),
            bytes,
        )
    }

    fn left_behind(&self) -> Vec<String> {
        let files = fs::read_dir(self.part().parent().unwrap()).unwrap();
        files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

/// What `sh` may be on a server.
fn inner_shells() -> Vec<PathBuf> {
    let path = |name: &&str| {
        let places = ["/bin", "/usr/bin"]
            .iter()
            .map(|folder| Path::new(folder).join(name));
        places.into_iter().find(|path| path.exists())
    };
    ["dash", "bash", "busybox", "ksh", "mksh"]
        .iter()
        .filter_map(path)
        .collect()
}

/// Runs a line as sshd does, where `sh` is this shell.
fn run_with_inner(inner: &Path, line: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(inner, folder.path().join("sh")).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let mut command = Command::new("/bin/sh");
    command
        .arg("-c")
        .arg(line)
        .env("PATH", path)
        .output()
        .unwrap()
}

/// Runs a line as sshd does.
fn run(shell: &Path, line: &str, stdin: &[u8]) -> Output {
    use std::io::Write as _;
    let mut child = Command::new(shell)
        .arg("-c")
        .arg(line)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _unread = child.stdin.take().unwrap().write_all(stdin);
    child.wait_with_output().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut stream = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    stream.write_all(bytes).unwrap();
    stream.finish().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_lines_contain_nothing_special_to_a_login_shell() {
    for script in [START, COPY] {
        for bad in ['\'', '\\', '\n', '\r', '!'] {
            assert!(!script.contains(bad), "{bad:?}");
        }
    }
    for bad in [
        "", "a b", "a'b", "a;b", "$a", "a`b", "a*", "~", "a=b", "a\\b", "a!b", "(a)",
    ] {
        let line = line(START, &[bad]);
        assert!(matches!(line, Err(RunError::Bug(_))), "{bad:?}");
    }
}

#[test]
fn an_installed_server_part_is_started() {
    for shell in shells() {
        let server = Server::new();
        server.put(STAND_IN, 0o755);
        let output = server.start(&shell);
        let expected = format!(
            "args: server-part serve {} {} {} follow:3\n",
            server.target,
            transaction(),
            Digest::of(b"root")
        );
        assert_eq!(text(&output.stdout), expected, "{}", shell.display());
        assert!(output.status.success());
    }
}

#[test]
fn a_missing_or_not_executable_server_part_is_reported() {
    for shell in shells() {
        let server = Server::new();
        for _ in 0..2 {
            let output = server.start(&shell);
            let missing = MissingServerPart::read(&output.stdout, &transaction()).unwrap();
            assert_eq!(
                missing,
                MissingServerPart {
                    cpu: std::env::consts::ARCH.to_owned(),
                    packing: Packing::Gzip
                }
            );
            assert!(
                output.status.success() && output.stderr.is_empty(),
                "{}",
                shell.display()
            );
            // for root, access(2) wants at least one x bit
            server.put(STAND_IN, 0o644);
        }
    }
}

#[test]
fn a_server_part_that_cannot_run_reports_why() {
    for shell in shells() {
        let server = Server::new();
        server.put("#!/nowhere/sh\n", 0o755);
        let output = server.start(&shell);
        assert!(!output.status.success() && output.stdout.is_empty());
        assert!(
            text(&output.stderr).contains("not found"),
            "{}: {}",
            shell.display(),
            text(&output.stderr)
        );
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Changes what is there, and gives the path that is named for it.
type Spoil = fn(&Path) -> PathBuf;

/// Nobody but root can give folders away.
const SPOILT: &[(&str, Spoil)] = &[
    ("owner", |target| {
        std::os::unix::fs::chown(target.join(".deploy"), Some(1), None).unwrap();
        target.join(".deploy")
    }),
    ("owner", |target| {
        std::os::unix::fs::chown(target.join(".deploy/bin"), Some(1), None).unwrap();
        target.join(".deploy/bin")
    }),
    ("writable", |target| {
        set_mode(&target.join(".deploy"), 0o770);
        target.join(".deploy")
    }),
    ("writable", |target| {
        set_mode(&target.join(".deploy/bin"), 0o757);
        target.join(".deploy/bin")
    }),
    ("everyone", |target| {
        set_mode(target, 0o777);
        target.to_owned()
    }),
    ("everyone", |target| {
        set_mode(target, 0o1777);
        fs::remove_dir_all(target.join(".deploy")).unwrap();
        target.to_owned()
    }),
    ("everyone", |target| {
        set_mode(target.parent().unwrap(), 0o777);
        target.parent().unwrap().to_owned()
    }),
    ("everyone", |target| {
        let open = target.parent().unwrap().with_file_name("open");
        fs::create_dir(&open).unwrap();
        fs::rename(target, open.join("app")).unwrap();
        std::os::unix::fs::symlink(open.join("app"), target).unwrap();
        set_mode(&open, 0o777);
        open
    }),
];

#[test]
fn nothing_is_started_that_others_could_have_put_there() {
    for (why, spoil) in SPOILT {
        for shell in inner_shells() {
            let server = Server::new();
            server.put(STAND_IN, 0o755);
            let path = spoil(Path::new(&server.target)).display().to_string();
            let output = run_with_inner(&shell, &server.start_line());
            let told = text(&output.stdout);
            let case = format!("{why} {path} {}: {told}", shell.display());
            assert!(!told.contains("args:") && output.status.success(), "{case}");
            let found = read_unsafe(&output.stdout, &transaction()).expect(&case);
            let (kind, told) = match found {
                UnsafeFolder::OtherOwner { path, owner, user } => {
                    assert_eq!((owner.as_str(), user.as_str()), ("daemon", "root"));
                    ("owner", path)
                }
                UnsafeFolder::Writable { path, .. } => ("writable", path),
                UnsafeFolder::Everyone { path, .. } => ("everyone", path),
            };
            assert_eq!((kind, told), (*why, path), "{case}");
        }
    }
}

#[test]
fn who_shares_a_folder_safely_is_started() {
    for shell in inner_shells() {
        let server = Server::new();
        server.put(STAND_IN, 0o755);
        let target = Path::new(&server.target);
        set_mode(target, 0o2775);
        set_mode(target.parent().unwrap(), 0o1777);
        let output = run_with_inner(&shell, &server.start_line());
        let told = text(&output.stdout);
        assert!(told.starts_with("args: server-part serve"), "{told}");
    }
}

#[test]
fn a_server_part_that_others_can_change_is_as_good_as_missing() {
    let spoil: [fn(&Path); 3] = [
        |part| set_mode(part, 0o775),
        |part| set_mode(part, 0o757),
        |part| std::os::unix::fs::chown(part, Some(1), None).unwrap(),
    ];
    for spoil in spoil {
        for shell in inner_shells() {
            let server = Server::new();
            server.put(STAND_IN, 0o755);
            spoil(&server.part());
            let output = run_with_inner(&shell, &server.start_line());
            let missing = MissingServerPart::read(&output.stdout, &transaction());
            assert!(missing.is_some(), "{}: {output:?}", shell.display());
        }
    }
}

#[test]
fn without_binaries_it_is_missing_whatever_is_there() {
    let server = Server::new();
    server.put("", 0o755);
    let (id, root) = (transaction(), Digest::of(b"root"));
    let line = start_line(&server.target, &id, root, Errand::Start, None).unwrap();
    let output = run(Path::new("/bin/sh"), &line, b"");
    assert!(MissingServerPart::read(&output.stdout, &id).is_some());
}

#[test]
fn an_unsafe_folder_is_found_after_other_output_and_only_for_this_transaction() {
    let id = transaction();
    let line = format!("motd deploy-action-unsafe owner:drwxr-xr-x:a root::/opt/a:b {id}:\r");
    let expected = UnsafeFolder::OtherOwner {
        path: "/opt/a:b".to_owned(),
        owner: "a root".to_owned(),
        user: String::new(),
    };
    assert_eq!(read_unsafe(line.as_bytes(), &id), Some(expected));
    let other = TransactionId::from_random([8; 16]);
    assert_eq!(read_unsafe(line.as_bytes(), &other), None);
    for bad in ["owner", "owner:a:b", "other:drwx:root:root:/opt"] {
        let line = format!("deploy-action-unsafe {bad} {id}:");
        assert_eq!(read_unsafe(line.as_bytes(), &id), None, "{bad}");
    }
}

#[test]
fn a_copy_installs_itself_and_then_starts() {
    for shell in shells() {
        for packing in [Packing::Gzip, Packing::Plain] {
            let server = Server::new();
            let bytes = if packing == Packing::Gzip {
                gzip(STAND_IN.as_bytes())
            } else {
                STAND_IN.into()
            };
            let output = server.copy(&shell, packing, &bytes);
            let expected = format!("args: server-part install {}\n", server.digest);
            assert_eq!(
                (text(&output.stdout), text(&output.stderr)),
                (expected, String::new()),
                "{}",
                shell.display()
            );
            assert_eq!(server.left_behind(), [server.digest.to_string()]);
            let own = Path::new(&server.target).join(".deploy");
            for (path, expected) in [
                (server.part(), 0o700),
                (own.join("bin"), 0o700),
                (own, 0o700),
                // the releases are there for others too
                (server.target.clone().into(), 0o755),
            ] {
                let mode = fs::metadata(&path).unwrap().permissions().mode();
                assert_eq!(mode & 0o777, expected, "{path:?}");
            }
            assert!(text(&server.start(&shell).stdout).starts_with("args: server-part serve"));
        }
    }
}

#[test]
fn a_truncated_copy_is_deleted() {
    for shell in shells() {
        let server = Server::new();
        let packed = gzip(STAND_IN.as_bytes());
        let output = server.copy(&shell, Packing::Gzip, &packed[..packed.len() - 9]);
        assert!(
            !output.status.success() && !output.stderr.is_empty(),
            "{}",
            shell.display()
        );
        assert_eq!(server.left_behind(), [""; 0]);
    }
}

#[test]
fn an_input_that_a_login_script_has_read_is_not_installed() {
    let id = transaction();
    let part = STAND_IN.as_bytes();
    let header = copy_header(&id).into_bytes();
    // nothing is left, the first line is missing, or the first bytes
    for input in [b"".to_vec(), part.to_vec(), [&header[5..], part].concat()] {
        for shell in shells() {
            let server = Server::new();
            let output = server.copy_as_it_is(&shell, Packing::Plain, &input);
            assert!(!output.status.success(), "{}", shell.display());
            assert!(input_was_read(&output.stdout, &id), "{output:?}");
            assert!(!Path::new(&server.target).exists());
        }
    }
}

#[test]
fn a_target_that_cannot_be_created_is_reported() {
    for shell in shells() {
        let server = Server::new();
        fs::write(
            Path::new(&server.target)
                .parent()
                .unwrap()
                .parent()
                .unwrap()
                .join("opt"),
            "",
        )
        .unwrap();
        let output = server.copy(&shell, Packing::Plain, STAND_IN.as_bytes());
        assert!(!output.status.success() && output.stdout.is_empty());
        assert!(
            text(&output.stderr).contains("mkdir"),
            "{}",
            shell.display()
        );
    }
}

#[test]
fn a_missing_line_is_found_after_other_output_and_only_for_this_transaction() {
    let id = transaction();
    let read = |line: &str| MissingServerPart::read(line.as_bytes(), &id);
    let missing = MissingServerPart {
        cpu: "aarch64".to_owned(),
        packing: Packing::Plain,
    };
    assert_eq!(
        read(&format!("motd deploy-action-missing:aarch64:cat:{id}:\r")),
        Some(missing.clone())
    );
    let noise = [
        b"\xff\xfe".to_vec(),
        format!("deploy-action-missing:aarch64:cat:{id}:\n").into_bytes(),
    ]
    .concat();
    assert_eq!(MissingServerPart::read(&noise, &id), Some(missing));
    assert_eq!(
        read("deploy-action-missing:aarch64:cat:00000000000000000000000000000000:"),
        None
    );
    assert_eq!(
        read(&format!("echo deploy-action-missing:$m:$z:{id}:")),
        None
    );
    assert_eq!(
        read(&format!("deploy-action-missing:aarch64:bzip2:{id}:")),
        None
    );
    assert_eq!(
        read(&format!(
            "deploy-action-missing:{}:cat:{id}:",
            "x".repeat(33)
        )),
        None
    );
}
