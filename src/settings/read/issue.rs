//! The issue that tells of a failed deployment.

use crate::settings::issue::{assignees, labels, Issue, IssueLogs, IssueOpens};
use crate::settings::key::Secret;
use crate::settings::model::Surroundings;
use crate::settings::reader::Reader;
use crate::settings::warning::Warning;

/// What means nothing where no issue is opened.
const ABOUT_IT: [&str; 3] = ["issue-labels", "issue-assignees", "issue-logs"];

pub(super) fn issue(reader: &mut Reader<'_>, around: &Surroundings) -> Option<Issue> {
    let opens = reader.with_default("issue", IssueOpens::parse);
    let labels = reader.with_default("issue-labels", labels);
    let assignees = reader.optional("issue-assignees", assignees);
    let logs = reader.with_default("issue-logs", IssueLogs::parse);
    let token = reader.optional("github-token", Secret::token);
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

/// By hand nobody expects an issue who does not ask for one.
fn warn(reader: &mut Reader<'_>, around: &Surroundings, issue: &Issue) {
    if issue.opens == IssueOpens::Off {
        let given = ABOUT_IT
            .into_iter()
            .filter(|input| reader.is_given(input))
            .collect::<Vec<_>>();
        let warning = |input| Warning::NoEffect {
            input,
            because: "issue is off",
        };
        reader.warnings.extend(given.into_iter().map(warning));
    } else if around.on_actions || reader.is_given("issue") {
        if issue.token.is_none() {
            reader.warnings.push(Warning::NoToken);
        } else if around.repository.is_none() {
            let because = "GITHUB_REPOSITORY does not say whose issue it would be";
            reader.warnings.push(Warning::NoEffect {
                input: "issue",
                because,
            });
        }
    }
}
