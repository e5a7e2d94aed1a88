//! Finds the line that names the cause of a failure: the root's own words, not those of what wraps it, repeats it or watches
//! over it.

use super::exception::begins_with_exception;
use super::formats::{chained, role, Role};
use super::json::{self, Record};
use super::level::{self, LineLevel};
use super::margin::without_margin;
use super::record::Records;
use super::words;

/// The longest cause, in characters.
const MAX_CHARS: usize = 300;
/// Lines that may follow an exception and belong to its message.
const MAX_MESSAGE: usize = 8;
/// What these lines begin with, in SQLAlchemy and PostgreSQL.
const DETAILS: [&str; 6] = ["[", "(", "DETAIL:", "HINT:", "CONTEXT:", "LINE "];
/// Lines that are joined to one that does not end.
const MAX_JOINED: usize = 3;
/// Every line of a private key but the last has at least this many base64 characters.
const KEY_LINE: usize = 60;

/// How surely a line is the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// It says that something failed which another line explains.
    Trailer,
    /// Any line.
    Line,
    /// It says how a process ended.
    End,
    /// It has words of a failure, but a level that says it is none.
    Minor,
    /// It has words of a failure.
    Words,
    /// A traceback below a message whose level says it is none: the message's own, or that of the program's end.
    Likely,
    /// An error.
    Error,
    /// A crash.
    Crash,
}

/// What a failure was caused by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    /// In the log's own words.
    pub(crate) text: String,
    /// How surely.
    pub(crate) rank: Rank,
}

/// What failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A service, which may have processes that watch over others.
    Unit,
    /// Commands, the last of which failed.
    Script,
}

/// Finds the cause in the output of something that failed. The lines are plain: without colours.
pub(crate) fn find<'a>(source: Source, lines: impl IntoIterator<Item = &'a str>) -> Option<Cause> {
    let mut finder = Finder::new(source);
    for line in lines {
        finder.push(line);
    }
    finder.end()
}

#[derive(Debug, Clone)]
struct Candidate {
    text: String,
    rank: Rank,
    /// One of several messages of a tool.
    is_diagnostic: bool,
    /// How many lines may still be joined to it.
    joins: usize,
    /// Lines that are not indented too.
    goes_on: bool,
    /// The program went on after it.
    survived: bool,
}

/// What the lines that come next are.
#[derive(Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Log,
    /// The frames of a traceback of Python, whose first line has so many spaces before it.
    Traceback(usize),
    /// The message of a panic of Rust.
    Panic(String),
    /// `Caused by:`: the causes; whether one was read.
    Causes(bool),
    /// Frames of which none says anything.
    Stack,
    /// The report of Spring Boot, before and in its description.
    Report,
    Description,
    /// How a program is to be called.
    Usage,
    /// The stacks of Go's goroutines.
    Goroutines,
}

struct Finder {
    source: Source,
    best: Option<Candidate>,
    records: Records,
    mode: Mode,
    /// The last message, if frames may follow it; whether it is the name of an exception.
    head: Option<(String, bool)>,
    /// The next exception of Python was raised because of the last one.
    caused: bool,
    /// An exception of Python has been read.
    after_exception: bool,
    /// So many lines may still belong to its message.
    message_lines: usize,
    is_traceback: bool,
    /// The next exception was raised while the program ended.
    ignored: bool,
    /// The exceptions of a group follow.
    in_group: bool,
    after_python_frame: bool,
    suppressed: bool,
    /// The last message only said that something failed.
    after_trailer: bool,
    key: PrivateKeyFilter,
}

impl Finder {
    fn new(source: Source) -> Self {
        Self {
            source,
            best: None,
            records: Records::default(),
            mode: Mode::Log,
            head: None,
            caused: false,
            after_exception: false,
            message_lines: 0,
            is_traceback: false,
            ignored: false,
            in_group: false,
            after_python_frame: false,
            suppressed: false,
            after_trailer: false,
            key: PrivateKeyFilter::default(),
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
            return self.blank();
        }
        if let Some(fields) = json::fields(line) {
            return self.json(json::record(&fields));
        }
        if is_of_npm
            && role(line).is_none()
            && words::of_failure(line)
            && !begins_with_exception(line)
        {
            return self.diagnostic(line, level);
        }
        if !self.continues(line, level) {
            self.message(line, level);
        }
    }

    fn end(mut self) -> Option<Cause> {
        if let Mode::Panic(head) = std::mem::take(&mut self.mode) {
            self.add(Rank::Crash, &head, None);
        }
        let Candidate { text, rank, .. } = self.best?;
        Some(Cause {
            text: shortened(&text),
            rank,
        })
    }

