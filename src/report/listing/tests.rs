use super::*;
use crate::protocol::{
    ListedAttempt, ListedRelease, Listing, Origin, Outcome, RunError, RunEvent, Standing,
};
use crate::report::tests::{by_error, ends, id, place, run_errors, NEW, OLD};
use crate::report::{summary, Job, Log, Page};
use crate::text::runner::commands;
use crate::text::Redactor;
use serde_json::Value;
use std::time::Duration;

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

fn release(name: &str, age: u64, standing: Standing) -> ListedRelease {
    let (current, previous) = (name == NEW, name == OLD);
    let size = (standing != Standing::Unknown).then_some(1_234_567);
    ListedRelease {
        release: id(name),
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

/// One release of every kind. `NEW` is live, `OLD` was before.
pub(in crate::report) fn sample() -> Listing {
    Listing {
        live: Some(id(NEW)),
        rollback_target: Some(id(OLD)),
        more: 0,
        releases: vec![
            ListedRelease {
                origin: Origin {
                    changed: true,
                    ..made_by("alice")
                },
                ..release("1762150000", 12, Standing::Incomplete)
            },
            release("1762149500", 20, Standing::OnTrial),
            release("1762149200", 100, Standing::Complete),
            release("1762149000", 125, Standing::Failed),
            release(NEW, 7300, Standing::Good),
            ListedRelease {
                origin: made_by("##[error]x\r\n::error::\u{1b}[2J"),
                ..release(OLD, 86_400, Standing::Good)
            },
            ListedRelease {
                origin: Origin::default(),
                ..release("1700000000", 90 * 86_400, Standing::Unknown)
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
    insta::assert_snapshot!(listing(&sample(), &place(), &Redactor::default()).join("\n"), @r"
    releases of diting on web1.example, newest first:
      release     state           age    size    commit           who                    run
      1762150000  incomplete      12 s   1.2 MB  3f2a1bc+changes  alice                  7
      1762149500  on trial        20 s   1.2 MB  3f2a1bc          alice                  7
      1762149200  complete        1 min  1.2 MB  3f2a1bc          alice                  7
      1762149000  failed          2 min  1.2 MB  3f2a1bc          alice                  7
      1762147999  good, live      2 h    1.2 MB  3f2a1bc          alice                  7
      1762147685  good, previous  1 d    1.2 MB  3f2a1bc          ##\[error]x ::error::  7
      1700000000  unknown         90 d   -       -                -                      -

    attempts on diting on web1.example, newest first:
      at (UTC)          outcome          release     live after  commit   who       run
      2025-11-03 05:33  restored         1762147999  1762147999  3f2a1bc  bob       7
      2025-11-03 05:33  rollback-failed  1762147999  1762147685  3f2a1bc  bob       7
      2025-11-03 05:33  not-ready        -           -           -        -         -
    ");
    let empty = Listing {
        live: None,
        rollback_target: None,
        more: 0,
        releases: Vec::new(),
        attempts: Vec::new(),
    };
    insta::assert_snapshot!(listing(&empty, &place(), &Redactor::default()).join("\n"), @"
    releases of diting on web1.example, newest first:
      none

    attempts on diting on web1.example, newest first:
      none
    ");
}

#[test]
#[expect(clippy::too_many_lines, reason = "the snapshot is long")]
fn a_listing_is_json_for_programs() {
    let mut few = sample();
    few.releases.drain(..5);
    few.attempts.remove(0);
    insta::assert_snapshot!(listing_json(&few, &Redactor::default()), @r###"
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
      "live": "1762147999",
      "more": 0,
      "outcome": "done",
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
      ],
      "rollback_target": "1762147685"
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
                ..release(NEW, 1, Standing::Good)
            }],
            attempts: vec![ListedAttempt {
                origin,
                ..attempted(Outcome::Failed, None)
            }],
            ..sample()
        };
        let lines = listing(&evil, &place(), &Redactor::default());
        assert!(
            lines
                .iter()
                .all(|line| !line.contains(['\n', '\r', '\u{1b}'])),
            "{lines:#?}"
        );
        assert_eq!(commands(&lines.join("\n")), [""; 0]);
        assert_eq!(
            commands(&listing_json(&evil, &Redactor::default())),
            [""; 0]
        );
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
        let text = end_json(&end, &Redactor::default());
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["outcome"], end.outcome.word());
        assert!(!value["problems"][0].as_str().unwrap().is_empty(), "{text}");
        assert!(
            !text.contains('\u{1b}') && !text.contains("\\u001b"),
            "{text}"
        );
    }
}

/// As many releases as a message can hold, with texts as long as a hostile server may send them.
fn endless(text: &str) -> Listing {
    let origin = Origin {
        commit: Some(text.into()),
        reference: Some(text.into()),
        actor: Some(text.into()),
        run: Some(text.into()),
        tool: text.into(),
        changed: true,
    };
    let one = |number: u64| ListedRelease {
        origin: origin.clone(),
        ..release(
            &format!("{}", 1_762_140_000 - number),
            number,
            Standing::Good,
        )
    };
    let attempts = |_| ListedAttempt {
        origin: origin.clone(),
        ..attempted(Outcome::Failed, Some(NEW))
    };
    Listing {
        live: Some(id("1762139002")),
        rollback_target: Some(id("1762139001")),
        more: 7,
        releases: (0..1000).map(one).collect(),
        attempts: (0..1000).map(attempts).collect(),
    }
}

#[test]
fn the_output_is_json_that_fits_whatever_the_server_sends() {
    let texts = [
        "a",
        &"é\"\\".repeat(99),
        &"x ".repeat(90),
        "\u{202e}\u{1b}[2J",
    ];
    for text in texts {
        let all = endless(text);
        let outputs = listing_outputs(&all, Duration::from_secs(1), &Redactor::default());
        let of = |name: &str| &outputs.iter().find(|(it, _)| *it == name).unwrap().1;
        let releases = of("releases");
        assert!(
            releases.len() <= 100_000 && !releases.contains('\n'),
            "{}",
            releases.len()
        );
        let value: Value = serde_json::from_str(releases).unwrap();
        let listed = value["releases"].as_array().unwrap();
        let has = |id: &str| listed.iter().any(|it| it["release"] == id);
        assert!(has("1762139002") && has("1762139001"), "{releases}");
        assert_eq!(value["more"], 1007 - listed.len());
        assert_eq!(
            (of("live-release").as_str(), of("previous-release").as_str()),
            ("1762139002", "1762139001")
        );
        assert_eq!(of("outcome"), "done");
    }
    let few = listing_outputs(&sample(), Duration::from_secs(1), &Redactor::default());
    let (_, whole) = few.iter().find(|(name, _)| *name == "releases").unwrap();
    let printed = listing_json(&sample(), &Redactor::default());
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(parsed(whole), parsed(&printed));
}

#[test]
fn json_stays_json_whatever_is_secret() {
    // digits of a size and of a time, a quotation mark, a part of the syntax, and words of the keys
    let secrets = [
        "234567",
        "1762148020",
        "a\"b",
        "\":",
        "release",
        "true",
        "null",
    ];
    let redactor = Redactor::new(secrets);
    let mut listing = sample();
    listing.releases[0].origin.actor = Some("a\"b \": x".into());
    let text = listing_json(&listing, &redactor);
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["releases"][0]["who"], "*** *** x", "{text}");
    assert_eq!(value["releases"][0]["size"], 1_234_567);
    for end in ends() {
        let text = end_json(&end, &redactor);
        assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
    }
    let long = format!("{}hunter2hunter2", "x".repeat(195));
    listing.releases[0].origin.actor = Some(long);
    let redactor = Redactor::new(["hunter2hunter2"]);
    let all = [
        listing_json(&listing, &redactor),
        super::listing(&listing, &place(), &redactor).join("\n"),
        brief(&listing, &redactor).join("\n"),
    ];
    assert!(all.iter().all(|text| !text.contains("hunt")), "{all:#?}");
}

#[test]
fn no_line_of_a_usual_listing_is_wider_than_100_columns() {
    let mut listing = sample();
    for it in &mut listing.releases {
        it.size = Some(999_900_000);
        it.age = 9999 * 86_400;
        it.origin = Origin {
            changed: true,
            run: Some("https://github.example/a/b/actions/runs/12345678901/attempts/2".into()),
            ..made_by("a-login-of-thirty-nine-characters-at-mos")
        };
    }
    for it in &mut listing.attempts {
        it.outcome = Outcome::RollbackFailed;
        it.release = Some(id(NEW));
        it.live = Some(id(OLD));
        it.origin = listing.releases[0].origin.clone();
    }
    let redactor = Redactor::default();
    let mut lines = super::listing(&listing, &place(), &redactor);
    lines.extend(brief(&listing, &redactor));
    let widest = lines.iter().map(|line| line.chars().count()).max();
    assert_eq!(widest, Some(100), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("a-lo")), "{lines:#?}");
}

