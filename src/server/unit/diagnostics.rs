//! What the server looks like at the moment of failure, before anything is put back.

use super::http::{self, Exchange};
use super::log;
use super::systemd::Unit;
use crate::protocol::{Answer, Diagnostic, Ending, HealthUrl, ReleaseId, UnitName, Voice};
use crate::server::exec::process::command;
use crate::server::exec::process::{quick, CUT};
use crate::server::store::layout::Layout;
use crate::server::store::links::{self, Link};
use crate::server::store::pending::Pending;
use crate::server::store::records;
use std::process::Command;
use std::time::{Duration, Instant};

const LINES: usize = 50;
/// For one look, and for all of them: the old release is to come back soon.
const PATIENCE: Duration = Duration::from_secs(5);
const PATIENCE_IN_ALL: Duration = Duration::from_secs(15);
/// Of one look, in bytes.
const MOST: usize = 32 << 10;
/// Releases that are told, the newest.
const RELEASES: usize = 20;

/// Looks at what may explain the failure, the most telling first.
pub(in crate::server) fn look(layout: &Layout, pending: &Pending) -> Vec<Diagnostic> {
    let mut looks = Looks {
        until: Instant::now() + PATIENCE_IN_ALL,
        found: Vec::new(),
    };
    if let Some(service) = pending.service.as_ref().map(UnitName::as_str) {
        looks.log(service);
        let title = format!("systemctl status {service}");
        looks.show(
            &title,
            command("systemctl").args(["status", "--no-pager", "-n0", "--", service]),
            Voice::System,
        );
    }
    if let Some(health) = &pending.verification.health {
        looks.health(&health.url);
    }
    looks.add(
        "releases, newest first",
        Voice::System,
        releases(layout).into_bytes(),
    );
    looks.show(
        "df -h",
        command("df").arg("-h").arg(layout.target()),
        Voice::System,
    );
    looks.show("uname -a", command("uname").arg("-a"), Voice::System);
    looks.found
}

struct Looks {
    until: Instant,
    found: Vec<Diagnostic>,
}

impl Looks {
    /// The log of the failed start: the journal of this invocation, else what the one literal sudo line shows that a
    /// server's set-up may allow. Never an earlier invocation's.
    fn log(&mut self, service: &str) {
        let invocation = Unit::show(service)
            .map(|unit| unit.invocation().to_owned())
            .unwrap_or_default();
        let start = log::Start {
            service,
            invocation: &invocation,
            since: None,
            ended: None,
        };
        let title = format!("log of {service}, this start");
        let journal = !invocation.is_empty();
        let told =
            journal && self.show(&title, &mut log::journal(&start, LINES), Voice::Application);
        if !told {
            let title = format!("sudo systemctl status {service}");
            self.show(&title, &mut log::status(service), Voice::Application);
        }
    }

    /// Whether there was something to show.
    fn show(&mut self, title: &str, look: &mut Command, voice: Voice) -> bool {
        let Ok((ending, text)) = quick(look.env("LC_ALL", "C.UTF-8"), self.patience()) else {
            return false;
        };
        // systemctl status ends with 3 where the unit is not running, which is what it is asked for
        let useful = matches!(ending, Ending::Exit(0 | 3)) && !text.is_empty();
        if useful {
            self.add(title, voice, text);
        }
        useful
    }

    /// Asked once more, for the whole answer. Without the query, which may hold a secret.
    fn health(&mut self, url: &HealthUrl) {
        let path = url.path.split('?').next().unwrap_or_default();
        let answer = match http::get(url, self.patience()) {
            Ok(exchange) => whole(&exchange),
            Err(Answer::Refused) => b"the connection is refused: nobody listens there".to_vec(),
            Err(Answer::TimedOut { during }) => {
                format!("no answer in time (waited for {during})").into_bytes()
            }
            Err(Answer::Broken(how)) => how.into_bytes(),
            Err(Answer::Healthy { .. } | Answer::Status { .. } | Answer::Mismatch { .. }) => return,
        };
        self.add(
            &format!("health answer of {}:{}{path}", url.host, url.port),
            Voice::Application,
            answer,
        );
    }

    fn add(&mut self, title: &str, voice: Voice, text: Vec<u8>) {
        if !text.is_empty() {
            self.found.push(Diagnostic {
                title: title.to_owned(),
                voice,
                text: end_of(text),
            });
        }
    }

    fn patience(&self) -> Duration {
        self.until
            .saturating_duration_since(Instant::now())
            .min(PATIENCE)
    }
}

/// The end of a text; where it is cut says so.
fn end_of(mut text: Vec<u8>) -> Vec<u8> {
    if text.len() > MOST {
        text.splice(..text.len() - MOST + CUT.len(), CUT.bytes());
    }
    text
}

fn whole(
    Exchange {
        status,
        location,
        body,
    }: &Exchange,
) -> Vec<u8> {
    let location = location
        .as_ref()
        .map(|to| format!("Location: {to}\n"))
        .unwrap_or_default();
    let mut text = format!("status {status}\n{location}\n").into_bytes();
    text.extend(&body[..body.len().min(MOST / 2)]);
    if body.len() > MOST / 2 {
        text.extend(CUT.bytes());
    }
    text
}

fn releases(layout: &Layout) -> String {
    let (current, previous) = (
        links::live(layout),
        Link::read(layout, &layout.previous()).release(),
    );
    let line = |id: ReleaseId| {
        let record = records::get(layout, id);
        let state = record.as_ref().map_or("without a record".to_owned(), |it| {
            format!("{:?}", it.state).to_lowercase()
        });
        let commit = record
            .and_then(|it| it.origin.commit)
            .map(|commit| format!("  {commit}"))
            .unwrap_or_default();
        let link = [(current, "  current"), (previous, "  previous")].map(|(to, name)| {
            if to == Some(id) {
                name
            } else {
                ""
            }
        });
        format!("{id}  {state}{commit}{}\n", link.concat())
    };
    records::present(layout)
        .into_iter()
        .rev()
        .take(RELEASES)
        .map(line)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_text_the_end_is_kept_and_the_cut_is_marked() {
        let text = end_of([b"secret".repeat(MOST), b"end".to_vec()].concat());
        assert_eq!(text.len(), MOST);
        assert!(text.starts_with(CUT.as_bytes()) && text.ends_with(b"end"));
        assert_eq!(end_of(b"short".to_vec()), b"short");
    }

    #[test]
    fn an_answer_is_told_with_where_it_leads_and_what_it_says() {
        let exchange = Exchange {
            status: 302,
            location: Some("/login".into()),
            body: b"moved".to_vec(),
        };
        assert_eq!(whole(&exchange), b"status 302\nLocation: /login\n\nmoved");
        let exchange = Exchange {
            status: 500,
            location: None,
            body: vec![b'x'; MOST],
        };
        let text = whole(&exchange);
        assert!(
            text.starts_with(b"status 500\n\nxxx")
                && text.ends_with("x…".as_bytes())
                && text.len() < MOST
        );
    }
}