    fn blank(&mut self) {
        self.message_lines = 0;
        if self.mode == Mode::Usage {
            // options follow
            return;
        }
        if let Some(best) = &mut self.best {
            if !best.text.ends_with(':') {
                best.joins = 0;
            }
        }
    }

    /// Reads a line that belongs to what came before. Returns whether it does.
    fn continues(&mut self, line: &str, level: Option<LineLevel>) -> bool {
        let (indent, text) = (indent(line), line.trim());
        match &mut self.mode {
            Mode::Traceback(base) => {
                let base = *base;
                if indent > base || is_within_traceback(text) {
                    return true;
                }
                if level::split(line).0.is_some() {
                    return text.is_empty();
                }
                self.mode = Mode::Log;
                if !std::mem::take(&mut self.ignored) {
                    self.exception(text, level);
                }
                true
            }
            Mode::Panic(head) => {
                // the panic of a thread that another one waits for
                let rank = match text.ends_with("Any { .. }") {
                    true => Rank::Trailer,
                    false => Rank::Crash,
                };
                let text = format!("{head} {text}");
                self.mode = Mode::Log;
                self.add(rank, &text, level);
                true
            }
            Mode::Stack => {
                let goes_on = indent > 0;
                if !goes_on {
                    self.mode = Mode::Log;
                }
                goes_on
            }
            Mode::Causes(known) => {
                let entry = text.split_once(": ").filter(|(number, _)| {
                    !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
                });
                if indent == 0 || text.starts_with("---") {
                    self.mode = Mode::Log;
                    return false;
                }
                let known = std::mem::replace(known, true);
                if let Some((_, cause)) = entry {
                    self.replace(cause);
                } else if !known {
                    self.replace(text);
                }
                true
            }
            Mode::Report => {
                if text == "Description:" {
                    self.mode = Mode::Description;
                }
                true
            }
            Mode::Description => {
                self.mode = Mode::Log;
                self.add(Rank::Crash, text, None);
                true
            }
            Mode::Usage => {
                let goes_on = indent > 0 || text.starts_with('-') || text.ends_with(':');
                if !goes_on {
                    self.mode = Mode::Log;
                }
                goes_on
            }
            Mode::Goroutines => {
                let goes_on = indent > 0
                    || text.ends_with(['}', ')', ':'])
                    || ["created by ", "exit status "]
                        .iter()
                        .any(|it| text.starts_with(it));
                if !goes_on {
                    self.mode = Mode::Log;
                }
                goes_on
            }
            Mode::Log => self.joins(line, text, indent),
        }
    }

    /// Joins a line to the candidate, if that does not end.
    fn joins(&mut self, line: &str, text: &str, indent: usize) -> bool {
        let Some(best) = self.best.as_mut().filter(|best| best.joins > 0) else {
            return false;
        };
        if best.text.ends_with(['[', '{']) {
            // an error that is JSON
            if let Some(message) = text.strip_prefix("\"message\": ") {
                best.text = format!("{} {}", best.text, message.trim_end_matches(','));
                best.joins = 0;
            }
            return !is_new(line, text);
        }
        let goes_on = best.goes_on || begins_with_exception(&best.text) && words::of_failure(text);
        let more = best.text.ends_with(':') || goes_on || indent > 0;
        if is_new(line, text) || !more || !matches!(role(text), None | Some(Role::Error)) {
            best.joins = 0;
            return false;
        }
        best.joins -= 1;
        best.text = format!("{} {text}", best.text);
        true
    }

    /// The message that a traceback of Python ends with.
    fn exception(&mut self, text: &str, level: Option<LineLevel>) {
        if role(text) == Some(Role::Trailer) {
            return self.add(Rank::Trailer, text, level);
        }
        self.message_lines = MAX_MESSAGE;
        let is_first = !std::mem::replace(&mut self.after_exception, true);
        if std::mem::take(&mut self.caused) && !is_first {
            return;
        }
        let in_group = std::mem::take(&mut self.in_group);
        self.in_group = text
            .split(':')
            .next()
            .is_some_and(|name| name.ends_with("ExceptionGroup"));
        self.is_traceback = true;
        self.add(Rank::Crash, text, level);
        self.is_traceback = false;
        if let Some(best) = self.best.as_mut().filter(|best| best.text == text) {
            // of several, the first one counts
            best.is_diagnostic = in_group;
            if text.contains("validation error") {
                best.joins = MAX_JOINED - 1;
                best.text.push(':');
            }
        }
    }

