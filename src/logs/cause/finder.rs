//! Reads a log line by line, and keeps the best candidate for the cause.

use super::block::{indent, Block, Part};
use super::candidate::Best;
use super::private_key::PrivateKeyFilter;
use super::types::{Cause, Rank, Source};
use crate::logs::exception::begins_with_exception;
use crate::logs::formats::{chained, role, Role};
use crate::logs::json::{self, Record};
use crate::logs::level::{self, LineLevel};
use crate::logs::margin::without_margin;
use crate::logs::record::Records;
use crate::logs::words;

/// Lines that may follow an exception of Python and belong to its message.
const MAX_DETAILS: usize = 8;
/// What these lines begin with, in SQLAlchemy and PostgreSQL.
const DETAILS: [&str; 6] = ["[", "(", "DETAIL:", "HINT:", "CONTEXT:", "LINE "];
/// The exception below is raised while the program ends.
const LATE: [&str; 2] = ["Exception ignored ", "Error in atexit"];

/// Finds the cause in the output of something that failed. The lines are plain: without colours.
pub(crate) fn find<'a>(source: Source, lines: impl IntoIterator<Item = &'a str>) -> Option<Cause> {
    let mut finder = Finder::new(source);
    for line in lines {
        finder.push(line);
    }
    finder.end()
}

struct Finder {
    source: Source,
    best: Best,
    records: Records,
    block: Block,
    key: PrivateKeyFilter,
    /// The last message, if frames may follow it; whether it is an error.
    head: Option<(String, bool)>,
    python: Python,
    suppressed: bool,
    /// The last message only said that something failed.
    after_trailer: bool,
}

/// What is known about the exceptions of Python.
#[derive(Default)]
struct Python {
    /// One has been read.
    any: bool,
    /// The next one was raised because of the last one.
    caused: bool,
    /// The next one is raised while the program ends.
    late: bool,
    /// The exceptions of a group follow.
    in_group: bool,
    /// So many lines may still belong to the last one's message.
    details: usize,
    /// The last line was a frame, or its source code.
    after_frame: bool,
}

impl Finder {
    fn new(source: Source) -> Self {
        Self {
            source,
            best: Best::new(source),
            records: Records::default(),
            block: Block::None,
            key: PrivateKeyFilter::default(),
            head: None,
            python: Python::default(),
            suppressed: false,
            after_trailer: false,
        }
    }

    fn push(&mut self, line: &str) {
        let is_of_npm = line.starts_with("npm e") || line.starts_with("npm ERR");
        let line = without_margin(line);
        if self.key.matches(line) || words::is_request(line) {
            return;
        }
        let level = self.records.push(line);
        if line.trim().is_empty() {
            self.python.details = 0;
            if self.block != Block::Usage {
                self.best.ends();
            }
        } else if let Some(fields) = json::fields(line) {
            self.json(json::record(&fields));
        } else if is_of_npm && is_plain_failure(line) {
            self.best.add_first(limit(Rank::Error, level), line);
        } else if !self.block(line, level) {
            self.message(line, level);
        }
    }

    fn end(mut self) -> Option<Cause> {
        if let Block::Panic(head) = std::mem::take(&mut self.block) {
            self.best.add(Rank::Crash, &head);
        }
        self.best.into_cause()
    }

    /// Reads a line that belongs to what came before. Returns whether it does.
    fn block(&mut self, line: &str, level: Option<LineLevel>) -> bool {
        let text = line.trim();
        match self.block.read(line) {
            Part::None if self.block == Block::None => {
                let is_new =
                    level::split(line).0.is_some() || begins_with_exception(text) || is_late(text);
                return self.best.join(text, indent(line) > 0, is_new);
            }
            // the block goes on after it
            Part::None => return self.best.join(text, indent(line) > 0, false),
            Part::Silent => {}
            Part::Exception => self.exception(text, level),
            Part::Cause(cause) => self.best.replace(&cause),
            Part::Message(rank, text) => self.add(rank, &text, level),
        }
        true
    }

