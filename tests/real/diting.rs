//! examples/diting/: a server that Diting's own workflow has filled is prepared by the README's commands and taken over by the
//! example's workflow, with web service, worker and timer, and their unit files.

use crate::app::App;
use crate::run::Deployment;
use crate::throwaway::{copy_tree, ThrowawayServer, TARGET};
use serde_yaml_ng::Value;
use std::fs;
use std::path::{Path, PathBuf};

const OLD: &str = "1762147685";
const UNITS: [&str; 4] = [
    "diting.service",
    "diting-worker.service",
    "diting-dump.service",
    "diting-dump.timer",
];
const PORT: &str = "17999";

fn example(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/diting")
        .join(path)
}

/// The example's text, for this server and for the sample application, whose module has a shorter name.
fn here(server: &ThrowawayServer, text: &str) -> String {
    text.replace(PORT, &server.app_port.to_string())
        .replace("src.diting.", "src.")
}

fn unit_file(server: &ThrowawayServer, name: &str) -> String {
    let text = fs::read_to_string(example("deploy").join(name)).unwrap();
    here(server, &text)
}

/// The application with its worker, its dump and its unit files.
fn app(server: &ThrowawayServer, version: &str) -> App {
    let worker = "import time\nprint('works', flush=True)\nwhile True:\n    time.sleep(1)\n";
    let app = App::version(version)
        .file("src/worker.py", worker, 0o644)
        .file("src/dump.py", "print('dumped')\n", 0o644);
    UNITS.iter().fold(app, |app, name| {
        app.file(&format!("deploy/{name}"), &unit_file(server, name), 0o644)
    })
}

/// The README's shell commands, in order.
fn commands(server: &ThrowawayServer) -> Vec<String> {
    let readme = fs::read_to_string(example("README.md")).unwrap();
    let blocks = readme.split("```sh\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap());
    blocks.map(|block| here(server, block)).collect()
}

/// What the example's workflow does; host, key and known-hosts are this server's.
fn deployment(server: &ThrowawayServer, app: &App) -> Deployment {
    let text = fs::read_to_string(example("deploy.yml")).unwrap();
    let workflow: Value = serde_yaml_ng::from_str(&text).unwrap();
    let steps = workflow["jobs"]["deploy"]["steps"].as_sequence().unwrap();
    let inputs = steps.last().unwrap()["with"].as_mapping().unwrap();
    let run = server.deployment(app).on_github();
    inputs.iter().fold(run, |run, (name, value)| {
        let (name, value) = (name.as_str().unwrap(), value.as_str().unwrap());
        match value {
            _ if value.starts_with("${{ ") => run,
            _ => run.input(
                name,
                &here(server, value).replace("${{ secrets.BASE_URL }}", "https://diting.example"),
            ),
        }
    })
}

/// A server as the old workflow leaves it: a folder of digits, absolute links, a copied unit file, and no other unit.
fn filled_by_the_old_workflow() -> ThrowawayServer {
    let server = ThrowawayServer::up();
    let folder = format!("{TARGET}/releases/{OLD}");
    copy_tree(&App::version("0").path(), &server.path(&folder));
    let unit = unit_file(&server, "diting.service");
    fs::write(server.path("/etc/systemd/system/diting.service"), unit).unwrap();
    server.exec(&format!(
        "install -d {folder}/config\necho 'token: a' >{folder}/config/wechat.yaml\n\
         echo BASE_URL=https://diting.example >{folder}/.env\nchown -R deploy:deploy {folder}\nsystemctl daemon-reload"
    ));
    server.exec_as_deploy(&format!(
        "cd {folder}\n~/.local/bin/uv sync --frozen --quiet\nln -sfn {folder} {TARGET}/current\n\
         sudo -n systemctl restart diting"
    ));
    server.wait_until_answers(OLD);
    server
}

/// The folder in which the main process of a unit works.
fn folder_of(server: &ThrowawayServer, unit: &str) -> String {
    let shown = format!("systemctl show --value --property MainPID {unit}");
    server.exec(&format!("readlink /proc/$({shown})/cwd"))
}

fn is_active(server: &ThrowawayServer, unit: &str) -> bool {
    let state = server.try_exec(&format!("systemctl is-active --quiet {unit}"));
    state.status.success()
}

#[test]
fn ditings_server_is_taken_over_and_web_worker_and_timer_are_one_transaction() {
    let server = filled_by_the_old_workflow();
    let [before, after] = commands(&server).try_into().unwrap();
    server.exec(&before);
    server.assert_answers(OLD, "0");

    let run = deployment(&server, &app(&server, "1")).run();
    let first = run.assert_deployed(Some(OLD));
    run.assert_says("is taken over as good");
    server.exec(&after);
    for unit in ["diting", "diting-worker"] {
        assert!(folder_of(&server, unit).trim().ends_with(&first), "{unit}");
    }
    assert!(is_active(&server, "diting-dump.timer"));
    server.exec("systemctl start diting-dump.service");

    // the worker alone is broken, under a unit file of its own
    let broken = app(&server, "2")
        .replace_in("src/worker.py", "import time", "import a_missing_module")
        .replace_in(
            "deploy/diting.service",
            "Description=Diting",
            "Description=Changed",
        );
    let run = deployment(&server, &broken).run();
    run.assert_rolled_back("verify", &first);
    assert_eq!(run.output("failed-unit"), "diting-worker");
    run.assert_says("a_missing_module");
    for unit in ["diting", "diting-worker"] {
        assert!(folder_of(&server, unit).trim().ends_with(&first), "{unit}");
    }
    let description = || server.exec("systemctl show --value --property Description diting");
    assert_eq!(description().trim(), "Diting");

    // the program and the unit that starts it are renamed together
    let renamed = app(&server, "3")
        .file(
            "src/consumer.py",
            "import time\nwhile True:\n    time.sleep(1)\n",
            0o644,
        )
        .replace_in("deploy/diting-worker.service", "src.worker", "src.consumer");
    let run = deployment(&server, &renamed).run();
    let third = run.assert_deployed(Some(&first));
    let worker = "systemctl show --value --property ExecStart diting-worker";
    assert!(server.exec(worker).contains("src.consumer"));
    assert!(folder_of(&server, "diting-worker").trim().ends_with(&third));
    server.assert_answers(&third, "3");
}
