//! What the log says on the way.

use super::run_error;
use crate::protocol::{
    Attempt, Holder, LeftOut, LiveRelease, Made, Outcome, Part, Planned, ReleaseId, RunError,
    Staged, Task, Verdict,
};
use crate::report::Place;
use crate::text::amounts::{age, count, duration, limit, size, utc};
use crate::text::excerpt::excerpt;
use std::time::Duration;

/// The time of an answer is shown from here on.
const SLOW: Duration = Duration::from_millis(100);

/// Characters of a commit hash that are shown.
const HASH: usize = 7;
/// The title of what a program printed that failed.
pub const PROGRAM_OUTPUT: &str = "program output";

/// What is going to happen, of what, by whom and where.
#[must_use]
pub fn planned(planned: &Planned) -> String {
    let place = whole(&Place::from(planned));
    let limit = format!("time limit before the switch: {}", limit(planned.timeout));
    let by = planned.actor.as_deref().map(excerpt);
    if planned.part == Part::End {
        return format!("follow the deployment that the previous step has started: {place}");
    }
    match &planned.task {
        Task::Deploy => {
            let commit = planned.commit.as_deref();
            let commit = commit.map(|hash| format!(" {}", short(hash, planned.changed)));
            let commit = commit.unwrap_or_default();
            let by = by.map(|by| format!(" ({by})")).unwrap_or_default();
            let files = count(planned.entries, "file");
            let bytes = size(planned.bytes);
            format!("deploy{commit}{by} to {place}\n{files}, {bytes}; {limit}")
        }
        Task::RollBack { to } => {
            let to = to.as_ref().map(excerpt);
            let to = to.unwrap_or_else(|| "the previous good release".to_owned());
            let by = by.map(|by| format!(" (by {by})")).unwrap_or_default();
            format!("roll back {place} to {to}{by}\n{limit}")
        }
    }
}

/// The subject with its target.
fn whole(place: &Place) -> String {
    let (subject, target) = (place.subject(), &place.target);
    match subject.contains(target) {
        true => subject,
        false => format!("{subject} ({target})"),
    }
}

/// A commit, short.
fn short(commit: &str, changed: bool) -> String {
    let hash: String = commit.chars().take(HASH).collect();
    excerpt(hash) + changes(changed)
}

/// A release and its commit.
#[must_use]
pub fn release(id: &ReleaseId, made: &Made) -> String {
    match made.commit.as_deref() {
        Some(commit) => format!("{} ({id})", short(commit, made.changed)),
        None => id.to_string(),
    }
}

/// The release that is live before anything is changed; `at` is now, in milliseconds by the server's clock.
#[must_use]
pub fn live_before(live: &LiveRelease, at: u64) -> String {
    let LiveRelease { release: id, made } = live;
    let since = made
        .live_since
        .and_then(|since| (at / 1000).checked_sub(since));
    let since = since.map(|ago| format!(", deployed {} ago", age(Duration::from_secs(ago))));
    let by = made.actor.as_deref().map(excerpt);
    let by = match (since.is_some(), by) {
        (true, Some(by)) => format!(" by {by}"),
        (false, Some(by)) => format!(", deployed by {by}"),
        (_, None) => String::new(),
    };
    format!(
        "live: {}{}{by}",
        release(id, made),
        since.unwrap_or_default()
    )
}

/// The title of so many lines.
#[must_use]
pub fn of_lines(title: &str, lines: usize) -> String {
    format!("{title} ({})", count(lines as u64, "line"))
}

/// Behind a hash: what is deployed is not exactly that commit.
#[must_use]
pub fn changes(changed: bool) -> &'static str {
    match changed {
        true => "+changes",
        false => "",
    }
}

/// No connection yet.
#[must_use]
pub fn connect_failed(attempt: u32, error: &RunError, pause: Duration) -> String {
    format!(
        "attempt {attempt}: {}; next attempt in {}",
        run_error(error),
        duration(pause)
    )
}

/// The connection was lost.
#[must_use]
pub fn connection_lost(finished_by: Option<u64>) -> String {
    let until_then = finished_by.map_or_else(
        || "what the server has received is kept".to_owned(),
        |by| {
            format!(
                "the server continues by itself, until {} at the latest",
                utc(by)
            )
        },
    );
    format!("the connection to the server was lost; reconnecting ({until_then})")
}