    /// The exception that a traceback of Python ends with.
    fn exception(&mut self, text: &str, level: Option<LineLevel>) {
        if role(text) == Some(Role::Trailer) {
            return self.add(Rank::Trailer, text, level);
        }
        let python = std::mem::take(&mut self.python);
        self.python.any = true;
        self.python.details = MAX_DETAILS;
        if python.late || python.caused && python.any {
            return;
        }
        let name = text.split(':').next().unwrap_or_default();
        self.python.in_group = name.ends_with("ExceptionGroup");
        let rank = match level {
            Some(LineLevel::Low) => Rank::Likely,
            _ => Rank::Crash,
        };
        self.after_trailer = false;
        if python.in_group {
            self.best.add_first(rank, text);
        } else if self.best.add(rank, text) && text.contains("validation error") {
            self.best.begins_list();
        }
    }

    fn message(&mut self, line: &str, level: Option<LineLevel>) {
        let (own, message) = level::split(line);
        let has_text = message.contains(char::is_alphanumeric);
        let message = if has_text { message } else { line }.trim();
        let says_nothing = own.is_some() && !has_text || !message.contains(char::is_alphanumeric);
        if says_nothing || is_option(message) {
            return;
        }
        if let Some(block) = Block::begin(line, message) {
            self.block = block;
            return;
        }
        if is_late(message) {
            self.python.late = true;
            return;
        }
        self.python.caused |= message.starts_with("The above exception was the direct cause");
        let after_frame = self.python.after_frame;
        self.python.after_frame = message.starts_with("File \"") || after_frame && indent(line) > 0;
        let role = role(message);
        match role {
            Some(Role::Frame) => return self.frame(message, level),
            Some(Role::Chain) => return self.chain(message),
            Some(Role::Diagnostic) => {
                self.head = None;
                return self.best.add_first(limit(Rank::Error, level), message);
            }
            Some(Role::Trailer) => self.add(Rank::Trailer, message, level),
            Some(Role::Crash) => self.add(Rank::Crash, message, level),
            Some(Role::Error) => self.add(Rank::Error, message, level),
            Some(Role::End) => self.add(Rank::End, message, level),
            None if after_frame && indent(line) == 0 && begins_with_exception(message) => {
                self.python.any = true;
                self.add(Rank::Crash, message, level);
            }
            None => self.other(message, own, level),
        }
        let is_error = begins_with_exception(message) || role == Some(Role::Error);
        self.remember(message, is_error, indent(line) == 0, own.is_some());
    }

    /// Frames may follow the message.
    fn remember(&mut self, message: &str, is_error: bool, is_unindented: bool, has_level: bool) {
        let is_after_error = self.head.as_ref().is_some_and(|(_, is_error)| *is_error);
        if is_error || is_unindented && (!is_after_error || has_level) {
            self.head = Some((message.to_owned(), is_error));
        }
    }

    /// A message of no known format.
    fn other(&mut self, message: &str, own: Option<LineLevel>, level: Option<LineLevel>) {
        let is_detail = DETAILS.iter().any(|start| message.starts_with(start));
        if own.is_none() && self.python.details > 0 && is_detail {
            self.python.details -= 1;
            return;
        }
        self.python.details = 0;
        self.best.goes_on();
        let is_exception = begins_with_exception(message);
        let is_known = is_exception && std::mem::replace(&mut self.python.any, true);
        if is_exception && std::mem::take(&mut self.python.caused) && is_known {
            return;
        }
        match own {
            _ if begins_with_exception(message) => self.add(Rank::Error, message, level),
            Some(LineLevel::Fatal) => self.add(Rank::Crash, message, level),
            Some(LineLevel::Error) => self.add(Rank::Error, message, level),
            _ if words::of_failure(message) && !words::is_advice(message) => {
                self.add(Rank::Words, message, own);
            }
            _ => self.add(Rank::Line, message, level),
        }
    }

