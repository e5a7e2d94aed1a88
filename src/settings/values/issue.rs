//! What becomes of the GitHub issue of a server and service.

use super::lists::{self, Form};
use crate::protocol::Secret;
use crate::settings::problem::{invalid, Invalid};
use crate::text::Prose;

/// GitHub's own limits.
const LONGEST_LABEL: usize = 50;
const MOST_LABELS: usize = 100;
const LONGEST_LOGIN: usize = 100;
const MOST_ASSIGNEES: usize = 10;
/// Of none is it shorter; and what is hidden wherever it stands should not be an ordinary word.
const SHORTEST_TOKEN: usize = 10;

/// What is reported to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Which ends open one.
    pub opens: IssueOpens,
    /// Its labels.
    pub labels: Vec<String>,
    /// Logins of those who are to look at it.
    pub assignees: Vec<String>,
    /// Whether raw log lines may stand in it.
    pub logs: IssueLogs,
    /// What GitHub's API is asked with.
    pub token: Option<Secret>,
}

/// Which ends open an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueOpens {
    /// Those after which a person must look at the server or at what failed on it.
    Rollback,
    /// Every failed deployment.
    Failure,
    /// None; GitHub is not asked at all.
    Off,
}

/// Whether raw log lines of the server may stand in an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueLogs {
    /// In private repositories.
    Auto,
    /// Yes.
    Always,
    /// No.
    Never,
}

impl IssueOpens {
    pub(in crate::settings) fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "rollback" => Ok(Self::Rollback),
            "failure" => Ok(Self::Failure),
            "off" => Ok(Self::Off),
            _ => invalid("does not say when", "Write `rollback`, `failure` or `off`"),
        }
    }
}

impl IssueLogs {
    pub(in crate::settings) fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "auto" => Ok(Self::Auto),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            _ => invalid("does not say whether", "Write `auto`, `always` or `never`"),
        }
    }
}

/// Labels, a comma list; GitHub takes them without regard to case.
pub(in crate::settings) fn labels(text: &str) -> Result<Vec<String>, Invalid> {
    if text == "none" {
        return Ok(Vec::new());
    }
    list(text, MOST_LABELS, |label| match label.chars().count() {
        _ if label.chars().any(char::is_control) => {
            invalid("has a line end in a label", "Separate labels by commas")
        }
        0..=LONGEST_LABEL => Ok(()),
        length => invalid(
            Prose::of("has a label of {} characters", [&length]),
            Prose::of(
                "GitHub allows {} for each; labels are separated by commas",
                [&LONGEST_LABEL],
            ),
        ),
    })
}

/// Logins, a comma list.
pub(in crate::settings) fn assignees(text: &str) -> Result<Vec<String>, Invalid> {
    let fix = "Write logins as in `alice, bob`, without `@`; teams can't be assigned";
    list(text, MOST_ASSIGNEES, |login| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_[]".contains(c);
        match login.chars().all(allowed) && login.len() <= LONGEST_LOGIN {
            true => Ok(()),
            false => invalid("has a name that is no login", fix),
        }
    })
}

/// The parts between commas, each of them once.
fn list(
    text: &str,
    most: usize,
    check: impl Fn(&str) -> Result<(), Invalid>,
) -> Result<Vec<String>, Invalid> {
    lists::check(text, Form::Commas)?;
    let mut found: Vec<String> = Vec::new();
    for part in Form::Commas.entries(text) {
        check(part)?;
        if !found.iter().any(|other| other.eq_ignore_ascii_case(part)) {
            found.push(part.to_owned());
        }
    }
    match found.len() {
        0 => invalid(
            "names nothing",
            "Write names between commas, or leave it out",
        ),
        count if count > most => invalid(
            Prose::of("names {}", [&count]),
            Prose::of("GitHub allows {}", [&most]),
        ),
        _ => Ok(found),
    }
}

