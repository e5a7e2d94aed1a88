//! Which record of a log a line belongs to. A record begins with a time or a level; a traceback below it has its level.

use super::exception::begins_with_exception;
use super::formats::{role, Role};
use super::level::{self, LineLevel};
use super::words;

/// Messages of servers that report what they do. No traceback belongs to them.
const DOINGS: [&str; 18] = [
    "connection ",
    "Press CTRL+C",
    "Started ",
    "Starting ",
    "Waiting ",
    "Booting ",
    "Listening ",
    "Using worker",
    "Application startup",
    "Application shutdown",
    "Uvicorn running",
    "Running on ",
    "Shutting down",
    "Finished ",
    "Stopping ",
    "Control socket",
    "Will watch",
    "Worker exiting",
];

/// The records of a log that is read line by line.
#[derive(Debug, Default)]
pub(crate) struct Records {
    /// The level of the record.
    level: Option<LineLevel>,
    /// An empty line came last.
    blank: bool,
    /// A traceback is read whose exception has not come yet.
    in_traceback: bool,
    /// The traceback has ended.
    complete: bool,
    /// It has frames.
    has_frames: bool,
    /// The next traceback belongs to the one before.
    chained: bool,
}

impl Records {
    /// Reads the next line. Returns the level of its record.
    pub(crate) fn push(&mut self, line: &str) -> Option<LineLevel> {
        let text = line.trim();
        if text.is_empty() {
            self.blank = true;
            return self.level;
        }
        let blank = std::mem::take(&mut self.blank);
        let is_indented = line.starts_with([' ', '\t', '|', '>', '│', '╭', '╰', '+']);
        let (own, message) = level::split(line);
        let is_traceback = message.ends_with("Traceback (most recent call last):");
        let is_request = words::is_request(line);
        if own.is_some() && !is_indented {
            *self = Self {
                level: own.filter(|_| !is_request && !does(message)),
                in_traceback: is_traceback,
                ..Self::default()
            };
            return own;
        }
        if is_traceback {
            let belongs = self.chained || !self.complete && !blank;
            if !belongs && !self.in_traceback {
                self.level = None;
            }
            (self.in_traceback, self.complete, self.chained) = (true, false, false);
        } else if text.starts_with("During handling of the above")
            || text.starts_with("The above exception")
        {
            self.chained = true;
        } else if is_indented || role(text) == Some(Role::Frame) {
            self.has_frames = true;
        } else if self.in_traceback {
            (self.in_traceback, self.complete) = (false, true);
        } else if !goes_on(text) || self.has_frames && begins_with_exception(text) {
            self.level = level::seems_low(line).then_some(LineLevel::Low);
            (self.has_frames, self.complete) = (false, false);
        }
        self.level
    }
}

fn does(message: &str) -> bool {
    DOINGS.iter().any(|doing| message.starts_with(doing))
}

/// Whether an unindented line goes on with the message above: its exception, a frame or a cause.
fn goes_on(text: &str) -> bool {
    let begins = text.starts_with("Exception in thread ");
    !begins && begins_with_exception(text) || matches!(role(text), Some(Role::Frame | Role::Chain))
}