    fn message(&mut self, line: &str, level: Option<LineLevel>) {
        let (own_level, message) = level::split(line);
        let has_text = message.contains(char::is_alphanumeric);
        if own_level.is_some() && !has_text {
            return;
        }
        let message = if has_text { message } else { line }.trim();
        let role = role(message);
        if message.ends_with("Traceback (most recent call last):") {
            self.mode = Mode::Traceback(indent(line));
            return;
        }
        if ["Exception ignored ", "Error in atexit"]
            .iter()
            .any(|it| message.starts_with(it))
        {
            self.ignored = true;
        }
        if message.starts_with("The above exception was the direct cause") {
            self.caused = true;
        }
        if message.contains("panicked at ") && message.ends_with(':') {
            self.mode = Mode::Panic(message.to_owned());
            return;
        }
        if message.starts_with("goroutine ") && message.ends_with("]:") {
            self.mode = Mode::Goroutines;
            return;
        }
        if message == "APPLICATION FAILED TO START" {
            self.mode = Mode::Report;
            return;
        }
        if message == "Caused by:" {
            self.mode = Mode::Causes(false);
            return;
        }
        if ["stack backtrace:", "Stack backtrace:", "Exception trace:"].contains(&message) {
            self.mode = Mode::Stack;
            return;
        }
        if ["Usage:", "usage:", "Usage of ", "USAGE:"]
            .iter()
            .any(|head| message.starts_with(head))
        {
            self.mode = Mode::Usage;
            return;
        }
        if !message.contains(|c: char| c.is_alphanumeric()) {
            return;
        }
        let mut letters = message.chars();
        let is_option = letters.next() == Some('-')
            && letters
                .next()
                .is_some_and(|c| c == '-' || c.is_ascii_alphabetic());
        if is_option {
            return;
        }
        let python_frame = self.after_python_frame;
        self.after_python_frame =
            message.starts_with("File \"") || python_frame && indent(line) > 0;
        match role {
            Some(Role::Frame) => return self.frame(message, level),
            Some(Role::Chain) => return self.chain(message),
            Some(Role::Trailer) => self.add(Rank::Trailer, message, level),
            Some(Role::Crash) => self.add(Rank::Crash, message, level),
            Some(Role::Diagnostic) => {
                self.head = None;
                return self.diagnostic(message, level);
            }
            Some(Role::Error) => self.add(Rank::Error, message, level),
            Some(Role::End) => self.add(Rank::End, message, level),
            None if python_frame && indent(line) == 0 && begins_with_exception(message) => {
                self.add(Rank::Crash, message, level);
            }
            None => self.other(message, own_level, level),
        }
        let is_exception = begins_with_exception(message) || role == Some(Role::Error);
        if indent(line) > 0 && !is_exception {
            return;
        }
        if is_exception || self.head.as_ref().is_none_or(|(_, is)| !is) || own_level.is_some() {
            self.head = Some((message.to_owned(), is_exception));
        }
    }

    fn other(&mut self, message: &str, own: Option<LineLevel>, level: Option<LineLevel>) {
        let is_detail = DETAILS.iter().any(|start| message.starts_with(start));
        if own.is_none() && self.message_lines > 0 && is_detail {
            self.message_lines -= 1;
            return;
        }
        self.message_lines = 0;
        if let Some(best) = self.best.as_mut().filter(|best| best.rank == Rank::Likely) {
            // the program went on
            best.rank = Rank::Minor;
        }
        let rank = match own {
            _ if begins_with_exception(message) => Rank::Error,
            Some(LineLevel::Fatal) => Rank::Crash,
            Some(LineLevel::Error) => Rank::Error,
            _ if words::of_failure(message) && !words::is_advice(message) => Rank::Words,
            _ => Rank::Line,
        };
        self.add(rank, message, if rank == Rank::Words { own } else { level });
    }

