//! What is on a server, as a page.

use super::words::{age, live, said, standing};
use crate::protocol::{ListedAttempt, ListedRelease, Listing, Origin, ReleaseId};
use crate::report::commits::Commits;
use crate::report::markdown::{self, cell, code, foreign, link, Document};
use crate::report::{count, size, utc, Job, Place};
use crate::text::excerpt::shorten;
use crate::text::Redactor;

/// Releases that are not folded.
const SHOWN: usize = 20;
/// The most bytes of a table: a part of a page may not be longer than 64 KiB.
const MOST_OF_TABLE: usize = 63 << 10;
/// The most characters of a name. A longer one would make its column wider than a phone.
const NAME: usize = 40;

/// The page of a run that listed what is there.
pub(in crate::report) fn whole(
    listing: &Listing,
    place: &Place,
    job: &Job,
    page: &mut Document<'_>,
) {
    let redactor = page.redactor;
    let cells = Cells { job, redactor };
    page.add(&cells.heading(listing, place));
    cells.releases(listing, page);
    let attempts = &listing.attempts;
    if !attempts.is_empty() {
        let rows = attempts.iter().map(|it| cells.attempt(it));
        let title = format!("{}, newest first", count(attempts.len() as u64, "attempt"));
        page.fold(&title, &[table(["when", "outcome", "by"], rows)]);
    }
}

/// What there is, for a rollback command which named no rollback target.
pub(in crate::report) fn on_the_server(listing: &Listing, job: &Job, page: &mut Document<'_>) {
    let redactor = page.redactor;
    page.add("### Releases on the server\n\nYou can roll back to one that is good.");
    Cells { job, redactor }.releases(listing, page);
}

/// What stands on the page.
struct Cells<'a> {
    job: &'a Job,
    redactor: &'a Redactor,
}

impl Cells<'_> {
    fn heading(&self, listing: &Listing, place: &Place) -> String {
        let subject = foreign(&place.subject(), self.redactor);
        let by_id = |id: &ReleaseId| match listing.releases.iter().find(|it| it.release == *id) {
            Some(listed) => self.name(listed),
            None => self.id(id),
        };
        let live = match (&listing.live, live(listing)) {
            (Some(id), listed) => {
                let commit = listed.and_then(|it| self.commit(&it.origin));
                format!("{} is live", commit.unwrap_or_else(|| self.id(id)))
            }
            (None, _) => "no release is live".to_owned(),
        };
        let all = listing.more.saturating_add(listing.releases.len() as u64);
        let all = cell(&count(all, "release"), self.redactor);
        let target = listing.rollback_target.as_ref();
        let target = target.map_or("there is no release to roll back to".to_owned(), |id| {
            format!("`command: rollback` rolls back to {}", by_id(id))
        });
        format!("## ✅ {subject}: {live}\n\n{all}; {target}.")
    }

    /// A table of the newest, and the others folded.
    fn releases(&self, listing: &Listing, page: &mut Document<'_>) {
        let head = ["release", "state", "by"];
        let (newest, older) = listing.releases.split_at(listing.releases.len().min(SHOWN));
        match newest.is_empty() {
            true => page.add("None."),
            false => page.add(&table(head, newest.iter().map(|it| self.release(it)))),
        }
        let all = count(older.len() as u64, "older release");
        if !older.is_empty() {
            let rows = older.iter().map(|it| self.release(it));
            page.fold(&all, &[table(head, rows)]);
        }
        if listing.more > 0 {
            let more = cell(&count(listing.more, "older release"), self.redactor);
            page.add(&format!("{more} more: see `command: releases`."));
        }
    }

    fn release(&self, listed: &ListedRelease) -> [String; 3] {
        let marks = [
            (listed.current, "**live**"),
            (listed.previous, "**previous**"),
        ];
        let marks = marks.iter().filter(|(is_so, _)| *is_so);
        let mut state = vec![standing(listed.standing).to_owned()];
        state.extend(marks.map(|(_, word)| (*word).to_owned()));
        let amounts = [age(listed.age)].into_iter().chain(listed.size.map(size));
        state.extend(amounts.map(|amount| cell(&amount, self.redactor)));
        [self.name(listed), state.join(", "), self.by(&listed.origin)]
    }

    fn attempt(&self, attempted: &ListedAttempt) -> [String; 3] {
        let at = utc(attempted.at);
        let commit = self.commit(&attempted.origin);
        let release = attempted.release.as_ref().map(|id| self.id(id));
        let live = attempted
            .live
            .as_ref()
            .filter(|id| Some(*id) != attempted.release.as_ref());
        let live = live.map(|id| format!("live afterwards: {}", self.id(id)));
        let what: Vec<String> = release.into_iter().chain(commit).collect();
        let word = format!("{} {}", attempted.outcome.word(), what.join(" "));
        let outcome: Vec<String> = [word.trim_end().to_owned()]
            .into_iter()
            .chain(live)
            .collect();
        [
            format!("{} UTC", at.get(..16).unwrap_or(&at)),
            outcome.join(", "),
            self.by(&attempted.origin),
        ]
    }

    /// A release and what it was made from.
    fn name(&self, listed: &ListedRelease) -> String {
        let commit = self.commit(&listed.origin);
        let parts: Vec<String> = [self.id(&listed.release)]
            .into_iter()
            .chain(commit)
            .collect();
        parts.join(" ")
    }

    fn id(&self, id: &ReleaseId) -> String {
        self.commits().id(id)
    }

    fn commits(&self) -> Commits<'_> {
        let (job, redactor) = (self.job, self.redactor);
        Commits { job, redactor }
    }

    fn commit(&self, origin: &Origin) -> Option<String> {
        let commit = said(origin.commit.as_ref(), self.redactor)?;
        Some(self.commits().short(&commit, origin.changed))
    }

    /// Who, and by which run. A link of the server's record is one only if it leads to a run of this repository.
    fn by(&self, origin: &Origin) -> String {
        let text = |text: &Option<String>| said(text.as_ref(), self.redactor);
        let short = |text: String| cell(&shorten(&text, NAME), self.redactor);
        let who = text(&origin.actor).map(short);
        let run = text(&origin.run).map(|run| match self.job.is_run(&run) {
            true => link("run", Some(&run)),
            false => code(&shorten(&run, NAME), self.redactor).replace('|', "¦"),
        });
        who.into_iter().chain(run).collect::<Vec<_>>().join(", ")
    }
}

