//! The README's commands for the command line, run exactly as written except for host, port and key.

use crate::app::App;
use crate::run::PROGRAM;
use crate::throwaway::{write_private, ThrowawayServer};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// The README's shell commands that begin with `first`, for `server`.
fn commands(server: &ThrowawayServer, first: &str) -> String {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let mut blocks = readme
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    let block = blocks.find(|block| block.starts_with(first)).unwrap();
    assert!(block.contains("--host 203.0.113.7 "), "{block}");
    block
        .replace("203.0.113.7", &format!("127.0.0.1:{}", server.ssh_port))
        .replace("localhost:8000", &format!("localhost:{}", server.app_port))
}

/// A person's machine: the key in the home folder, the program on PATH, and in the app's folder what the README names.
struct Person<'a> {
    server: &'a ThrowawayServer,
    home: TempDir,
}

impl<'a> Person<'a> {
    fn new(server: &'a ThrowawayServer) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".ssh")).unwrap();
        write_private(&home.path().join(".ssh/deploy"), &server.key());
        program(&home.path().join("bin/deploy-action"));
        Self { server, home }
    }

    /// Runs `command` in `app`, and gives what it printed.
    fn runs(&self, command: &str, app: &App) -> String {
        fs::write(
            app.path().join("known_hosts"),
            self.server.known_hosts(self.server.ssh_port),
        )
        .unwrap();
        let path = format!(
            "{}:{}",
            self.home.path().join("bin").display(),
            std::env::var("PATH").unwrap()
        );
        let mut shell = Command::new("sh");
        shell
            .args(["-euc", command])
            .current_dir(app.path())
            .stdin(Stdio::null());
        shell
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.home.path())
            .env("TMPDIR", self.home.path());
        // as the README says: secrets only as variables
        if !command.contains("INPUT_KEY") {
            let known_hosts = self.server.known_hosts(self.server.ssh_port);
            shell
                .env("INPUT_KEY", self.server.key())
                .env("INPUT_KNOWN_HOSTS", known_hosts);
        }
        let output = shell.output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let problems = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}\n{printed}\n{problems}");
        printed
    }
}

fn program(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\nexec '{PROGRAM}' \"$@\"\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_commands_of_the_readme_deploy_go_back_and_list() {
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    let (person, app) = (Person::new(&server), App::version("2"));
    let log = person.runs(&commands(&server, "export INPUT_KEY="), &app);
    let second = server.releases().pop().unwrap();
    assert!(
        log.lines()
            .last()
            .unwrap()
            .contains(&format!("; {second} is live")),
        "{log}"
    );
    server.assert_live(&second, "2", Some(&first));

    let lines = commands(&server, "deploy-action --command ");
    let [back, list] = lines.lines().collect::<Vec<_>>().try_into().unwrap();
    let log = person.runs(back, &app);
    assert!(
        log.lines()
            .last()
            .unwrap()
            .contains(&format!("; {first} is live")),
        "{log}"
    );
    server.assert_live(&first, "1", Some(&second));

    let listing: serde_json::Value = serde_json::from_str(&person.runs(list, &app)).unwrap();
    let text = listing.to_string();
    assert!(text.contains(&first) && text.contains(&second), "{text}");
}
