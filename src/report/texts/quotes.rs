//! Sentences of the server in which commands, lines and paths are whole pieces.

use super::last_line;
use crate::protocol::{
    AppAccess, ConnectionError, End, Finding, LinkState, Notice, Reason, RunError, SharedError,
    UnreadLog, Warning, WrittenData, WrittenItem, WrittenKind,
};
use crate::text::excerpt::{excerpt, first_line, last_line as last_line_of};
use crate::text::Prose;

/// What failed, in one sentence without a full stop; empty if nothing did.
pub(in crate::report) fn what_happened(end: &End) -> Prose {
    let failure = end
        .verdict
        .as_ref()
        .and_then(|verdict| verdict.failure.as_ref());
    let parts = match (&end.error, failure) {
        (Some(error), _) => of_error(error),
        (None, Some(failure)) => of_reason(&failure.reason),
        (None, None) => Vec::new(),
    };
    Prose::quoting(last_line::what_happened(end).unwrap_or_default(), &parts)
}

/// Why something failed on the server.
pub(in crate::report) fn reason(reason: &Reason) -> Prose {
    Prose::quoting(reason, &of_reason(reason))
}

/// What the check found.
pub(in crate::report) fn finding(found: &Finding) -> Prose {
    Prose::quoting(found, &of_finding(found))
}

/// What someone should know.
pub(super) fn warning(warning: &Warning) -> Prose {
    Prose::quoting(warning, &of_warning(warning))
}

/// What happens, or has happened.
pub(in crate::report) fn notice(notice: &Notice) -> Prose {
    let parts = match notice {
        Notice::OldCrashes(lines) => lines.iter().map(excerpt).collect(),
        Notice::LinkReplaced { target, .. } => vec![excerpt(target)],
        Notice::DataKept(data) => {
            let mut parts = vec![excerpt(&data.folder)];
            parts.extend(of_data(data));
            parts
        }
        Notice::TakenOver(_)
        | Notice::LingerNotChecked
        | Notice::StartLimitWait { .. }
        | Notice::GoingDown => Vec::new(),
    };
    Prose::quoting(notice, &parts)
}

fn of_reason(reason: &Reason) -> Vec<String> {
    match reason {
        Reason::NotReady(found) => found.first().map(of_finding).unwrap_or_default(),
        Reason::Io { path, .. } => vec![excerpt(path)],
        Reason::Command {
            line,
            output,
            log_line,
            ..
        } => {
            let line = line.iter().map(|(_, text)| excerpt(text));
            let shown = log_line.as_ref().map(excerpt);
            line.chain([first_line(output)]).chain(shown).collect()
        }
        Reason::Program { path, others, .. } => {
            let others = others.iter().map(|other| excerpt(&other.path));
            std::iter::once(excerpt(path)).chain(others).collect()
        }
        Reason::Shared { path, error } => of_shared(path, error),
        Reason::Log { lines } => lines.last().map(excerpt).into_iter().collect(),
        _ => reason.log_line().map(excerpt).into_iter().collect(),
    }
}

fn of_finding(found: &Finding) -> Vec<String> {
    match found {
        Finding::Target { path, .. } => vec![excerpt(path)],
        Finding::Link { found, .. } => match found {
            LinkState::Dead(to) | LinkState::Elsewhere(to) | LinkState::UnusableName(to) => {
                vec![excerpt(to)]
            }
            LinkState::Folder | LinkState::File | LinkState::Other(_) => Vec::new(),
        },
        Finding::Sudo {
            service, output, ..
        } => vec![
            systemctl("sudo -n ", "restart", service),
            last_line_of(output),
        ],
        Finding::Missing { program, path } => vec![excerpt(program), excerpt(path)],
        Finding::UnitElsewhere { starts, target, .. } => {
            vec![excerpt(starts), format!("{}/current", excerpt(target))]
        }
        Finding::SharedInRelease(all) => all.iter().map(|one| excerpt(&one.path)).collect(),
        Finding::Shared { path, error } => of_shared(path, error),
        Finding::AppAccess(found) => of_access(found),
        Finding::NoSystemd(_)
        | Finding::Unit { .. }
        | Finding::KillUserProcesses { .. }
        | Finding::NoSpace { .. }
        | Finding::ReloadUnseen { .. }
        | Finding::RollbackTarget { .. }
        | Finding::NoLocks { .. } => Vec::new(),
    }
}

