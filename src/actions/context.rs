//! What the runner's variables say about the run.

use super::event::Trigger;
use super::remote;
use crate::report::Job;
use std::env;
use std::path::Path;

/// Facts about the run, for reports. Strangers choose some of them, such as branch names and actors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// Whether this process runs in GitHub Actions.
    pub is_actions: bool,
    /// Whether debug logging is on (`RUNNER_DEBUG`).
    pub debug: bool,
    /// `https://github.com`, or that of an enterprise.
    pub server_url: Option<String>,
    /// `https://api.github.com`, or that of an enterprise.
    pub api_url: Option<String>,
    /// `owner/name`.
    pub repository: Option<String>,
    /// The id of the run in its URL.
    pub run_id: Option<String>,
    /// 1 for the first attempt.
    pub run_attempt: Option<String>,
    /// The commit that the run is about; for pull requests the merge commit. Of a run that another workflow started it is
    /// that workflow's. Once the source is known, [`Context::deploying`] sets the one that is deployed.
    pub sha: Option<String>,
    /// The full ref, such as `refs/heads/main`; only its name if another workflow started the run.
    pub reference: Option<String>,
    /// The page of the repository that has the commit, if it is on this GitHub.
    commit_home: Option<String>,
    /// Who started the run.
    pub actor: Option<String>,
    /// The folder of the checkout.
    pub workspace: Option<String>,
}

impl Context {
    /// Reads the environment of this process.
    pub fn from_env() -> Self {
        Self::from_variables(|name| env::var(name).ok())
    }

    /// Reads variables by name. Empty ones count as missing.
    pub fn from_variables(find: impl Fn(&str) -> Option<String>) -> Self {
        let find = |name: &str| find(name).filter(|value| !value.is_empty());
        let (sha, reference) = match trigger(find) {
            Some(trigger) => (Some(trigger.commit), trigger.branch),
            None => (find("GITHUB_SHA"), find("GITHUB_REF")),
        };
        let mut context = Self {
            is_actions: find("GITHUB_ACTIONS").as_deref() == Some("true"),
            debug: find("RUNNER_DEBUG").as_deref() == Some("1"),
            server_url: find("GITHUB_SERVER_URL"),
            api_url: find("GITHUB_API_URL"),
            repository: find("GITHUB_REPOSITORY"),
            run_id: find("GITHUB_RUN_ID"),
            run_attempt: find("GITHUB_RUN_ATTEMPT"),
            sha,
            reference,
            commit_home: None,
            actor: find("GITHUB_ACTOR"),
            workspace: find("GITHUB_WORKSPACE"),
        };
        context.commit_home = context.repository_url();
        context
    }

    /// The same run with the commit that it deploys, and the `remote` of its checkout if the commit may be in another
    /// repository than the run.
    #[must_use]
    pub fn deploying(
        self,
        commit: Option<String>,
        reference: Option<String>,
        remote: Option<&str>,
    ) -> Self {
        let commit_home = match (remote, &self.server_url) {
            (Some(remote), Some(server)) => remote::home(remote, server),
            _ => self.commit_home.clone(),
        };
        Self {
            sha: commit,
            reference,
            commit_home,
            ..self
        }
    }

    /// The URL of this attempt of the run.
    pub fn run_url(&self) -> Option<String> {
        let run = format!(
            "{}/actions/runs/{}",
            self.repository_url()?,
            self.run_id.as_ref()?
        );
        Some(match &self.run_attempt {
            Some(attempt) => format!("{run}/attempts/{attempt}"),
            None => run,
        })
    }

    /// The URL of the commit.
    pub fn commit_url(&self) -> Option<String> {
        Some(format!(
            "{}/commit/{}",
            self.commit_home.as_ref()?,
            self.sha.as_ref()?
        ))
    }

    /// The names and links for reports.
    pub fn job(&self) -> Job {
        Job {
            run: self.run_url(),
            commit: self.sha.clone(),
            commit_link: self.commit_url(),
            repository: self.repository.clone(),
            actor: self.actor.clone(),
        }
    }

    fn repository_url(&self) -> Option<String> {
        Some(format!(
            "{}/{}",
            self.server_url.as_ref()?.trim_end_matches('/'),
            self.repository.as_ref()?
        ))
    }
}

/// The run that started this one. If its event cannot be read, the run's own variables count.
fn trigger(find: impl Fn(&str) -> Option<String>) -> Option<Trigger> {
    find("GITHUB_EVENT_NAME").filter(|name| name == "workflow_run")?;
    let read = Trigger::read(Path::new(&find("GITHUB_EVENT_PATH")?));
    read.map_err(|error| tracing::info!(%error, "cannot read the event"))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::Context;

    fn context(pairs: &[(&str, &str)]) -> Context {
        let find = |name: &str| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Context::from_variables(find)
    }

    #[test]
    fn urls_name_the_attempt_and_the_commit() {
        let context = context(&[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "diting/app"),
            ("GITHUB_RUN_ID", "7"),
            ("GITHUB_RUN_ATTEMPT", "2"),
            ("GITHUB_SHA", "abc"),
            ("GITHUB_REF", ""),
        ]);
        assert_eq!(
            context.run_url().unwrap(),
            "https://github.com/diting/app/actions/runs/7/attempts/2"
        );
        assert_eq!(
            context.commit_url().unwrap(),
            "https://github.com/diting/app/commit/abc"
        );
        assert!(context.is_actions && !context.debug && context.reference.is_none());
    }

    #[test]
    fn a_run_that_another_workflow_started_is_about_the_commit_of_that_one() {
        let folder = tempfile::tempdir().unwrap();
        let event = folder.path().join("event.json");
        let context = |name: &str, text: &str| {
            std::fs::write(&event, text).unwrap();
            let context = context(&[
                ("GITHUB_EVENT_NAME", name),
                ("GITHUB_EVENT_PATH", event.to_str().unwrap()),
                ("GITHUB_SHA", "bbbb"),
                ("GITHUB_REF", "refs/heads/main"),
            ]);
            (context.sha.unwrap(), context.reference)
        };
        let own = ("bbbb".to_owned(), Some("refs/heads/main".to_owned()));
        let of = |branch: Option<&str>| ("aaaa".to_owned(), branch.map(str::to_owned));
        let text =
            r#"{"action": "completed", "workflow_run": {"head_sha": "aaaa", "head_branch": "v1"}}"#;
        assert_eq!(context("workflow_run", text), of(Some("v1")));
        let text = r#"{"workflow_run": {"head_sha": "aaaa", "head_branch": null}}"#;
        assert_eq!(context("workflow_run", text), of(None));
        assert_eq!(context("push", text), own);
        for text in ["", "[]", r#"{"workflow_run": {}}"#] {
            assert_eq!(context("workflow_run", text), own, "{text}");
        }
    }

    #[test]
    fn a_commit_of_another_repository_is_linked_there_or_nowhere() {
        let of_run = context(&[
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "diting/app"),
            ("GITHUB_SHA", "bbbb"),
        ]);
        let link = |remote| {
            let context = of_run.clone().deploying(Some("aaaa".into()), None, remote);
            context.commit_url()
        };
        let page = |name: &str| Some(format!("https://github.com/{name}/commit/aaaa"));
        assert_eq!(link(None), page("diting/app"));
        assert_eq!(
            link(Some("git@github.com:other/lib.git")),
            page("other/lib")
        );
        assert_eq!(link(Some("https://gitlab.com/other/lib")), None);
    }

    #[test]
    fn outside_of_actions_everything_is_empty() {
        assert_eq!(context(&[]), Context::default());
        assert_eq!(context(&[]).run_url(), None);
    }
}
