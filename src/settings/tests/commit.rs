//! Which commit is deployed.

use super::Inputs;
use crate::settings::{Commit, Surroundings};
use std::fs;

const RUN: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const HEAD: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// The run is about a commit of main.
fn of_run(around: &mut Surroundings) {
    around.commit = Some(RUN.to_owned());
    around.reference = Some("refs/heads/main".to_owned());
}

fn with_head(head: &str) -> Inputs {
    let inputs = Inputs::new().around(of_run);
    fs::create_dir(inputs.path().join(".git")).unwrap();
    inputs.file(".git/HEAD", head)
}

fn commit(hash: &str, reference: Option<&str>) -> Option<Commit> {
    Some(Commit {
        hash: hash.to_owned(),
        reference: reference.map(str::to_owned),
        ..Commit::default()
    })
}

#[test]
fn without_a_checkout_it_is_the_one_that_the_run_is_about() {
    let main = commit(RUN, Some("refs/heads/main"));
    assert_eq!(Inputs::new().around(of_run).settings().commit, main);
    assert_eq!(Inputs::new().settings().commit, None);
    let rollback = with_head(HEAD).with("command", "rollback");
    assert_eq!(rollback.settings().commit, main, "nothing is uploaded");
}

#[test]
fn a_checkout_of_another_commit_is_what_is_deployed_and_the_runs_branch_is_not_its_branch() {
    assert_eq!(with_head(HEAD).settings().commit, commit(HEAD, None));
    let same = with_head(RUN).settings().commit;
    assert_eq!(same, commit(RUN, Some("refs/heads/main")));
    let branch = with_head("ref: refs/heads/fix\n").file(".git/packed-refs", "");
    let packed =
        format!("# pack-refs with: peeled\n{RUN} refs/heads/fi\n{HEAD} refs/heads/fix\n^{RUN}\n");
    let branch = branch.file(".git/packed-refs", &packed).settings().commit;
    assert_eq!(branch, commit(HEAD, Some("refs/heads/fix")));
}

#[test]
fn a_branch_without_a_commit_is_not_the_commit_of_the_run() {
    let unborn = with_head("ref: refs/heads/main\n");
    assert_eq!(unborn.settings().commit, None);
    assert!(unborn
        .with("health-match", "{sha}")
        .problems()
        .contains("the commit is unknown"));
}

#[test]
fn a_checkout_that_cannot_be_read_is_a_warning() {
    let damaged = with_head("x");
    assert_eq!(
        damaged.settings().commit,
        commit(RUN, Some("refs/heads/main"))
    );
    let warning = |inputs: &Inputs| {
        let folder = fs::canonicalize(inputs.path()).unwrap();
        inputs.warnings().replace(folder.to_str().unwrap(), "/work")
    };
    insta::assert_snapshot!(warning(&damaged), @r#"the git checkout of the source cannot be read ("/work/.git/HEAD is damaged"): the commit that GitHub names for the run is recorded instead."#);
    let by_hand = damaged.around(|around| around.commit = None);
    insta::assert_snapshot!(warning(&by_hand), @r#"the git checkout of the source cannot be read ("/work/.git/HEAD is damaged"): no commit is recorded."#);
}

#[test]
fn what_cannot_match_is_refused_before_anything_is_contacted() {
    let by_hand = Inputs::new().with("health-match", r#""{sha}" .* {release}"#);
    insta::assert_snapshot!(by_hand.problems(), @r#"health-match = "\"{sha}\" .* {release}": names `{sha}`, but the commit is unknown: the source is in no git checkout with a commit. Deploy from a checkout, or leave out `{sha}`; `{release}` is always known."#);
    assert!(by_hand.around(of_run).read_with(&[]).0.is_ok());
    let in_a_checkout = with_head(HEAD).around(|around| around.commit = None);
    assert!(in_a_checkout
        .with("health-match", "{sha}")
        .read_with(&[])
        .0
        .is_ok());
    // a release on the server has a commit and settings of its own
    let rollback = Inputs::new()
        .with("command", "rollback")
        .with("health-match", "{sha}");
    assert!(rollback.read_with(&[]).0.is_ok());
    let release = Inputs::new().with("health-match", "{release}");
    assert!(release.read_with(&[]).0.is_ok());
}

#[test]
fn by_hand_the_person_is_known_as_git_knows_them() {
    let ada = |inputs: Inputs| {
        let inputs = inputs.file("global", "[user]\n\tname = Ada Lovelace\n");
        let (global, none) = (inputs.path().join("global"), inputs.path().join("none"));
        inputs.around(|around| around.git_configs = vec![none, global])
    };
    let by_hand = |around: &mut Surroundings| around.on_actions = false;
    assert_eq!(
        ada(Inputs::new()).settings().person,
        None,
        "GitHub knows who"
    );
    let inputs = ada(Inputs::new()).around(by_hand);
    assert_eq!(inputs.settings().person.as_deref(), Some("Ada Lovelace"));
    let of_the_checkout = ada(with_head(HEAD)).around(by_hand);
    let of_the_checkout = of_the_checkout.file(".git/config", "[user]\n\tname = ada\n");
    assert_eq!(of_the_checkout.settings().person.as_deref(), Some("ada"));
}