/// As many rows as a page can have, and a note if there are more.
fn table(head: [&str; 3], rows: impl Iterator<Item = [String; 3]>) -> String {
    let mut room = MOST_OF_TABLE;
    let rows: Vec<[String; 3]> = rows.collect();
    let fits = |row: &&[String; 3]| {
        let length = row.iter().map(|cell| cell.len() + 3).sum::<usize>() + 2;
        room = room.saturating_sub(length);
        room > 0
    };
    let kept: Vec<[String; 3]> = rows.iter().take_while(fits).cloned().collect();
    let left_out = rows.len() - kept.len();
    let table = markdown::table(head, kept);
    match left_out {
        0 => table,
        _ => format!("{table}\n{} left out\n", count(left_out as u64, "row")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Standing;
    use crate::report::listing::tests::sample;
    use crate::report::listing_summary;
    use crate::report::tests::{id, place, NEW};

    const HOME: &str = "https://github.com";

    fn job() -> Job {
        let commit = "9c1d77e0a1b2c3d4e5f60718293a4b5c6d7e8f90";
        Job {
            run: Some(format!("{HOME}/diting/app/actions/runs/9/attempts/1")),
            commit: Some(commit.into()),
            commit_link: Some(format!("{HOME}/diting/app/commit/{commit}")),
            repository: Some("diting/app".into()),
            actor: Some("alice".into()),
        }
    }

    fn page(listing: &Listing) -> String {
        listing_summary(listing, &place(), &job(), &Redactor::default())
    }

    #[test]
    fn the_page_marks_what_is_live_and_links_commits_and_runs() {
        insta::assert_snapshot!(page(&sample()), @r"
        ## ✅ diting on web1.example: [`3f2a1bc`](https://github.com/diting/app/commit/3f2a1bc0de0a3f5a7f1d8f3c0b3b1f0f1a2b3c4d) is live

        7 releases; `command: rollback` rolls back to `1762147685` [`3f2a1bc`](https://github.com/diting/app/commit/3f2a1bc0de0a3f5a7f1d8f3c0b3b1f0f1a2b3c4d).

        | release | state | by |
        | --- | --- | --- |
        | `1762150000` [`3f2a1bc+changes`](https://github.com/diting/app/commit/3f2a1bc0de0a3f5a7f1d8f3c0b3b1f0f1a2b3c4d) | incomplete, 12 s, 1.2 MB | alice, [run](https://github.com/diting/app/actions/runs/7) |
        | `1762149500` [`3f2a1bc`](https://github.com/diting/app/commit/3f2a1bc0de0a3f5a7f1d8f3c0b3b1f0f1a2b3c4d) | on trial, 20 s, 1.2 MB | alice, [run](https://github.com/diting/app/actions/runs/7) |
        | `1762149200` [`3f2a1bc`](https://github.com/diting/app/commit/3f2a1bc0de0a3f5a7f1d8f3c0b3b1f0f1a2b3c4d) | complete, 1 min, 1.2 MB | alice, [run](https://github.com/diting/app/actions/runs/7) |
        | `1762149000` [`3f2a1bc`](https://github.com/diting/app/commit/3f2a1bc0de0a3f5a7f1d8f3c0b3b1f0f1a2b3c4d) | failed, 2 min, 1.2 MB | alice, [run](https://github.com/diting/app/actions/runs/7) |
        | `1762147999` [`3f2a1bc`](https://github.com/diting/app/commit/3f2a1bc0de0a3f5a7f1d8f3c0b3b1f0f1a2b3c4d) | good, **live**, 2 h, 1.2 MB | alice, [run](https://github.com/diting/app/actions/runs/7) |
        | `1762147685` [`3f2a1bc`](https://github.com/diting/app/commit/3f2a1bc0de0a3f5a7f1d8f3c0b3b1f0f1a2b3c4d) | good, **previous**, 1 d, 1.2 MB | `##\[error]x ::error`::, [run](https://github.com/diting/app/actions/runs/7) |
        | `1700000000` | unknown, 90 d |  |

        <details><summary>3 attempts, newest first</summary>

        | when | outcome | by |
        | --- | --- | --- |
        | 2025-11-03 05:33 UTC | restored `1762147999` [`3f2a1bc`](https://github.com/diting/app/commit/3f2a1bc0de0a3f5a7f1d8f3c0b3b1f0f1a2b3c4d) | bob, [run](https://github.com/diting/app/actions/runs/7) |
        | 2025-11-03 05:33 UTC | rollback-failed `1762147999` [`3f2a1bc`](https://github.com/diting/app/commit/3f2a1bc0de0a3f5a7f1d8f3c0b3b1f0f1a2b3c4d), live afterwards: `1762147685` | bob, [run](https://github.com/diting/app/actions/runs/7) |
        | 2025-11-03 05:33 UTC | not-ready |  |

        </details>
        ");
        let nothing = Listing {
            live: None,
            rollback_target: None,
            releases: Vec::new(),
            more: 0,
            attempts: Vec::new(),
        };
        insta::assert_snapshot!(page(&nothing), @"
        ## ✅ diting on web1.example: no release is live

        0 releases; there is no release to roll back to.

        None.
        ");
    }

    #[test]
    fn a_run_is_linked_only_in_the_repository_of_the_job() {
        let links = |run: &str, job: &Job| {
            let mut listing = sample();
            listing.attempts.clear();
            listing.releases.truncate(1);
            listing.releases[0].origin.run = Some(run.into());
            let page = listing_summary(&listing, &place(), job, &Redactor::default());
            page.contains(&format!("[run]({run})"))
        };
        for run in [
            "diting/app/actions/runs/7",
            "diting/app/actions/runs/7/attempts/2",
        ] {
            assert!(links(&format!("{HOME}/{run}"), &job()), "{run}");
        }
        for run in [
            "https://github.com/o/r/actions/runs/7",
            "https://evil.example/diting/app/actions/runs/7",
            "https://github.com.evil.example/diting/app/actions/runs/7",
            "https://github.com@evil.example/diting/app/actions/runs/7",
            "http://github.com/diting/app/actions/runs/7",
            "https://github.com/diting/app/actions/runs/7/../../../../evil",
            "https://github.com/diting/app/actions/runs/x",
            "https://github.com/diting/app/releases/7",
            "https://github.com/diting/app/actions/runs/7?x=y",
            "javascript:alert(1)",
            "",
        ] {
            assert!(!links(run, &job()), "{run}");
        }
        let by_hand = Job::default();
        assert!(!links(
            &format!("{HOME}/diting/app/actions/runs/7"),
            &by_hand
        ));
    }

    #[test]
    fn a_table_has_three_columns_and_a_long_list_is_folded_and_fits() {
        let mut listing = sample();
        let long = "long ".repeat(2000);
        listing.releases = (0..500)
            .map(|number| {
                let mut it = sample().releases.remove(4);
                it.release = id(&(1_700_000_000 - number).to_string());
                it.current = it.release.to_string() == NEW;
                it.standing = Standing::Good;
                it.origin.actor = Some(long.clone());
                it
            })
            .collect();
        listing.more = 500;
        listing.attempts = vec![listing.attempts[0].clone(); 20];
        let page = page(&listing);
        assert!(page.len() < 200_000 && !page.contains("the rest is omitted"));
        let rows = page.lines().filter(|line| line.starts_with('|'));
        assert!(
            rows.clone().all(|row| row.matches('|').count() == 4),
            "{page}"
        );
        let shown = page.split("<details>").next().unwrap();
        assert_eq!(
            shown.lines().filter(|line| line.starts_with("| `")).count(),
            SHOWN
        );
        assert!(
            page.contains("<summary>480 older releases</summary>"),
            "{page}"
        );
        assert!(page.contains("500 older releases more"), "{page}");
        assert!(page.contains("<summary>20 attempts, newest first</summary>"));
    }
}
