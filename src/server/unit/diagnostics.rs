//! Collects what may explain a failure, before the rollback changes it.

use super::http::{self, HttpResponse};
use super::log;
use super::systemd::{self, Unit};
use crate::logs::digest;
use crate::protocol::{
    Diagnostic, DiagnosticOrigin, Ending, FailedStart, Failure, Health, HealthAnswer, LogPlace,
    Reason, ReleaseId, Scope, UnitRef, What,
};
use crate::server::channel::events::Events;
use crate::server::clock::now;
use crate::server::exec::process::{command, quick, CUT};
use crate::server::store::journal;
use crate::server::store::layout::Layout;
use crate::server::store::links;
use crate::server::store::pending::Pending;
use crate::server::store::records;
use rustix::fs::{access, Access};
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

/// Lines of the log that are read, and about how many of them are shown.
const LINES: usize = 1000;
const SHOWN: usize = 50;
/// For one command, and for all of them: the rollback must not wait long.
const TIMEOUT: Duration = Duration::from_secs(5);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(15);
/// The longest text, in bytes.
const MAX_TEXT: usize = 32 << 10;
/// Releases that are listed, newest first.
const RELEASES: usize = 20;

/// Reports the failed start and diagnostics, the most helpful first.
pub(in crate::server) fn report(
    layout: &Layout,
    pending: &Pending,
    failure: &Failure,
    events: &mut dyn Events,
) {
    let mut collector = Collector {
        until: Instant::now() + TOTAL_TIMEOUT,
        start: FailedStart {
            until: now(),
            ..FailedStart::default()
        },
        found: Vec::new(),
        own_request: None,
    };
    let health = pending.verification.health.as_ref();
    collector.own_request = health.map(|health| health.url.path.clone());
    if let Some(unit) = failed_unit(pending, failure.unit.as_deref()) {
        collector.failed_start(layout, unit);
        let title = systemd::in_words("status", unit);
        collector.show(
            &title,
            systemd::systemctl(unit.scope).args(["status", "--no-pager", "-n0", "--", unit.name]),
            DiagnosticOrigin::System,
        );
    }
    if let Some(health) = health.filter(|_| may_answer(&failure.reason)) {
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
    events.emit(What::FailedStart(Box::new(collector.start)));
    events.emit(What::Diagnostics(collector.found));
}

/// Whether another health request may be answered at once. A process that has ended leaves it waiting behind a socket unit,
/// and meanwhile systemd uses up the starts that the rollback needs.
fn may_answer(reason: &Reason) -> bool {
    match reason {
        Reason::Crashed { .. } | Reason::StartLimit { .. } | Reason::NotRunning { .. } => false,
        Reason::Unhealthy { last, .. } => !matches!(**last, HealthAnswer::TimedOut { .. }),
        _ => true,
    }
}

/// The unit that failed or, if that is unknown, the first that is down; else the first.
fn failed_unit<'a>(pending: &'a Pending, failed: Option<&str>) -> Option<UnitRef<'a>> {
    let first = pending.unit_names().next()?;
    if pending.others.is_empty() {
        return Some(first);
    }
    let is_failed = |unit: &UnitRef<'_>| match failed {
        Some(failed) => unit.name == failed,
        None => Unit::show(*unit).is_ok_and(|unit| !unit.is_up()),
    };
    Some(pending.unit_names().find(is_failed).unwrap_or(first))
}

struct Collector {
    until: Instant,
    start: FailedStart,
    found: Vec<Diagnostic>,
    /// The path of our own health requests.
    own_request: Option<String>,
}

