//! Prints the lines of the log, and the trace.

use super::screen;
use crate::actions::Context;
use crate::report::Page;
use crate::text::{commands, harmless, Redactor};
use std::fmt::Display;
use std::io::{self, Write};
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
            tracing::debug!("cannot write to standard error");
        }
    }

    pub(super) fn warning(self, page: Page, warning: &dyn Display) {
        let line = match page {
            Page::Actions => commands::warning("deploy-action", &warning.to_string()),
            Page::Terminal => format!("warning: {warning}"),
        };
        self.line(&line);
    }
}

/// Writes the trace of the program to standard error. Each line has a prefix, so no text in it becomes a workflow command.
pub(super) fn trace(detailed: bool, redactor: &Redactor) {
    let level = if detailed {
        tracing::Level::DEBUG
    } else {
        tracing::Level::ERROR
    };
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .without_time()
        .with_writer(Guarded(redactor.clone()));
    if tracing::subscriber::set_global_default(subscriber.finish()).is_err() {
        tracing::debug!("tracing is already set up");
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
