use crate::protocol::Unready;
use crate::text::amounts::size;
use crate::text::excerpt::excerpt;

/// What must be fixed on the server first, as it fits after "because".
#[must_use]
pub fn unready(found: &Unready) -> String {
    match found {
        Unready::Target { path, user, error } => {
            format!(
                "{} on the server cannot be made or written by {}: {}",
                excerpt(path),
                excerpt(user),
                excerpt(error)
            )
        }
        Unready::Link { name, found } => {
            format!(
                "{} on the server is not a link to a release, but {}",
                excerpt(name),
                excerpt(found)
            )
        }
        Unready::NoSystemd(why) => {
            format!("systemd on the server cannot be reached: {}", excerpt(why))
        }
        Unready::Unit { service, state } => {
            format!(
                "unit {} on the server is {}",
                excerpt(service),
                excerpt(state)
            )
        }
        Unready::Sudo { service, user } => {
            format!(
                "{} may not run sudo -n systemctl restart {} on the server",
                excerpt(user),
                excerpt(service)
            )
        }
        Unready::KillUserProcesses { user } => {
            format!(
                "logind on the server kills what {} leaves running at logout",
                excerpt(user)
            )
        }
        Unready::Missing { program, path } => {
            format!(
                "{} is not on the server (looked for in {})",
                excerpt(program),
                excerpt(path)
            )
        }
        Unready::Room {
            inodes: Some(inodes),
            ..
        } => {
            format!("the disk of the target has room for {inodes} more files only")
        }
        Unready::Room {
            needed,
            free,
            min_free,
            inodes: None,
        } => format!(
            "the release needs {} and {} are to stay free, but the disk of the target has {}",
            size(*needed),
            size(*min_free),
            size(*free)
        ),
        Unready::NoLocks { error } => {
            format!("files on the server cannot be locked: {}", excerpt(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::findings;

    #[test]
    fn every_finding_says_what_and_where() {
        let all: Vec<_> = findings().iter().map(unready).collect();
        insta::assert_snapshot!(all.join("\n"), @"
        /opt/diting on the server cannot be made or written by deploy: Permission denied
        current on the server is not a link to a release, but a folder
        current on the server is not a link to a release, but a link to /srv/app, which is no release
        systemd on the server cannot be reached: no such file
        unit diting on the server is not-found
        unit diting on the server is masked
        unit diting on the server is bad-setting
        deploy may not run sudo -n systemctl restart diting on the server
        logind on the server kills what deploy leaves running at logout
        uv is not on the server (looked for in /home/deploy/.local/bin:/usr/bin)
        make is not on the server (looked for in /usr/bin)
        the release needs 1.2 MB and 500.0 MB are to stay free, but the disk of the target has 400.0 MB
        the disk of the target has room for 12 more files only
        files on the server cannot be locked: No locks available
        ");
    }
}
