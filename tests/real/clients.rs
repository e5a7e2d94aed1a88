//! The runner's own programs and user: old clients, a strict `/tmp`, a user without a name.

use crate::app::App;
use crate::jump::{inside, logins, way, INNER};
use crate::run::{Deployment, PROGRAM};
use crate::throwaway::ThrowawayServer;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/old-openssh");
const PASSPHRASE: &str = "correct horse";

/// The folder with OpenSSH 8.4. Nothing older can be had from Debian.
fn openssh_8_4() -> PathBuf {
    let output = Command::new(SCRIPT)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "no old OpenSSH: see above");
    String::from_utf8(output.stdout).unwrap().trim().into()
}

/// As before 8.4, ssh-add does not know `SSH_ASKPASS_REQUIRE`: it uses a program only with a display and without a
/// terminal.
fn ssh_add_8_0() -> TempDir {
    let folder = TempDir::new().unwrap();
    let script = format!(
        "#!/bin/sh\nunset SSH_ASKPASS_REQUIRE\nexec {}/ssh-add \"$@\"\n",
        openssh_8_4().display()
    );
    let program = folder.path().join("ssh-add");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// The server's key with a passphrase.
fn encrypted(server: &ThrowawayServer) -> String {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("key");
    fs::write(&file, server.key()).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let done = Command::new("ssh-keygen")
        .args(["-q", "-p", "-P", "", "-N", PASSPHRASE, "-f"])
        .arg(&file)
        .status();
    assert!(done.unwrap().success());
    fs::read_to_string(&file).unwrap()
}

fn with_passphrase(server: &ThrowawayServer, deployment: Deployment) -> Deployment {
    deployment
        .input("key", &encrypted(server))
        .input("passphrase", PASSPHRASE)
}

#[test]
fn openssh_8_4_passes_a_jump_host_and_trusts_no_unknown_key() {
    let old = openssh_8_4();
    let (jump, server) = (ThrowawayServer::up(), ThrowawayServer::up());
    let way = way(&jump, &server);
    let inner = server
        .known_hosts(server.ssh_port)
        .replace("127.0.0.1", INNER);
    let gate = jump.known_hosts(jump.ssh_port);
    let over = |app: &App, known: &str| {
        with_passphrase(&server, inside(&server, app, known))
            .input("jump-host", &way)
            .with_programs(&old)
    };
    // the jump host shows another key than the one that is known
    let other = gate.split(' ').next().unwrap().to_owned() + " ";
    let other = other
        + server
            .known_hosts(server.ssh_port)
            .split_once(' ')
            .unwrap()
            .1;
    let run = over(&App::version("1"), &format!("{inner}{other}")).run();
    run.assert_ended(3, "unreachable", "connect");
    run.assert_says("the host key of the jump host 127.0.0.1");
    assert_eq!(logins(&jump), 0, "an unknown server was trusted");

    let both = format!("{inner}{gate}");
    let first = over(&App::version("1"), &both).run().assert_deployed(None);
    server.assert_live(&first, "1", None);
    // and without one, as most do
    let second = server
        .deployment(&App::version("2"))
        .with_programs(&old)
        .run()
        .assert_deployed(Some(&first));
    server.assert_live(&second, "2", Some(&first));
}

#[test]
fn a_passphrase_needs_neither_a_new_ssh_add_nor_a_tmp_that_runs_programs() {
    let server = ThrowawayServer::up();
    server.drop_in("[Unit]\nStartLimitIntervalSec=0\n");
    let noexec = format!(
        "mount -t tmpfs none /mnt\ncp {PROGRAM} /mnt/program\n\
         mount --bind /tmp /tmp\nmount -o remount,bind,noexec /tmp\nexec /mnt/program #"
    );
    let folder = ssh_add_8_0();
    let run = |app: &App| with_passphrase(&server, server.deployment(app));
    let first = run(&App::version("1"))
        .with_programs(folder.path())
        .run()
        .assert_deployed(None);
    let second = run(&App::version("2"))
        .after(&noexec)
        .run()
        .assert_deployed(Some(&first));
    server.assert_live(&second, "2", Some(&first));

    let wrong = run(&App::version("3"))
        .input("passphrase", "wrong")
        .with_programs(folder.path())
        .run();
    wrong.assert_ended(2, "invalid", "connect");
    wrong.assert_says("the passphrase does not open the private key");
}

/// Container jobs may run as a number that the image does not know.
#[test]
fn a_runner_user_without_a_name_gets_the_words_of_ssh_at_once() {
    let server = ThrowawayServer::up();
    let run = server
        .deployment(&App::version("1"))
        .after(&format!(
            "cp {PROGRAM} $HOME/program\nchmod 777 $HOME\nchmod -R a+rX $INPUT_SOURCE\n\
             exec setpriv --reuid 12345 --regid 12345 --clear-groups $HOME/program #"
        ))
        .run();
    assert_eq!(run.code, 4, "{}", run.log);
    run.assert_says("No user exists for uid 12345");
    run.assert_says("/etc/passwd");
    run.assert_silent_about("attempt 1");
    assert!(run.took < Duration::from_secs(5), "{:?}", run.took);
}

#[test]
fn openssl_keys_that_an_old_ssh_cannot_read_come_with_the_command_that_converts_them() {
    let server = ThrowawayServer::up();
    let folder = TempDir::new().unwrap();
    let key = openssl_key(folder.path());
    let run = server
        .deployment(&App::version("1"))
        .input("key", &key)
        .with_programs(&openssh_8_4())
        .run();
    assert_eq!(run.code, 2, "{}", run.log);
    run.assert_says("PKCS#8");
    run.assert_says("convert it");
    let script = run.log.lines().map(str::trim).filter(|line| {
        line.starts_with("k() {") || line.starts_with("b() {") || line.starts_with("n='")
    });
    let script: Vec<&str> = script.collect();
    let done = Command::new("sh")
        .args(["-euc", &script.join("\n")])
        .current_dir(folder.path())
        .status();
    assert!(script.len() == 3 && done.unwrap().success(), "{script:?}");
    let converted = folder.path().join("NEWKEYFILE");
    let public = Command::new("ssh-keygen")
        .args(["-y", "-f"])
        .arg(&converted)
        .output()
        .unwrap();
    let public = String::from_utf8(public.stdout).unwrap();
    server.exec(&format!(
        "echo '{}' >>/home/deploy/.ssh/authorized_keys",
        public.trim()
    ));
    server
        .deployment(&App::version("1"))
        .input("key", &fs::read_to_string(&converted).unwrap())
        .with_programs(&openssh_8_4())
        .run()
        .assert_deployed(None);
}

fn openssl_key(folder: &Path) -> String {
    let file = folder.join("KEYFILE");
    let made = Command::new("openssl")
        .args(["genpkey", "-algorithm", "ed25519", "-out"])
        .arg(&file)
        .status();
    assert!(made.unwrap().success());
    fs::read_to_string(&file).unwrap()
}
