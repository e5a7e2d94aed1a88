//! The job that a run belongs to.

/// The GitHub job of the run, for links. Some of it is untrusted, such as the names of branches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Job {
    /// Link to the run.
    pub run: Option<String>,
    /// The commit.
    pub commit: Option<String>,
    /// Link to it, if it is in a repository on this GitHub.
    pub commit_link: Option<String>,
    /// `owner/name`.
    pub repository: Option<String>,
    /// Who started it.
    pub actor: Option<String>,
}

impl Job {
    /// Whether a link leads to a run on the GitHub of this job. What a server claims could lead anywhere.
    pub(super) fn is_run(&self, link: &str) -> bool {
        let home = self.run.as_deref().zip(self.repository.as_deref());
        let home = home.and_then(|(run, repository)| run.split_once(&format!("/{repository}/")));
        let path = home.and_then(|(home, _)| link.strip_prefix(home)?.strip_prefix('/'));
        let parts: Vec<&str> = path.map_or_else(Vec::new, |path| path.split('/').collect());
        let number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        match parts.as_slice() {
            [_, _, "actions", "runs", run] => number(run),
            [_, _, "actions", "runs", run, "attempts", attempt] => number(run) && number(attempt),
            _ => false,
        }
    }

    /// The page of the repository that has the commit.
    pub(super) fn repository_page(&self) -> Option<&str> {
        let before = self
            .commit_link
            .as_deref()?
            .strip_suffix(self.commit.as_deref()?)?;
        before.strip_suffix("/commit/")
    }

    /// A link that a server has named, if it is one to a run of this repository.
    pub(super) fn own_run<'a>(&self, link: &'a str) -> Option<&'a str> {
        let path = link.strip_prefix(self.repository_page()?)?;
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let id = path.strip_prefix("/actions/runs/")?;
        let (id, attempt) = id.split_once("/attempts/").unwrap_or((id, ""));
        (is_number(id) && !id.is_empty() && is_number(attempt)).then_some(link)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_believed_only_links_to_runs_of_this_repository() {
        let page = "https://github.com/diting/app";
        let job = Job {
            commit: Some("3f2a1bc".into()),
            commit_link: Some(format!("{page}/commit/3f2a1bc")),
            ..Job::default()
        };
        for path in ["/actions/runs/7", "/actions/runs/7/attempts/2"] {
            let run = format!("{page}{path}");
            assert_eq!(job.own_run(&run), Some(run.as_str()));
        }
        for link in [
            format!("{page}/actions/runs/"),
            format!("{page}/actions/runs/7)[x](https://evil.example"),
            format!("{page}/actions/runs/../../../evil/app"),
            format!("{page}-evil/actions/runs/7"),
            "https://evil.example/diting/app/actions/runs/7".to_owned(),
            "https://evilev.com/diting/app/actions/runs/7".to_owned(),
        ] {
            assert_eq!(job.own_run(&link), None, "{link}");
        }
        assert_eq!(Job::default().own_run("/actions/runs/7"), None);
    }
}
