//! What a person reads on the job page and in an issue, as `docs/pictures` shows it.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not know as such"
)]

#[path = "pages/failed.rs"]
mod failed;
#[path = "pages/live.rs"]
mod live;
#[path = "pages/looks.rs"]
mod looks;
#[path = "pages/odd.rs"]
mod odd;
#[path = "pages/run.rs"]
mod run;
#[path = "pages/unsent.rs"]
mod unsent;
#[path = "pages/unswitched.rs"]
mod unswitched;

use deploy_action::report::{issue_text, summary, RawLogs, Report};
use deploy_action::text::Redactor;
use run::job;
use std::path::Path;
use std::{env, fs};

fn shown(name: &str, text: &str) {
    same("docs/pictures", name, text);
}

/// Compares a page with the one in this folder, or renews that one.
fn same(folder: &str, name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(folder)
        .join(name)
        .with_extension("md");
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, text).unwrap();
    } else {
        let there = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            there, text,
            "{name}: renew it with UPDATE_DOCS=1 cargo test --test pages and scripts/render-summary"
        );
    }
}

/// One page of every kind that a run has.
fn pages() -> Vec<(&'static str, Report)> {
    vec![
        ("deployed", live::deployed()),
        ("first-deployment", live::first()),
        ("restored", live::restored()),
        ("rolled-back", failed::crashed()),
        ("rolled-back-health", failed::unhealthy()),
        ("never-ready", failed::never_ready()),
        ("rollback-failed", failed::rollback_failed()),
        ("first-failed", failed::first()),
        ("install-failed", unswitched::install()),
        ("before-switch-failed", unswitched::before_switch()),
        ("smoke-test-failed", unswitched::smoke_test()),
        ("cancelled", unswitched::cancelled()),
        ("busy", unswitched::busy()),
        ("not-ready", unswitched::not_ready()),
        ("unreachable", unsent::unreachable()),
        ("unknown", unsent::unknown()),
        ("error", unsent::error()),
    ]
}

#[test]
fn the_summaries_are_those_that_the_pictures_show() {
    for (name, report) in pages() {
        shown(name, &summary(&report, &job(), &Redactor::default()));
    }
}

#[test]
fn the_issues_are_those_that_the_pictures_show() {
    for (name, logs) in [("issue", RawLogs::Show), ("issue-quiet", RawLogs::Hide)] {
        let text = issue_text(&failed::crashed(), &job(), logs, &Redactor::default()).unwrap();
        shown(name, &text.body);
    }
}

#[test]
fn the_short_pages_are_those_that_the_pictures_show() {
    shown("invalid", &unsent::invalid());
    shown("releases", &live::releases());
}

#[test]
fn the_pages_with_long_names_are_those_that_the_browser_measures() {
    let all = [
        ("odd-deployed", odd::deployed()),
        ("odd-rolled-back", odd::rolled_back()),
        ("odd-install-failed", odd::install_failed()),
        ("odd-not-ready", odd::not_ready()),
    ];
    for (name, report) in all {
        same(
            "tests/pages",
            name,
            &summary(&report, &odd::long_job(), &Redactor::default()),
        );
    }
}