/// There is a connection again.
#[must_use]
pub fn reconnected(took: Duration) -> String {
    format!("reconnected after {}", duration(took))
}

/// The server part is on its way.
#[must_use]
pub fn copying(bytes: u64) -> String {
    format!(
        "copying the server part ({}), once per version",
        size(bytes)
    )
}

/// Contents are on their way; of `known` files among them the server has an earlier version.
#[must_use]
pub fn sending(files: u32, bytes: u64, known: u32) -> String {
    let (all, bytes) = (count(files, "file"), size(bytes));
    match known {
        0 => format!("sending {all}, {bytes}"),
        _ if known == files => format!("sending the changes in {all}, {bytes}"),
        _ => format!("sending {all}, {bytes}; of {known} of them only the changes"),
    }
}

/// The result of staging.
#[must_use]
pub fn staged(staged: &Staged) -> String {
    let received = count(staged.received, "file");
    format!(
        "release {}, {received} sent ({}), {} already on the server",
        staged.release,
        size(staged.received_bytes),
        staged.copied
    )
}

/// Another deployment holds the lock.
#[must_use]
pub fn waiting(by: Option<&Holder>) -> String {
    let by = by.map_or_else(String::new, |by| format!(" ({by})"));
    format!("waiting: another deployment holds the lock{by}")
}

/// How the transaction of an earlier run ended.
#[must_use]
pub fn recovered(verdict: &Verdict) -> String {
    let release = verdict
        .release
        .as_ref()
        .map_or_else(|| "a deployment".to_owned(), ReleaseId::to_string);
    let why = verdict
        .failure
        .as_ref()
        .map(|it| format!(" because {}", it.why()))
        .unwrap_or_default();
    let now = match (verdict.outcome, &verdict.live) {
        (Outcome::RollbackFailed, Some(live)) => {
            format!("current is {live}, and manual intervention is required")
        }
        (_, Some(live)) => format!("{live} is live"),
        (_, None) => "no release is live".to_owned(),
    };
    let kept = match verdict.leaves_changes() {
        true => "; what before-switch changed is not undone",
        false => "",
    };
    format!(
        "{release}, from an earlier run that did not see the result, ended as {}{why}; {now}{kept}",
        verdict.outcome.word()
    )
}

/// The same as a whole sentence.
#[must_use]
pub fn found(verdict: &Verdict) -> String {
    match verdict.release {
        Some(_) => format!("release {}", recovered(verdict)),
        None => recovered(verdict),
    }
}

/// From here on the server finishes on its own. `target` is what it would roll back to.
#[must_use]
pub fn point_of_no_return(release: &ReleaseId, target: Option<&str>, deadline: Duration) -> String {
    format!(
        "── {release} goes live; from here on the server finishes on its own, within {}; rollback target: {} ──",
        limit(deadline),
        target.unwrap_or("none")
    )
}

/// The server may need longer.
#[must_use]
pub fn watch_limited(watched: Duration) -> String {
    format!(
        "the server may need longer; this run watches it for {} at most and then ends as unknown",
        limit(watched)
    )
}

/// One health check.
#[must_use]
pub fn attempt(attempt: &Attempt) -> String {
    let slow = Some(attempt.took)
        .filter(|took| *took >= SLOW)
        .map(|took| format!(", {}", duration(took)));
    format!(
        "attempt {}: health {}{}",
        attempt.number,
        attempt.answer,
        slow.unwrap_or_default()
    )
}

/// The middle of a command's output is only on the server.
#[must_use]
pub fn left_out(left_out: &LeftOut) -> String {
    format!(
        "… {} ({}) omitted, the last lines follow …",
        count(left_out.lines, "line"),
        size(left_out.bytes)
    )
}

/// Where it is.
#[must_use]
pub fn whole_output(left_out: &LeftOut) -> Option<String> {
    let file = excerpt(left_out.file.as_ref()?);
    let what = match left_out.whole {
        true => "the whole output is",
        false => "the first part of the output is",
    };
    Some(format!("{what} on the server, in {file}"))
}

/// The log has reached its limit.
#[must_use]
pub fn log_stopped() -> String {
    "… the log is too long; the rest is omitted, the end of the run follows …".to_owned()
}

