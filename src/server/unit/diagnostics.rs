//! Collects what may explain a failure, before the rollback changes it.

use super::http::{self, HttpResponse};
use super::log;
use super::systemd::Unit;
use crate::protocol::{Diagnostic, DiagnosticOrigin, Ending, Health, ReleaseId, UnitName};
use crate::server::exec::process::{command, quick, CUT};
use crate::server::store::layout::Layout;
use crate::server::store::links;
use crate::server::store::pending::Pending;
use crate::server::store::records;
use std::process::Command;
use std::time::{Duration, Instant};

/// Lines of the log.
const LINES: usize = 50;
/// For one command, and for all of them: the rollback must not wait long.
const TIMEOUT: Duration = Duration::from_secs(5);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(15);
/// The longest text, in bytes.
const MAX_TEXT: usize = 32 << 10;
/// Releases that are listed, newest first.
const RELEASES: usize = 20;

/// Collects diagnostics, the most helpful first.
pub(in crate::server) fn collect(layout: &Layout, pending: &Pending) -> Vec<Diagnostic> {
    let mut collector = Collector {
        until: Instant::now() + TOTAL_TIMEOUT,
        found: Vec::new(),
    };
    if let Some(service) = pending.service.as_ref().map(UnitName::as_str) {
        collector.log(service);
        let title = format!("systemctl status {service}");
        collector.show(
            &title,
            command("systemctl").args(["status", "--no-pager", "-n0", "--", service]),
            DiagnosticOrigin::System,
        );
    }
    if let Some(health) = &pending.verification.health {
        collector.health(health);
    }
    collector.add(
        "releases, newest first",
        DiagnosticOrigin::System,
        releases(layout).into_bytes(),
    );
    collector.show(
        "df -h",
        command("df").arg("-h").arg(layout.target()),
        DiagnosticOrigin::System,
    );
    collector.show(
        "uname -a",
        command("uname").arg("-a"),
        DiagnosticOrigin::System,
    );
    collector.found
}

struct Collector {
    until: Instant,
    found: Vec<Diagnostic>,
}

impl Collector {
    /// Adds the log of the failed start: the journal of this invocation, else `sudo systemctl status`. Never the log of an
    /// earlier invocation.
    fn log(&mut self, service: &str) {
        let id = Unit::show(service)
            .map(|unit| unit.invocation().to_owned())
            .unwrap_or_default();
        let invocation = log::Invocation {
            service,
            id: &id,
            since: None,
            previous: None,
        };
        let title = format!("log of {service}, this start");
        let journal = !id.is_empty();
        let shown = journal
            && self.show(
                &title,
                &mut log::journal(&invocation, LINES),
                DiagnosticOrigin::Log,
            );
        if !shown {
            let title = format!("sudo systemctl status {service}");
            self.show(&title, &mut log::status(service), DiagnosticOrigin::Log);
        }
    }

    /// Adds the output of a command. Returns whether there was any.
    fn show(&mut self, title: &str, command: &mut Command, origin: DiagnosticOrigin) -> bool {
        let Ok((ending, text)) = quick(command.env("LC_ALL", "C.UTF-8"), self.timeout()) else {
            return false;
        };
        // systemctl status exits with 3 if the unit is not running
        let useful = matches!(ending, Ending::Exit(0 | 3)) && !text.is_empty();
        if useful {
            self.add(title, origin, text);
        }
        useful
    }

    /// Sends one more health request and adds the whole response. The title leaves out the query, which may hold a secret.
    fn health(&mut self, health: &Health) {
        let url = &health.url;
        let path = url.path.split('?').next().unwrap_or_default();
        let answer = match http::get(health, self.timeout()) {
            Ok(response) => text_of(&response),
            Err(answer) => answer.to_string().into_bytes(),
        };
        self.add(
            &format!("health response of {}:{}{path}", url.host, url.port),
            DiagnosticOrigin::Application,
            answer,
        );
    }

    fn add(&mut self, title: &str, origin: DiagnosticOrigin, text: Vec<u8>) {
        if !text.is_empty() {
            self.found.push(Diagnostic {
                title: title.to_owned(),
                origin,
                text: end_of(text),
            });
        }
    }

    fn timeout(&self) -> Duration {
        self.until
            .saturating_duration_since(Instant::now())
            .min(TIMEOUT)
    }
}

/// The end of a text, with a mark where it is cut.
fn end_of(mut text: Vec<u8>) -> Vec<u8> {
    if text.len() > MAX_TEXT {
        text.splice(..text.len() - MAX_TEXT + CUT.len(), CUT.bytes());
    }
    text
}

fn text_of(
    HttpResponse {
        status,
        location,
        body,
        from: _,
    }: &HttpResponse,
) -> Vec<u8> {
    let location = location
        .as_ref()
        .map(|to| format!("Location: {to}\n"))
        .unwrap_or_default();
    let mut text = format!("status {status}\n{location}\n").into_bytes();
    text.extend(&body[..body.len().min(MAX_TEXT / 2)]);
    if body.len() > MAX_TEXT / 2 {
        text.extend(CUT.bytes());
    }
    text
}

fn releases(layout: &Layout) -> String {
    let (current, previous) = (links::live(layout), links::previous(layout));
    let line = |id: ReleaseId| {
        let record = records::get(layout, &id);
        let state = record
            .as_ref()
            .map_or("no record".to_owned(), |it| it.state.to_string());
        let commit = record
            .and_then(|it| it.origin.commit)
            .map(|commit| format!("  {commit}"))
            .unwrap_or_default();
        let link = [(&current, "  current"), (&previous, "  previous")].map(|(to, name)| {
            if to.as_ref() == Some(&id) {
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
    fn the_end_of_a_long_text_is_kept_with_a_mark() {
        let text = end_of([b"secret".repeat(MAX_TEXT), b"end".to_vec()].concat());
        assert_eq!(text.len(), MAX_TEXT);
        assert!(text.starts_with(CUT.as_bytes()) && text.ends_with(b"end"));
        assert_eq!(end_of(b"short".to_vec()), b"short");
    }

    #[test]
    fn a_response_is_shown_with_its_location_and_body() {
        let response = HttpResponse {
            from: None,
            status: 302,
            location: Some("/login".into()),
            body: b"moved".to_vec(),
        };
        assert_eq!(text_of(&response), b"status 302\nLocation: /login\n\nmoved");
        let response = HttpResponse {
            from: None,
            status: 500,
            location: None,
            body: vec![b'x'; MAX_TEXT],
        };
        let text = text_of(&response);
        assert!(
            text.starts_with(b"status 500\n\nxxx")
                && text.ends_with("x…".as_bytes())
                && text.len() < MAX_TEXT
        );
    }
}
