//! Where events go: [`Events`]; and the file in which a transaction stores them.

use crate::protocol::{wire, Event, ToRunner, Warning, What};
use crate::server::clock::now_ms;
use crate::server::store::durable;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Takes events. An event that is lost fails nothing.
pub(in crate::server) trait Events {
    fn emit(&mut self, what: What);
}

/// Names the unit in warnings about one of several.
pub(in crate::server) struct OfUnit<'a> {
    /// `None`: it is the only one.
    pub(in crate::server) unit: Option<&'a str>,
    pub(in crate::server) events: &'a mut dyn Events,
}

impl Events for OfUnit<'_> {
    fn emit(&mut self, what: What) {
        self.events.emit(match (what, self.unit) {
            (What::Warning(warning), Some(unit)) => What::Warning(Warning::OfUnit {
                unit: unit.to_owned(),
                warning: Box::new(warning),
            }),
            (what, _) => what,
        });
    }
}

/// The transaction's file, which logins follow. If the disk is full or broken, events go to the login that has started the
/// transaction, and are lost if that is gone; the transaction goes on.
pub(in crate::server) struct EventFile {
    /// Where they go, and where they go if that fails.
    files: Vec<File>,
    output_bytes: usize,
}

impl EventFile {
    /// The most output of a restart command that is stored, in bytes.
    const MAX_OUTPUT: usize = 1 << 20;

    pub(in crate::server) fn create(path: &Path, overflow: Option<File>) -> Self {
        let file = durable::private().create(true).append(true).open(path).ok();
        Self {
            files: file.into_iter().chain(overflow).collect(),
            output_bytes: 0,
        }
    }
}

impl Events for EventFile {
    fn emit(&mut self, what: What) {
        if let What::Output(line) = &what {
            self.output_bytes += line.len();
            if self.output_bytes > Self::MAX_OUTPUT {
                return;
            }
        }
        let frame = wire::frame(&ToRunner::Event(Event { at: now_ms(), what }));
        let Ok(frame) = frame else { return };
        while let Some(file) = self.files.first_mut() {
            if file.write_all(&frame).is_ok() {
                return;
            }
            self.files.remove(0);
        }
    }
}
