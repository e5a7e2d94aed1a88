//! Who takes events: [`Events`]; and the transaction's own file of them.

use crate::protocol::{wire, Event, ToRunner, What};
use crate::server::clock::now_ms;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Takes events. Telling can never fail what it tells about.
pub(in crate::server) trait Events {
    fn emit(&mut self, what: What);
}

/// Into the transaction's file, for whoever follows it by offset. A full disk costs events, never the transaction.
pub(in crate::server) struct EventFile {
    file: Option<File>,
    output: usize,
}

impl EventFile {
    /// The most that a restart command's output may take of the disk.
    const MOST_OUTPUT: usize = 1 << 20;

    pub(in crate::server) fn create(path: &Path) -> Self {
        Self {
            file: File::options().create(true).append(true).open(path).ok(),
            output: 0,
        }
    }
}

impl Events for EventFile {
    fn emit(&mut self, what: What) {
        if let What::Output(line) = &what {
            self.output += line.len();
            if self.output > Self::MOST_OUTPUT {
                return;
            }
        }
        let frame = wire::frame(&ToRunner::Event(Event { at: now_ms(), what }));
        if let (Some(file), Ok(frame)) = (&mut self.file, frame) {
            if file.write_all(&frame).is_err() {
                self.file = None;
            }
        }
    }
}
