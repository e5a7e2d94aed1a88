//! Blocks of lines that belong together: tracebacks, stacks, lists of causes, reports, how a program is to be called.

use super::types::Rank;
use crate::logs::crash::is_within_traceback;
use crate::logs::level;

/// What the lines that come next are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Block {
    #[default]
    None,
    /// The frames of a traceback of Python, whose first line has so many spaces before it.
    Traceback(usize),
    /// The message of a panic of Rust, which begins with this.
    Panic(String),
    /// `Caused by:`: the causes; whether one was read.
    Causes(bool),
    /// Frames of which none says anything.
    Stack,
    /// The report of Spring Boot, before its description.
    Report,
    /// Its description.
    Description,
    /// How a program is to be called.
    Usage,
    /// The stacks of Go's goroutines.
    Goroutines,
    /// What went wrong in Gradle; whether its first line was read.
    Wrong(bool),
}

/// What a line is to its block.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// It does not belong to the block.
    None,
    /// It belongs to it and says nothing.
    Silent,
    /// The exception that a traceback ends with.
    Exception,
    /// A cause of what came before.
    Cause(String),
    /// A message.
    Message(Rank, String),
}

const USAGES: [&str; 4] = ["Usage:", "usage:", "USAGE:", "Usage of "];
const STACKS: [&str; 3] = ["stack backtrace:", "Stack backtrace:", "Exception trace:"];

impl Block {
    /// The block that a line begins. `message` is the line without time and level.
    pub(super) fn begin(line: &str, message: &str) -> Option<Self> {
        let starts = |heads: &[&str]| heads.iter().any(|head| message.starts_with(head));
        Some(if message.ends_with("Traceback (most recent call last):") {
            Self::Traceback(indent(line))
        } else if message.contains("panicked at ") && message.ends_with(':') {
            Self::Panic(message.to_owned())
        } else if message.starts_with("goroutine ") && message.ends_with("]:") {
            Self::Goroutines
        } else if message == "APPLICATION FAILED TO START" {
            Self::Report
        } else if message == "Caused by:" {
            Self::Causes(false)
        } else if STACKS.contains(&message) {
            Self::Stack
        } else if message == "* What went wrong:" {
            Self::Wrong(false)
        } else if starts(&USAGES) {
            Self::Usage
        } else {
            return None;
        })
    }

    /// Reads a line with text. The block ends if the line does not belong to it, or is its last one.
    pub(super) fn read(&mut self, line: &str) -> Part {
        let (indent, text) = (indent(line), line.trim());
        let has_level = || level::split(line).0.is_some();
        let last = match self {
            Self::None => return Part::None,
            Self::Traceback(base) if indent > *base || is_within_traceback(text) => {
                return Part::Silent;
            }
            // another process logs at the same time
            Self::Traceback(_) if has_level() => return Part::None,
            Self::Traceback(_) => Part::Exception,
            Self::Panic(head) => panic_message(head, text),
            Self::Description => Part::Message(Rank::Crash, text.to_owned()),
            Self::Report if !has_level() => {
                if text == "Description:" {
                    *self = Self::Description;
                }
                return Part::Silent;
            }
            Self::Causes(known) if indent > 0 && !text.starts_with("---") => {
                return entry(known, numbered(text), Part::Cause(text.to_owned()));
            }
            Self::Wrong(known) if !text.starts_with("* ") => {
                let message = Part::Message(Rank::Error, text.to_owned());
                return match entry(known, text.strip_prefix("> "), message) {
                    // it may be joined to the one above
                    Part::Silent => Part::None,
                    part => part,
                };
            }
            Self::Stack if indent > 0 => return Part::Silent,
            Self::Usage if indent > 0 || is_of_usage(text) => return Part::Silent,
            Self::Goroutines if indent > 0 || is_go_frame(text) => return Part::Silent,
            _ => Part::None,
        };
        *self = Self::None;
        last
    }
}

/// A line of a list of causes. Of those that are not marked as `cause` only the first one says something.
fn entry(known: &mut bool, cause: Option<&str>, first: Part) -> Part {
    match (cause, std::mem::replace(known, true)) {
        (Some(cause), _) => Part::Cause(cause.to_owned()),
        (None, false) => first,
        (None, true) => Part::Silent,
    }
}

fn panic_message(head: &str, text: &str) -> Part {
    // the panic of a thread that another one waits for
    let is_other = text.ends_with("Any { .. }");
    let rank = if is_other { Rank::Trailer } else { Rank::Crash };
    Part::Message(rank, format!("{head} {text}"))
}

fn is_of_usage(text: &str) -> bool {
    text.starts_with('-') || text.ends_with(':')
}

/// `0: cause`
fn numbered(text: &str) -> Option<&str> {
    let (number, cause) = text.split_once(": ")?;
    number.parse::<u16>().is_ok().then_some(cause)
}

fn is_go_frame(text: &str) -> bool {
    text.ends_with(['}', ')', ':'])
        || ["created by ", "exit status "]
            .iter()
            .any(|head| text.starts_with(head))
}

/// How many spaces and tabs a line begins with.
pub(super) fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}
