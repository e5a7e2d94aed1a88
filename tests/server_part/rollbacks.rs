//! The rollback command.

use crate::app::App;
use crate::client::Told;
use crate::stub_server::StubServer;
use deploy_action::protocol::{
    ListedRelease, Listing, Outcome, Reason, Standing, Step, Verdict, What,
};
use std::fs;

fn commit(of: &str) -> String {
    format!("{of}{}", "0".repeat(40 - of.len()))
}

/// Releases that went live one after the other, each of a commit that begins with its name.
fn server_with(names: &[&str]) -> StubServer {
    let server = StubServer::new();
    for name in names {
        let told = server.deploy_with(&App::good(name), |plan| {
            plan.origin.commit = Some(commit(name));
            plan.retention.count = Some(9);
        });
        assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    }
    server
}

#[track_caller]
fn assert_restored(told: &Told, server: &StubServer, current: &str, previous: Option<&str>) {
    assert_eq!(told.outcome(), Some(Outcome::Restored), "{told:?}");
    assert_eq!(server.named_by("current").as_deref(), Some(current));
    assert_eq!(server.named_by("previous").as_deref(), previous);
    assert_eq!(server.runs().as_deref(), Some(current));
    assert!(
        !told.has(|what| matches!(what, What::Step(Step::Upload | Step::Install | Step::Seal))),
        "{told:?}"
    );
}

/// The listing that came before the end.
fn listed(told: &Told) -> Option<&Listing> {
    told.events.iter().find_map(|what| match what {
        What::Releases(listing) => Some(listing.as_ref()),
        _ => None,
    })
}

/// Why it was refused. Nothing was touched, and what there is was told in the same login.
#[track_caller]
fn refusal(server: &StubServer, to: Option<&str>) -> String {
    let before = (
        server.restarts(),
        server.named_by("current"),
        server.named_by("previous"),
        server.releases(),
    );
    let told = server.roll_back(to);
    let verdict = told.verdict.clone().unwrap();
    assert_eq!(
        (verdict.outcome, verdict.switched),
        (Outcome::NotReady, false),
        "{verdict:?}"
    );
    assert_eq!(listed(&told).unwrap().live, verdict.live, "{told:?}");
    let after = (
        server.restarts(),
        server.named_by("current"),
        server.named_by("previous"),
        server.releases(),
    );
    assert_eq!(before, after);
    let failure = verdict.failure.unwrap();
    assert_eq!(failure.step, Step::Check);
    match failure.reason {
        Reason::NoSuchRelease { wanted, error } => {
            assert_eq!(wanted, to.unwrap_or_default());
            error.to_string()
        }
        other => panic!("{other:?}"),
    }
}

/// The commits of both releases, and since when the old one was live.
fn made(told: &Told) -> (Option<String>, Option<String>, Option<u64>) {
    let point = told.events.iter().find_map(|what| match what {
        What::PointOfNoReturn { commit, made, .. } => Some((commit.clone(), made.clone())),
        _ => None,
    });
    let (commit, made) = point.unwrap();
    (commit, made.commit, made.live_since)
}

#[test]
fn what_goes_live_and_what_was_live_is_reported_with_its_commit() {
    let now = || {
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
        since.unwrap().as_secs()
    };
    let begin = now();
    let server = server_with(&["a", "b"]);
    let (new, old, since) = made(&server.roll_back(None));
    assert_eq!((new, old), (Some(commit("a")), Some(commit("b"))));
    assert!((begin..=now()).contains(&since.unwrap()), "{since:?}");
    let first = StubServer::new();
    let told = first.deploys(&App::good("c"));
    assert_eq!((made(&told).1, made(&told).2), (None, None));
}

#[test]
fn the_check_tells_what_is_live_and_who_deployed_it() {
    let server = StubServer::new();
    let live = |told: &Told| {
        let check = told.events.iter();
        let mut check = check.skip_while(|what| **what != What::Step(Step::Check));
        match check.nth(1) {
            Some(What::Live(live)) => Some(live.as_ref().clone()),
            _ => None,
        }
    };
    let first = server.deploy_with(&App::good("a"), |plan| {
        plan.origin.commit = Some(commit("a"));
        plan.origin.actor = Some("alice".into());
    });
    assert_eq!(live(&first), None);
    let failing = server.deploy_with(&App::good("b"), |plan| {
        plan.staging.before_switch = Some("exit 7".into());
    });
    let live = live(&failing).unwrap();
    assert_eq!(live.release.to_string(), server.id_by("current"));
    assert_eq!(live.made.commit, Some(commit("a")));
    assert_eq!(live.made.actor.as_deref(), Some("alice"));
    assert!(live.made.live_since.is_some());
}

