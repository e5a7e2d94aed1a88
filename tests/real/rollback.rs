//! The commands that deploy nothing.

use crate::app::App;
use crate::throwaway::ThrowawayServer;
use serde_yaml_ng::Value;
use std::fs;

#[test]
fn what_was_live_is_listed_and_restored() {
    let server = ThrowawayServer::up();
    let (one, two) = (App::version("1"), App::version("2"));
    let first = server.deploy_well(&one, None);
    let second = server.deploy_well(&two, Some(&first));

    let run = server
        .deployment(&two)
        .without("source")
        .input("command", "rollback")
        .run();
    assert_eq!(
        (run.code, run.outputs["outcome"].as_str()),
        (0, "restored"),
        "{}",
        run.log
    );
    run.assert_says(&format!("; {first} is live and healthy; "));
    server.assert_live(&first, "1", Some(&second));

    let run = server
        .deployment(&two)
        .without("source")
        .input("command", "releases")
        .run();
    run.assert_ended(0, "done", "");
    run.assert_verdict(" is live; 2 releases; ");
    run.assert_says(&format!("{first}  good, live "));
    run.assert_says(&format!("{second}  good, previous "));
    let of = |name: &str| run.outputs[name].as_str();
    assert_eq!(of("finished"), "true");
    assert_eq!(
        (of("live-release"), of("previous-release")),
        (&*first, &*second)
    );
    let releases: serde_json::Value = serde_json::from_str(of("releases")).unwrap();
    assert_eq!(releases["releases"][0]["release"], *second);
    assert_eq!(releases["live"], *first);
    assert!(
        run.summary.contains("| good, **live**, "),
        "{}",
        run.summary
    );
}

#[test]
fn a_wrong_id_shows_at_once_what_there_is() {
    let server = ThrowawayServer::up();
    let (one, two) = (App::version("1"), App::version("2"));
    let first = server.deploy_well(&one, None);
    let second = server.deploy_well(&two, Some(&first));
    let back = server.deployment(&two).without("source");
    let run = back
        .input("command", "rollback")
        .input("release", "1700000000")
        .run();
    run.assert_ended(4, "not-ready", "check");
    run.assert_says("1700000000: no release on the server has this id");
    run.assert_says(&format!("{second}  good, live "));
    run.assert_says(&format!("{first}  good, previous "));
    run.assert_says(&format!("rollback targets: {first}"));
    assert!(
        run.summary.contains("| good, **previous**, "),
        "{}",
        run.summary
    );
    server.assert_live(&second, "2", Some(&first));
}

#[test]
fn a_rollback_to_what_is_live_restarts_nothing() {
    let server = ThrowawayServer::up();
    let app = App::version("1");
    let live = server.deploy_well(&app, None);
    let process = server.property("MainPID");
    let back = server.deployment(&app).without("source");
    let run = back
        .input("command", "rollback")
        .input("release", &live)
        .run();
    run.assert_ended(0, "restored", "");
    run.assert_verdict(&format!(
        "{live} is live already and healthy, and nothing was switched or restarted"
    ));
    assert_eq!(server.property("MainPID"), process);
    server.assert_live(&live, "1", None);
}

/// The one step of examples/rollback.yml.
fn only_step_of_the_example() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/rollback.yml");
    let example = fs::read_to_string(path).unwrap();
    let workflow: Value = serde_yaml_ng::from_str(&example).unwrap();
    let steps = workflow["jobs"]["roll-back"]["steps"].as_sequence();
    let [step] = steps.unwrap().as_slice() else {
        panic!("{example}")
    };
    step.clone()
}

#[test]
fn the_example_of_a_button_goes_back_without_a_checkout() {
    let step = only_step_of_the_example();
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    let second = server.deploy_well(&App::version("2"), Some(&first));
    // host, key and known-hosts are this server's; nobody has given a release
    let given = step["with"]
        .as_mapping()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()));
    let ours = given.filter(|(_, value)| !value.starts_with("${{ ")).fold(
        server
            .deployment(&App::version("2"))
            .without("source")
            .on_github()
            .input("release", ""),
        |run, (name, value)| {
            run.input(
                name.unwrap(),
                &value.replace("8000", &server.app_port.to_string()),
            )
        },
    );
    let run = ours.run();
    assert_eq!(
        (run.code, run.outputs["outcome"].as_str()),
        (0, "restored"),
        "{}",
        run.log
    );
    server.assert_live(&first, "1", Some(&second));
}
