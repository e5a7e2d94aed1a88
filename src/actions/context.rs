//! What the runner tells of the run.

use crate::report::Job;
use std::env;

/// Facts about the run, for reports. All of it is text: branch names and actors are chosen by strangers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// Whether GitHub's runner runs us.
    pub is_actions: bool,
    /// Whether the step's debug log is on (`RUNNER_DEBUG`).
    pub debug: bool,
    /// `https://github.com`, or an enterprise's own.
    pub server_url: Option<String>,
    /// `https://api.github.com`, or an enterprise's own.
    pub api_url: Option<String>,
    /// `owner/name`.
    pub repository: Option<String>,
    /// The run's number in the link to it.
    pub run_id: Option<String>,
    /// 1 at first, more when run again.
    pub run_attempt: Option<String>,
    /// The commit; with pull requests that of the merge.
    pub sha: Option<String>,
    /// The whole ref, as in `refs/heads/main`.
    pub reference: Option<String>,
    /// Who began the run.
    pub actor: Option<String>,
    /// Where the checkout is.
    pub workspace: Option<String>,
}

impl Context {
    /// That of this process.
    pub fn from_env() -> Self {
        Self::from_variables(|name| env::var(name).ok())
    }

    /// From variables found by name; empty ones count as missing.
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

    /// The link to this attempt of the run.
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

    /// The link to the commit.
    pub fn commit_url(&self) -> Option<String> {
        Some(format!(
            "{}/commit/{}",
            self.repository_url()?,
            self.sha.as_ref()?
        ))
    }

    /// What reports name and link to.
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
    fn links_lead_to_the_attempt_and_the_commit() {
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
    fn by_hand_there_is_nothing() {
        assert_eq!(context(&[]), Context::default());
        assert_eq!(context(&[]).run_url(), None);
    }
}
