//! The level of a log line, if the line names one where loggers usually do.

/// The levels that are distinguished here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LineLevel {
    /// From trace to warning.
    Low,
    Error,
    Fatal,
}

/// Words that may stand before a level: `time [thread] some.logger LEVEL` has fewer.
const MAX_WORDS: usize = 10;
/// Names before a level that do not look like a logger's: with more it is prose.
const MAX_PLAIN_NAMES: usize = 1;
/// The characters of a line in which a level stands.
const HEAD: usize = 100;
const DATES: [&str; 19] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Mon",
    "Tue", "Wed", "Thu", "Fri", "Sat", "Sun",
];

/// The level, if only times, brackets and names stand before it; and the message.
pub(crate) fn split(line: &str) -> (Option<LineLevel>, &str) {
    let known = of_ruby(line).or_else(|| of_klog(line));
    if let Some((level, message)) = known.or_else(|| of_logfmt(line)) {
        return (Some(level), message);
    }
    split_after(line, false)
}

/// Ruby's `W, [2026-11-29T04:09:33.050389 #14]  WARN -- worker: text`. Rails logs every request that fails as fatal, also one
/// for an unknown path.
fn of_ruby(line: &str) -> Option<(LineLevel, &str)> {
    let (letter, rest) = line
        .split_once(", ")
        .filter(|(_, rest)| rest.starts_with('['))?;
    let level = of_letter(letter)?.min(LineLevel::Error);
    let message = rest.split_once(" -- ")?.1;
    Some((
        level,
        message
            .split_once(": ")
            .map_or(message, |(_, message)| message),
    ))
}

/// `app=shop level=fatal msg="no seats"`: the fields before the level may be any.
fn of_logfmt(line: &str) -> Option<(LineLevel, &str)> {
    let first = line.split(' ').next()?.split_once('=')?.0;
    if first.is_empty()
        || !first
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b"_.".contains(&b))
    {
        return None;
    }
    let at = line.find(" level=").map(|at| at + 1)?;
    let (word, message) = line[at..].split_once(' ').unwrap_or((&line[at..], ""));
    Some((level_of(word)?, message))
}

/// Kubernetes' and Google's `W1129 04:41:15.335685      14 main.go:16] text`.
fn of_klog(line: &str) -> Option<(LineLevel, &str)> {
    let (head, message) = line.split_once("] ")?;
    let (letter, date) = (head.get(..1)?, head.get(1..5)?);
    let is_date = date.bytes().all(|b| b.is_ascii_digit()) && head.get(5..6) == Some(" ");
    Some((of_letter(letter).filter(|_| is_date)?, message))
}

fn split_after(line: &str, mut dated: bool) -> (Option<LineLevel>, &str) {
    let (mut rest, mut message, mut plain) = (line.trim_start(), None, 0);
    for _ in 0..MAX_WORDS {
        let (word, after) = next_word(rest);
        if let Some(level) = level_of(word) {
            return (Some(level), within_word(rest, word).unwrap_or(after));
        }
        if is_stamp(word, dated) {
            dated = true;
        } else if dated && is_name(word) {
            plain += usize::from(!word.contains(['.', ':', '-', '_', '/', '@']));
            message.get_or_insert(rest);
        } else {
            break;
        }
        if plain > MAX_PLAIN_NAMES {
            break;
        }
        rest = after;
    }
    (None, message.unwrap_or(rest))
}

/// Whether a level below an error stands anywhere at the beginning of a line, in whatever format. Less sure than
/// [`split`].
pub(crate) fn seems_low(line: &str) -> bool {
    let start = line
        .char_indices()
        .nth(HEAD)
        .map_or(line, |(at, _)| &line[..at]);
    let is_end = |c: char| !c.is_alphanumeric();
    let mut levels = start.split(is_end).filter_map(|word| {
        let upper = word.to_ascii_uppercase();
        let at = word.as_ptr() as usize - start.as_ptr() as usize + word.len();
        let is_marked = upper == word || start[at..].trim_start().starts_with([':', '|', ']']);
        named(&upper).filter(|_| is_marked)
    });
    levels.next() == Some(LineLevel::Low)
}

