//! The one open issue of a server and service: found by its marker and its author, opened, commented, closed.

use super::api::{Api, Draft, Listed, Reason, User};
use super::fault::Fault;
use super::words::{self, Doing};
use crate::report::{IssueAct, IssueText};

/// What a new issue is to have besides its text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Made where they are missing.
    pub labels: Vec<String>,
    /// Logins.
    pub assignees: Vec<String>,
}

/// An issue of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// For a person.
    pub url: String,
    /// In the repository.
    pub number: u64,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// The issue that was opened, commented or closed.
    pub issue: Option<Issue>,
    /// In words, with the cure; harmless, each of one line.
    pub warnings: Vec<String>,
}

/// Who writes with a job's own token.
const JOB: &str = "github-actions[bot]";
/// Whom a repository's owner let in.
const INSIDERS: [&str; 3] = ["OWNER", "MEMBER", "COLLABORATOR"];

/// Something that did not work.
struct Failed(Doing, Fault);

type Result<T> = std::result::Result<T, Failed>;

/// Does what is to become of the issue.
pub(super) async fn tell(api: &Api, act: IssueAct, text: &IssueText, wishes: &Wishes) -> Told {
    let mut life = Life {
        api,
        text,
        wishes,
        login: None,
        warnings: Vec::new(),
    };
    let issue = life.act(act).await.unwrap_or_else(|Failed(doing, fault)| {
        life.warn(doing, &fault);
        None
    });
    Told {
        issue,
        warnings: life.warnings,
    }
}

/// The issue that is there after one was to be opened.
struct Made {
    issue: Listed,
    /// Whether it is this run's, and not one that another run opened meanwhile.
    mine: bool,
}

struct Life<'a> {
    api: &'a Api,
    text: &'a IssueText,
    wishes: &'a Wishes,
    login: Option<String>,
    warnings: Vec<String>,
}