    /// A frame below a message makes that an uncaught exception.
    fn frame(&mut self, frame: &str, level: Option<LineLevel>) {
        self.suppressed = frame.starts_with("Suppressed:");
        let is_call = ["at ", "from "]
            .iter()
            .any(|start| frame.starts_with(start));
        if !is_call || self.suppressed {
            return;
        }
        let Some((head, is_exception)) = self.head.take() else {
            return;
        };
        let is_other = |best: &Candidate| best.rank >= Rank::Error && !best.text.starts_with(&head);
        if !is_exception && self.best.as_ref().is_some_and(is_other) {
            return;
        }
        if role(&head) == Some(Role::Trailer) || !is_exception && head.ends_with(['{', ',', '[']) {
            return;
        }
        // with the lines that were joined to it
        let joined = self
            .best
            .as_ref()
            .filter(|best| best.text.starts_with(&head));
        let text = joined.map_or(head, |best| best.text.clone());
        let in_group = std::mem::take(&mut self.in_group);
        self.in_group = text.starts_with("AggregateError");
        self.add(Rank::Crash, &text, level);
        if let Some(best) = self.best.as_mut().filter(|best| best.text == text) {
            best.is_diagnostic = in_group;
        }
    }

    fn chain(&mut self, message: &str) {
        self.head = None;
        if self.suppressed || self.after_trailer {
            return;
        }
        let Some(cause) = chained(message) else {
            return;
        };
        if self
            .best
            .as_ref()
            .is_none_or(|best| best.rank <= Rank::Line)
        {
            // what it caused is not in the log
            return self.add(Rank::Error, cause, None);
        }
        self.replace(cause);
    }

    /// The candidate is caused by this.
    fn replace(&mut self, cause: &str) {
        if let Some(best) = &mut self.best {
            if best.rank > Rank::Line
                && !cause.is_empty()
                && !cause.ends_with('{')
                && role(cause) != Some(Role::Trailer)
            {
                best.text = cause.to_owned();
                best.joins = MAX_JOINED;
            }
        }
    }

    fn diagnostic(&mut self, message: &str, level: Option<LineLevel>) {
        let is_known = |best: &Candidate| best.is_diagnostic;
        if !self.best.as_ref().is_some_and(is_known) {
            self.add(Rank::Error, message, level);
            if let Some(best) = self.best.as_mut().filter(|best| best.text == message) {
                best.is_diagnostic = true;
            }
        }
    }

    fn json(&mut self, record: Record) {
        let Record {
            level,
            message,
            error,
        } = record;
        let error = error.and_then(|error| match error.contains('\n') {
            true => find(self.source, error.lines()).map(|cause| cause.text),
            false => Some(error),
        });
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
        let most = if self.is_traceback {
            Rank::Likely
        } else {
            Rank::Minor
        };
        self.after_trailer = rank == Rank::Trailer;
        let text = match text.find("The promise rejected with the reason ") {
            Some(at) => text[at..].trim_end_matches([' ', '{', ']', '.']),
            None => text,
        };
        let rank = match level {
            Some(LineLevel::Low) => rank.min(most),
            _ => rank,
        };
        if let Some(best) = &mut self.best {
            best.survived |= rank == Rank::Line && self.source == Source::Script;
            let is_over = best.survived && best.rank == Rank::Crash && rank == Rank::Error;
            let keeps = best.is_diagnostic || words::is_conclusion(text);
            if !is_over && (best.rank > rank || best.rank == rank && keeps) {
                return;
            }
        }
        self.best = Some(Candidate {
            text: text.to_owned(),
            rank,
            is_diagnostic: false,
            goes_on: matches!(text, "Error:" | "error:") || text.starts_with("in ./"),
            survived: false,
            joins: if rank >= Rank::Words { MAX_JOINED } else { 0 },
        });
    }
}

/// Whether a line begins another message.
fn is_new(line: &str, text: &str) -> bool {
    level::split(line).0.is_some() || begins_with_exception(text)
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

/// Whether an unindented line belongs to a traceback all the same: loguru's frames, the bars of an exception group, a box.
fn is_within_traceback(text: &str) -> bool {
    text.is_empty() || text.starts_with(['>', '|', '│', '╭', '╰', '❱', '└', '+'])
}

/// A mark shows where it is cut, because a secret may be cut there.
fn shortened(text: &str) -> String {
    let text = text.trim_start_matches([' ', '\t', '|']).trim();
    match text.char_indices().nth(MAX_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Finds lines that may belong to a private key. They are recognised only next to each other, so none is reported alone.
#[derive(Default)]
struct PrivateKeyFilter {
    within: bool,
}

impl PrivateKeyFilter {
    fn matches(&mut self, line: &str) -> bool {
        let word = line.split_whitespace().next_back().unwrap_or_default();
        let is_base64 = word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
        let is_rule = word.bytes().all(|byte| byte == b'=');
        let full = is_base64 && word.len() >= KEY_LINE && !is_rule;
        let matches = full || (self.within && is_base64);
        self.within = full;
        matches
    }
}

#[cfg(test)]
mod tests;
