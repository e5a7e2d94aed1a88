//! What the server part says is there.

use crate::app::App;
use crate::interrupted::stopped_in_restart;
use crate::stub_server::StubServer;
use deploy_action::protocol::{Errand, Listing, Origin, Outcome, Standing};
use std::fs::{self, File};

fn list(server: &StubServer) -> Listing {
    server
        .start_for(&server.plan(&App::empty("")), Errand::List)
        .list()
}

fn origin(commit: &str) -> Origin {
    Origin {
        commit: Some(commit.to_owned()),
        reference: Some("refs/heads/main".to_owned()),
        actor: Some("alice".to_owned()),
        run: Some("https://github.example/runs/1".to_owned()),
        tool: "0.1.0".to_owned(),
        changed: true,
    }
}

/// Deployments of a and b, one of f that crashes, a rollback to a, a run that fails, and a release that another tool left.
fn server_with_history() -> StubServer {
    let server = StubServer::new();
    for (name, behaviour) in [("a", "healthy"), ("b", "healthy"), ("f", "crash")] {
        server.deploy_with(&App::new(name, behaviour), |plan| {
            plan.origin = origin(name)
        });
    }
    let mut back = server.plan_back(None);
    back.origin = origin("of the workflow");
    server.run(&back, &App::empty(""), crate::client::Sending::Unasked);
    server.look_in();
    server.foreign_release(1_700_000_000, &App::good("foreign"));
    server
}

#[test]
fn releases_are_listed_newest_first() {
    let releases = list(&server_with_history()).releases;
    let seen = |at: usize| {
        (
            releases[at].standing,
            releases[at].current,
            releases[at].previous,
        )
    };
    assert_eq!(seen(0), (Standing::Incomplete, false, false));
    assert_eq!(seen(1), (Standing::Good, false, true));
    assert_eq!(seen(2), (Standing::Good, true, false));
    assert_eq!(seen(3), (Standing::Unknown, false, false));
    assert_eq!(releases.len(), 4, "{releases:?}");
    assert_eq!(
        (&releases[1].origin, &releases[2].origin),
        (&origin("b"), &origin("a"))
    );
    assert!(
        releases.iter().all(|listed| listed.size.unwrap() > 20_000),
        "{releases:?}"
    );
    assert!(
        releases[0].age < 60 && releases[3].age > 1_000_000,
        "{releases:?}"
    );
}

#[test]
fn a_release_on_trial_is_not_called_incomplete() {
    let server = StubServer::with(&App::good("old"));
    let standings = || {
        let releases = list(&server).releases;
        releases
            .iter()
            .map(|listed| (listed.standing, listed.current))
            .collect::<Vec<_>>()
    };
    let app = App::good("new");
    let (client, gate) = stopped_in_restart(&server, &app);
    let expected = [(Standing::OnTrial, true), (Standing::Good, false)];
    assert_eq!(standings(), expected);
    fs::remove_file(gate).unwrap();
    client.finish(&app);
    assert_eq!(standings()[0], (Standing::Good, true));
    // sealed, and then not switched to
    fs::write(server.home().join("unit/system"), "stopping\n").unwrap();
    server.deploy(&App::good("next"));
    assert_eq!(standings()[0], (Standing::Complete, false));
}

#[test]
fn attempts_are_listed_newest_first() {
    let Listing {
        releases, attempts, ..
    } = list(&server_with_history());
    let ends: Vec<_> = attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(
        ends,
        [
            Outcome::Failed,
            Outcome::Restored,
            Outcome::RolledBack,
            Outcome::Deployed,
            Outcome::Deployed
        ]
    );
    assert_eq!(
        attempts[1].origin,
        origin("a"),
        "what went live, not what the command was run from"
    );
    assert_eq!(
        (&attempts[1].release, &attempts[1].live),
        (
            &Some(releases[2].release.clone()),
            &Some(releases[2].release.clone())
        )
    );
    assert_eq!(attempts[2].live.as_ref(), Some(&releases[1].release));
}

#[test]
fn a_listing_needs_no_lock_and_changes_nothing() {
    let server = StubServer::with(&App::good("a"));
    let lock = File::open(server.own().join("lock")).unwrap();
    lock.lock().unwrap();
    let journal = fs::read(server.own().join("journal")).unwrap();
    assert_eq!(list(&server).releases.len(), 1);
    assert_eq!(fs::read(server.own().join("journal")).unwrap(), journal);
}

#[test]
fn an_empty_server_has_an_empty_list() {
    let server = StubServer::new();
    assert_eq!(
        list(&server),
        Listing {
            live: None,
            rollback_target: None,
            releases: Vec::new(),
            more: 0,
            attempts: Vec::new()
        }
    );
    assert_eq!(fs::read_dir(server.target()).unwrap().count(), 0);
}

#[test]
fn only_the_last_attempts_are_told_and_what_is_no_line_is_skipped() {
    let server = StubServer::with(&App::good("a"));
    let journal = server.own().join("journal");
    let line = fs::read_to_string(&journal).unwrap();
    fs::write(
        &journal,
        format!("{}\u{1b}[2J no line\n{{\n\n{line}", line.repeat(30)),
    )
    .unwrap();
    assert_eq!(list(&server).attempts.len(), 20);
}

#[test]
fn a_folder_of_others_is_listed_only_if_it_was_taken_over_or_a_link_leads_to_it() {
    let server = StubServer::new();
    for name in ["backup", "v1.4.1", "v1.4.2"] {
        server.foreign_release(name, &App::good(name));
    }
    server.link("current", "releases/v1.4.2");
    server.unit("active", "running");
    let seen = || {
        let listed = list(&server).releases.into_iter();
        listed
            .map(|it| (it.release.to_string(), it.standing, it.current))
            .collect::<Vec<_>>()
    };
    let name = || "v1.4.2".to_owned();
    assert_eq!(seen(), [(name(), Standing::Unknown, true)]);
    server.deploys(&App::good("new"));
    let ours = (server.id_by("current"), Standing::Good, true);
    assert_eq!(seen(), [ours, (name(), Standing::Good, false)]);
}

#[test]
fn what_is_live_and_the_rollback_target_are_named_and_listed_however_old_they_are() {
    let server = server_with_history();
    let (live, target) = (server.id_by("current"), server.id_by("previous"));
    let named = |listing: &Listing| {
        let ids = [&listing.live, &listing.rollback_target];
        ids.map(|id| id.as_ref().map(ToString::to_string))
    };
    assert_eq!(
        named(&list(&server)),
        [Some(live.clone()), Some(target.clone())]
    );
    // as the rollback command finds it
    fs::remove_file(server.target().join("previous")).unwrap();
    assert_eq!(named(&list(&server)), [Some(live.clone()), None]);
    server.link("previous", format!("releases/{target}"));
    for number in 0..510 {
        let folder = server
            .target()
            .join("releases")
            .join((1_900_000_000 + number).to_string());
        fs::create_dir(folder).unwrap();
    }
    let listing = list(&server);
    let ids: Vec<String> = listing
        .releases
        .iter()
        .map(|it| it.release.to_string())
        .collect();
    assert_eq!((ids.len(), listing.more), (502, 12));
    assert_eq!(ids[500..], [target, live]);
}
