//! The user that the server part runs as, and the accounts of the server.

use super::process::{command, quick};
use crate::protocol::Ending;
use rustix::process::geteuid;
use std::path::PathBuf;
use std::time::Duration;

/// For one look-up, which may ask a directory server.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An account of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) struct Account {
    pub(in crate::server) uid: u32,
    /// Its groups, the main one first.
    pub(in crate::server) groups: Vec<Group>,
}

/// A group of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) struct Group {
    pub(in crate::server) gid: u32,
    pub(in crate::server) name: String,
}

/// The user's name, for messages.
pub(in crate::server) fn user() -> String {
    std::env::var("USER")
        .or_else(|_| std::env::var("LOGNAME"))
        .unwrap_or_else(|_| "the deploy user".to_owned())
}

/// The name of the user that this process runs as.
pub(in crate::server) fn login_name() -> Option<String> {
    let own = geteuid().as_raw().to_string();
    account(|name, uid| uid == own && !name.is_empty()).map(|(name, _)| name)
}

/// The user that this process runs as, as its account describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) struct Login {
    pub(in crate::server) name: String,
    pub(in crate::server) home: String,
    pub(in crate::server) shell: String,
}

/// The user that this process runs as; `None`: there is no such account.
pub(in crate::server) fn login() -> Option<Login> {
    let row = output_of("getent", &["passwd", &geteuid().as_raw().to_string()])?;
    let fields: Vec<&str> = row.trim_end().split(':').collect();
    let field = |at: usize| fields.get(at).map(|it| (*it).to_owned());
    Some(Login {
        name: field(0)?,
        home: field(5)?,
        shell: field(6)?,
    })
}

/// The folder in which the user's own systemd can be reached: systemd(1), pam_systemd(8).
pub(in crate::server) fn runtime_folder() -> PathBuf {
    PathBuf::from(format!("/run/user/{}", geteuid().as_raw()))
}

/// Lets all programs that are started find the user's own systemd. A login with PAM does it too, but not every login has
/// PAM, and cron has none. Called before the first thread is started.
pub(in crate::server) fn find_own_systemd() {
    let folder = runtime_folder();
    if !folder.is_dir() {
        return;
    }
    let bus = folder.join("bus");
    if bus.exists() {
        let address = format!("unix:path={}", bus.display());
        std::env::set_var("DBUS_SESSION_BUS_ADDRESS", address);
    }
    std::env::set_var("XDG_RUNTIME_DIR", folder);
}

/// The name of a group that has other members than this user and root. A group that is not known may have some.
pub(in crate::server) fn group_of_others(gid: u32) -> Option<String> {
    let Some((name, members)) = group_members(gid) else {
        return Some(gid.to_string());
    };
    let own = login_name();
    let is_other = |member: &String| Some(member) != own.as_ref();
    members.iter().any(is_other).then_some(name)
}

/// Whether nobody but these users and root is in the group.
pub(in crate::server) fn has_only(gid: u32, users: &[&str]) -> bool {
    let members = group_members(gid).map(|(_, members)| members);
    members.is_some_and(|all| all.iter().all(|member| users.contains(&member.as_str())))
}

/// The name of a group, and its members but root. `None`: it is not known.
fn group_members(gid: u32) -> Option<(String, Vec<String>)> {
    let group = output_of("getent", &["group", &gid.to_string()])?;
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    members_of(&group, &accounts)
}

/// group(5) lists the members but those whose main group it is, passwd(5) has these.
fn members_of(group: &str, accounts: &str) -> Option<(String, Vec<String>)> {
    let fields: Vec<&str> = group.trim_end().split(':').collect();
    let [name, _, gid, listed] = fields[..] else {
        return None;
    };
    let main = accounts.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.get(3) == Some(&gid)).then(|| fields[0])
    });
    let members = listed.split(',').chain(main).map(str::to_owned);
    let members = members.filter(|member| !["", "root"].contains(&member.as_str()));
    Some((name.to_owned(), members.collect()))
}

