//! examples/: their READMEs' commands, run as they stand, make a server to which their READMEs' steps deploy.

use crate::app::App;
use crate::load::Load;
use crate::run::Deployment;
use crate::throwaway::ThrowawayServer;
use serde_yaml_ng::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

struct Example {
    name: &'static str,
    /// In its README; the throwaway server's takes its place.
    port: &'static str,
    target: &'static str,
    server: ThrowawayServer,
}

impl Example {
    fn prepared(name: &'static str, port: &'static str, target: &'static str) -> Self {
        let example = Self {
            name,
            port,
            target,
            server: ThrowawayServer::up(),
        };
        // the network is the host's: no package may take the host's port 80 by itself
        example
            .server
            .exec("printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d");
        for commands in example.blocks("sh") {
            example.server.exec(&commands);
        }
        example
    }

    /// The README's blocks of one language, for this server's port.
    fn blocks(&self, language: &str) -> Vec<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("examples")
            .join(self.name);
        let readme = fs::read_to_string(folder.join("README.md")).unwrap();
        assert!(readme.contains(self.port));
        let start = format!("```{language}\n");
        let blocks = readme
            .split(&start)
            .skip(1)
            .map(|rest| rest.split("```").next().unwrap());
        blocks
            .map(|block| block.replace(self.port, &self.server.app_port.to_string()))
            .collect()
    }

    fn steps(&self) -> Vec<Value> {
        serde_yaml_ng::from_str(&self.blocks("yaml").remove(0)).unwrap()
    }

    /// What the README's step does with `app`; host, key and known-hosts are this server's.
    fn deployment(&self, app: &App, sha: &str) -> Deployment {
        let folder = format!("examples/{}", self.name);
        let steps = self.steps();
        let step = steps.last().unwrap();
        assert!(step["uses"]
            .as_str()
            .unwrap()
            .starts_with("diting/deploy-action@"));
        let run = self
            .server
            .deployment(app)
            .on_github()
            .env("GITHUB_SHA", sha);
        step["with"]
            .as_mapping()
            .unwrap()
            .iter()
            .fold(run, |run, (name, value)| {
                let (name, value) = (name.as_str().unwrap(), value.as_str().unwrap());
                match name {
                    "source" => {
                        run.input(name, &value.replace(&folder, app.path().to_str().unwrap()))
                    }
                    _ if value.starts_with("${{ ") => run,
                    _ => run.input(name, value),
                }
            })
    }

    fn live(&self) -> String {
        let link = fs::read_link(self.server.path(self.target).join("current")).unwrap();
        link.file_name().unwrap().to_str().unwrap().to_owned()
    }

    fn page(&self) -> String {
        let (status, body) = self.server.get("/").unwrap();
        assert_eq!(status, 200, "{body}");
        body
    }
}

#[test]
fn the_node_example_is_installed_goes_live_and_is_rolled_back() {
    let example = Example::prepared("node", "3000", "/opt/greeter");
    let app = || App::example("node");
    let first = example.deployment(&app(), "a1").run().assert_deployed(None);
    assert_eq!(example.page(), format!("version 1, release {first}\n"));

    let update = app().replace_in("server.js", "VERSION = '1'", "VERSION = '2'");
    let second = example
        .deployment(&update, "b2")
        .run()
        .assert_deployed(Some(&first));
    assert_eq!(example.page(), format!("version 2, release {second}\n"));

    let not_locked = app().replace_in(
        "package.json",
        "\"express\"",
        "\"a-package-not-in-the-lock\": \"1\", \"express\"",
    );
    let run = example.deployment(&not_locked, "c3").run();
    run.assert_ended(5, "failed", "install");
    let broken = app().replace_in(
        "server.js",
        "require('express')",
        "require('a-module-that-nobody-has')",
    );
    let run = example.deployment(&broken, "d4").run();
    run.assert_rolled_back("verify", &second);
    run.assert_says("a-module-that-nobody-has");
    assert_eq!(
        (example.page(), example.live()),
        (format!("version 2, release {second}\n"), second)
    );
}

