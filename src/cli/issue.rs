//! Decides what happens to the issue, and updates it. This comes last, and errors are only warnings.

use crate::actions::Context;
use crate::github::{Access, GitHub, IssueOptions, IssueResult, Proxies, TimeLimits};
use crate::protocol::{End, Outcome, Reason, Step, Verdict};
use crate::report::{issue_line, issue_text, no_issue_line, IssueAct, RawLogs, Report};
use crate::settings::{IssueLogs, IssueOpens, Settings};
use crate::text::{harmless, Redactor};
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::signal::unix::{signal, SignalKind};

/// GitHub's API, for runs outside of GitHub Actions.
const API: &str = "https://api.github.com";

/// What happens to the issue. `found` is the verdict of an earlier run, if this run has completed its transaction.
fn act(end: &End, opens: IssueOpens, found: Option<&Verdict>) -> Option<IssueAct> {
    if opens == IssueOpens::Off {
        return None;
    }
    match of_end(end, opens) {
        // the earlier failure is resolved
        Some(IssueAct::Close) => Some(IssueAct::Close),
        _ if found.is_some_and(|found| must_be_reported(found.outcome, Some(found))) => {
            Some(IssueAct::Open)
        }
        act => act,
    }
}

fn of_end(end: &End, opens: IssueOpens) -> Option<IssueAct> {
    match end.outcome {
        Outcome::Deployed => Some(IssueAct::Close),
        // a rollback does not deploy what failed before; to what is live already, it changes nothing
        Outcome::Restored => {
            let verdict = end.verdict.as_ref();
            let has_changed = verdict.is_none_or(|verdict| verdict.switched);
            has_changed.then_some(IssueAct::Comment)
        }
        outcome if must_be_reported(outcome, end.verdict.as_ref()) => Some(IssueAct::Open),
        outcome if opens == IssueOpens::Failure && is_failure(outcome) => Some(IssueAct::Open),
        Outcome::Failed | Outcome::Unknown => Some(IssueAct::Comment),
        _ => None,
    }
}

/// Whether a release failed after the switch: it was rolled back, or there was no rollback target. A failed smoke test is
/// the same failure, which would have been a rollback.
fn must_be_reported(outcome: Outcome, verdict: Option<&Verdict>) -> bool {
    match outcome {
        Outcome::RolledBack | Outcome::RollbackFailed => true,
        Outcome::Failed => {
            verdict.is_some_and(|verdict| verdict.switched || failed_smoke_test(verdict))
        }
        _ => false,
    }
}

/// Whether the release itself failed, not the server or the time limit.
fn failed_smoke_test(verdict: &Verdict) -> bool {
    verdict.failure.as_ref().is_some_and(|failure| {
        failure.step == Step::SmokeTest
            && !matches!(failure.reason, Reason::Io { .. } | Reason::OutOfTime(_))
    })
}

/// Whether a deployment was wanted that is not live, or is not known to be. Invalid inputs may be those of the issue, and
/// who cancels a run knows of it.
fn is_failure(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Failed
            | Outcome::Unreachable
            | Outcome::NotReady
            | Outcome::Busy
            | Outcome::Unknown
            | Outcome::Error
    )
}

/// What was done with the issue.
#[derive(Debug, Default)]
pub(super) struct IssueUpdate {
    pub(super) result: IssueResult,
    act: Option<IssueAct>,
}

impl IssueUpdate {
    /// The job was cancelled while the first step updated it, and the second does not know what there is to tell.
    pub(super) fn missed(outcome: Outcome, opens: IssueOpens) -> Self {
        let end = End {
            outcome,
            verdict: None,
            error: None,
            took: Duration::ZERO,
        };
        let act = act(&end, opens, None);
        let missed = act.map(|_| warned(MISSED.to_owned()));
        Self {
            result: missed.unwrap_or_default(),
            act,
        }
    }

    /// The summary's line: the link, or why there is no issue although there should be one. Empty if there need be none.
    pub(super) fn line(&self, redactor: &Redactor) -> String {
        let IssueResult { issue, warnings } = &self.result;
        match (issue, self.act) {
            (Some(issue), _) => issue_line(issue.number, &shown_url(&issue.url, redactor)),
            (None, Some(IssueAct::Open)) if warnings.is_empty() => {
                no_issue_line(&[NO_ACCESS.to_owned()], redactor)
            }
            (None, Some(IssueAct::Open)) => no_issue_line(warnings, redactor),
            (None, Some(IssueAct::Comment | IssueAct::Close) | None) => String::new(),
        }
    }