fn of_access(found: &AppAccess) -> Vec<String> {
    found
        .reads
        .iter()
        .chain(&found.writes)
        .map(excerpt)
        .collect()
}

fn of_shared(path: &str, error: &SharedError) -> Vec<String> {
    let other = match error {
        SharedError::Parent(path) | SharedError::Hides(path) => Some(excerpt(path)),
        SharedError::NotWritable { folder, .. } => Some(excerpt(folder)),
        _ => None,
    };
    std::iter::once(format!("shared/{}", excerpt(path)))
        .chain(other)
        .collect()
}

fn of_warning(warning: &Warning) -> Vec<String> {
    match warning {
        Warning::Leftover { path, .. }
        | Warning::PendingSetAside { path }
        | Warning::GroupWritable { path, .. } => vec![excerpt(path)],
        Warning::LoggedErrors(lines) | Warning::MaybeOldCrashes { lines, .. } => {
            lines.iter().map(excerpt).collect()
        }
        Warning::LogNotChecked(UnreadLog::Nothing { service, sudo, .. }) => {
            let sudo = if *sudo { "sudo -n " } else { "" };
            vec!["journalctl".to_owned(), systemctl(sudo, "status", service)]
        }
        Warning::LogNotChecked(UnreadLog::Elsewhere(place)) => {
            vec![place
                .split_once(':')
                .map_or_else(String::new, |(_, path)| excerpt(path))]
        }
        Warning::NoResetFailed { service, .. } => {
            vec![systemctl("sudo -n ", "reset-failed", service)]
        }
        Warning::UnsafePager { service, .. } => vec![systemctl("", "status", service)],
        Warning::RollbackDoubt(reason) => of_reason(reason),
        Warning::DataLeftBehind(data) => of_data(data),
        Warning::AppAccess(found) => of_access(found),
        _ => Vec::new(),
    }
}

fn of_data(data: &WrittenData) -> Vec<String> {
    let folder = |it: &WrittenItem| match it.kind {
        WrittenKind::File | WrittenKind::Changed => "",
        WrittenKind::Folder(_) | WrittenKind::Among(_) | WrittenKind::Unreadable => "/",
    };
    let items = data.items.iter().filter(|it| !it.path.is_empty());
    items.map(|it| excerpt(&it.path) + folder(it)).collect()
}

fn of_error(error: &RunError) -> Vec<String> {
    match error {
        RunError::Tool { program, .. } => vec![excerpt(program)],
        RunError::Source { path, .. } => vec![excerpt(path)],
        RunError::NoBinary { file, .. } => vec![excerpt(file)],
        RunError::Key { output }
        | RunError::KeyFormat { output }
        | RunError::ServerPart { output, .. }
        | RunError::LoginScript { output, .. } => vec![last_line_of(output)],
        RunError::Connection { error, .. } => match error {
            ConnectionError::Ssh { stderr } | ConnectionError::FromJumpHost { stderr } => {
                let last = last_line_of(stderr);
                let last = last.strip_prefix("ssh: ").unwrap_or(&last);
                vec![last.trim_end_matches('.').to_owned()]
            }
            ConnectionError::NoLogin { .. } => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// As the texts about it have it.
fn systemctl(sudo: &str, verb: &str, service: &str) -> String {
    format!("{sudo}systemctl {verb} {}", excerpt(service))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::markdown::prose;
    use crate::report::tests::{findings, notices, reasons, warnings};
    use crate::text::Redactor;

    #[test]
    fn the_words_stay_what_they_are() {
        for it in reasons() {
            assert_eq!(reason(&it).to_string(), it.to_string());
        }
        for it in findings() {
            assert_eq!(finding(&it).to_string(), it.to_string());
        }
        for it in warnings() {
            assert_eq!(warning(&it).to_string(), it.to_string());
        }
        for it in notices() {
            assert_eq!(notice(&it).to_string(), it.to_string());
        }
    }

    #[test]
    fn every_command_line_and_path_is_one_piece_of_code() {
        let redactor = Redactor::default();
        let mut all: Vec<String> = Vec::new();
        all.extend(reasons().iter().map(|it| prose(&reason(it), &redactor)));
        all.extend(findings().iter().map(|it| prose(&finding(it), &redactor)));
        all.extend(warnings().iter().map(|it| prose(&warning(it), &redactor)));
        all.extend(notices().iter().map(|it| prose(&notice(it), &redactor)));
        insta::assert_snapshot!(all.join("\n"), @"");
    }
}
