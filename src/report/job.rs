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
    /// Whether a link leads to a run of this repository. What a server claims could lead anywhere.
    pub(super) fn is_run(&self, link: &str) -> bool {
        let number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        let run = self.runs().and_then(|runs| link.strip_prefix(&runs));
        run.is_some_and(|run| match run.split_once("/attempts/") {
            Some((run, attempt)) => number(run) && number(attempt),
            None => number(run),
        })
    }

    /// Where the links to all runs of this repository begin.
    fn runs(&self) -> Option<String> {
        let runs = format!("/{}/actions/runs/", self.repository.as_deref()?);
        let (home, _) = self.run.as_deref()?.split_once(&runs)?;
        Some(home.to_owned() + &runs)
    }

    /// The page of the repository that has the commit.
    pub(super) fn repository_page(&self) -> Option<&str> {
        let before = self
            .commit_link
            .as_deref()?
            .strip_suffix(self.commit.as_deref()?)?;
        before.strip_suffix("/commit/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_believed_only_links_to_runs_of_this_repository() {
        let page = "https://github.com/diting/app";
        let job = Job {
            run: Some(format!("{page}/actions/runs/9")),
            repository: Some("diting/app".into()),
            ..Job::default()
        };
        for path in ["/actions/runs/7", "/actions/runs/7/attempts/2"] {
            let run = format!("{page}{path}");
            assert!(job.is_run(&run), "{run}");
        }
        for link in [
            format!("{page}/actions/runs/"),
            format!("{page}/actions/runs/7/attempts/"),
            "https://github.com/diting/other/actions/runs/7".to_owned(),
            format!("{page}/actions/runs/7)[x](https://evil.example"),
            format!("{page}/actions/runs/../../../evil/app"),
            format!("{page}-evil/actions/runs/7"),
            "https://evil.example/diting/app/actions/runs/7".to_owned(),
            "https://evilev.com/diting/app/actions/runs/7".to_owned(),
        ] {
            assert!(!job.is_run(&link), "{link}");
        }
        assert!(!Job::default().is_run("/actions/runs/7"));
    }
}
