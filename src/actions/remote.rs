//! Where a checkout was cloned from, as git's configuration has it.

/// `https://github.com/owner/name` for a repository on this GitHub; `None` for one elsewhere. A user and a password in the
/// address are left out.
pub(super) fn home(remote: &str, server_url: &str) -> Option<String> {
    let server = server_url.trim_end_matches('/');
    let (_, server_host) = server.split_once("://")?;
    let (place, path) = match remote.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?,
        // user@host:path, as scp writes it
        None => remote.split_once(':')?,
    };
    let host = place.rsplit_once('@').map_or(place, |(_, host)| host);
    let name = |host: &'_ str| host.split(':').next().unwrap_or(host).to_ascii_lowercase();
    if name(host) != name(server_host) {
        return None;
    }
    let path = path.trim_matches('/');
    let (owner, repository) = path.strip_suffix(".git").unwrap_or(path).split_once('/')?;
    let is_name = |text: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        !text.is_empty() && !text.starts_with('.') && text.bytes().all(allowed)
    };
    (is_name(owner) && is_name(repository)).then(|| format!("{server}/{owner}/{repository}"))
}

#[cfg(test)]
mod tests {
    use super::home;

    #[test]
    fn a_remote_on_this_github_has_a_page_without_its_password() {
        let page = Some("https://github.com/diting/app".to_owned());
        for remote in [
            "https://github.com/diting/app",
            "https://github.com/diting/app.git",
            "https://x-access-token:ghs_secret@GitHub.com/diting/app/",
            "git@github.com:diting/app.git",
            "ssh://git@github.com:22/diting/app.git",
        ] {
            assert_eq!(home(remote, "https://github.com"), page, "{remote}");
        }
        assert_eq!(
            home("git@ghe.example:a/b.git", "https://ghe.example:8443/").unwrap(),
            "https://ghe.example:8443/a/b"
        );
    }

    #[test]
    fn a_remote_elsewhere_has_none() {
        for remote in [
            "https://gitlab.com/diting/app.git",
            "https://gitclone.com/github.com/diting/app",
            "https://github.com@evil.example/diting/app",
            "https://github.com/diting/app/more",
            "https://github.com/diting/a)pp",
            "/srv/git/app.git",
            "../app",
            "",
        ] {
            assert_eq!(home(remote, "https://github.com"), None, "{remote}");
        }
    }
}
