//! The journal of attempts, one line per attempt. Also the starts that deploy-action requested, because systemd counts
//! them for its start limit, and what retention could not delete.

use super::data_list;
use super::durable::{self, failed};
use super::layout::Layout;
use crate::protocol::{
    Interruption, ListedAttempt, Operation, Origin, Outcome, Reason, ReleaseId, Verdict,
    WrittenData,
};
use crate::server::clock::now;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Attempts that are kept.
const LINES: usize = 500;
/// Starts that are kept.
const STARTS: usize = 100;

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct JournalLine {
    /// Epoch seconds.
    at: u64,
    transaction: String,
    outcome: Outcome,
    release: Option<ReleaseId>,
    live: Option<ReleaseId>,
    origin: Origin,
    /// A later run brought it to its end.
    recovered: bool,
    /// The data in releases that it listed. Absent in lines of versions before 1.5.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    data: Vec<WrittenData>,
    /// How long users were not served. Absent in lines of versions before 1.9.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interruption: Option<Interruption>,
}

/// Adds an attempt. If the journal cannot be written, the verdict stays the same.
pub(in crate::server) fn add(layout: &Layout, verdict: &Verdict, origin: &Origin, recovered: bool) {
    let line = JournalLine {
        at: now(),
        transaction: verdict.transaction.to_string(),
        outcome: verdict.outcome,
        release: verdict.release.clone(),
        live: verdict.live.clone(),
        origin: origin.clone(),
        recovered,
        data: data_list::listed_by(layout, &verdict.transaction),
        interruption: verdict.interruption,
    };
    let path = layout.journal();
    let added = serde_json::to_string(&line)
        .map_err(io::Error::from)
        .and_then(|line| append(&path, &line, LINES));
    if let Err(error) = added {
        tracing::warn!(%error, "the journal of attempts cannot be written");
    }
}

/// The last attempts, newest first, without lines that cannot be read.
pub(in crate::server) fn last(layout: &Layout, most: usize) -> Vec<ListedAttempt> {
    let bytes = fs::read(layout.journal()).unwrap_or_default();
    let lines = bytes
        .rsplit(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<JournalLine>(line).ok());
    let attempted = |line: JournalLine| {
        let JournalLine {
            at,
            outcome,
            release,
            live,
            origin,
            transaction: _,
            recovered: _,
            data: _,
            interruption: _,
        } = line;
        ListedAttempt {
            at,
            outcome,
            release,
            live,
            origin,
        }
    };
    lines.take(most).map(attempted).collect()
}

/// Records that deploy-action requests a start of the unit. It is named if the service has several: versions before 1.8 do
/// not read such a line.
pub(in crate::server) fn record_start(layout: &Layout, at_ms: u64, unit: Option<&str>) {
    let line = match unit {
        Some(unit) => format!("{at_ms} {unit}"),
        None => at_ms.to_string(),
    };
    if let Err(error) = append(&starts_path(layout), &line, STARTS) {
        tracing::info!(%error, "a start cannot be recorded");
    }
}

/// When deploy-action requested starts of the unit, or of any, in milliseconds since the epoch. Those of no named unit may
/// have been starts of any.
pub(in crate::server) fn starts(layout: &Layout, unit: Option<&str>) -> Vec<u64> {
    let text = fs::read_to_string(starts_path(layout)).unwrap_or_default();
    let at = |line: &str| match line.split_once(' ') {
        Some((at, of)) => at
            .parse()
            .ok()
            .filter(|_| unit.is_none_or(|unit| of == unit)),
        None => line.parse().ok(),
    };
    text.lines().filter_map(at).collect()
}

fn starts_path(layout: &Layout) -> PathBuf {
    layout.deploy_folder().join("starts")
}

fn leftovers_path(layout: &Layout) -> PathBuf {
    layout.deploy_folder().join("leftovers")
}

/// Records what retention could not delete, each with its path and error. The next run warns about it.
pub(super) fn put_leftovers(layout: &Layout, leftovers: &[(String, String)]) -> Result<(), Reason> {
    let path = leftovers_path(layout);
    let bytes = serde_json::to_vec(leftovers)
        .map_err(|error| failed(Operation::Write, &path)(error.into()))?;
    durable::write_briefly(&path, &bytes).map_err(failed(Operation::Write, &path))
}

/// Reads what [`put_leftovers`] wrote.
pub(in crate::server) fn leftovers(layout: &Layout) -> Vec<(String, String)> {
    fs::read(leftovers_path(layout))
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}

fn append(path: &Path, line: &str, most: usize) -> io::Result<()> {
    let text = fs::read_to_string(path).unwrap_or_default();
    if text.lines().count() < 2 * most {
        let mut file = durable::private().create(true).append(true).open(path)?;
        // a full disk or a power loss may have left half a line
        let torn = !text.is_empty() && !text.ends_with('\n');
        return writeln!(file, "{}{line}", if torn { "\n" } else { "" });
    }
    let skipped = text.lines().count() + 1 - most;
    let kept: Vec<&str> = text.lines().skip(skipped).chain([line]).collect();
    let beside = path.with_extension("new");
    durable::write_briefly(&beside, (kept.join("\n") + "\n").as_bytes())?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_keeps_only_the_newest_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        for number in 0..40 {
            append(&path, &number.to_string(), 10).unwrap();
        }
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.lines().count() <= 20, "{text}");
        assert_eq!(text.lines().last(), Some("39"));
    }

    #[test]
    fn lines_of_older_versions_are_read() {
        let line = r#"{"at":1,"transaction":"07","outcome":"Deployed","release":null,"live":null,"origin":{},"recovered":false}"#;
        let origin = serde_json::to_string(&Origin::default()).unwrap();
        let line = line.replace("{}", &origin);
        let read: JournalLine = serde_json::from_str(&line).unwrap();
        assert_eq!(read.interruption, None);
        assert_eq!(serde_json::to_string(&read).unwrap(), line);
    }

    #[test]
    fn starts_are_those_of_the_unit() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().to_str().unwrap());
        fs::create_dir(layout.deploy_folder()).unwrap();
        for (at, unit) in [
            (1, None),
            (2, Some("web")),
            (3, Some("worker")),
            (4, Some("web")),
        ] {
            record_start(&layout, at, unit);
        }
        assert_eq!(starts(&layout, Some("web")), [1, 2, 4]);
        assert_eq!(starts(&layout, Some("worker")), [1, 3]);
        assert_eq!(starts(&layout, None), [1, 2, 3, 4]);
    }

    #[test]
    fn a_torn_line_does_not_damage_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        fs::write(&path, "{\"at\":179").unwrap();
        append(&path, "next", 10).unwrap();
        append(&path, "last", 10).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "{\"at\":179\nnext\nlast\n"
        );
    }
}
