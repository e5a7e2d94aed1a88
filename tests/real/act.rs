//! The real action in a real job: act runs a workflow with `uses: ./` in a copy of this repository, on this machine.

use crate::run::PROGRAM;
use crate::throwaway::{copy_tree, ThrowawayServer};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const ACT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/act");
const APP: &str = "examples/uvicorn/src/endpoints/wechat/webhook_app.py";

/// This repository in a git repository of its own, with the program of this very source in dist/.
struct Repository {
    folder: TempDir,
}

/// A job that has ended.
struct Job {
    code: Option<i32>,
    log: String,
    /// What a later step with `if: always()` saw.
    outputs: BTreeMap<String, String>,
}

impl Repository {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        for entry in fs::read_dir(ROOT).unwrap().map(Result::unwrap) {
            if ![".git", "target"]
                .iter()
                .any(|left_out| entry.file_name() == *left_out)
            {
                copy_tree(&entry.path(), folder.path());
            }
        }
        let program = format!("dist/deploy-action-{}", std::env::consts::ARCH);
        fs::copy(PROGRAM, folder.path().join(program)).unwrap();
        let repository = Self { folder };
        repository.commit();
        repository
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn commit(&self) {
        let commands = "git init -q && git add -A && git -c user.name=a -c user.email=a@example.com commit -qm a";
        let done = Command::new("sh")
            .args(["-ec", commands])
            .current_dir(self.folder.path())
            .status()
            .unwrap();
        assert!(done.success());
    }

    fn replace(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(APP)).unwrap();
        assert!(text.contains(from), "{from} is not in the example");
        fs::write(self.path(APP), text.replace(from, to)).unwrap();
        self.commit();
    }

    /// Runs the job; `vars` besides those that every job has.
    fn job(&self, server: &ThrowawayServer, vars: &[(&str, &str)]) -> Job {
        let home = TempDir::new().unwrap();
        let told = home.path().join("told");
        let mut act = act(home.path());
        let common = [
            ("HOST", format!("127.0.0.1:{}", server.ssh_port)),
            ("KNOWN_HOSTS", server.known_hosts(server.ssh_port)),
            ("HEALTH_URL", server.health_url()),
            ("TOLD", told.to_str().unwrap().to_owned()),
        ];
        let common = common.iter().map(|(name, value)| (*name, value.as_str()));
        for (name, value) in common.chain(vars.iter().copied()) {
            act.arg("--var").arg(format!("{name}={value}"));
        }
        let done = act
            .env("KEY", server.key())
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
        let outputs =
            serde_json::from_str(&fs::read_to_string(told).unwrap_or_else(|_| panic!("{log}")))
                .unwrap();
        Job {
            code: done.status.code(),
            log: log.into_owned(),
            outputs,
        }
    }
}

/// act as it runs tests/real/act.yml, with nothing of this process's environment but PATH.
fn act(home: &Path) -> Command {
    assert!(
        Path::new(ACT).exists(),
        "{ACT} is missing; scripts/test installs it"
    );
    let mut act = Command::new(ACT);
    act.args(["push", "--workflows", "tests/real/act.yml"])
        .args(["--platform", "ubuntu-latest=-self-hosted"])
        .args(["--pull=false", "--action-offline-mode", "--no-cache-server"])
        .args(["--secret", "KEY"])
        // the service is the repository's name
        .args(["--env", "GITHUB_REPOSITORY=diting/diting"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", home);
    act
}

impl Job {
    fn assert_ended(&self, code: i32, outcome: &str, failed_step: &str) {
        assert_eq!(self.code, Some(code), "{}", self.log);
        let seen = ["outcome", "failed-step", "finished"].map(|name| self.outputs[name].as_str());
        assert_eq!(seen, [outcome, failed_step, "true"], "{}", self.log);
        assert!(self.log.contains(&format!("{outcome}: ")), "{}", self.log);
    }
}

#[test]
fn a_job_that_uses_the_action_deploys_rolls_back_and_refuses_bad_input() {
    let (server, repository) = (ThrowawayServer::up(), Repository::new());
    let job = repository.job(&server, &[]);
    job.assert_ended(0, "deployed", "");
    let first = &job.outputs["live-release"];
    server.assert_live(first, "1", None);

    repository.replace("VERSION =", "import no_module_of_this_name\nVERSION =");
    let job = repository.job(&server, &[]);
    job.assert_ended(1, "rolled-back", "verify");
    assert_eq!(&job.outputs["live-release"], first);
    assert_ne!(&job.outputs["release"], first);
    server.assert_live(first, "1", None);

    let job = repository.job(
        &server,
        &[
            ("HOST", "-oProxyCommand=x"),
            ("HEALTH_URL", "localhost:8000"),
        ],
    );
    job.assert_ended(1, "invalid", "");
    for input in ["host", "health-url"] {
        assert!(
            job.log.contains(&format!("problem: {input}")),
            "{}",
            job.log
        );
    }
    server.assert_live(first, "1", None);
}