/// The message of `ERROR:root:message`, Python's basic format.
fn within_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (_, logger) = word
        .split_once(':')
        .filter(|(name, _)| named(name).is_some())?;
    let (logger, _) = logger.split_once(':')?;
    let at = word.find(':')? + 1 + logger.len() + 1;
    text.get(at..).filter(|_| !logger.is_empty())
}

/// A word or a whole bracket, and the text after it.
fn next_word(text: &str) -> (&str, &str) {
    let end = match text.strip_prefix('[').and_then(|inner| inner.find(']')) {
        Some(inner) => inner + 2,
        None => text
            .find(|c: char| c.is_whitespace() || c == '|')
            .unwrap_or(text.len()),
    };
    let (word, after) = text.split_at(end);
    (
        word,
        after.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '|' | ':' | '-')),
    )
}

/// `[inner]` without its brackets.
fn bracketed(word: &str) -> Option<&str> {
    word.strip_prefix('[')?.strip_suffix(']')
}

fn level_of(word: &str) -> Option<LineLevel> {
    if let Some(inner) = bracketed(word) {
        // tornado's `[W 261129 04:29:24 torn:8]`
        if let Some((letter, _)) = inner
            .split_once(' ')
            .filter(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()))
        {
            if let Some(level) = of_letter(letter) {
                return Some(level);
            }
        }
        if inner == "fatal" {
            // a level of Mojolicious, after which the application goes on
            return Some(LineLevel::Error);
        }
        return named(&inner.trim().to_ascii_uppercase()).or_else(|| split_after(inner, false).0);
    }
    if let Some((key, value)) = word.split_once('=') {
        let is_level = matches!(key, "level" | "lvl" | "severity");
        return is_level
            .then(|| named(&value.trim_matches('"').to_ascii_uppercase()))
            .flatten();
    }
    // `CRITICAL:root:text`, `<ERROR>`, `CRITICAL/MainProcess`
    if matches!(word, "warning:" | "warn:" | "info:" | "debug:") {
        return Some(LineLevel::Low);
    }
    let word = word.trim_start_matches(['<', '(', '*', '{']);
    named(word.split([':', '/', ',', '>', ')', '*', '}']).next()?)
}

/// The first letter of a level.
fn of_letter(letter: &str) -> Option<LineLevel> {
    Some(match letter {
        "F" | "C" => LineLevel::Fatal,
        "E" => LineLevel::Error,
        "W" | "I" | "D" => LineLevel::Low,
        _ => return None,
    })
}

/// `CRIT` and `ALERT` are not fatal: nginx logs them for a bot's broken handshake and for a missing log file.
pub(crate) fn named(word: &str) -> Option<LineLevel> {
    Some(match word {
        "FATAL" | "CRITICAL" | "EMERG" | "PANIC" | "DPANIC" | "FTL" | "PNC" | "CRITI" => {
            LineLevel::Fatal
        }
        "ERROR" | "ERR" | "SEVERE" | "CRIT" | "ALERT" => LineLevel::Error,
        "TRACE" | "DEBUG" | "INFO" | "INFORMATION" | "NOTICE" | "WARN" | "WARNI" | "WARNING"
        | "SUCCESS" | "VERBOSE" | "TRC" | "VRB" | "DBG" | "INF" | "WRN" => LineLevel::Low,
        _ => return None,
    })
}

/// A time, a process id, a bracket or a separator. Not an address: in access logs a user name follows, which the client
/// chooses.
fn is_stamp(word: &str, dated: bool) -> bool {
    let is_address = word.matches('.').count() >= 3 || word.contains("::");
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let is_number = word.starts_with(|c: char| c.is_ascii_digit())
        && word
            .chars()
            .all(|c| c.is_ascii_digit() || "TZ:.,+-/#*".contains(c))
        && (digits >= 4 || dated);
    // `29-Nov-2026`, `29/Nov/2026:05:00:00`
    let is_date = word
        .split(['-', '/'])
        .nth(1)
        .is_some_and(|month| DATES.contains(&month));
    let is_zone = dated
        && word.starts_with(['+', '-'])
        && digits >= 4
        && word[1..].chars().all(|c| c.is_ascii_digit() || c == ':');
    let is_separator = dated && !word.is_empty() && word.chars().all(|c| "-*|".contains(c));
    let is_field = matches!(
        word.split_once('='),
        Some(("time" | "ts" | "timestamp" | "caller", _))
    );
    bracketed(word).is_some()
        || is_number && !is_address
        || is_date
        || is_zone
        || is_separator
        || is_field
        || DATES.contains(&word)
}

