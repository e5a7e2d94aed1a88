//! What is on a server, as a table and as JSON. Every text in it is untrusted.

use super::{texts, Place};
use crate::protocol::{
    End, ListedAttempt, ListedRelease, Listing, Origin, Outcome, ReleaseId, Standing,
};
use crate::text::amounts::{size, utc};
use crate::text::excerpt::{excerpt, one_line};
use serde_json::{json, Value};

/// Characters of a commit hash that are shown.
const COMMIT: usize = 12;
const NONE: &str = "-";
pub(super) const RELEASES: [&str; 8] = [
    "release", "state", "link", "age", "size", "commit", "who", "run",
];
pub(super) const ATTEMPTS: [&str; 7] = [
    "at",
    "outcome",
    "release",
    "live after it",
    "commit",
    "who",
    "run",
];

/// The lines of the table.
#[must_use]
pub fn listing(listing: &Listing, place: &Place) -> Vec<String> {
    let title = |what: &str| {
        format!(
            "{what} of {} on {}, newest first:",
            place.target,
            place.address()
        )
    };
    let mut lines = vec![title("releases")];
    lines.extend(table(RELEASES, listing.releases.iter().map(release)));
    lines.push(String::new());
    lines.push(title("attempts"));
    lines.extend(table(ATTEMPTS, listing.attempts.iter().map(attempt)));
    lines
}

/// The same as one JSON object. Ids are strings, times and ages are seconds, sizes are bytes; unknown values are null.
#[must_use]
pub fn listing_json(listing: &Listing) -> String {
    let releases: Vec<Value> = listing.releases.iter().map(release_json).collect();
    let attempts: Vec<Value> = listing.attempts.iter().map(attempt_json).collect();
    format!(
        "{:#}",
        json!({ "releases": releases, "attempts": attempts })
    )
}

/// The JSON of a run that has no listing to show: how it ended, and what was wrong.
#[must_use]
pub fn failure_json(outcome: Outcome, problems: &[String]) -> String {
    let problems: Vec<String> = problems.iter().map(one_line).collect();
    format!(
        "{:#}",
        json!({ "outcome": outcome.word(), "problems": problems })
    )
}

/// The same for a run that has ended.
#[must_use]
pub fn end_json(end: &End) -> String {
    let problem = texts::what_happened(end).unwrap_or_else(|| texts::title(end.outcome).to_owned());
    failure_json(end.outcome, &[problem])
}

/// A row of the releases.
pub(super) fn release(listed: &ListedRelease) -> [String; 8] {
    let link = match (listed.current, listed.previous) {
        (true, true) => "current, previous",
        (true, false) => "current",
        (false, true) => "previous",
        (false, false) => NONE,
    };
    let [commit, who, run] = origin(&listed.origin);
    [
        listed.release.to_string(),
        standing(listed.standing).to_owned(),
        link.to_owned(),
        age(listed.age),
        listed.size.map_or_else(none, size),
        commit,
        who,
        run,
    ]
}

/// A row of the attempts.
pub(super) fn attempt(attempted: &ListedAttempt) -> [String; 7] {
    let [commit, who, run] = origin(&attempted.origin);
    let id = |id: &Option<ReleaseId>| id.as_ref().map_or_else(none, ReleaseId::to_string);
    let (release, live) = (id(&attempted.release), id(&attempted.live));
    [
        utc(attempted.at),
        attempted.outcome.word().to_owned(),
        release,
        live,
        commit,
        who,
        run,
    ]
}

fn origin(origin: &Origin) -> [String; 3] {
    let text = |text: &Option<String>| {
        text.as_ref()
            .map(excerpt)
            .filter(|text| !text.is_empty())
            .unwrap_or_else(none)
    };
    let commit: String = text(&origin.commit).chars().take(COMMIT).collect();
    [
        commit + texts::changes(origin.changed),
        text(&origin.actor),
        text(&origin.run),
    ]
}

fn none() -> String {
    NONE.to_owned()
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Good => "good",
        Standing::Failed => "failed",
        Standing::OnTrial => "on trial",
        Standing::Complete => "complete",
        Standing::Incomplete => "incomplete",
        Standing::Unknown => "unknown",
    }
}

/// In the largest unit that fits.
fn age(seconds: u64) -> String {
    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..HOUR => format!("{} min", seconds / 60),
        HOUR..DAY => format!("{} h", seconds / HOUR),
        DAY.. => format!("{} d", seconds / DAY),
    }
}