#[test]
fn the_last_line_says_which_release_is_live() {
    let line = |listing: &Listing| {
        let took = Duration::from_millis(900);
        super::listed(listing, &place(), took, &Redactor::default())
    };
    let unlisted = Listing {
        live: Some(id("1600000000")),
        ..sample()
    };
    let nothing = Listing {
        live: None,
        releases: Vec::new(),
        ..sample()
    };
    let all = [line(&sample()), line(&unlisted), line(&nothing)];
    insta::assert_snapshot!(all.join("\n"), @"
    done: diting on web1.example: 1762147999 (3f2a1bc) is live; 7 releases; 0.9 s
    done: diting on web1.example: 1600000000 is live; 7 releases; 0.9 s
    done: diting on web1.example: no release is live; 0 releases; 0.9 s
    ");
}

#[test]
fn what_a_rollback_can_lead_to_is_listed_in_brief() {
    let redactor = Redactor::default();
    let mut listing = sample();
    listing.more = 480;
    let mut lines = brief(&listing, &redactor);
    lines.extend(targets(&listing, &redactor));
    insta::assert_snapshot!(lines.join("\n"), @r"
    releases on the server, newest first; you can roll back to one that is good:
      release     state           age    commit           who
      1762150000  incomplete      12 s   3f2a1bc+changes  alice
      1762149500  on trial        20 s   3f2a1bc          alice
      1762149200  complete        1 min  3f2a1bc          alice
      1762149000  failed          2 min  3f2a1bc          alice
      1762147999  good, live      2 h    3f2a1bc          alice
      1762147685  good, previous  1 d    3f2a1bc          ##\[error]x ::error::
      1700000000  unknown         90 d   -                -
      … 480 older releases
    rollback targets: 1762147685 (3f2a1bc), 1 d old
    ");
    listing.releases.retain(|it| it.release != id(OLD));
    assert_eq!(targets(&listing, &redactor), None);
    for number in 0..9 {
        let name = (1_600_000_000 + number).to_string();
        listing
            .releases
            .push(release(&name, number * 86_400, Standing::Good));
    }
    insta::assert_snapshot!(targets(&listing, &redactor).unwrap(), @"rollback targets: 1600000000 (3f2a1bc), 0 s old; 1600000001 (3f2a1bc), 1 d old; 1600000002 (3f2a1bc), 2 d old; 1600000003 (3f2a1bc), 3 d old; 1600000004 (3f2a1bc), 4 d old");
}

/// The log and the page of a listing that ended so.
fn not_listed(outcome: Outcome, error: RunError) -> (String, String) {
    let end = by_error(outcome, Some(error));
    let mut log = Log::new(Page::Actions).at(place());
    let lines = log.on(&RunEvent::Ended(Box::new(end)));
    let job = Job {
        run: Some("https://github.com/diting/app/actions/runs/7".into()),
        commit: Some("9c1d77e0a1b2c3d4e5f60718293a4b5c6d7e8f90".into()),
        actor: Some("alice".into()),
        ..Job::default()
    };
    let page = summary(log.report(), &job, &Redactor::default());
    (lines.join("\n"), page)
}

#[test]
fn a_listing_that_failed_is_told_as_a_listing() {
    let unreachable = run_errors().pop().unwrap();
    let cancelled = RunError::Cancelled { finished_by: None };
    let lost = RunError::ConnectionLost { finished_by: None };
    for (outcome, error, title) in [
        (Outcome::Unreachable, unreachable, "server unreachable"),
        (Outcome::Cancelled, cancelled, "releases not read"),
        (Outcome::Failed, lost, "releases not read"),
    ] {
        let (log, page) = not_listed(outcome, error);
        let title = format!("::error title=diting on web1.example%3A {title}::");
        assert!(log.contains(&title), "{log}");
        let heading = page.lines().next().unwrap();
        assert!(heading.contains(" diting on web1.example: "), "{heading}");
        assert!(
            page.contains("**The list of releases was not read"),
            "{page}"
        );
        for of_a_deployment in ["9c1d77e", "alice", "go live", "failed |"] {
            assert!(!page.contains(of_a_deployment), "{page}");
        }
    }
}
