//! Where to read on, and how long the run took.

use super::view::View;
use crate::protocol::{End, Outcome, Step};
use crate::report::duration;
use crate::report::markdown::link;

/// The documents.
pub(in crate::report) const GUIDE: &str =
    "https://github.com/diting/deploy-action/blob/main/docs/troubleshooting.md";

/// One line.
pub(in crate::report) fn links(view: &View<'_>, before: Vec<String>) -> String {
    let end = view.end;
    let run = match view.job.run.as_deref() {
        Some(run) => link("run", Some(run)),
        None => "from the command line".to_owned(),
    };
    let guide = |label: &str, section: &str| link_to_guide(label, section);
    let back = goes_further_back(end).then(|| guide("roll back further", "on-the-server"));
    let help = section(end).map(|section| guide("troubleshooting", section));
    let took = format!("total {}", duration(end.took));
    let all = [Some(run), back, help, Some(took)];
    let all: Vec<String> = before
        .into_iter()
        .chain(all.into_iter().flatten())
        .collect();
    all.join(" · ") + "\n"
}

fn link_to_guide(label: &str, section: &str) -> String {
    format!("[{label}]({GUIDE}#{section})")
}

fn goes_further_back(end: &End) -> bool {
    let switched = end.verdict.as_ref().is_some_and(|verdict| verdict.switched);
    switched && !end.outcome.is_success()
}

/// The section of the guide about it.
pub(in crate::report) fn section(end: &End) -> Option<&'static str> {
    let failure = end.verdict.as_ref().and_then(|it| it.failure.as_ref());
    match end.outcome {
        Outcome::Deployed | Outcome::Restored | Outcome::Done => None,
        Outcome::Invalid => Some("the-inputs"),
        Outcome::Unreachable => Some("no-connection"),
        Outcome::NotReady => Some("the-server-is-not-ready"),
        Outcome::Busy => Some("another-deployment-is-running"),
        Outcome::Cancelled | Outcome::Unknown => Some("the-run-was-cancelled-or-lost-contact"),
        Outcome::Error => Some("a-bug-in-deploy-action"),
        Outcome::RolledBack | Outcome::RollbackFailed => Some("the-new-release-was-not-healthy"),
        Outcome::Failed => Some(match failure.map(|it| it.step) {
            Some(Step::Switch | Step::Restart | Step::Verify | Step::Commit | Step::RollBack) => {
                "the-new-release-was-not-healthy"
            }
            _ => "upload-install-before-switch-or-the-smoke-test-failed",
        }),
    }
}
