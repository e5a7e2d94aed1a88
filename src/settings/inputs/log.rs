//! What the log of the new process may hold.

use crate::protocol::{LogCheck, LogLevel};
use crate::settings::input::{Definition, Input};
use crate::settings::model::Command;
use crate::settings::problem::{invalid, Invalid};
use crate::settings::reader::Reader;
use crate::settings::values::patterns;

pub(super) static INPUTS: [&Input; 2] = [&CHECK.input, &PATTERN.input];

pub(super) static CHECK: Definition<LogLevel> = Definition::with_default(
    "log-check",
    "fail",
    "What to do if the new process logs a crash (Traceback, panicked, FATAL, CRITICAL, segfault in their usual places) that \
     the release before did not log: `fail`: the release fails, and other error messages are warnings; `warn`: a warning; `off`: nothing.",
    level,
)
.only(&[Command::Deploy, Command::Rollback]);

pub(super) static PATTERN: Definition<String> = Definition::optional(
    "log-pattern",
    "Regular expression for a log line that reports a crash; replaces the known crash messages.",
    patterns::log_line,
)
.only(&[Command::Deploy, Command::Rollback]);

pub(super) fn log(reader: &mut Reader<'_>) -> Option<LogCheck> {
    let level = reader.with_default(&CHECK);
    let pattern = reader.optional(&PATTERN);
    if level == Some(LogLevel::Off) && matches!(pattern, Some(Some(_))) {
        reader.no_effect(&PATTERN.input, "log-check is off");
    }
    Some(LogCheck {
        level: level?,
        pattern: pattern?,
    })
}

fn level(text: &str) -> Result<LogLevel, Invalid> {
    match text {
        "fail" => Ok(LogLevel::Fail),
        "warn" => Ok(LogLevel::Warn),
        "off" => Ok(LogLevel::Off),
        _ => invalid("is not a level", "Write `fail`, `warn` or `off`"),
    }
}
