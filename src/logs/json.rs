//! Lines in JSON: their level, and what they say.

use super::level::{self, LineLevel};
use serde_json::{Map, Value};

pub(super) type Fields = Map<String, Value>;

/// The fields in which loggers put the level. No other field counts: clients choose a user agent, for example.
const LEVELS: [&str; 10] = [
    "level_name",
    "level",
    "severity",
    "levelname",
    "severity_text",
    "logLevel",
    "loglevel",
    "lvl",
    "log.level",
    "@l",
];
/// The message.
const MESSAGES: [&str; 8] = [
    "msg",
    "message",
    "event",
    "@m",
    "@mt",
    "MESSAGE",
    "exc_value",
    "value",
];
/// What went wrong: a text, or an object with one.
const ERRORS: [&str; 15] = [
    "err",
    "error",
    "exception",
    "exc_info",
    "stack_trace",
    "error.stack_trace",
    "error.message",
    "traceback",
    "@x",
    "stack",
    "exc",
    "context",
    "cause",
    "reason",
    "thrown",
];
/// What an error was caused by.
const CAUSES: [&str; 4] = ["cause", "inner", "previous", "exception"];
/// The name of an error's class.
const CLASSES: [&str; 4] = ["type", "name", "class", "exc_type"];

/// A line in JSON.
#[derive(Debug)]
pub(super) struct Record {
    /// And how it is written.
    pub(super) level: Option<(LineLevel, String)>,
    pub(super) message: Option<String>,
    /// What went wrong: of several errors the one that caused the others. It may be a whole traceback.
    pub(super) error: Option<String>,
}

/// The fields of a line in JSON.
pub(super) fn fields(line: &str) -> Option<Fields> {
    let line = line.trim_start();
    if !line.starts_with('{') {
        return None;
    }
    let mut fields: Fields = serde_json::from_slice(line.as_bytes()).ok()?;
    // loguru's, and that of tracing in Rust
    match (fields.remove("record"), fields.get("fields")) {
        (Some(Value::Object(inner)), _) => Some(inner),
        (_, Some(Value::Object(inner))) => {
            let inner = inner.clone();
            fields.extend(inner);
            Some(fields)
        }
        _ => Some(fields),
    }
}

pub(super) fn record(fields: &Fields) -> Record {
    Record {
        level: level(fields),
        message: message_of(fields),
        error: ERRORS.iter().find_map(|key| error_of(fields.get(*key)?)),
    }
}

/// All texts without what clients choose.
pub(super) fn texts(fields: &Fields) -> Vec<String> {
    let keys = || MESSAGES.iter().chain(&ERRORS);
    let of = |value: &Value| match value {
        Value::String(text) => vec![text.clone()],
        Value::Object(inner) => keys()
            .filter_map(|key| inner.get(*key)?.as_str())
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    };
    keys()
        .filter_map(|key| fields.get(*key))
        .flat_map(of)
        .collect()
}

/// The level, and how it is written.
pub(super) fn level(fields: &Fields) -> Option<(LineLevel, String)> {
    let nested = fields.get("log").and_then(|log| log.get("level"));
    let values = || {
        LEVELS
            .iter()
            .filter_map(|key| fields.get(*key))
            .chain(nested)
    };
    // a name is clearer than a number
    let names = values().filter(|value| !value.is_number());
    names
        .chain(values().filter(|value| value.is_number()))
        .find_map(named)
}

fn message_of(fields: &Fields) -> Option<String> {
    let text = MESSAGES.iter().find_map(|key| fields.get(*key)?.as_str())?;
    Some(text.trim().to_owned())
}

fn error_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        // structlog's
        Value::Array(chain) => error_of(chain.last()?),
        Value::Object(fields) => {
            let cause = CAUSES.iter().find_map(|key| error_of(fields.get(*key)?));
            cause.or_else(|| {
                let class = CLASSES.iter().find_map(|key| fields.get(*key)?.as_str());
                match (class, message_of(fields)) {
                    (Some(class), Some(message)) => Some(format!("{class}: {message}")),
                    (None, Some(message)) => Some(message),
                    _ => error_of(fields.get("stack")?),
                }
            })
        }
        _ => None,
    }
}

/// A name, or a number of pino, bunyan or Monolog.
fn named(value: &Value) -> Option<(LineLevel, String)> {
    let value = value.get("name").unwrap_or(value);
    match (value.as_str(), value.as_u64()) {
        (Some(word), _) => {
            let name = word.to_ascii_uppercase();
            level::named(&name).map(|level| (level, name))
        }
        (_, Some(number)) => {
            let (level, name) = match number {
                500.. | 60..100 => (LineLevel::Fatal, "FATAL"),
                400.. | 50..60 => (LineLevel::Error, "ERROR"),
                300.. | 40..50 => (LineLevel::Low, "WARN"),
                _ => (LineLevel::Low, "INFO"),
            };
            Some((level, name.to_owned()))
        }
        _ => None,
    }
}
