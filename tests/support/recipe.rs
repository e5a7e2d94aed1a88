//! docs/recipes.md: the files and the steps of a recipe, as they stand there.

use crate::app::App;
use crate::run::Deployment;
use crate::throwaway::ThrowawayServer;
use serde_yaml_ng::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/recipes.md");
const APPS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/apps");
/// What only a real repository has.
const GIVEN: [(&str, &str); 1] = [("${{ secrets.ENV_FILE }}", "SECRET_KEY=a-key-of-the-tests\n")];

/// A section of the page.
pub(crate) struct Recipe {
    /// Files of the server: path and text.
    files: Vec<(String, String)>,
    steps: Vec<Value>,
    /// In the page; the throwaway server's takes its place.
    port: &'static str,
}

impl Recipe {
    /// The section with this heading.
    pub(crate) fn of(heading: &str) -> Self {
        let page = fs::read_to_string(PAGE).unwrap();
        let start = format!("\n## {heading}\n");
        let rest = page
            .split(&start)
            .nth(1)
            .unwrap_or_else(|| panic!("{heading} has no recipe"));
        let section = rest.split("\n## ").next().unwrap();
        let blocks: Vec<(&str, &str)> = section
            .split("\n```")
            .skip(1)
            .step_by(2)
            .map(|block| block.split_once('\n').unwrap())
            .collect();
        let steps = blocks
            .iter()
            .find(|(language, _)| *language == "yaml")
            .unwrap()
            .1;
        Self {
            files: blocks.iter().filter_map(|(_, block)| file(block)).collect(),
            steps: serde_yaml_ng::from_str(steps).unwrap(),
            port: if section.contains("8000") {
                "8000"
            } else {
                "80"
            },
        }
    }

    /// Writes the recipe's files to a server, with the server's own port.
    pub(crate) fn prepare(&self, server: &ThrowawayServer) {
        for (path, text) in &self.files {
            let path = server.path(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, self.here(text, server)).unwrap();
        }
        server.exec("systemctl daemon-reload");
    }

    fn here(&self, text: &str, server: &ThrowawayServer) -> String {
        text.replace(self.port, &server.app_port.to_string())
    }

    /// The recipe's inputs; host, key and known-hosts are this server's.
    pub(crate) fn inputs(&self, server: &ThrowawayServer, app: &App) -> Deployment {
        let step = self.steps.last().unwrap();
        assert!(step["uses"]
            .as_str()
            .unwrap()
            .starts_with("diting/deploy-action@"));
        let inputs = step["with"].as_mapping().unwrap();
        let run = server.deployment(app).without("health-url");
        inputs.iter().fold(run, |run, (name, value)| {
            let (name, value) = (name.as_str().unwrap(), value.as_str().unwrap());
            match GIVEN.iter().find(|(variable, _)| *variable == value) {
                Some((_, given)) => run.input(name, given),
                None if name == "source" => {
                    run.input(name, app.path().join(value).to_str().unwrap())
                }
                None => run.input(name, &self.here(value, server)),
            }
        })
    }

    /// Runs the steps before the action, in the app's folder; gives what they print if one fails.
    pub(crate) fn build(&self, app: &App) -> Result<(), String> {
        for script in self.steps.iter().filter_map(|step| step["run"].as_str()) {
            let mut bash = Command::new("bash");
            bash.args(["-ec", script]).current_dir(app.path());
            // cargo's words to its tests are not for the app
            for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO")) {
                bash.env_remove(name);
            }
            let done = bash.output().unwrap();
            if !done.status.success() {
                let printed = [done.stdout, done.stderr].concat();
                return Err(format!("{script}: {}", String::from_utf8_lossy(&printed)));
            }
        }
        Ok(())
    }
}

/// A block whose first line is a comment with a path is that file.
fn file(block: &str) -> Option<(String, String)> {
    let path = block.lines().next()?.trim_start_matches(['#', ';']).trim();
    path.starts_with('/')
        .then(|| (path.to_owned(), block.to_owned()))
}

/// Where a recipe's sample is.
pub(crate) fn sample(name: &str) -> PathBuf {
    Path::new(APPS).join(name)
}