/// Aligned columns, two spaces apart.
fn table<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> Vec<String> {
    let rows: Vec<[String; N]> = [head.map(str::to_owned)].into_iter().chain(rows).collect();
    if rows.len() == 1 {
        return vec!["  none".to_owned()];
    }
    let length = |text: &String| text.chars().count();
    let widths: [usize; N] =
        std::array::from_fn(|at| rows.iter().map(|row| length(&row[at])).max().unwrap_or(0));
    let line = |row: &[String; N]| {
        let cells = row
            .iter()
            .zip(widths)
            .map(|(text, width)| format!("  {text:width$}"));
        cells.collect::<String>().trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn release_json(listed: &ListedRelease) -> Value {
    let mut value = origin_json(&listed.origin);
    value["release"] = json!(listed.release.to_string());
    value["age"] = json!(listed.age);
    value["state"] = json!(standing(listed.standing));
    value["current"] = json!(listed.current);
    value["previous"] = json!(listed.previous);
    value["size"] = json!(listed.size);
    value
}

fn attempt_json(attempted: &ListedAttempt) -> Value {
    let id = |id: &Option<ReleaseId>| id.as_ref().map(ReleaseId::to_string);
    let mut value = origin_json(&attempted.origin);
    value["at"] = json!(attempted.at);
    value["outcome"] = json!(attempted.outcome.word());
    value["release"] = json!(id(&attempted.release));
    value["live"] = json!(id(&attempted.live));
    value
}

fn origin_json(origin: &Origin) -> Value {
    let text = |text: &Option<String>| text.as_ref().map(one_line);
    json!({
        "commit": text(&origin.commit),
        "changed": origin.changed,
        "reference": text(&origin.reference),
        "who": text(&origin.actor),
        "run": text(&origin.run),
        "tool": one_line(&origin.tool),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{ends, id, place, NEW, OLD};

    fn made_by(actor: &str) -> Origin {
        Origin {
            commit: Some("3f2a1bc0de0a3f5a7f1d8f3c0b3b1f0f1a2b3c4d".into()),
            reference: Some("refs/heads/main".into()),
            actor: Some(actor.into()),
            run: Some("https://github.com/diting/app/actions/runs/7".into()),
            tool: "0.1.0".into(),
            changed: false,
        }
    }

    fn listed(release: &str, age: u64, standing: Standing) -> ListedRelease {
        let (current, previous) = (release == NEW, release == OLD);
        let size = (standing != Standing::Unknown).then_some(1_234_567);
        ListedRelease {
            release: id(release),
            age,
            standing,
            current,
            previous,
            size,
            origin: made_by("alice"),
        }
    }

    fn attempted(outcome: Outcome, live: Option<&str>) -> ListedAttempt {
        let release = live.map(|_| id(NEW));
        ListedAttempt {
            at: 1_762_148_020,
            outcome,
            release,
            live: live.map(id),
            origin: made_by("bob"),
        }
    }

    fn sample() -> Listing {
        Listing {
            releases: vec![
                ListedRelease {
                    origin: Origin {
                        changed: true,
                        ..made_by("alice")
                    },
                    ..listed("1762150000", 12, Standing::Incomplete)
                },
                listed("1762149500", 20, Standing::OnTrial),
                listed("1762149200", 100, Standing::Complete),
                listed("1762149000", 125, Standing::Failed),
                listed(NEW, 7300, Standing::Good),
                ListedRelease {
                    origin: made_by("##[error]x\r\n::error::\u{1b}[2J"),
                    ..listed(OLD, 86_400, Standing::Good)
                },
                ListedRelease {
                    origin: Origin::default(),
                    ..listed("1700000000", 90 * 86_400, Standing::Unknown)
                },
            ],
            attempts: vec![
                attempted(Outcome::Restored, Some(NEW)),
                attempted(Outcome::RollbackFailed, Some(OLD)),
                ListedAttempt {
                    origin: Origin::default(),
                    ..attempted(Outcome::NotReady, None)
                },
            ],
        }
    }

    #[test]
    fn a_listing_is_an_aligned_table() {
        insta::assert_snapshot!(listing(&sample(), &place()).join("\n"), @r"
        releases of /opt/diting on deploy@web1.example, newest first:
          release     state       link      age    size    commit                who                    run
          1762150000  incomplete  -         12 s   1.2 MB  3f2a1bc0de0a+changes  alice                  https://github.com/diting/app/actions/runs/7
          1762149500  on trial    -         20 s   1.2 MB  3f2a1bc0de0a          alice                  https://github.com/diting/app/actions/runs/7
          1762149200  complete    -         1 min  1.2 MB  3f2a1bc0de0a          alice                  https://github.com/diting/app/actions/runs/7
          1762149000  failed      -         2 min  1.2 MB  3f2a1bc0de0a          alice                  https://github.com/diting/app/actions/runs/7
          1762147999  good        current   2 h    1.2 MB  3f2a1bc0de0a          alice                  https://github.com/diting/app/actions/runs/7
          1762147685  good        previous  1 d    1.2 MB  3f2a1bc0de0a          ##\[error]x ::error::  https://github.com/diting/app/actions/runs/7
          1700000000  unknown     -         90 d   -       -                     -                      -

        attempts of /opt/diting on deploy@web1.example, newest first:
          at                       outcome          release     live after it  commit        who  run
          2025-11-03 05:33:40 UTC  restored         1762147999  1762147999     3f2a1bc0de0a  bob  https://github.com/diting/app/actions/runs/7
          2025-11-03 05:33:40 UTC  rollback-failed  1762147999  1762147685     3f2a1bc0de0a  bob  https://github.com/diting/app/actions/runs/7
          2025-11-03 05:33:40 UTC  not-ready        -           -              -             -    -
        ");
        let empty = Listing {
            releases: Vec::new(),
            attempts: Vec::new(),
        };
        insta::assert_snapshot!(listing(&empty, &place()).join("\n"), @"
        releases of /opt/diting on deploy@web1.example, newest first:
          none

        attempts of /opt/diting on deploy@web1.example, newest first:
          none
        ");
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "the snapshot is long")]
    fn a_listing_is_json_for_programs() {
        let Listing { releases, attempts } = sample();
        let few = Listing {
            releases: releases[5..].to_vec(),
            attempts: attempts[1..].to_vec(),
        };
        insta::assert_snapshot!(listing_json(&few), @r###"
        {
          "attempts": [
            {
              "at": 1762148020,
              "changed": false,
              "commit": "3f2a1bc0de0a3f5a7f1d8f3c0b3b1f0f1a2b3c4d",
              "live": "1762147685",
              "outcome": "rollback-failed",
              "reference": "refs/heads/main",
              "release": "1762147999",
              "run": "https://github.com/diting/app/actions/runs/7",
              "tool": "0.1.0",
              "who": "bob"
            },
            {
              "at": 1762148020,
              "changed": false,
              "commit": null,
              "live": null,
              "outcome": "not-ready",
              "reference": null,
              "release": null,
              "run": null,
              "tool": "",
              "who": null
            }
          ],
          "releases": [
            {
              "age": 86400,
              "changed": false,
              "commit": "3f2a1bc0de0a3f5a7f1d8f3c0b3b1f0f1a2b3c4d",
              "current": false,
              "previous": true,
              "reference": "refs/heads/main",
              "release": "1762147685",
              "run": "https://github.com/diting/app/actions/runs/7",
              "size": 1234567,
              "state": "good",
              "tool": "0.1.0",
              "who": "##\\[error]x ::error::"
            },
            {
              "age": 7776000,
              "changed": false,
              "commit": null,
              "current": false,
              "previous": false,
              "reference": null,
              "release": "1700000000",
              "run": null,
              "size": null,
              "state": "unknown",
              "tool": "",
              "who": null
            }
          ]
        }
        "###);
    }

    #[test]
    fn no_text_of_the_server_is_a_command_or_leaves_its_line() {
        for evil in [
            "::error::x",
            "\n::error::x",
            "##[error]x",
            "a\r##[add-mask]b",
            "\u{1b}[2K::group::x\u{9b}",
        ] {
            let text = || Some(evil.to_owned());
            let origin = Origin {
                commit: text(),
                reference: text(),
                actor: text(),
                run: text(),
                tool: evil.into(),
                changed: true,
            };
            let evil = Listing {
                releases: vec![ListedRelease {
                    origin: origin.clone(),
                    ..listed(NEW, 1, Standing::Good)
                }],
                attempts: vec![ListedAttempt {
                    origin,
                    ..attempted(Outcome::Failed, None)
                }],
            };
            let lines = listing(&evil, &place());
            assert!(
                lines
                    .iter()
                    .all(|line| !line.contains(['\n', '\r', '\u{1b}'])),
                "{lines:#?}"
            );
            assert_eq!(crate::text::runner::commands(&lines.join("\n")), [""; 0]);
            assert_eq!(crate::text::runner::commands(&listing_json(&evil)), [""; 0]);
        }
    }

    #[test]
    fn a_failure_is_json_too_and_every_text_in_it_is_harmless() {
        insta::assert_snapshot!(failure_json(Outcome::Invalid, &["host: is required.".to_owned()]), @r#"
        {
          "outcome": "invalid",
          "problems": [
            "host: is required."
          ]
        }
        "#);
        for end in ends() {
            let text = end_json(&end);
            let value: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value["outcome"], end.outcome.word());
            assert!(!value["problems"][0].as_str().unwrap().is_empty(), "{text}");
            assert!(
                !text.contains('\u{1b}') && !text.contains("\\u001b"),
                "{text}"
            );
        }
    }
}