#[test]
fn the_uvicorn_example_refuses_nobody_while_it_is_deployed_or_fails() {
    let example = Example::prepared("uvicorn", "8000", "/opt/diting");
    let app = || App::example("uvicorn");
    let first = example.deployment(&app(), "a1").run().assert_deployed(None);
    assert_eq!(example.page(), format!("version 1, release {first}\n"));

    let users = Load::on(example.server.app_port);
    let update = app().replace_in(
        "src/endpoints/wechat/webhook_app.py",
        "VERSION = \"1\"",
        "VERSION = \"2\"",
    );
    let second = example
        .deployment(&update, "b2")
        .run()
        .assert_deployed(Some(&first));
    assert_eq!(example.page(), format!("version 2, release {second}\n"));

    let broken = app().replace_in(
        "src/endpoints/wechat/webhook_app.py",
        "VERSION = \"1\"",
        "import a_module_that_nobody_has\nVERSION = \"3\"",
    );
    let run = example.deployment(&broken, "c3").run();
    run.assert_ended(5, "failed", "smoke-test");
    run.assert_says("a_module_that_nobody_has");
    let last = format!("no user was affected: {second} is still live;");
    assert!(run.last_line().contains(&last), "{}", run.log);
    assert_eq!(run.output("interruption"), "0");
    assert_eq!(
        (example.page(), example.live()),
        (format!("version 2, release {second}\n"), second)
    );
    let counts = users.stop();
    assert!(counts.requests > 100 && counts.failed() == 0, "{counts}");
}

/// A checkout of the example, and its commit.
fn checkout() -> (App, String) {
    let app = App::example("static");
    git(&app, &["init", "--quiet"]);
    commit(&app);
    let hash = git(&app, &["rev-parse", "HEAD"]);
    (app, hash)
}

fn commit(app: &App) {
    git(app, &["add", "--all"]);
    let user = ["-c", "user.name=a", "-c", "user.email=a@b.example"];
    let commit = ["commit", "--quiet", "--allow-empty", "--message", "x"];
    git(app, &[&user[..], &commit].concat());
}

fn git(app: &App, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    let done = git
        .args(arguments)
        .current_dir(app.path())
        .output()
        .unwrap();
    assert!(done.status.success(), "{arguments:?}");
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

/// The site as the README's first step makes it of a new commit.
fn site(example: &Example) -> (App, String) {
    let (app, hash) = checkout();
    let script = example.steps()[0]["run"]
        .as_str()
        .unwrap()
        .replace("examples/static", app.path().to_str().unwrap());
    let done = Command::new("bash")
        .args(["-ec", &script])
        .current_dir(app.path())
        .status()
        .unwrap();
    assert!(done.success());
    (app, hash)
}

#[test]
fn the_static_example_goes_live_without_a_restart_and_is_rolled_back() {
    let example = Example::prepared("static", "80", "/var/www/site");
    // what GitHub names is another commit than the one that is checked out
    let run = "f".repeat(40);
    let (app, one) = site(&example);
    let first = example.deployment(&app, &run).run().assert_deployed(None);
    assert!(example.page().contains(&one));
    let (app, two) = site(&example);
    let second = example
        .deployment(&app, &run)
        .run()
        .assert_deployed(Some(&first));
    assert!(example.page().contains(&two));

    // a page of another commit, and none at all
    let (stale, _) = site(&example);
    commit(&stale);
    let (empty, _) = site(&example);
    fs::remove_file(empty.path().join("public/index.html")).unwrap();
    for (app, reason) in [(stale, "does not match"), (empty, "403")] {
        let run = example
            .deployment(&app, &run)
            .input("health-timeout", "8s")
            .run();
        run.assert_ended(6, "rolled-back", "verify");
        run.assert_verdict(reason);
        assert_eq!(run.output("live-release"), second);
        assert!(example.page().contains(&two));
        assert_eq!(example.live(), second);
    }
}
