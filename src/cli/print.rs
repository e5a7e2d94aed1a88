//! Prints the lines of the log, and the trace.

use super::screen;
use crate::actions::Context;
use crate::report::Page;
use crate::text::{commands, excerpt, harmless, Redactor};
use std::fmt::Display;
use std::io::{self, Write};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::fmt::writer::OptionalWriter;
use tracing_subscriber::fmt::MakeWriter;

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
    let subscriber = subscriber(level, Guarded(redactor.clone()));
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        tracing::info!("tracing is already set up");
    }
}

fn subscriber<W>(level: Level, writer: W) -> impl Subscriber
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .without_time();
    subscriber.with_writer(OwnWords(writer)).finish()
}

/// Leaves out what libraries tell about their inner life, such as every frame of HTTP.
struct OwnWords<W>(W);

impl<W> OwnWords<W> {
    fn has(metadata: &Metadata<'_>) -> bool {
        let (library, _) = metadata
            .target()
            .split_once("::")
            .unwrap_or((metadata.target(), ""));
        *metadata.level() <= Level::WARN || library == "deploy_action"
    }
}

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for OwnWords<W> {
    type Writer = OptionalWriter<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        OptionalWriter::some(self.0.make_writer())
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Self::Writer {
        match Self::has(metadata) {
            true => self.make_writer(),
            false => OptionalWriter::none(),
        }
    }
}

/// Hides the secrets of the run.
struct Guarded(Redactor);

impl<'a> MakeWriter<'a> for Guarded {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

impl Write for &Guarded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = harmless(bytes.strip_suffix(b"\n").unwrap_or(bytes));
        writeln!(io::stderr().lock(), "trace: {}", self.0.redact(&text))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_trace_is_ours_and_what_libraries_warn_of() {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = subscriber(Level::INFO, move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
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
        let written = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = written.lines().map(str::trim_start).collect();
        insta::assert_snapshot!(lines.join("\n"), @"
        INFO deploy_action::cli::print::tests: of the program
        WARN rustls: it is serious
        ");
    }
}