    /// A frame below a message makes that an exception that nobody handled.
    fn frame(&mut self, frame: &str, level: Option<LineLevel>) {
        self.suppressed = frame.starts_with("Suppressed:");
        if !frame.starts_with("at ") && !frame.starts_with("from ") {
            return;
        }
        let Some((head, is_error)) = self.head.take() else {
            return;
        };
        let joined = self.best.joined(&head);
        let has_other = joined.is_none() && self.best.rank() >= Some(Rank::Error);
        let is_data = head.ends_with(['{', ',', '[']);
        if role(&head) == Some(Role::Trailer) || !is_error && (has_other || is_data) {
            return;
        }
        let text = joined.map(str::to_owned).unwrap_or(head);
        let in_group = std::mem::take(&mut self.python.in_group);
        self.python.in_group = text.starts_with("AggregateError");
        if in_group {
            self.best.add_first(limit(Rank::Crash, level), &text);
        } else {
            self.add(Rank::Crash, &text, level);
        }
    }

    /// What the last message was caused by.
    fn chain(&mut self, message: &str) {
        self.head = None;
        let cause = chained(message).filter(|_| !self.suppressed && !self.after_trailer);
        match cause {
            None => {}
            // what it caused is not in the log
            Some(cause) if self.best.rank() <= Some(Rank::Line) => {
                self.add(Rank::Error, cause, None);
            }
            Some(cause) => self.best.replace(cause),
        }
    }

    fn json(&mut self, record: Record) {
        let Record {
            level,
            message,
            error,
        } = record;
        let in_brief = |text: String| match text.split_once('\n') {
            Some((first, _)) => {
                let found = find(self.source, text.lines()).filter(|it| it.rank >= Rank::Error);
                Some(found.map_or_else(|| first.to_owned(), |cause| cause.text))
            }
            None => Some(text),
        };
        let (message, error) = (message.and_then(in_brief), error.and_then(in_brief));
        let text = match (message, error) {
            (Some(message), Some(error)) if error.contains(&message) => error,
            (Some(message), Some(error)) if message.contains(&error) => message,
            (Some(message), Some(error)) => format!("{message}: {error}"),
            (message, error) => match message.or(error) {
                Some(text) => text,
                None => return,
            },
        };
        let rank = match level {
            Some((LineLevel::Fatal, _)) => Rank::Crash,
            Some((LineLevel::Error, _)) => Rank::Error,
            Some((LineLevel::Low, _)) if words::of_failure(&text) => Rank::Minor,
            None if words::of_failure(&text) => Rank::Words,
            _ => Rank::Line,
        };
        let name = level.map(|(_, name)| name + ": ").unwrap_or_default();
        self.add(rank, &format!("{name}{text}"), None);
    }

    fn add(&mut self, rank: Rank, text: &str, level: Option<LineLevel>) {
        self.after_trailer = rank == Rank::Trailer;
        self.best.add(limit(rank, level), text);
    }
}

/// The rank of a line in a record of this level.
fn limit(rank: Rank, level: Option<LineLevel>) -> Rank {
    match level {
        Some(LineLevel::Low) => rank.min(Rank::Minor),
        _ => rank,
    }
}

/// Whether the exception below is raised while the program ends.
fn is_late(message: &str) -> bool {
    LATE.iter().any(|head| message.starts_with(head))
}

/// Whether npm says in its own words what failed.
fn is_plain_failure(line: &str) -> bool {
    role(line).is_none() && words::of_failure(line) && !begins_with_exception(line)
}

/// Whether the line describes an option of a program.
fn is_option(message: &str) -> bool {
    let rest = message.split(' ').next().unwrap_or_default();
    let rest = rest.strip_prefix('-').filter(|rest| !rest.ends_with(':'));
    rest.is_some_and(|rest| rest.starts_with(|c: char| c == '-' || c.is_ascii_alphabetic()))
}
