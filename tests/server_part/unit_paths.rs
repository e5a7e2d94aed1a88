//! What the unit names below `current` is looked for in a release before it goes live.

use crate::app::{App, Node};
use crate::plan_options::{failed_before_the_switch, is_deployed, share};
use crate::stub_server::StubServer;
use deploy_action::protocol::{Install, Outcome, PathError, Reason, Restart, Step};
use std::fs;

/// From now on, until it is restarted, the unit has these properties too; `CURRENT` stands for the link.
fn also(server: &StubServer, properties: &str) {
    let path = server.home().join("unit/state");
    let state = fs::read_to_string(&path).unwrap();
    let current = server.target().join("current");
    let more = properties.replace("CURRENT", current.to_str().unwrap());
    fs::write(path, format!("{state}{more}\n")).unwrap();
}

/// What the reason names, below `current`.
fn named(server: &StubServer, reason: Reason) -> Vec<(String, String, PathError)> {
    let Reason::Program {
        property,
        path,
        error,
        others,
    } = reason
    else {
        panic!("{reason:?}");
    };
    let current = format!("{}/current/", server.target().display());
    let others = others
        .into_iter()
        .map(|it| (it.property, it.path, it.error));
    std::iter::once((property, path, error))
        .chain(others)
        .map(|(property, path, error)| (property, path.replace(&current, ""), error))
        .collect()
}

const NEEDS: &str = "EnvironmentFiles=CURRENT/.env (ignore_errors=no)\nEnvironmentFiles=CURRENT/other (ignore_errors=yes)\n\
                     ExecStartPre={ path=/bin/true ; argv[]=/bin/true ; ignore_errors=no ; pid=0 }\n\
                     ExecStartPre={ path=CURRENT/bin/migrate ; argv[]=x ; ignore_errors=no ; pid=0 }\n\
                     ReadWritePaths=CURRENT/logs";

#[test]
fn all_that_a_release_lacks_is_reported_at_once_and_nothing_is_switched() {
    let server = StubServer::with(&App::good("old"));
    also(&server, NEEDS);
    let told = server.deploy(&App::good("new"));
    assert_eq!(told.outcome(), Some(Outcome::Failed), "{told:?}");
    let (step, reason) = failed_before_the_switch(&server, &told);
    assert_eq!(step, Step::Seal);
    let missing =
        |property: &str, path: &str| (property.to_owned(), path.to_owned(), PathError::Missing);
    assert_eq!(
        named(&server, reason),
        [
            missing("EnvironmentFile", ".env"),
            missing("ExecStartPre", "bin/migrate"),
            missing("ReadWritePaths", "logs"),
        ]
    );
}

#[test]
fn what_the_inputs_and_the_commands_create_is_there_by_then() {
    let server = StubServer::with(&App::good("old"));
    also(&server, NEEDS);
    let told = server.deploy_with(&App::good("new"), |plan| {
        plan.staging.env_file = Some("A=1\n".to_owned().into());
        plan.staging.shared = share(&["logs/"]);
        plan.staging.install = Install::Commands("mkdir bin && echo true > bin/migrate".to_owned());
        plan.staging.before_switch = Some("chmod 755 bin/migrate".to_owned());
    });
    is_deployed(&told);
}

#[test]
fn what_only_a_reload_runs_is_needed_if_the_restart_reloads() {
    let reload = "ExecReload={ path=CURRENT/bin/reload ; argv[]=x ; ignore_errors=no ; pid=0 }";
    let deploy = |restart: &str| {
        let server = StubServer::with(&App::good("old"));
        also(&server, reload);
        let told = server.deploy_with(&App::good("new"), |plan| {
            plan.restart = Restart::Commands(restart.to_owned());
        });
        (server, told)
    };
    let (_, told) = deploy("sudo -n systemctl restart app");
    is_deployed(&told);
    let (server, told) = deploy("sudo -n systemctl reload app; true systemctl");
    let (_, reason) = failed_before_the_switch(&server, &told);
    assert_eq!(named(&server, reason)[0].0, "ExecReload");
}

#[test]
fn an_earlier_release_that_lacks_it_is_not_rolled_back_to() {
    let server = StubServer::with(&App::good("old"));
    let app = App::good("new").with("needed", Node::File(0o644, b"x".to_vec()));
    is_deployed(&server.deploy(&app));
    also(
        &server,
        "EnvironmentFiles=CURRENT/needed (ignore_errors=no)",
    );
    let told = server.roll_back(None);
    let verdict = told.verdict.clone().unwrap();
    let failure = verdict.failure.unwrap();
    assert_eq!(
        (verdict.outcome, verdict.switched, failure.step),
        (Outcome::NotReady, false, Step::Check)
    );
    assert_eq!(named(&server, failure.reason)[0].1, "needed");
    assert_eq!(server.named_by("current").as_deref(), Some("new"));
}
