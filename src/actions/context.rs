//! What the runner's variables say about the run.

use crate::report::Job;
use std::env;

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
    /// The commit. For pull requests it is the merge commit.
    pub sha: Option<String>,
    /// The full ref, such as `refs/heads/main`.
    pub reference: Option<String>,
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
        Self {
            is_actions: find("GITHUB_ACTIONS").as_deref() == Some("true"),
            debug: find("RUNNER_DEBUG").as_deref() == Some("1"),
            server_url: find("GITHUB_SERVER_URL"),
            api_url: find("GITHUB_API_URL"),
            repository: find("GITHUB_REPOSITORY"),
            run_id: find("GITHUB_RUN_ID"),
            run_attempt: find("GITHUB_RUN_ATTEMPT"),
            sha: find("GITHUB_SHA"),
            reference: find("GITHUB_REF"),
            actor: find("GITHUB_ACTOR"),
            workspace: find("GITHUB_WORKSPACE"),
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
            self.repository_url()?,
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
    fn outside_of_actions_everything_is_empty() {
        assert_eq!(context(&[]), Context::default());
        assert_eq!(context(&[]).run_url(), None);
    }
}
