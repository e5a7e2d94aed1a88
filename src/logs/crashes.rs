//! The crash messages of a log, each as a whole: a traceback is its first line, its frames and its exception.

use super::classify::{Classifier, LineKind};
use super::crash::ExplainedBy;
use super::frames::{Frames, Place};
use super::level;
use super::level::LineLevel;
use super::normal::Normaliser;
use super::record::Records;

/// A crash message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Crash {
    /// The lines that are reported: the first one, and the one that explains it.
    pub(crate) lines: Vec<Vec<u8>>,
    pub(crate) fingerprint: Fingerprint,
}

/// What two crash messages of the same cause have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint {
    pub(crate) place: Place,
    /// Normalised.
    pub(crate) message: String,
    /// The message without the data in it.
    pub(crate) sort: String,
}

/// What was found in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    Crash(Crash),
    /// An error message of one line.
    Error(Vec<u8>),
}

impl Found {
    fn is_incomplete(&self) -> bool {
        matches!(self, Self::Crash(crash) if crash.fingerprint.message.is_empty())
    }
}

/// Finds the messages in a log that is read line by line.
pub(crate) struct CrashReader<'a> {
    classifier: &'a Classifier,
    normaliser: &'a Normaliser,
    records: Records,
    open: Option<Open>,
}

/// A crash whose lines are not all read.
struct Open {
    lines: Vec<Vec<u8>>,
    explained_by: ExplainedBy,
    frames: Frames,
    message: String,
    is_go: bool,
    /// A list of what is invalid follows the message: its first entry belongs to the message.
    goes_on: bool,
    /// It belongs to a record with a level that says it is none.
    is_minor: bool,
}

impl<'a> CrashReader<'a> {
    pub(crate) fn new(classifier: &'a Classifier, normaliser: &'a Normaliser) -> Self {
        Self {
            classifier,
            normaliser,
            records: Records::default(),
            open: None,
        }
    }

    /// All messages of a log.
    pub(crate) fn read(&mut self, lines: &[Vec<u8>]) -> Vec<Found> {
        let mut all: Vec<Found> = lines.iter().flat_map(|line| self.push(line)).collect();
        all.extend(self.finish());
        all
    }

    /// Reads one line. Returns the messages that end with it.
    pub(crate) fn push(&mut self, line: &[u8]) -> Vec<Found> {
        let text = self.classifier.plain(line);
        let kind = self.classifier.classify(&text);
        let level = self.records.push(&text);
        if let Some(open) = &mut self.open {
            if !open.ends_before(&text, kind, line, self.normaliser) {
                return Vec::new();
            }
        }
        // a crash that is not complete is explained by the next one
        let before = self
            .finish()
            .filter(|before| kind != Some(LineKind::Crash) || !before.is_incomplete());
        let mut found: Vec<Found> = before.into_iter().collect();
        match kind {
            Some(LineKind::Crash) => {
                let open = self.begin(&text, line);
                let is_minor = level == Some(LineLevel::Low) && open.is_traceback();
                self.open = Some(Open { is_minor, ..open });
            }
            Some(LineKind::Error) if level == Some(LineLevel::Low) => {}
            Some(LineKind::Error) => found.push(Found::Error(line.to_owned())),
            None => {}
        }
        found
    }

    /// Ends the log.
    pub(crate) fn finish(&mut self) -> Option<Found> {
        let open = self.open.take().filter(|open| !open.is_minor)?;
        if open.is_of_the_other_end() {
            return open.lines.last().cloned().map(Found::Error);
        }
        let message = self.normaliser.normal(&open.message);
        Some(Found::Crash(Crash {
            lines: open.lines,
            fingerprint: Fingerprint {
                place: open.frames.place(),
                sort: self.normaliser.without_data(&message),
                message,
            },
        }))
    }

    fn begin(&self, text: &str, line: &[u8]) -> Open {
        let explained_by = ExplainedBy::of(text);
        let mut frames = Frames::default();
        let message = match (&explained_by, self.classifier.texts(text)) {
            (_, Some(texts)) => self.within_json(&texts, &mut frames),
            (ExplainedBy::LineBelowFrames, None) => String::new(),
            (ExplainedBy::NextLine, None) => text
                .split_once("panicked at ")
                .unwrap_or(("", text))
                .1
                .to_owned(),
            (ExplainedBy::Itself, None) => level::split(text).1.to_owned(),
        };
        Open {
            lines: vec![line.to_owned()],
            explained_by,
            frames,
            message,
            is_go: ["panic: ", "fatal error: ", "panic serving ", "[signal "]
                .iter()
                .any(|head| text.contains(head)),
            goes_on: false,
            is_minor: false,
        }
    }

    /// The message of a line in JSON. A traceback in it counts as one in several lines does.
    fn within_json(&self, texts: &[String], frames: &mut Frames) -> String {
        let mut message = String::new();
        for text in texts {
            let lines = text.lines();
            if text.contains("Traceback (most recent call last):") {
                for line in lines {
                    if ExplainedBy::LineBelowFrames.matches(line) {
                        // the first line of a traceback says nothing of its cause
                        if !line.starts_with("Traceback (") {
                            message.push(' ');
                            message.push_str(line);
                        }
                    } else {
                        frames.read_python(line, self.normaliser);
                    }
                }
            } else {
                let first: Vec<&str> = lines.take(2).collect();
                message = format!("{message} {}", first.join(" "));
            }
        }
        message
    }
}

/// What Python raises if the other end of a connection has gone: a client that did not wait for the whole answer, as a health
/// check does not if the body is of no use.
const OTHER_END_GONE: [&str; 3] = [
    "BrokenPipeError:",
    "ConnectionResetError:",
    "ConnectionAbortedError:",
];

impl Open {
    fn is_traceback(&self) -> bool {
        matches!(self.explained_by, ExplainedBy::LineBelowFrames)
    }

    fn is_of_the_other_end(&self) -> bool {
        let message = self.message.trim_start();
        OTHER_END_GONE.iter().any(|name| message.starts_with(name))
    }

    /// Adds a line, or returns whether it is not part of the crash.
    fn ends_before(
        &mut self,
        text: &str,
        kind: Option<LineKind>,
        line: &[u8],
        normaliser: &Normaliser,
    ) -> bool {
        if self.goes_on {
            self.goes_on = false;
            if kind.is_none() && level::split(text).0.is_none() {
                self.message = format!("{} {text}", self.message);
            }
            return true;
        }
        let explained = self.explained_by.matches(text);
        match self.explained_by {
            ExplainedBy::Itself => {
                return !(self.is_go && self.frames.read_go(text, normaliser));
            }
            // another process logs the same at the same time
            ExplainedBy::LineBelowFrames if kind == Some(LineKind::Crash) => {
                return !matches!(ExplainedBy::of(text), ExplainedBy::LineBelowFrames)
                    || !self.frames.is_empty();
            }
            ExplainedBy::LineBelowFrames if !explained => {
                self.frames.read_python(text, normaliser);
                return false;
            }
            ExplainedBy::NextLine if !explained => return false,
            ExplainedBy::NextLine | ExplainedBy::LineBelowFrames => {}
        }
        self.lines.push(line.to_owned());
        self.message = format!(
            "{} {}",
            self.message,
            text.trim_start_matches([' ', '\t', '|'])
        );
        self.explained_by = ExplainedBy::Itself;
        self.goes_on = text.contains("validation error");
        false
    }
}