impl Collector {
    /// Adds the failed start and its log.
    fn failed_start(&mut self, layout: &Layout, name: UnitRef<'_>) {
        let unit = Unit::show(name).unwrap_or_default();
        let requested = journal::starts(layout, Some(name.name))
            .last()
            .map(|at| at / 1000);
        let id = unit.invocation().to_owned();
        self.start.since = requested.unwrap_or(self.start.until);
        self.start.unit_type = unit.get("Type").to_owned();
        self.start.start_timeout = unit.get("TimeoutStartUSec").to_owned();
        self.start.result = unit.get("Result").to_owned();
        // an older one is that of the release before
        let began = unit.main_started();
        let is_new = began.is_none_or(|began| began.as_secs() + 1 >= self.start.since);
        self.start.invocation = Some(id.clone()).filter(|id| is_new && !id.is_empty());
        let in_journal = self.log(name, &id);
        self.start.log = match log::log_file(name) {
            Some(path) => self.log_file(path),
            None if in_journal => LogPlace::ReadableJournal,
            None => LogPlace::Journal,
        };
    }

    /// Adds the end of the file that the unit logs to. It may begin with lines of the release before.
    fn log_file(&mut self, path: String) -> LogPlace {
        let title = format!("tail -n {LINES} {path}");
        let mut tail = command("tail");
        tail.args(["-n", &LINES.to_string(), "--", &path]);
        // not opened, which would wait if it is a named pipe
        let is_file = fs::metadata(&path).is_ok_and(|found| found.is_file());
        let readable = is_file && access(&path, Access::READ_OK).is_ok();
        if readable {
            self.show(&title, &mut tail, DiagnosticOrigin::Log);
        }
        LogPlace::File { path, readable }
    }

    /// Adds the log of the failed start: the journal of this invocation, else `sudo systemctl status`. Never the log of an
    /// earlier invocation. Returns whether the deploy user may read the journal.
    fn log(&mut self, unit: UnitRef<'_>, id: &str) -> bool {
        let invocation = log::Invocation {
            unit,
            id,
            since: None,
            previous: None,
        };
        let title = format!("log of {}, this start", unit.name);
        let shown = !id.is_empty()
            && self.show(
                &title,
                &mut log::journal(&invocation, LINES),
                DiagnosticOrigin::Log,
            );
        if !shown {
            let sudo = match unit.scope {
                Scope::System => "sudo ",
                Scope::User => "",
            };
            let title = sudo.to_owned() + &systemd::in_words("status", unit);
            self.show(&title, &mut log::status(unit), DiagnosticOrigin::Log);
        }
        shown
    }

    /// Adds the output of a command. Returns whether there was any.
    fn show(&mut self, title: &str, command: &mut Command, origin: DiagnosticOrigin) -> bool {
        let Ok((ending, mut text)) = quick(command.env("LC_ALL", "C.UTF-8"), self.timeout()) else {
            return false;
        };
        if origin == DiagnosticOrigin::Log {
            text = self.digest(&text);
        }
        // systemctl status exits with 3 if the unit is not running
        let useful = matches!(ending, Ending::Exit(0 | 3)) && !text.is_empty();
        if useful {
            self.add(title, origin, text);
        }
        useful
    }

    /// What explains a failure in a log that may be long.
    fn digest(&self, log: &[u8]) -> Vec<u8> {
        let lines: Vec<Vec<u8>> = log
            .trim_ascii_end()
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect();
        digest(&lines, self.own_request.as_deref(), SHOWN).join(&b'\n')
    }

    /// Sends one more health request and adds the whole response. The title leaves out the query, which may hold a secret.
    fn health(&mut self, health: &Health) {
        let url = &health.url;
        let path = url.path.split('?').next().unwrap_or_default();
        let answer = match http::get(health, self.timeout()) {
            Ok(response) => {
                self.start.answered_by.clone_from(&response.server);
                text_of(&response)
            }
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
        server,
        body,
        from: _,
    }: &HttpResponse,
) -> Vec<u8> {
    let header = |name: &str, value: &Option<String>| {
        let line = value.as_ref().map(|value| format!("{name}: {value}\n"));
        line.unwrap_or_default()
    };
    let headers = header("Location", location) + &header("Server", server);
    let mut text = format!("status {status}\n{headers}\n").into_bytes();
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
            server: Some("nginx".into()),
            body: b"moved".to_vec(),
        };
        let text = b"status 302\nLocation: /login\nServer: nginx\n\nmoved";
        assert_eq!(text_of(&response), text);
        let response = HttpResponse {
            from: None,
            status: 500,
            location: None,
            server: None,
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
