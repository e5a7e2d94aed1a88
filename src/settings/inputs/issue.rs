//! The issue about a failed deployment.

use crate::protocol::Secret;
use crate::settings::input::{Definition, Fallback, Input};
use crate::settings::model::{Command, Surroundings};
use crate::settings::reader::Reader;
use crate::settings::values::issue::{assignees, labels, token, Issue, IssueLogs, IssueOpens};
use crate::settings::warning::InputWarning;

const USED_BY: &[Command] = &[Command::Deploy, Command::Rollback];

pub(super) static INPUTS: [&Input; 5] = [
    &ISSUE.input,
    &LABELS.input,
    &ASSIGNEES.input,
    &LOGS.input,
    &TOKEN.input,
];

pub(super) static ISSUE: Definition<IssueOpens> = Definition::with_default(
    "issue",
    "rollback",
    "Outcomes that open an issue, or comment on the open one. `rollback`: `rolled-back`, `rollback-failed`, and `failed` if the \
     release went live or failed the smoke test. `failure`: also every other `failed`, `unreachable`, `not-ready`, `busy`, `unknown` and `error` (unless the program itself crashes before it sends anything). \
     `off`: none. The next successful deployment closes it. Needs `permissions: issues: write`; without that there is a warning.",
    IssueOpens::parse,
)
.only(USED_BY);

pub(super) static LABELS: Definition<Vec<String>> = Definition::with_default(
    "issue-labels",
    "ci-cd,bug",
    "Labels of the issue, separated by commas; missing ones are created. `none`: no labels.",
    labels,
)
.only(USED_BY);

pub(super) static ASSIGNEES: Definition<Vec<String>> = Definition::optional(
    "issue-assignees",
    "Logins of the people to assign the issue to, separated by commas.",
    assignees,
)
.only(USED_BY);

pub(super) static LOGS: Definition<IssueLogs> = Definition::with_default(
    "issue-logs",
    "auto",
    "Whether the issue holds logs, output, responses and the host's name: `auto`, if the repository is private; `always`; `never`.",
    IssueLogs::parse,
)
.only(USED_BY);

// used by every command: the runner always gives it
pub(super) static TOKEN: Definition<Secret> = Definition::optional(
    "github-token",
    "Token that writes the issue. Used for nothing else.",
    token,
)
.or(Fallback::Words("the job's own token"))
.secret();

pub(super) fn issue(reader: &mut Reader<'_>, around: &Surroundings) -> Option<Issue> {
    let opens = reader.with_default(&ISSUE);
    let labels = reader.with_default(&LABELS);
    let assignees = reader.optional(&ASSIGNEES);
    let logs = reader.with_default(&LOGS);
    let token = reader.optional(&TOKEN);
    let issue = Issue {
        opens: opens?,
        labels: labels?,
        assignees: assignees?.unwrap_or_default(),
        logs: logs?,
        token: token?,
    };
    warn(reader, around, &issue);
    Some(issue)
}

/// From the command line nobody expects an issue without asking for one.
fn warn(reader: &mut Reader<'_>, around: &Surroundings, issue: &Issue) {
    if issue.opens == IssueOpens::Off {
        for input in [&LABELS.input, &ASSIGNEES.input, &LOGS.input] {
            if reader.is_given(input) {
                reader.no_effect(input, "issue is off");
            }
        }
    } else if around.on_actions || reader.is_given(&ISSUE.input) {
        if issue.token.is_none() {
            reader.warnings.push(InputWarning::NoToken);
        } else if around.repository.is_none() {
            reader.no_effect(&ISSUE.input, "GITHUB_REPOSITORY names no repository");
        }
    }
}
