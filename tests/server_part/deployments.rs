//! What a good client sees.

use crate::app::App;
use crate::client::Sending;
use crate::server::Server;
use deploy_action::protocol::{Outcome, Reason};

#[test]
fn a_first_deployment_goes_live() {
    let server = Server::new();
    let app = App::good("first");
    let told = server.deploys(&app);
    assert_eq!((told.staged().received, told.staged().copied), (app.contents(), 0));
    assert_eq!(server.named_by("previous"), None);
}

#[test]
fn a_redeployment_receives_what_has_changed_and_copies_the_rest() {
    for sending in [Sending::Ask, Sending::Unasked] {
        let server = Server::with(&App::good("old"));
        let app = App::good("new");
        let told = server.run(&server.plan(&app), &app, sending);
        assert_eq!(told.outcome(), Some(Outcome::Deployed));
        let received = if sending == Sending::Ask { 1 } else { app.contents() };
        assert_eq!((told.staged().received, told.staged().copied), (received, app.contents() - received));
        assert_eq!(server.named_by("previous").as_deref(), Some("old"));
    }
}

#[test]
fn a_broken_release_is_rolled_back() {
    for behaviour in ["crash", "failed", "never-ready", "same-process"] {
        let server = Server::with(&App::good("old"));
        let told = server.deploy(&App::new("new", behaviour));
        assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{behaviour}: {told:?}");
        assert_eq!(server.restarts(), ["old", "new", "old"], "{behaviour}");
        assert_eq!(server.named_by("current").as_deref(), Some("old"));
        assert_eq!(server.named_by("previous"), None);
        let verdict = told.verdict.unwrap();
        assert!(!matches!(verdict.failure.unwrap().reason, Reason::Interrupted));
    }
}