/// The name of a logger, a thread or a host.
fn is_name(word: &str) -> bool {
    !word.is_empty()
        && word
            .chars()
            .all(|c| c.is_alphanumeric() || "._:-/@$(){}#<>".contains(c))
        && !word.contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(line: &str) -> Option<LineLevel> {
        split(line).0
    }

    #[test]
    fn a_level_is_found_where_loggers_write_it() {
        let fatal = [
            "FATAL: password authentication failed",
            "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
            "CRITICAL:root:no database",
            "CRITICAL 2025-11-03 05:16:40,123 views 12 no database",
            "2025-11-03 05:16:40,123 - app.db - CRITICAL - no database",
            "2025-11-03 05:16:40,123 myapp CRITICAL no database",
            "[2025-11-03 05:16:40 +0000] [12] [CRITICAL] WORKER TIMEOUT (pid:13)",
            "[2025-11-03 05:16:40,123: CRITICAL/MainProcess] no broker",
            "2025-11-03T05:16:40.123Z\tFATAL\tmain.go:12\tno database",
            "2025-11-03 05:16:40.123 | CRITICAL | app.db:connect:12 - no database",
            "time=\"2025-11-03T05:16:40Z\" level=fatal msg=\"no database\"",
            "level=fatal msg=\"no database\"",
            "2025/11/03 05:16:40 [emerg] 123#123: bind() to 0.0.0.0:80 failed (98: Address already in use)",
            "Mon Nov  3 05:16:40 2025 - FATAL no config",
            "2025-11-03 05:16:40.123 UTC [12] FATAL:  the database system is starting up",
        ];
        for line in fatal {
            assert_eq!(level(line), Some(LineLevel::Fatal), "{line}");
        }
        let error = [
            "ERROR:    Exception in ASGI application",
            "2025-11-03 05:16:40.123 ERROR 1234 --- [main] o.s.boot.SpringApplication : Application run failed",
            "2025-11-03T05:16:40.123456Z ERROR app::db: no database",
            "2025/11/03 05:16:40 [crit] 12#12: *3 SSL_do_handshake() failed (SSL: error:141CF06C) while SSL handshaking",
            "SEVERE: no database",
        ];
        for line in error {
            assert_eq!(level(line), Some(LineLevel::Error), "{line}");
        }
        assert_eq!(
            level("INFO:     Started server process [12]"),
            Some(LineLevel::Low)
        );
    }

    #[test]
    fn a_word_elsewhere_is_no_level() {
        let none = [
            "0 errors",
            "3 CRITICAL issues were fixed",
            "the CRITICAL section is entered",
            "2025/11/03 05:16:40 the queue is in ERROR state",
            "127.0.0.1 - FATAL [03/Nov/2025:05:16:40 +0000] \"GET / HTTP/1.1\" 200 2",
            "127.0.0.1 - - [03/Nov/2025:05:16:40 +0000] \"GET /FATAL HTTP/1.1\" 404 9",
            "error_log is /var/log/FATAL",
            "FATALITY is a game",
            "GET /errors/404 200",
            "",
            "[",
            "[[[]]]",
            "é ERROR",
        ];
        for line in none {
            assert_eq!(level(line), None, "{line}");
        }
        assert_eq!(level("INFO FATAL handler installed"), Some(LineLevel::Low));
    }

    #[test]
    fn the_message_comes_after_the_level() {
        assert_eq!(
            split("ERROR:    Traceback (most recent call last):").1,
            "Traceback (most recent call last):"
        );
        assert_eq!(
            split("2025/11/03 05:16:40 http: panic serving [::1]:1").1,
            "http: panic serving [::1]:1"
        );
    }
}