impl Life<'_> {
    async fn act(&mut self, act: IssueAct) -> Result<Option<Issue>> {
        self.login = self
            .api
            .login()
            .await
            .map_err(|fault| Failed(Doing::Find, fault))?;
        let open = self.ours().await?;
        match (act, open.first()) {
            (IssueAct::Open | IssueAct::Comment, Some(oldest)) => {
                self.comment(oldest).await.map(Some)
            }
            (IssueAct::Open, None) => self.open().await.map(Some),
            (IssueAct::Close, Some(oldest)) => self.close(oldest, &open).await.map(Some),
            (IssueAct::Comment | IssueAct::Close, None) => Ok(None),
        }
    }

    /// Our open issues of this server and service, the oldest first.
    async fn ours(&self) -> Result<Vec<Listed>> {
        let open = self
            .api
            .open_issues()
            .await
            .map_err(|fault| Failed(Doing::Find, fault))?;
        let mut ours: Vec<Listed> = open
            .into_iter()
            .filter(|listed| self.is_ours(listed))
            .collect();
        ours.sort_by_key(|listed| listed.number);
        ours.dedup_by_key(|listed| listed.number);
        Ok(ours)
    }

    /// Anybody can write the marker into an issue of a public repository.
    fn is_ours(&self, listed: &Listed) -> bool {
        let first = listed.body.as_deref().and_then(|body| body.lines().next());
        first.map(str::trim_end) == Some(&self.text.marker) && self.is_trusted(listed)
    }

    /// Of whose token it is GitHub tells a person's only. A job's own and an app's look the same (`ghs_…`, refused by
    /// `/user`), so that where neither is known to be ours any bot is: one writes only into repositories into which its
    /// owner let it. To trust the job's alone would leave an app's issues open for ever, and open another one each time.
    fn is_trusted(&self, listed: &Listed) -> bool {
        let Some(User { login, kind }) = &listed.user else {
            return false;
        };
        let insider = || {
            listed
                .author_association
                .as_deref()
                .is_some_and(|it| INSIDERS.contains(&it))
        };
        match &self.login {
            Some(own) => login == own || (kind == "Bot" && login == JOB),
            None => kind == "Bot" || insider(),
        }
    }

    async fn comment(&mut self, on: &Listed) -> Result<Issue> {
        match self.api.comment(on.number, &self.text.comment).await {
            Ok(()) => Ok(issue(on)),
            Err(fault) => Err(Failed(Doing::Comment, fault)),
        }
    }

    /// A comment that may have been written is no reason to leave it open.
    async fn close(&mut self, oldest: &Listed, open: &[Listed]) -> Result<Issue> {
        match self.comment(oldest).await {
            Err(Failed(doing, fault)) if fault.is_unclear() => self.warn(doing, &fault),
            commented => drop(commented?),
        }
        for listed in open {
            let closed = self.api.close(listed.number, Reason::Completed).await;
            closed.map_err(|fault| Failed(Doing::Close, fault))?;
        }
        Ok(issue(oldest))
    }

    async fn open(&mut self) -> Result<Issue> {
        let labels = self.wishes.labels.iter();
        for label in labels {
            if let Err(fault) = self.api.make_label(label).await {
                // it may be there, or made with the issue
                tracing::debug!(label, %fault, "the label is not made");
            }
        }
        let made = match self.create().await {
            Err(Failed(_, fault)) if fault.is_unclear() => self.create_unless_there(fault).await?,
            made => made?,
        };
        self.settle(&made).await
    }

    /// With labels and assignees; without those that are refused.
    async fn create(&mut self) -> Result<Made> {
        let (title, body) = (self.text.title.as_str(), self.text.body.as_str());
        let mut draft = Draft {
            title,
            body,
            labels: &self.wishes.labels,
            assignees: &self.wishes.assignees,
        };
        let mut refused = Vec::new();
        loop {
            let fault = match self.api.create(&draft).await {
                Ok(issue) => {
                    refused
                        .iter()
                        .for_each(|(left_out, fault)| self.warn(*left_out, fault));
                    return Ok(Made { issue, mine: true });
                }
                Err(fault) => fault,
            };
            match leave_out(&mut draft, &fault) {
                Some(left_out) => refused.push((left_out, fault)),
                None => return Err(Failed(Doing::Open, fault)),
            }
        }
    }

    /// Whether it was written is not known, so that is looked at before it is written again.
    async fn create_unless_there(&mut self, fault: Fault) -> Result<Made> {
        tracing::debug!(%fault, "the issue may be open");
        let open = self.ours().await?;
        let mine = |issue: &&Listed| {
            issue
                .body
                .as_deref()
                .is_some_and(|body| same(body, &self.text.body))
        };
        match (open.iter().find(mine), open.first()) {
            (Some(issue), _) => Ok(Made {
                issue: issue.clone(),
                mine: true,
            }),
            (None, Some(issue)) => Ok(Made {
                issue: issue.clone(),
                mine: false,
            }),
            (None, None) => self.create().await,
        }
    }

    /// Of two runs that open one at once, the later one takes its own back.
    async fn settle(&mut self, made: &Made) -> Result<Issue> {
        let oldest = match self.ours().await {
            Ok(open) => open
                .into_iter()
                .next()
                .filter(|oldest| oldest.number < made.issue.number),
            Err(Failed(_, fault)) => {
                tracing::debug!(%fault, "whether another run opened one too is not known");
                None
            }
        };
        match oldest {
            None if made.mine => Ok(issue(&made.issue)),
            None => self.comment(&made.issue).await,
            Some(oldest) => {
                let told = self.comment(&oldest).await?;
                if made.mine {
                    if let Err(Failed(doing, fault)) = self.take_back(&made.issue, &oldest).await {
                        self.warn(doing, &fault);
                    }
                }
                Ok(told)
            }
        }
    }

    async fn take_back(&self, made: &Listed, oldest: &Listed) -> Result<()> {
        let text = format!(
            "Another run opened #{} at the same time. This is told there.",
            oldest.number
        );
        self.api
            .comment(made.number, &text)
            .await
            .map_err(|fault| Failed(Doing::Comment, fault))?;
        self.api
            .close(made.number, Reason::NotPlanned)
            .await
            .map_err(|fault| Failed(Doing::Close, fault))
    }

    fn warn(&mut self, doing: Doing, fault: &Fault) {
        self.warnings.push(words::warning(doing, fault, self.api));
    }
}

/// Whether GitHub was given the one and gives back the other.
fn same(body: &str, other: &str) -> bool {
    body.trim_end().lines().eq(other.trim_end().lines())
}

/// Leaves out of the draft what is the likely reason of a refusal, if there is something to leave out.
fn leave_out(draft: &mut Draft<'_>, fault: &Fault) -> Option<Doing> {
    let refusal = fault.refusal()?;
    let may_be_right_without = matches!(refusal.status.as_u16(), 403 | 422)
        && refusal.too_often.is_none()
        && !refusal.lacks_right()
        && !refusal.is_archived();
    let assignees_first = refusal.blames("assignee");
    match (draft.labels.is_empty(), draft.assignees.is_empty()) {
        _ if !may_be_right_without => None,
        (_, false) if assignees_first || draft.labels.is_empty() => {
            draft.assignees = &[];
            Some(Doing::Assign)
        }
        (false, _) => {
            draft.labels = &[];
            Some(Doing::Label)
        }
        _ => None,
    }
}

fn issue(listed: &Listed) -> Issue {
    Issue {
        url: listed.html_url.clone(),
        number: listed.number,
    }
}