    /// Whether the job was cancelled before the issue was updated.
    pub(super) fn was_interrupted(&self) -> bool {
        self.result
            .warnings
            .iter()
            .any(|warning| warning == CANCELLED)
    }
}

/// The link to an issue, as it is shown.
pub(super) fn shown_url(url: &str, redactor: &Redactor) -> String {
    redactor.redact(&harmless(url.as_bytes()))
}

const MISSED: &str = "the job was cancelled while the previous step updated the issue, and this one does not get the result from \
                      the server.";

/// Why GitHub was not even asked.
const NO_ACCESS: &str =
    "the input github-token is empty, or GITHUB_REPOSITORY names no repository.";

/// Updates the issue if there is something to report, and a token and a repository.
pub(super) fn update(
    settings: &Settings,
    context: &Context,
    report: &Report,
    redactor: &Redactor,
) -> IssueUpdate {
    let end = report.end.as_ref();
    let act = end.and_then(|end| act(end, settings.issue.opens, report.recovered.last()));
    let result = act.and_then(|act| ask(act, settings, context, report, redactor));
    IssueUpdate {
        result: result.unwrap_or_default(),
        act,
    }
}

/// Asks GitHub; `None` without a token or a repository.
fn ask(
    act: IssueAct,
    settings: &Settings,
    context: &Context,
    report: &Report,
    redactor: &Redactor,
) -> Option<IssueResult> {
    let issue = &settings.issue;
    let (token, repository) = (issue.token.as_ref()?, context.repository.as_ref()?);
    let access = Access {
        api_url: context.api_url.clone().unwrap_or_else(|| API.to_owned()),
        repository: repository.clone(),
        token: token.expose().to_owned().into(),
        proxies: Proxies::from_env(),
    };
    let options = IssueOptions {
        labels: issue.labels.clone(),
        assignees: issue.assignees.clone(),
    };
    let updating = async {
        let github = match GitHub::new(&access, TimeLimits::default()) {
            Ok(github) => github,
            Err(problem) => return warned(problem),
        };
        let (raw, warning) = raw_logs(&github, act, issue.logs).await;
        let Some(text) = issue_text(report, &context.job(), raw, redactor) else {
            return IssueResult::default();
        };
        let mut result = github.update_issue(act, &text, &options).await;
        result.warnings.extend(warning);
        result
    };
    let updated = run(updating);
    Some(updated.unwrap_or_else(|error| warned(format!("cannot update the issue: {error}"))))
}

fn warned(warning: String) -> IssueResult {
    IssueResult {
        warnings: vec![warning],
        ..IssueResult::default()
    }
}

/// Whether the issue shows raw log lines. After a success there are none to show.
async fn raw_logs(github: &GitHub, act: IssueAct, logs: IssueLogs) -> (RawLogs, Option<String>) {
    match logs {
        IssueLogs::Always => (RawLogs::Show, None),
        IssueLogs::Auto if act != IssueAct::Close => match github.is_private().await {
            Ok(true) => (RawLogs::Show, None),
            Ok(false) => (RawLogs::Hide, None),
            Err(warning) => (RawLogs::Hide, Some(warning)),
        },
        IssueLogs::Auto | IssueLogs::Never => (RawLogs::Hide, None),
    }
}

/// Runs it on a runtime of its own, so that a cancelled job does not wait for it.
fn run(updating: impl Future<Output = IssueResult>) -> io::Result<IssueResult> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        let (mut interrupt, mut terminate) = (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        );
        tokio::select! {
            result = updating => Ok(result),
            _ = interrupt.recv() => Ok(warned(CANCELLED.to_owned())),
            _ = terminate.recv() => Ok(warned(CANCELLED.to_owned())),
        }
    });
    // a name lookup cannot be interrupted
    runtime.shutdown_background();
    result
}