#[test]
fn back_to_the_previous_one_and_forth_again() {
    let server = server_with(&["a", "b"]);
    assert_restored(&server.roll_back(None), &server, "a", Some("b"));
    assert_restored(&server.roll_back(None), &server, "b", Some("a"));
    assert_restored(&server.roll_back(None), &server, "a", Some("b"));
    assert_eq!(server.restarts(), ["a", "b", "a", "b", "a"]);
    server.deploys(&App::good("c"));
    assert_eq!(server.named_by("previous").as_deref(), Some("a"));
}

#[test]
fn an_id_or_the_beginning_of_a_commit_names_one() {
    let server = server_with(&["a1", "a2", "b"]);
    let second = server.id_by("previous");
    assert_restored(&server.roll_back(Some("a1")), &server, "a1", Some("b"));
    assert_restored(&server.roll_back(Some(&second)), &server, "a2", Some("a1"));
    assert_restored(
        &server.roll_back(Some(&commit("b"))),
        &server,
        "b",
        Some("a2"),
    );
}

#[test]
fn what_is_not_one_good_release_is_refused_in_clear_words() {
    let server = server_with(&["a1", "a2"]);
    server.deploy_with(&App::new("f", "crash"), |plan| {
        plan.origin.commit = Some(commit("f"))
    });
    let current = server.id_by("current");
    let several = format!("several releases have such a commit; give an id: {current} (current), ");
    assert!(refusal(&server, Some("a")).starts_with(&several));
    assert!(refusal(&server, Some("f")).ends_with("failed when it went live"));
    assert!(refusal(&server, Some("e")).contains("no release on the server"));
    assert!(refusal(&server, Some("1700000000")).contains("no release on the server"));
    assert!(refusal(&server, Some("../../etc")).contains("neither"));
    assert!(refusal(&server_with(&["a"]), None).contains("no good release to roll back to"));
    assert_eq!(
        refusal(&StubServer::new(), None),
        "there is no good release to roll back to"
    );
}

#[test]
fn who_names_no_rollback_target_is_told_what_there_is() {
    let server = server_with(&["a", "b"]);
    server.deploy_with(&App::new("f", "crash"), |plan| {
        plan.origin.commit = Some(commit("f"));
        plan.retention.count = Some(9);
    });
    let seen = |told: &Told| {
        let one = |it: &ListedRelease| {
            assert!(it.age < 600 && it.size.is_none(), "{it:?}");
            (it.origin.commit.clone().unwrap(), it.standing, it.current)
        };
        let listing = listed(told).unwrap();
        assert_eq!((listing.more, listing.attempts.len()), (0, 0));
        let target = listing.rollback_target.as_ref().map(ToString::to_string);
        assert_eq!(target, Some(server.id_by("previous")));
        listing.releases.iter().map(one).collect::<Vec<_>>()
    };
    let all = [
        (commit("f"), Standing::Failed, false),
        (commit("b"), Standing::Good, true),
        (commit("a"), Standing::Good, false),
    ];
    // unknown, failed, no id at all, and what is live
    for to in ["e", "f", "1700000000", "../../etc", "b"] {
        assert_eq!(seen(&server.roll_back(Some(to))), all, "{to}");
    }
    assert_eq!(listed(&server.roll_back(Some("a"))), None, "it is a target");
}

#[test]
fn of_many_releases_the_newest_are_told_and_those_that_matter() {
    let server = server_with(&["a", "b"]);
    for number in 0..40 {
        let folder = server
            .target()
            .join("releases")
            .join((1_900_000_000 + number).to_string());
        fs::create_dir(folder).unwrap();
    }
    let told = server.roll_back(Some("e"));
    let listing = listed(&told).unwrap();
    let ids: Vec<String> = listing
        .releases
        .iter()
        .map(|it| it.release.to_string())
        .collect();
    assert_eq!((ids.len(), listing.more), (22, 20));
    assert_eq!(
        ids[20..],
        [server.id_by("current"), server.id_by("previous")]
    );
}

#[test]
fn what_is_live_already_is_only_looked_at() {
    let server = server_with(&["a", "b"]);
    let (live, before) = (server.id_by("current"), server.restarts());
    for named in ["b", &live, &commit("b")] {
        let told = server.roll_back(Some(named));
        assert_restored(&told, &server, "b", Some("a"));
        let verdict = told.verdict.unwrap();
        let ids = [verdict.release, verdict.live].map(|id| id.unwrap().to_string());
        assert_eq!(ids, [live.clone(), live.clone()]);
        assert_eq!(
            (verdict.switched, verdict.previous, verdict.failure),
            (false, None, None)
        );
    }
    assert_eq!(server.restarts(), before);
    assert!(server.releases().len() == 2, "nothing is deleted");
}

