//! Prints the lines of the log, and the trace.

use super::screen;
use crate::actions::Context;
use crate::report::Page;
use crate::text::{commands, excerpt, harmless, Redactor};
use std::fmt::{self, Debug, Display, Formatter, Write as _};
use std::io::{self, Write as _};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Where a run reports to, and the job that it is part of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Console<'a> {
    pub(super) context: &'a Context,
    pub(super) page: Page,
    pub(super) printer: Printer,
    /// Hides the secrets of the run.
    pub(super) redactor: &'a Redactor,
}

/// Prints lines that contain no secrets and no workflow commands from a server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Printer;

impl Printer {
    pub(super) fn line(self, line: &str) {
        screen::line(line);
    }

    /// Prints to standard error, if standard output is for something else.
    pub(super) fn aside(self, line: &str) {
        if writeln!(io::stderr().lock(), "{line}").is_err() {
            tracing::info!("cannot write to standard error");
        }
    }

    pub(super) fn warning(self, page: Page, warning: &dyn Display) {
        let line = match page {
            Page::Actions if screen::has_room_for_warning() => {
                commands::warning("deploy-action", &warning.to_string())
            }
            Page::Actions | Page::Terminal => {
                format!("warning: {}", excerpt::one_line(warning.to_string()))
            }
        };
        self.line(&line);
    }
}

/// Writes the trace of the program to standard error. Each line has a prefix, so no text in it becomes a workflow command.
pub(super) fn trace(detailed: bool, redactor: &Redactor) {
    let level = if detailed { Level::INFO } else { Level::ERROR };
    let redactor = redactor.clone();
    let write = move |line: &str| {
        let line = redactor.redact(&harmless(line.as_bytes()));
        // nobody else can be told
        let _written = writeln!(io::stderr().lock(), "trace: {line}");
    };
    if tracing::subscriber::set_global_default(Trace { level, write }).is_err() {
        tracing::info!("tracing is already set up");
    }
}

/// Turns events into lines. Nothing tells of spans.
struct Trace<W> {
    level: Level,
    write: W,
}

impl<W: Fn(&str) + Send + Sync + 'static> Subscriber for Trace<W> {
    /// Leaves out what libraries tell about their inner life, such as every frame of HTTP.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let level = *metadata.level();
        let library = metadata.target().split("::").next();
        let is_told = level <= Level::WARN || library == Some("deploy_action");
        metadata.is_event() && level <= self.level && is_told
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::from_level(self.level))
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut line = format!("{:>5} {}:", metadata.level().as_str(), metadata.target());
        event.record(&mut Fields(&mut line));
        (self.write)(&line);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Adds the fields of an event to its line. The message has no name.
struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let value = Value(value);
        // a `String` takes everything
        let _added = match field.name() {
            "message" => write!(self.0, " {value}"),
            name => write!(self.0, " {name}={value}"),
        };
    }
}

/// A value as `tracing` hands it over: what has a text, such as an error, shows that.
struct Value<'a>(&'a dyn Debug);

impl Display for Value<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// What is told meanwhile.
    fn told(level: Level, tell: impl FnOnce()) -> String {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let told = lines.clone();
        let write = move |line: &str| told.lock().unwrap().push(line.trim_start().to_owned());
        tracing::subscriber::with_default(Trace { level, write }, tell);
        let lines = lines.lock().unwrap();
        lines.join("\n")
    }

    #[test]
    fn the_trace_is_ours_and_what_libraries_warn_of() {
        let lines = told(Level::INFO, || {
            tracing::info!("of the program");
            tracing::debug!("too much");
            tracing::info!(target: "openssh::session", "inner talk");
            tracing::info!(target: "hyper_util::client::legacy::pool", "inner talk");
            tracing::info!(target: "h2", "inner talk");
            tracing::info!(target: "rustls::client::hs", "inner talk");
            tracing::info!(target: "tower::buffer::worker", "inner talk");
            tracing::info!(target: "octocrab", "inner talk");
            tracing::warn!(target: "rustls", "it is serious");
        });
        insta::assert_snapshot!(lines, @"
        INFO deploy_action::cli::print::tests: of the program
        WARN rustls: it is serious
        ");
    }

    #[test]
    fn a_line_has_the_message_and_then_the_fields() {
        let lines = told(Level::ERROR, || {
            let span = tracing::error_span!("span", id = 1);
            let _entered = span.enter();
            let error = io::Error::other("no room");
            tracing::error!(%error, path = "a b", count = 7, is_last = true, list = ?[1], "not {}", "written");
            tracing::error!(error = &error as &dyn std::error::Error);
            tracing::warn!("not asked for");
        });
        insta::assert_snapshot!(lines, @r#"
        ERROR deploy_action::cli::print::tests: not written error=no room path="a b" count=7 is_last=true list=[1]
        ERROR deploy_action::cli::print::tests: error=no room
        "#);
    }
}
