//! A finding of the check as a title and the evidence for it.

use crate::protocol::{AppAccess, Finding, LinkState, SharedError};
use crate::report::Place;
use crate::text::excerpt::{excerpt, lines, one_line};
use crate::text::Prose;

/// The most lines of a program's output that are evidence.
const MOST: usize = 5;

/// What must be fixed, as a title, and the lines that show it. Both are untrusted.
#[must_use]
#[expect(
    clippy::too_many_lines,
    reason = "one exhaustive match, so that no finding is without a title"
)]
pub(in crate::report) fn finding_in_parts(found: &Finding, place: &Place) -> (Prose, Vec<String>) {
    match found {
        Finding::Target { path, user, error } => (
            code(path)
                .and(" cannot be created or written by ")
                .and(code(user)),
            vec![one_line(error)],
        ),
        Finding::Link { name, found } => (
            code(name).and(" is not a link to a release"),
            link(name, found),
        ),
        Finding::NoSystemd(error) => ("systemd cannot be used".into(), vec![error.to_string()]),
        Finding::Unit { service, state } => (
            Prose::from("unit ")
                .and(code(service))
                .and(" is ")
                .and(code(state)),
            vec![format!("LoadState={}", excerpt(state))],
        ),
        Finding::Sudo {
            service,
            user,
            output,
        } => {
            let command = format!("sudo -n systemctl restart {}", excerpt(service));
            (
                code(user).and(" may not run ").and(code(command)),
                last_lines(output),
            )
        }
        Finding::KillUserProcesses { user } => (
            Prose::from("logind kills the processes of ")
                .and(code(user))
                .and(" at logout"),
            vec!["KillUserProcesses=yes, Linger=no".to_owned()],
        ),
        Finding::Missing { program, path } => (
            code(program).and(" is not on the server"),
            vec![format!("searched: {}", one_line(path))],
        ),
        Finding::NoSpace { .. } => ("not enough disk space".into(), vec![found.to_string()]),
        Finding::UnitElsewhere {
            service,
            starts,
            target,
        } => (
            Prose::from("unit ")
                .and(code(service))
                .and(" does not start what ")
                .and(code(format!("{}/current", excerpt(target))))
                .and(" leads to"),
            vec![format!("it starts: {}", one_line(starts))],
        ),
        Finding::ReloadUnseen { service, user } => (
            Prose::from("the restart command only reloads ").and(code(service)),
            vec![format!(
                "{} cannot see which release it runs then",
                excerpt(user)
            )],
        ),
        Finding::SharedInRelease(all) => (
            "the live release holds data that belongs in `shared`".into(),
            all.iter().map(ToString::to_string).collect(),
        ),
        Finding::Shared { path, error } => shared(path, error, place),
        Finding::RollbackTarget { wanted, error } => match wanted.is_empty() {
            true => ("nothing to roll back to".into(), vec![error.to_string()]),
            false => (
                Prose::from("cannot roll back to ").and(code(wanted)),
                vec![error.to_string()],
            ),
        },
        Finding::NoLocks { error } => (
            "files in the target cannot be locked".into(),
            vec![error.to_string()],
        ),
        Finding::AppAccess(found) => access(found),
    }
}

fn code(text: impl AsRef<[u8]>) -> Prose {
    Prose::verbatim(excerpt(text))
}

fn link(name: &str, found: &LinkState) -> Vec<String> {
    vec![format!("{} is {found}", excerpt(name))]
}

fn shared(path: &str, error: &SharedError, place: &Place) -> (Prose, Vec<String>) {
    let title = code(format!("shared/{}", excerpt(path))).and(" ");
    let title = match error {
        SharedError::Inaccessible { .. } => title.and("cannot be inspected"),
        SharedError::NotWritable { .. } => title.and("is missing and cannot be created"),
        SharedError::Parent(_) | SharedError::InTree | SharedError::Hides(_) => {
            title.and("is in the tree too")
        }
        SharedError::NotBelow => title.and("is not a path below the release"),
        SharedError::IsFile => title.and("is a file, not a folder"),
        SharedError::IsFolder => title.and("is a folder, not a file"),
        SharedError::DeadLink => title.and("is a link to nothing"),
        SharedError::Missing => title.and("is missing"),
        SharedError::Other(_) => title.and("cannot be used"),
    };
    let kept = format!("{}/shared/{}", place.target, excerpt(path));
    (title, vec![format!("{kept} {error}")])
}

fn access(found: &AppAccess) -> (Prose, Vec<String>) {
    let title = Prose::from("the unit runs as ").and(code(&found.user));
    (
        title.and(", which cannot use what it needs"),
        vec![found.to_string()],
    )
}

fn last_lines(output: &[u8]) -> Vec<String> {
    let lines = lines(output);
    let lines: Vec<String> = lines
        .into_iter()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(MOST)..].to_vec()
}