#[test]
fn what_is_live_already_but_not_healthy_is_a_failure_that_changes_nothing() {
    let server = server_with(&["a", "b"]);
    let before = server.restarts();
    server.unit("failed", "failed");
    let verdict = server.roll_back(Some("b")).verdict.unwrap();
    assert_eq!(
        (verdict.outcome, verdict.switched),
        (Outcome::Failed, false)
    );
    let failure = verdict.failure.unwrap();
    assert_eq!(failure.step, Step::Verify);
    assert!(
        matches!(failure.reason, Reason::Unhealthy { .. }),
        "{failure:?}"
    );
    assert_eq!(server.restarts(), before);
    assert_eq!(server.named_by("current").as_deref(), Some("b"));
}

#[test]
fn a_previous_link_that_leads_nowhere_good_is_not_followed() {
    let server = server_with(&["a", "b", "c"]);
    fs::remove_file(server.target().join("previous")).unwrap();
    assert_restored(&server.roll_back(None), &server, "b", Some("c"));
}

#[test]
fn a_target_that_is_broken_now_leaves_what_ran() {
    let server = server_with(&["a", "b"]);
    server.behaves("a", "crash");
    let told = server.roll_back(None);
    let Verdict {
        outcome,
        release,
        previous,
        live,
        ..
    } = told.verdict.clone().unwrap();
    assert_eq!((outcome, previous), (Outcome::RolledBack, live), "{told:?}");
    assert_eq!(release.unwrap().to_string(), server.id_by("previous"));
    assert_eq!(server.restarts(), ["a", "b", "a", "b"]);
    assert_eq!(server.named_by("current").as_deref(), Some("b"));
    // once what it needs is mended, it can be gone back to
    server.behaves("a", "healthy");
    assert_restored(&server.roll_back(None), &server, "a", Some("b"));
}

#[test]
fn what_was_restored_is_not_removed_though_it_is_the_oldest() {
    let server = server_with(&["a", "b", "c", "d"]);
    let only_one = |plan: &mut deploy_action::protocol::Plan| plan.retention.count = Some(1);
    let mut plan = server.plan_back(Some("a"));
    only_one(&mut plan);
    let told = server.run(&plan, &App::empty(""), crate::client::Sending::Unasked);
    assert_restored(&told, &server, "a", Some("d"));
    assert_eq!(server.releases(), ["a", "d"]);
    assert_eq!(
        server
            .deploy_with(&App::new("e", "crash"), only_one)
            .outcome(),
        Some(Outcome::RolledBack)
    );
    assert_eq!(server.releases(), ["a", "d", "e"]);
}

#[test]
fn what_others_deployed_is_gone_back_to_once_it_is_taken_over() {
    let server = StubServer::new();
    server.foreign_release(1_700_000_000, &App::good("older"));
    server.foreign_release(1_700_000_100, &App::good("old"));
    server.link("current", "releases/1700000100");
    server.link("previous", "releases/1700000000");
    server.unit("failed", "failed");
    assert!(refusal(&server, None).contains("no good release"));
    assert!(refusal(&server, Some("1700000000")).contains("no record"));
    server.unit("active", "running");
    assert_restored(&server.roll_back(None), &server, "older", Some("old"));
}

#[test]
fn a_rollback_that_was_killed_is_undone_and_can_be_had_again() {
    let server = server_with(&["a", "b"]);
    server.program(
        "on-restart",
        "#!/bin/sh\n[ \"$1\" = b ] || kill -9 \"$(ps -o ppid= -p $PPID | tr -d ' ')\"\n",
    );
    let told = server.roll_back(None);
    let verdict = told.verdict.as_ref().unwrap();
    assert_eq!(
        verdict.failure.as_ref().map(|it| &it.reason),
        Some(&Reason::Interrupted),
        "{told:?}"
    );
    assert_eq!(
        (verdict.outcome, &verdict.live),
        (Outcome::RolledBack, &verdict.previous)
    );
    fs::remove_file(server.home().join("on-restart")).unwrap();
    server.look_in();
    assert_eq!(server.named_by("current").as_deref(), Some("b"));
    assert_restored(&server.roll_back(None), &server, "a", Some("b"));
}

