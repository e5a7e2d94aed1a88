//! The one open issue of a server and service: found by its marker and author, then opened, commented or closed.

use super::api::{Api, CloseReason, Draft, OpenIssue, User};
use super::error::ApiError;
use super::warnings::{self, Action};
use crate::report::{IssueAct, IssueText};

/// What a new issue has besides its text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IssueOptions {
    /// Created if they are missing.
    pub labels: Vec<String>,
    /// Logins.
    pub assignees: Vec<String>,
}

/// A link to an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueLink {
    /// The page of the issue.
    pub url: String,
    /// Its number in the repository.
    pub number: u64,
}

/// The result of an update.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IssueResult {
    /// The issue that was opened, commented or closed.
    pub issue: Option<IssueLink>,
    /// One harmless line each, with what to do.
    pub warnings: Vec<String>,
}

/// The author of issues that are written with a job's own token.
const JOB: &str = "github-actions[bot]";
/// Associations of people whom the owner gave access.
const INSIDERS: [&str; 3] = ["OWNER", "MEMBER", "COLLABORATOR"];

/// A request that failed.
struct FailedAction(Action, ApiError);

type Result<T> = std::result::Result<T, FailedAction>;

/// Opens, comments or closes the issue.
pub(super) async fn update(
    api: &Api,
    act: IssueAct,
    text: &IssueText,
    options: &IssueOptions,
) -> IssueResult {
    let mut update = Update {
        api,
        text,
        options,
        login: None,
        warnings: Vec::new(),
    };
    let issue = update
        .act(act)
        .await
        .unwrap_or_else(|FailedAction(action, error)| {
            update.warn(action, &error);
            None
        });
    IssueResult {
        issue,
        warnings: update.warnings,
    }
}

/// The issue that exists after this run tried to open one.
struct Opened {
    issue: OpenIssue,
    /// Whether this run opened it, and not another one at the same time.
    is_own: bool,
}

struct Update<'a> {
    api: &'a Api,
    text: &'a IssueText,
    options: &'a IssueOptions,
    login: Option<String>,
    warnings: Vec<String>,
}