/// So many lines are not shown.
#[must_use]
pub fn omitted(lines: usize) -> String {
    format!("… {} omitted …", count(lines as u64, "line"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{ConnectionError, ConnectionKind, HealthAnswer, Hop};
    use crate::report::tests::{ends, held, id, NEW, OLD};

    fn back(to: Option<&str>) -> Planned {
        let task = Task::RollBack {
            to: to.map(str::to_owned),
        };
        Planned {
            task,
            ..crate::report::tests::planned()
        }
    }

    #[test]
    fn an_upload_has_its_texts() {
        let all = [
            sending(1, 999, 0),
            sending(1, 12_345, 1),
            sending(50, 600_600, 49),
            staged(&Staged {
                release: id(NEW),
                received: 12,
                received_bytes: 34_567,
                copied: 1234,
            }),
        ];
        insta::assert_snapshot!(all.join("\n"), @"
        sending 1 file, 999 B
        sending the changes in 1 file, 12.3 kB
        sending 50 files, 600.6 kB; of 49 of them only the changes
        release 1762147999, 12 files sent (34.6 kB), 1234 already on the server
        ");
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "the snapshot is long")]
    fn progress_has_its_texts() {
        let number = 3;
        let much = LeftOut {
            lines: 812_345,
            bytes: 40_000_000,
            file: Some("/opt/diting/.deploy/records/1762147999.install".into()),
            whole: true,
        };
        let stderr = b"ssh: what ssh said\r\n".to_vec();
        let timed_out = RunError::Connection {
            kind: ConnectionKind::TimedOut,
            error: ConnectionError::Ssh { stderr },
            hop: Hop::Server,
            offered: None,
        };
        let all = [
            planned(&crate::report::tests::planned()),
            planned(&Planned {
                changed: true,
                ..crate::report::tests::planned()
            }),
            planned(&back(None)),
            planned(&back(Some("3f2a1bc"))),
            connect_failed(2, &timed_out, Duration::from_secs(4)),
            copying(2_345_678),
            waiting(None),
            waiting(Some(&held())),
            point_of_no_return(&id(NEW), Some(OLD), Duration::from_secs(150)),
            point_of_no_return(&id(NEW), None, Duration::from_secs(150)),
            attempt(&Attempt {
                number,
                answer: HealthAnswer::Healthy { status: 200 },
                took: Duration::from_millis(12),
            }),
            attempt(&Attempt {
                number,
                answer: HealthAnswer::Refused,
                took: Duration::from_millis(1200),
            }),
            watch_limited(Duration::from_secs(18 * 60)),
            left_out(&much),
            whole_output(&much).unwrap(),
            whole_output(&LeftOut {
                whole: false,
                ..much
            })
            .unwrap(),
            omitted(1),
            omitted(2000),
            log_stopped(),
        ];
        insta::assert_snapshot!(all.join("\n"), @"
        deploy 3f2a1bc (alice) to diting on web1.example (/opt/diting)
        120 files, 1.2 MB; time limit before the switch: 30 min
        deploy 3f2a1bc+changes (alice) to diting on web1.example (/opt/diting)
        120 files, 1.2 MB; time limit before the switch: 30 min
        roll back diting on web1.example (/opt/diting) to the previous good release (by alice)
        time limit before the switch: 30 min
        roll back diting on web1.example (/opt/diting) to 3f2a1bc (by alice)
        time limit before the switch: 30 min
        attempt 2: the server did not answer in time (what ssh said); next attempt in 4.0 s
        copying the server part (2.3 MB), once per version
        waiting: another deployment holds the lock
        waiting: another deployment holds the lock (by alice, since 2025-11-03 05:16:40 UTC, https://github.com/diting/app/actions/runs/7)
        ── 1762147999 goes live; from here on the server finishes on its own, within 2 min 30 s; rollback target: 1762147685 ──
        ── 1762147999 goes live; from here on the server finishes on its own, within 2 min 30 s; rollback target: none ──
        attempt 3: health answered 200
        attempt 3: health refused the connection: no process listens there, 1.2 s
        the server may need longer; this run watches it for 18 min at most and then ends as unknown
        … 812345 lines (40.0 MB) omitted, the last lines follow …
        the whole output is on the server, in /opt/diting/.deploy/records/1762147999.install
        the first part of the output is on the server, in /opt/diting/.deploy/records/1762147999.install
        … 1 line omitted …
        … 2000 lines omitted …
        … the log is too long; the rest is omitted, the end of the run follows …
        ");
    }

    #[test]
    fn a_second_step_says_that_it_follows() {
        let planned = planned(&Planned {
            part: Part::End,
            ..crate::report::tests::planned()
        });
        insta::assert_snapshot!(planned, @"follow the deployment that the previous step has started: diting on web1.example (/opt/diting)");
    }

    #[test]
    fn a_lost_connection_is_reported() {
        let all = [
            connection_lost(None),
            connection_lost(Some(1_762_147_000)),
            reconnected(Duration::from_millis(3210)),
        ]
        .join("\n");
        insta::assert_snapshot!(all, @"
        the connection to the server was lost; reconnecting (what the server has received is kept)
        the connection to the server was lost; reconnecting (the server continues by itself, until 2025-11-03 05:16:40 UTC at the latest)
        reconnected after 3.2 s
        ");
    }

    #[test]
    fn an_unfinished_run_is_reported() {
        let all: Vec<_> = ends()
            .iter()
            .filter_map(|end| end.verdict.as_ref())
            .map(recovered)
            .collect();
        insta::assert_snapshot!(all.join("\n"), @"
        1762147999, from an earlier run that did not see the result, ended as deployed; 1762147999 is live
        1762147685, from an earlier run that did not see the result, ended as restored; 1762147685 is live
        1762147685, from an earlier run that did not see the result, ended as restored; 1762147685 is live
        1762147999, from an earlier run that did not see the result, ended as rolled-back because health answered 500 with “no database” after 30 attempts in 1 min; 1762147685 is live
        1762147999, from an earlier run that did not see the result, ended as rolled-back because the process that deploys on the server was killed, or the server went down; 1762147685 is live
        1762147999, from an earlier run that did not see the result, ended as rollback-failed because health answered 500 with “no database” after 30 attempts in 1 min; current is 1762147685, and manual intervention is required
        1762147999, from an earlier run that did not see the result, ended as failed because health answered 500 with “no database” after 30 attempts in 1 min; no release is live
        1762147999, from an earlier run that did not see the result, ended as failed because health answered 500 with “no database” after 30 attempts in 1 min; 1762147685 is live
        1762147999, from an earlier run that did not see the result, ended as failed because health answered 500 with “no database” after 30 attempts in 1 min; 1762147999 is live
        1762147999, from an earlier run that did not see the result, ended as failed because someone else changed the server during the deployment: current was deleted; 1762147685 is live
        1762147999, from an earlier run that did not see the result, ended as failed because line 2, uv sync --frozen, ended with exit code 127 on the server; 1762147685 is live
        1762147999, from an earlier run that did not see the result, ended as failed because line 2, uv sync --frozen, ended with exit code 127 on the server; no release is live
        a deployment, from an earlier run that did not see the result, ended as not-ready because /opt/diting on the server cannot be created or written by deploy: Permission denied, and 46 other findings; 1762147685 is live
        a deployment, from an earlier run that did not see the result, ended as busy because another deployment holds the lock on the server (by alice, since 2025-11-03 05:16:40 UTC, https://github.com/diting/app/actions/runs/7); 1762147685 is live
        a deployment, from an earlier run that did not see the result, ended as not-ready because 3f2a1bc: 1762147685 never went live, so it is unknown whether it works; 1762147685 is live
        1762147999, from an earlier run that did not see the result, ended as failed because health answered 500 with “no database” after 30 attempts in 1 min; 1762147685 is live
        1762147999, from an earlier run that did not see the result, ended as failed because health answered 500 with “no database” after 30 attempts in 1 min; no release is live
        1762147999, from an earlier run that did not see the result, ended as cancelled because the connection to the runner was lost, or the run was cancelled; 1762147685 is live
        1762147999, from an earlier run that did not see the result, ended as error; 1762147685 is live
        1762147999, from an earlier run that did not see the result, ended as cancelled because the connection to the runner was lost, or the run was cancelled; 1762147685 is live
        ");
    }
}