const CANCELLED: &str =
    "the issue may not be updated: the job was cancelled. The job summary shows the same.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Failure, TransactionId};
    use crate::settings::INPUTS;

    fn verdict(outcome: Outcome, switched: bool) -> Verdict {
        Verdict {
            transaction: TransactionId::from_random([0; 16]),
            outcome,
            release: None,
            previous: None,
            live: None,
            failure: None,
            rollback: None,
            switched,
            before_switch: false,
            interruption: None,
            at: 0,
        }
    }

    fn end(outcome: Outcome, switched: bool) -> End {
        End {
            outcome,
            verdict: Some(verdict(outcome, switched)),
            error: None,
            took: Duration::ZERO,
        }
    }

    fn line(end: &End, found: Option<&Verdict>) -> String {
        let word = |opens| {
            act(end, opens, found).map_or("nothing".to_owned(), |act| {
                format!("{act:?}").to_lowercase()
            })
        };
        assert_eq!(act(end, IssueOpens::Off, found), None);
        format!(
            "{} -> {}, {}",
            end.outcome.word(),
            word(IssueOpens::Rollback),
            word(IssueOpens::Failure)
        )
    }

    #[test]
    fn every_outcome_has_its_act() {
        let switched = |outcome| outcome == Outcome::Restored;
        let lines = Outcome::ALL.map(|outcome| line(&end(outcome, switched(outcome)), None));
        insta::assert_snapshot!(lines.join("\n"), @"
        deployed -> close, close
        restored -> comment, comment
        error -> nothing, open
        invalid -> nothing, nothing
        unreachable -> nothing, open
        not-ready -> nothing, open
        failed -> comment, open
        rolled-back -> open, open
        rollback-failed -> open, open
        busy -> nothing, open
        unknown -> comment, open
        cancelled -> nothing, nothing
        done -> nothing, nothing
        ");
        assert_eq!(
            line(&end(Outcome::Failed, true), None),
            "failed -> open, open"
        );
        let smoke_test = |reason| {
            let mut end = end(Outcome::Failed, false);
            let (step, unit) = (Step::SmokeTest, None);
            let failure = Failure { step, reason, unit };
            end.verdict.as_mut().unwrap().failure = Some(failure);
            line(&end, None)
        };
        let up_to = Duration::from_secs(60);
        let crashed = Reason::Log { lines: Vec::new() };
        assert_eq!(smoke_test(crashed), "failed -> open, open");
        assert_eq!(
            smoke_test(Reason::OutOfTime(up_to)),
            "failed -> comment, open"
        );
        assert_eq!(
            line(&end(Outcome::Restored, false), None),
            "restored -> nothing, nothing"
        );
    }

    #[test]
    fn an_issue_is_missed_only_if_there_should_be_one() {
        let redactor = Redactor::default();
        for outcome in Outcome::ALL {
            for opens in [IssueOpens::Off, IssueOpens::Rollback, IssueOpens::Failure] {
                let missed = IssueUpdate::missed(outcome, opens);
                // nobody knows whether what failed was live
                let act = act(&end(outcome, false), opens, None);
                let line = missed.line(&redactor);
                assert_eq!(
                    line.starts_with("No issue: the job was cancelled"),
                    act == Some(IssueAct::Open),
                    "{outcome:?} {opens:?}: {line}"
                );
                let is_warned = !missed.result.warnings.is_empty();
                assert!(is_warned || opens == IssueOpens::Off || act.is_none());
                assert!(!is_warned || opens != IssueOpens::Off, "{outcome:?}");
            }
        }
    }

    #[test]
    fn the_inputs_description_lists_the_outcomes_that_open_an_issue() {
        let input = INPUTS.iter().find(|input| input.name == "issue").unwrap();
        let description = input.description();
        let (_, list) = description.split_once("`rollback`: ").unwrap();
        let (rollback, list) = list.split_once("`failure`: also every other ").unwrap();
        let (failure, _) = list.split_once("`off`").unwrap();
        for outcome in Outcome::ALL {
            let opens =
                |opens, switched| act(&end(outcome, switched), opens, None) == Some(IssueAct::Open);
            let word = format!("`{}`", outcome.word());
            let by_rollback = opens(IssueOpens::Rollback, true);
            assert_eq!(by_rollback, rollback.contains(&word), "{word}: {rollback}");
            let by_failure =
                opens(IssueOpens::Failure, false) && !opens(IssueOpens::Rollback, false);
            assert_eq!(by_failure, failure.contains(&word), "{word}: {failure}");
        }
    }

    #[test]
    fn the_failure_of_an_earlier_run_is_reported_unless_this_run_succeeds() {
        let rolled_back = verdict(Outcome::RolledBack, true);
        let first = verdict(Outcome::Failed, true);
        for found in [rolled_back, first, verdict(Outcome::RollbackFailed, true)] {
            assert_eq!(
                line(&end(Outcome::Deployed, true), Some(&found)),
                "deployed -> close, close"
            );
            for outcome in [
                Outcome::Failed,
                Outcome::NotReady,
                Outcome::Unreachable,
                Outcome::Restored,
            ] {
                assert!(
                    line(&end(outcome, false), Some(&found)).ends_with("open, open"),
                    "{outcome:?} {found:?}"
                );
            }
        }
        let unswitched = verdict(Outcome::Failed, false);
        assert_eq!(
            line(&end(Outcome::NotReady, false), Some(&unswitched)),
            "not-ready -> nothing, open"
        );
    }
}
