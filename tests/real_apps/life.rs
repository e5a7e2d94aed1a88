//! What every program goes through: first deployment, update, breakages, rollback by command.

use crate::app::App;
use crate::breakages::{Breakage, BREAKAGES};
use crate::recipe::{sample, Recipe};
use crate::run::{Deployment, Run};
use crate::throwaway::{ThrowawayServer, TARGET};
use std::fs;
use std::time::Duration;

/// A build on a busy machine may take that long.
const LONGEST: Duration = Duration::from_secs(600);

/// The inputs that mean nothing to a rollback.
const OF_DEPLOYMENTS: [&str; 7] = [
    "source",
    "exclude",
    "shared",
    "env-file",
    "install",
    "before-switch",
    "smoke-test",
];

/// A recipe and its sample.
pub(crate) struct Program {
    /// The recipe's heading.
    pub(crate) recipe: &'static str,
    /// Below tests/apps.
    pub(crate) sample: &'static str,
    /// The file that holds the version, and the text that does.
    pub(crate) version: (&'static str, &'static str),
    pub(crate) target: &'static str,
    /// Of the server.
    pub(crate) options: &'static [&'static str],
    /// As root, before the first deployment.
    pub(crate) prepare: &'static str,
    /// Fails if this version and release are not what users get.
    pub(crate) assert_served: fn(&ThrowawayServer, &str, &str),
}

/// Needs no package and no program on the server.
pub(crate) const GO: Program = Program {
    version: ("main.go", "version = \"1\""),
    options: &["--journal-access"],
    ..Program::new("Go", "go")
};

/// The same on a socket that systemd holds.
pub(crate) const GO_SOCKET: Program = Program {
    version: ("main.go", "version = \"1\""),
    options: &["--journal-access"],
    prepare: "systemctl enable --now diting.socket",
    ..Program::new("Go with a socket unit", "go")
};

impl Program {
    pub(crate) const fn new(recipe: &'static str, sample: &'static str) -> Self {
        Self {
            recipe,
            sample,
            version: ("", ""),
            target: TARGET,
            options: &["--journal-access", "--programs"],
            prepare: "",
            assert_served,
        }
    }

    /// The sample, with another version.
    fn of_version(&self, version: &str) -> App {
        let (file, text) = self.version;
        let app = App::copy_of(&sample(self.sample));
        app.replace_in(file, text, &text.replace('1', version))
    }

    /// The whole life on a server of its own.
    pub(crate) fn lives(self) {
        let recipe = Recipe::of(self.recipe);
        let server = ThrowawayServer::up_with(self.options);
        recipe.prepare(&server);
        server.exec(self.prepare);
        let life = Life {
            program: self,
            recipe,
            server,
        };
        let first = life.goes_live("1", None);
        let second = life.goes_live("2", Some(&first));
        let breakages = BREAKAGES
            .iter()
            .filter(|it| it.recipe == life.program.recipe);
        let wrong: Vec<String> = breakages
            .filter_map(|breakage| life.breaks(breakage, &second))
            .collect();
        life.goes_back(&first);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

/// `/` says which version and release it is.
fn assert_served(server: &ThrowawayServer, version: &str, release: &str) {
    let (status, body) = server.get("/").unwrap();
    assert_eq!(
        (status, body.as_str()),
        (
            200,
            format!("version {version}, release {release}\n").as_str()
        )
    );
}

struct Life {
    program: Program,
    recipe: Recipe,
    server: ThrowawayServer,
}

impl Life {
    fn inputs(&self, app: &App) -> Deployment {
        self.recipe.inputs(&self.server, app)
    }

    fn deploy(&self, app: &App) -> Run {
        self.recipe.build(app).unwrap();
        self.inputs(app).start().finish_within(LONGEST)
    }

    fn goes_live(&self, version: &str, previous: Option<&str>) -> String {
        let run = self.deploy(&self.program.of_version(version));
        println!("{}", run.log);
        let release = run.assert_deployed(previous);
        self.assert_live(version, &release);
        release
    }

    /// Deploys a release that cannot work; gives what is wrong in what the end of the log tells.
    fn breaks(&self, breakage: &Breakage, live: &str) -> Option<String> {
        let run = self.deploy(&breakage.apply(self.program.of_version("3")));
        println!("--- {}\n{}", breakage.how, run.log);
        breakage.assert_ended(&run, live);
        self.assert_live("2", live);
        let told = run.verdict();
        (!told.contains(breakage.cause)).then(|| {
            format!(
                "{}: {:?} should be in\n  {told}",
                breakage.how, breakage.cause
            )
        })
    }

    fn goes_back(&self, first: &str) {
        let inputs = self.inputs(&self.program.of_version("1"));
        let inputs = OF_DEPLOYMENTS
            .iter()
            .fold(inputs, |inputs, name| inputs.without(name));
        let run = inputs.input("command", "rollback").run();
        println!("{}", run.log);
        run.assert_ended(0, "restored", "");
        run.assert_verdict(&format!("{first} is live and healthy"));
        self.assert_live("1", first);
    }

    fn assert_live(&self, version: &str, release: &str) {
        let current = fs::read_link(self.server.path(self.program.target).join("current")).unwrap();
        assert!(current.ends_with(release), "{}", current.display());
        (self.program.assert_served)(&self.server, version, release);
    }
}