#[test]
fn the_same_rollback_twice_is_the_same_verdict_and_no_second_restart() {
    let server = server_with(&["a", "b"]);
    let plan = server.plan_back(None);
    let [first, second] =
        [0, 1].map(|_| server.run(&plan, &App::empty(""), crate::client::Sending::Unasked));
    assert_eq!(first.verdict, second.verdict);
    assert_eq!(server.restarts(), ["a", "b", "a"]);
}

/// Deploys with or without `before-switch`. Whether an older release lives with what that changed.
fn leaves_changes(server: &StubServer, app: &App, script: Option<&str>) -> (Outcome, bool) {
    let told = server.deploy_with(app, |plan| {
        plan.staging.before_switch = script.map(str::to_owned);
        plan.retention.count = Some(9);
    });
    let verdict = told.verdict.unwrap();
    (verdict.outcome, verdict.before_switch)
}

#[test]
fn what_before_switch_changed_is_left_by_a_run_that_ends_with_the_old_release() {
    let server = server_with(&["a"]);
    let migrate = Some("true");
    let good = App::good("b");
    let broken = App::new("c", "crash");
    assert_eq!(
        leaves_changes(&server, &good, migrate),
        (Outcome::Deployed, false)
    );
    assert_eq!(
        leaves_changes(&server, &broken, migrate),
        (Outcome::RolledBack, true)
    );
    assert_eq!(
        leaves_changes(&server, &broken, None),
        (Outcome::RolledBack, false)
    );
    let failing = Some("true\nfalse");
    assert_eq!(
        leaves_changes(&server, &good, failing),
        (Outcome::Failed, true)
    );
    let path = server.home().join("unit/state");
    let state = fs::read_to_string(&path).unwrap();
    let current = server.target().join("current");
    let needs = format!(
        "EnvironmentFiles={}/.env (ignore_errors=no)\n",
        current.display()
    );
    fs::write(path, state + &needs).unwrap();
    assert_eq!(
        leaves_changes(&server, &good, migrate),
        (Outcome::Failed, true)
    );
    assert_eq!(
        leaves_changes(&server, &good, None),
        (Outcome::Failed, false)
    );
}

#[test]
fn a_rollback_leaves_what_before_switch_changed_for_newer_releases() {
    let server = server_with(&["a"]);
    for (name, script) in [("b", Some("true")), ("c", None)] {
        let deployed = leaves_changes(&server, &App::good(name), script);
        assert_eq!(deployed, (Outcome::Deployed, false));
    }
    let ids: Vec<String> = ["current", "previous"]
        .map(|link| server.id_by(link))
        .to_vec();
    let back = |to: &str| {
        let verdict = server.roll_back(Some(to)).verdict.unwrap();
        (verdict.outcome, verdict.before_switch)
    };
    assert_eq!(
        back(&ids[1]),
        (Outcome::Restored, false),
        "b is what it was made for"
    );
    let oldest = server.roll_back(Some(&commit("a"))).verdict.unwrap();
    assert_eq!(
        (oldest.outcome, oldest.before_switch),
        (Outcome::Restored, true)
    );
    assert_eq!(back(&ids[0]), (Outcome::Restored, false), "forward");
    // the newer release is live again
    server.behaves("a", "crash");
    assert_eq!(back(&commit("a")), (Outcome::RolledBack, false));
}

#[test]
fn the_run_that_completes_a_rollback_knows_of_before_switch() {
    let server = server_with(&["a"]);
    server.program(
        "on-restart",
        "#!/bin/sh\n[ \"$1\" = a ] || kill -9 \"$(ps -o ppid= -p $PPID | tr -d ' ')\"\n",
    );
    let script = Some("true");
    let (outcome, left) = leaves_changes(&server, &App::good("b"), script);
    assert_eq!((outcome, left), (Outcome::RolledBack, true));
}

#[test]
fn a_target_that_is_not_there_is_found_together_with_what_else_must_be_fixed() {
    let server = server_with(&["a", "b"]);
    let state = server.home().join("unit/state");
    let masked = std::fs::read_to_string(&state)
        .unwrap()
        .replace("=loaded", "=masked");
    std::fs::write(state, masked).unwrap();
    let verdict = server.roll_back(Some("1500000000")).verdict.unwrap();
    assert_eq!(verdict.outcome, Outcome::NotReady, "{verdict:?}");
    let Reason::NotReady(found) = verdict.failure.unwrap().reason else {
        panic!("not found by the check");
    };
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "unit app on the server is masked",
            "cannot roll back: 1500000000: no release on the server has this id or a commit that starts with it",
        ]
    );
}
