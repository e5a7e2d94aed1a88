//! What the command line makes of programs of the server that print what is rare.

use super::*;

/// Runs the line that starts the server part, where `sh` is this shell and the programs are these scripts.
fn start_with(inner: &Path, server: &Server, stubs: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    for (name, script) in stubs {
        let path = folder.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        set_mode(&path, 0o755);
    }
    let path = format!("PATH={}:$PATH", folder.path().display());
    let line = server.start_line();
    run_with_inner(inner, &format!("{path}; {line}"))
}

/// busybox runs its own programs, whatever is on the search path.
fn shells_with_stubs() -> Vec<PathBuf> {
    let mut shells = inner_shells();
    shells.retain(|shell| !shell.ends_with("busybox"));
    shells
}

#[test]
fn names_are_told_as_they_are() {
    let stubs = [
        (
            "id",
            r#"if [ "$1" = -un ]; then printf '%s\n' 'CORP\carol the\n1st'; else echo 0; fi"#,
        ),
        ("stat", r"printf '%s\n' 'CORP\domain users'"),
    ];
    for shell in shells_with_stubs() {
        let server = Server::new();
        server.put(STAND_IN, 0o755);
        let path = Path::new(&server.target).join(".deploy");
        std::os::unix::fs::chown(&path, Some(1), None).unwrap();
        let output = start_with(&shell, &server, &stubs);
        let expected = UnsafeFolder::OtherOwner {
            path: path.display().to_string(),
            owner: r"CORP\domain users".to_owned(),
            user: r"CORP\carol the\n1st".to_owned(),
        };
        let found = read_unsafe(&output.stdout, &transaction());
        assert_eq!(found, Some(expected), "{}: {output:?}", shell.display());
    }
}

#[test]
fn an_owner_without_a_name_is_told_by_number() {
    for stat in ["echo UNKNOWN", "exit 1"] {
        for shell in shells_with_stubs() {
            let server = Server::new();
            server.put(STAND_IN, 0o755);
            let path = Path::new(&server.target).join(".deploy");
            std::os::unix::fs::chown(&path, Some(54_321), None).unwrap();
            let output = start_with(&shell, &server, &[("stat", stat)]);
            let found = read_unsafe(&output.stdout, &transaction());
            let Some(UnsafeFolder::OtherOwner { owner, .. }) = found else {
                panic!("{}: {output:?}", shell.display())
            };
            assert_eq!(owner, "54321");
        }
    }
}

/// `ls` as on a server where the folder has an ACL: the `w` of the group is the mask's.
const LS_WITH_ACL: &str = r#"case $2 in */.deploy|*/bin) echo "drwxrwxr-x+ 3 0 0 4096 Jan 1 00:00 $2";; *) exec /bin/ls "$@";; esac"#;

#[test]
fn an_acl_that_lets_nobody_else_write_is_safe() {
    let own = r"printf '%s\n' user::rwx user:$(/usr/bin/id -u):rwx group::r-x mask::rwx other::r-x \
                default:user::rwx default:user:7:rwx default:mask::rwx ''";
    let cases = [
        (own.to_owned(), true),
        (format!("{own} user:7:rwx"), false),
        (format!("{own} user:7:r-x"), true),
        (format!("{own} group:7:-w-"), false),
        (own.replace("group::r-x", "group::rwx"), false),
        // it is not installed, or cannot read it
        ("exit 127".to_owned(), false),
    ];
    for (getfacl, is_safe) in &cases {
        for shell in shells_with_stubs() {
            let server = Server::new();
            server.put(STAND_IN, 0o755);
            let stubs = [("ls", LS_WITH_ACL), ("getfacl", getfacl)];
            let output = start_with(&shell, &server, &stubs);
            let case = format!("{getfacl} {}: {output:?}", shell.display());
            let is_started = text(&output.stdout).starts_with("args: server-part serve");
            assert_eq!(is_started, *is_safe, "{case}");
            if !is_safe {
                let found = read_unsafe(&output.stdout, &transaction());
                let Some(UnsafeFolder::Writable { mode, .. }) = found else {
                    panic!("{case}")
                };
                assert_eq!(mode, "drwxrwxr-x+", "{case}");
            }
        }
    }
}
