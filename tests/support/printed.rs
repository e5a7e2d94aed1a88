//! What a run prints, read while it goes on.

use std::io::BufRead;
use std::sync::{Condvar, Mutex};
use std::time::Instant;

/// What a run has printed so far.
#[derive(Default)]
pub(super) struct Log {
    pub(super) printed: Mutex<Printed>,
    pub(super) more: Condvar,
}

#[derive(Default)]
pub(super) struct Printed {
    pub(super) text: String,
    /// When the step upload ended.
    pub(super) uploaded: Option<Instant>,
    /// When all was said.
    pub(super) ended: Option<Instant>,
}

impl Log {
    pub(super) fn read(&self, mut from: impl BufRead) {
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            let mut printed = self.printed.lock().unwrap();
            if line.starts_with("✓ upload".as_bytes()) {
                printed.uploaded = Some(Instant::now());
            }
            printed.text += &String::from_utf8_lossy(&line);
            line.clear();
            self.more.notify_all();
        }
        self.printed.lock().unwrap().ended = Some(Instant::now());
        self.more.notify_all();
    }

    pub(super) fn so_far(&self) -> String {
        self.printed.lock().unwrap().text.clone()
    }
}

/// The log as the runner shows it, and the masks that it was given: its commands are not part of the log.
pub(crate) fn without_masks(log: &str) -> (String, Vec<String>) {
    let mut masks = Vec::new();
    let is_shown = |line: &&str| match line.strip_prefix("::add-mask::") {
        Some(mask) => {
            let mask = mask.trim_end_matches(['\r', '\n']).replace("%0A", "\n");
            masks.push(mask.replace("%0D", "\r").replace("%25", "%"));
            false
        }
        None => true,
    };
    let shown = log.split_inclusive('\n').filter(is_shown).collect();
    (shown, masks)
}