/// The home folder of a user, by name or number; of root, if `user` is empty.
pub(in crate::server) fn home_of(user: &str) -> Option<PathBuf> {
    let user = if user.is_empty() { "root" } else { user };
    account(|name, uid| name == user || uid == user).map(|(_, home)| home)
}

/// Name and home folder of the first matching account in /etc/passwd: passwd(5).
fn account(matches: impl Fn(&str, &str) -> bool) -> Option<(String, PathBuf)> {
    let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let found = matches(fields.first()?, fields.get(2)?);
        found.then(|| Some(((*fields.first()?).to_owned(), PathBuf::from(fields.get(5)?))))?
    };
    accounts.lines().find_map(row)
}

/// An account, by name or number, wherever the server keeps it; `None`: there is none, or it cannot be told.
pub(in crate::server) fn account_of(user: &str) -> Option<Account> {
    parse_id(&output_of("id", &["--", user])?)
}

/// A group, by name or number.
pub(in crate::server) fn group_of(group: &str) -> Option<Group> {
    let row = (!group.is_empty()).then(|| output_of("getent", &["group", group]))??;
    let mut fields = row.split(':');
    Some(Group {
        name: fields.next()?.to_owned(),
        gid: fields.nth(1)?.parse().ok()?,
    })
}

fn output_of(program: &str, arguments: &[&str]) -> Option<String> {
    let (ending, output) = quick(command(program).args(arguments), TIMEOUT).ok()?;
    (ending == Ending::Exit(0)).then(|| String::from_utf8_lossy(&output).into_owned())
}

/// `uid=33(www-data) gid=33(www-data) groups=33(www-data),4(adm)`
fn parse_id(text: &str) -> Option<Account> {
    let group = |text: &str| {
        let (gid, rest) = text.split_once('(')?;
        let name = rest.split(')').next()?.to_owned();
        Some(Group {
            gid: gid.parse().ok()?,
            name,
        })
    };
    let uid = text.strip_prefix("uid=")?.split('(').next()?;
    let (_, main) = text.split_once(" gid=")?;
    let (main, all) = main.split_once(" groups=")?;
    let main = group(main)?;
    let mut groups: Vec<Group> = all.split(',').filter_map(group).collect();
    groups.retain(|it| *it != main);
    groups.insert(0, main);
    Some(Account {
        uid: uid.parse().ok()?,
        groups,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_members_of_a_group_are_those_it_lists_and_those_whose_main_group_it_is() {
        let accounts = "root:x:0:0::/root:/bin/sh\ndeploy:x:1000:1000::/home/deploy:/bin/sh\n\
                        alice:x:1001:1003::/home/alice:/bin/sh\n";
        let members =
            |group: &str| members_of(group, accounts).map(|(name, all)| (name, all.join(" ")));
        let found = |name: &str, all: &str| Some((name.to_owned(), all.to_owned()));
        assert_eq!(members("root:x:0:\n"), found("root", ""));
        assert_eq!(members("deploy:x:1000:\n"), found("deploy", "deploy"));
        assert_eq!(members("own:x:1001:deploy,root\n"), found("own", "deploy"));
        assert_eq!(
            members("www:x:1002:deploy,alice\n"),
            found("www", "deploy alice")
        );
        assert_eq!(
            members("staff:x:1003:deploy\n"),
            found("staff", "deploy alice")
        );
        assert_eq!(members(""), None);
    }

    #[test]
    fn an_account_is_read_with_its_main_group_first() {
        let names = |text: &str| {
            let account = parse_id(text)?;
            let names = account
                .groups
                .into_iter()
                .map(|it| format!("{} {}", it.gid, it.name));
            Some((account.uid, names.collect::<Vec<_>>().join(", ")))
        };
        let debian = "uid=33(www-data) gid=33(www-data) groups=33(www-data),4(adm)\n";
        assert_eq!(names(debian), Some((33, "33 www-data, 4 adm".into())));
        let other = "uid=7(web) gid=9(domain users) groups=4(adm),9(domain users) context=x\n";
        assert_eq!(names(other), Some((7, "9 domain users, 4 adm".into())));
        assert_eq!(names("id: \u{2018}web\u{2019}: no such user\n"), None);
    }
}