impl Update<'_> {
    async fn act(&mut self, act: IssueAct) -> Result<Option<IssueLink>> {
        self.login = self
            .api
            .login()
            .await
            .map_err(|error| FailedAction(Action::Find, error))?;
        let open = self.matching().await?;
        match (act, open.first()) {
            (IssueAct::Open | IssueAct::Comment, Some(oldest)) => {
                self.comment(oldest).await.map(Some)
            }
            (IssueAct::Open, None) => self.open().await.map(Some),
            (IssueAct::Close, Some(oldest)) => self.close(oldest, &open).await.map(Some),
            (IssueAct::Comment | IssueAct::Close, None) => Ok(None),
        }
    }

    /// The open issues of this server and service, the oldest first.
    async fn matching(&self) -> Result<Vec<OpenIssue>> {
        let open = self
            .api
            .open_issues()
            .await
            .map_err(|error| FailedAction(Action::Find, error))?;
        let mut matching: Vec<OpenIssue> = open
            .into_iter()
            .filter(|issue| self.matches(issue))
            .collect();
        matching.sort_unstable_by_key(|issue| issue.number);
        matching.dedup_by_key(|issue| issue.number);
        Ok(matching)
    }

    /// The marker is not sufficient: in a public repository anyone can write it into an issue.
    fn matches(&self, issue: &OpenIssue) -> bool {
        let first = issue.body.as_deref().and_then(|body| body.lines().next());
        first.map(str::trim_end) == Some(&self.text.marker) && self.is_trusted(issue)
    }

    /// GitHub reports the owner of a token only for people. The tokens of jobs and apps look the same (`ghs_…`, refused
    /// by `/user`). So without a login any bot is trusted: a bot can write only into repositories where an owner
    /// installed it. If only the job's bot were trusted, issues of an app would remain open forever, and each run would
    /// open another one.
    fn is_trusted(&self, issue: &OpenIssue) -> bool {
        let Some(User { login, kind }) = &issue.user else {
            return false;
        };
        let is_insider = || {
            issue
                .author_association
                .as_deref()
                .is_some_and(|it| INSIDERS.contains(&it))
        };
        match &self.login {
            Some(own) => login == own || (kind == "Bot" && login == JOB),
            None => kind == "Bot" || is_insider(),
        }
    }

    async fn comment(&mut self, on: &OpenIssue) -> Result<IssueLink> {
        match self.api.comment(on.number, &self.text.comment).await {
            Ok(()) => Ok(link(on)),
            Err(error) => Err(FailedAction(Action::Comment, error)),
        }
    }

    /// Also closes it if it is unknown whether the comment was written.
    async fn close(&mut self, oldest: &OpenIssue, open: &[OpenIssue]) -> Result<IssueLink> {
        match self.comment(oldest).await {
            Err(FailedAction(action, error)) if error.is_unclear() => self.warn(action, &error),
            commented => drop(commented?),
        }
        for issue in open {
            let closed = self.api.close(issue.number, CloseReason::Completed).await;
            closed.map_err(|error| FailedAction(Action::Close, error))?;
        }
        Ok(link(oldest))
    }

    async fn open(&mut self) -> Result<IssueLink> {
        let labels = self.options.labels.iter();
        for label in labels {
            if let Err(error) = self.api.create_label(label).await {
                // it may exist, or may be created with the issue
                tracing::info!(label, %error, "cannot create the label");
            }
        }
        let opened = match self.create().await {
            Err(FailedAction(_, error)) if error.is_unclear() => {
                self.create_unless_open(error).await?
            }
            opened => opened?,
        };
        self.resolve_duplicates(&opened).await
    }

    /// Creates it with labels and assignees, but without those that GitHub refuses.
    async fn create(&mut self) -> Result<Opened> {
        let (title, body) = (self.text.title.as_str(), self.text.body.as_str());
        let mut draft = Draft {
            title,
            body,
            labels: &self.options.labels,
            assignees: &self.options.assignees,
        };
        let mut refused = Vec::new();
        loop {
            let error = match self.api.create(&draft).await {
                Ok(issue) => {
                    refused
                        .iter()
                        .for_each(|(action, error)| self.warn(*action, error));
                    return Ok(Opened {
                        issue,
                        is_own: true,
                    });
                }
                Err(error) => error,
            };
            match simplify(&mut draft, &error) {
                Some(action) => refused.push((action, error)),
                None => return Err(FailedAction(Action::Open, error)),
            }
        }
    }

    /// It is unknown whether the issue was created, so check that before creating it again.
    async fn create_unless_open(&mut self, error: ApiError) -> Result<Opened> {
        tracing::info!(%error, "the issue may be open");
        let open = self.matching().await?;
        let is_own = |issue: &&OpenIssue| {
            issue
                .body
                .as_deref()
                .is_some_and(|body| is_same(body, &self.text.body))
        };
        match (open.iter().find(is_own), open.first()) {
            (Some(issue), _) => Ok(Opened {
                issue: issue.clone(),
                is_own: true,
            }),
            (None, Some(issue)) => Ok(Opened {
                issue: issue.clone(),
                is_own: false,
            }),
            (None, None) => self.create().await,
        }
    }

    /// If two runs have opened an issue at the same time, the later one closes its own.
    async fn resolve_duplicates(&mut self, opened: &Opened) -> Result<IssueLink> {
        let oldest = match self.matching().await {
            Ok(open) => open
                .into_iter()
                .next()
                .filter(|oldest| oldest.number < opened.issue.number),
            Err(FailedAction(_, error)) => {
                tracing::info!(%error, "it is unknown whether another run has opened one too");
                None
            }
        };
        match oldest {
            None if opened.is_own => Ok(link(&opened.issue)),
            None => self.comment(&opened.issue).await,
            Some(oldest) => {
                let commented = self.comment(&oldest).await?;
                if opened.is_own {
                    if let Err(FailedAction(action, error)) =
                        self.close_duplicate(&opened.issue, &oldest).await
                    {
                        self.warn(action, &error);
                    }
                }
                Ok(commented)
            }
        }
    }

    async fn close_duplicate(&self, own: &OpenIssue, oldest: &OpenIssue) -> Result<()> {
        let text = format!(
            "Another run opened #{} at the same time. This run is reported there.",
            oldest.number
        );
        self.api
            .comment(own.number, &text)
            .await
            .map_err(|error| FailedAction(Action::Comment, error))?;
        self.api
            .close(own.number, CloseReason::NotPlanned)
            .await
            .map_err(|error| FailedAction(Action::Close, error))
    }

    fn warn(&mut self, action: Action, error: &ApiError) {
        self.warnings
            .push(warnings::warning(action, error, self.api));
    }
}

/// Whether GitHub returned the body that was sent.
fn is_same(body: &str, other: &str) -> bool {
    body.trim_end().lines().eq(other.trim_end().lines())
}

/// Removes the probable reason of the error from the draft, if there is one: assignees or labels.
fn simplify(draft: &mut Draft<'_>, error: &ApiError) -> Option<Action> {
    let response = error.response()?;
    let may_succeed_without = matches!(response.status.as_u16(), 403 | 422)
        && response.rate_limit.is_none()
        && !response.lacks_permission()
        && !response.is_archived();
    let assignees_first = response.names_field("assignee");
    match (draft.labels.is_empty(), draft.assignees.is_empty()) {
        _ if !may_succeed_without => None,
        (_, false) if assignees_first || draft.labels.is_empty() => {
            draft.assignees = &[];
            Some(Action::Assign)
        }
        (false, _) => {
            draft.labels = &[];
            Some(Action::Label)
        }
        _ => None,
    }
}

fn link(issue: &OpenIssue) -> IssueLink {
    IssueLink {
        url: issue.html_url.clone(),
        number: issue.number,
    }
}