/// One word that can stand in a header.
pub(in crate::settings) fn token(text: &str) -> Result<Secret, Invalid> {
    if text.len() >= SHORTEST_TOKEN && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(Secret::from(text));
    }
    let fix = "Write `${{ github.token }}`, or a secret that holds only a token";
    invalid("is not a token", fix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::tests::{problems_of, Inputs};

    #[test]
    fn what_is_not_given_is_as_documented() {
        let issue = Inputs::new().settings().issue;
        assert_eq!(
            (issue.opens, issue.logs),
            (IssueOpens::Rollback, IssueLogs::Auto)
        );
        assert_eq!(
            (issue.labels.join(" "), issue.assignees.len()),
            ("ci-cd bug".to_owned(), 0)
        );
        let inputs = Inputs::new()
            .with("issue-labels", "none")
            .with("issue-assignees", "alice, Bob, BOB,");
        let issue = inputs.settings().issue;
        assert_eq!(
            (issue.labels.len(), issue.assignees.join(" ")),
            (0, "alice Bob".to_owned())
        );
        let longest = "é".repeat(LONGEST_LABEL);
        assert_eq!(
            labels(&format!("good first issue,{longest}"))
                .unwrap()
                .len(),
            2
        );
    }

    #[test]
    fn b31_what_github_would_refuse_is_bad_input_with_the_limit() {
        let problems = [
            problems_of("issue", &["yes", "true"]),
            problems_of(
                "issue-labels",
                &["ci-cd\nbug", &"x".repeat(51), ",", &many(101)],
            ),
            problems_of(
                "issue-assignees",
                &["@alice", "alice bob", "org/team", &many(11)],
            ),
            problems_of("issue-logs", &["no"]),
            problems_of(
                "github-token",
                &["two words of it", "söcret-söcret", "token"],
            ),
        ];
        insta::assert_snapshot!(problems.join("\n"), @r#"
        issue = "yes": does not say when. Write `rollback`, `failure` or `off`.
        issue = "true": does not say when. Write `rollback`, `failure` or `off`.
        issue-labels = "ci-cd\nbug": has a line end in a label. Separate labels by commas.
        issue-labels = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx": has a label of 51 characters. GitHub allows 50 for each; labels are separated by commas.
        issue-labels = ",": names nothing. Write names between commas, or leave it out.
        issue-labels = "n0,n1,n2,n3,n4,n5,n6,n7,n8,n9,…3,n94,n95,n96,n97,n98,n99,n100": names 101. GitHub allows 100.
        issue-assignees = "@alice": has a name that is no login. Write logins as in `alice, bob`, without `@`; teams can't be assigned.
        issue-assignees = "alice bob": has a name that is no login. Write logins as in `alice, bob`, without `@`; teams can't be assigned.
        issue-assignees = "org/team": has a name that is no login. Write logins as in `alice, bob`, without `@`; teams can't be assigned.
        issue-assignees = "n0,n1,n2,n3,n4,n5,n6,n7,n8,n9,n10": names 11. GitHub allows 10.
        issue-logs = "no": does not say whether. Write `auto`, `always` or `never`.
        github-token: is not a token. Write `${{ github.token }}`, or a secret that holds only a token.
        github-token: is not a token. Write `${{ github.token }}`, or a secret that holds only a token.
        github-token: is not a token. Write `${{ github.token }}`, or a secret that holds only a token.
        "#);
    }

    fn many(count: usize) -> String {
        (0..count)
            .map(|number| format!("n{number}"))
            .collect::<Vec<_>>()
            .join(",")
    }

    #[test]
    fn b30_without_a_token_a_job_is_warned_and_goes_on() {
        let inputs = Inputs::new().without("github-token");
        assert!(inputs.settings().issue.token.is_none());
        insta::assert_snapshot!(inputs.warnings(), @"github-token is empty: no issue will report a failed deployment. Leave it out, so that the job's own token is used, or write `issue: off`.");
        assert_eq!(inputs.with("issue", "off").warnings(), "");
    }

    #[test]
    fn by_hand_an_issue_needs_what_only_a_job_has() {
        let by_hand = |inputs: Inputs| {
            inputs.with("service", "diting").around(|around| {
                around.on_actions = false;
                around.repository = None;
            })
        };
        assert_eq!(
            by_hand(Inputs::new().without("github-token")).warnings(),
            ""
        );
        insta::assert_snapshot!(by_hand(Inputs::new().with("issue", "failure")).warnings(), @"issue has no effect: GITHUB_REPOSITORY names no repository.");
    }

    #[test]
    fn labels_without_an_issue_have_no_effect() {
        let inputs = Inputs::new()
            .with("issue", "off")
            .with("issue-labels", "x")
            .with("issue-logs", "never");
        insta::assert_snapshot!(inputs.warnings(), @"
        issue-labels has no effect: issue is off.
        issue-logs has no effect: issue is off.
        ");
    }

    #[test]
    fn the_token_is_hidden_everywhere() {
        let inputs = Inputs::new().with("github-token", "ghs_0123456789abcdef");
        let secrets = crate::settings::Secrets::of(&inputs.environment(), &crate::settings::INPUTS);
        assert!(secrets.values.contains(&"ghs_0123456789abcdef".to_owned()));
        assert!(!format!("{:?}", inputs.settings()).contains("0123456789abcdef"));
        let problems = inputs
            .with("github-token", "ghs_0123456789abcdef two")
            .problems();
        assert!(!problems.contains("0123456789"), "{problems}");
    }
}
