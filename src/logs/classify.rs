//! Which lines of a log report a crash, and which an error.

use super::colours;
use super::exception::begins_with_exception;
use super::json::{self, Fields};
use super::level::{self, LineLevel};
use super::margin;
use regex::Regex;

/// What a line reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineKind {
    Crash,
    Error,
}

/// Only a crash writes these at these places. Text in quotes may come from anyone, so no quote may stand before them.
const CRASH: &str = concat!(
    r#"^(?:[^"]*[ \t|>\]])?(?:"#,
    r"Traceback \(most recent call last\):[ \t]*$",
    r"|panicked at (?:'|[^ ]+:[0-9]+:[0-9]+)",
    r"|Segmentation [Ff]ault(?:$|[ \t]*\(|[ \t]{2}|[ \t]?!|[.:])",
    r"|segfault at [0-9a-f]+ ",
    r"|\[signal SIGSEGV: |\(pid:[0-9]+\) was sent SIGSEGV",
    r")"
);
/// Crashes at the beginning of a message.
const CRASH_HEAD: &str = concat!(
    r"^(?:panic: |fatal error: |http: panic serving |The application panicked",
    r"|PHP Fatal error: |Fatal Python error: )"
);
/// Classifies lines.
#[derive(Debug)]
pub(crate) struct Classifier {
    crash: Regex,
    crash_head: Regex,
    /// Replaces the built-in crash patterns.
    pattern: Option<Regex>,
}

impl Classifier {
    /// `pattern` replaces the built-in crash patterns, which then count as errors.
    pub(crate) fn new(pattern: Option<&str>) -> Result<Self, regex::Error> {
        Ok(Self {
            crash: Regex::new(CRASH)?,
            crash_head: Regex::new(CRASH_HEAD)?,
            pattern: pattern.map(Regex::new).transpose()?,
        })
    }

    /// The line without colours, and without the name of the program that a supervisor writes before it.
    pub(crate) fn plain(&self, line: &[u8]) -> String {
        let line = colours::without(line);
        match margin::without_program(&line) {
            Some(text) => text.to_owned(),
            None => line,
        }
    }

    /// What the [`plain`](Self::plain) line reports.
    pub(crate) fn classify(&self, line: &str) -> Option<LineKind> {
        match &self.pattern {
            Some(pattern) if pattern.is_match(line) => Some(LineKind::Crash),
            Some(_) => self.classify_built_in(line).map(|_| LineKind::Error),
            None => self.classify_built_in(line),
        }
    }

    /// The texts of a line in JSON, without what clients choose.
    pub(crate) fn texts(&self, line: &str) -> Option<Vec<String>> {
        let texts = json::texts(&json::fields(line)?);
        (!texts.is_empty()).then_some(texts)
    }

    fn classify_built_in(&self, line: &str) -> Option<LineKind> {
        if let Some(fields) = json::fields(line) {
            return self.classify_json(&fields);
        }
        let (level, message) = level::split(line);
        match level {
            Some(LineLevel::Low) => None,
            Some(LineLevel::Fatal) => Some(LineKind::Crash),
            // `ERROR: FATAL:  …`, as libpq has it from PostgreSQL
            Some(LineLevel::Error) => Some(
                match (
                    message.starts_with("FATAL:  "),
                    self.classify_message(line, message),
                ) {
                    (true, _) | (_, Some(LineKind::Crash)) => LineKind::Crash,
                    _ => LineKind::Error,
                },
            ),
            None => self.classify_message(line, message),
        }
    }

    fn classify_message(&self, line: &str, message: &str) -> Option<LineKind> {
        if self.crash.is_match(line) || self.crash_head.is_match(message) {
            return Some(LineKind::Crash);
        }
        begins_with_exception(message).then_some(LineKind::Error)
    }

    fn classify_json(&self, fields: &Fields) -> Option<LineKind> {
        let level = json::level(fields).map(|(level, _)| level);
        let texts = json::texts(fields);
        let lines = texts.iter().flat_map(|text| text.lines());
        let kinds = lines.filter_map(|line| self.classify_message(line, line));
        match (level, kinds.min_by_key(|kind| *kind != LineKind::Crash)) {
            (Some(LineLevel::Low), _) => None,
            (Some(LineLevel::Fatal), _) | (_, Some(LineKind::Crash)) => Some(LineKind::Crash),
            (Some(LineLevel::Error), _) | (_, Some(LineKind::Error)) => Some(LineKind::Error),
            (None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classify(line: &str) -> Option<LineKind> {
        let classifier = Classifier::new(None).unwrap();
        classifier.classify(&classifier.plain(line.as_bytes()))
    }

    #[test]
    fn crashes_are_found_at_their_usual_places() {
        let crashes = [
            "Traceback (most recent call last):",
            "ERROR:    Traceback (most recent call last):",
            "  + Exception Group Traceback (most recent call last):",
            "2025-11-03 05:16:40,123 Traceback (most recent call last):",
            "thread 'main' panicked at src/main.rs:2:5:",
            "thread 'main' (4711) panicked at src/main.rs:2:5:",
            "thread '<unnamed>' panicked at 'no database', src/main.rs:2:5",
            "2025-11-03T05:16:40.1Z ERROR app: thread 'tokio-runtime-worker' panicked at src/db.rs:7:9: no database",
            "\x1b[2m2025-11-03T05:16:40.1Z\x1b[0m \x1b[31mFATAL\x1b[0m app: no database",
            "The application panicked (crashed).",
            "panic: runtime error: invalid memory address or nil pointer dereference",
            "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x47a2e5]",
            "fatal error: all goroutines are asleep - deadlock!",
            "2025/11/03 05:16:40 http: panic serving 127.0.0.1:4711: runtime error: index out of range [0]",
            "Segmentation fault (core dumped)",
            "/opt/diting/run.sh: line 3:  1234 Segmentation fault      (core dumped) ./app",
            "Fatal Python error: Segmentation fault",
            "!!! uWSGI process 12 got Segmentation Fault !!!",
            "[2025-11-03 05:16:40 +0000] [1] [ERROR] Worker (pid:12) was sent SIGSEGV!",
            "ERROR: FATAL:  password authentication failed for user \"diting\"",
            r#"{"level":"fatal","msg":"no database"}"#,
            r#"{"level":60,"time":1762147000123,"msg":"no database"}"#,
            r#"{"levelname":"ERROR","message":"boom","exc_info":"Traceback (most recent call last):\n  File \"a\"\nKeyError: 'A'"}"#,
            r#"{"timestamp":"t","level":"ERROR","fields":{"message":"panicked at src/main.rs:2:5:\nno"},"target":"app"}"#,
        ];
        for line in crashes {
            assert_eq!(classify(line), Some(LineKind::Crash), "{line}");
        }
    }

    #[test]
    fn errors_are_distinguished_from_crashes() {
        let errors = [
            "ERROR:    Exception in ASGI application",
            "ERROR:    [Errno 98] error while attempting to bind on address ('127.0.0.1', 8000): address already in use",
            "[2025-11-03 05:16:40 +0000] [12] [ERROR] Exception in worker process",
            "2025-11-03T05:16:40.123456Z ERROR app::db: connection refused",
            "Exception in thread \"main\" java.lang.IllegalStateException: no database",
            "java.lang.NullPointerException: Cannot invoke \"String.length()\"",
            "Caused by: org.postgresql.util.PSQLException: Connection refused",
            "TypeError: Cannot read properties of undefined (reading 'x')",
            "Unhandled exception. System.InvalidOperationException: x",
            "sqlalchemy.exc.OperationalError: (psycopg.OperationalError) no",
            "2025/11/03 05:16:40 [error] 12#12: *1 open() \"/usr/share/nginx/html/x\" failed (2: No such file)",
            "level=error msg=\"no database\"",
            r#"{"severity":"Error","message":"boom"}"#,
            r#"{"level":"warn-ish","err":{"message":"x","stack":"TypeError: x\n    at y"}}"#,
        ];
        for line in errors {
            assert_eq!(classify(line), Some(LineKind::Error), "{line}");
        }
    }

    #[test]
    fn lines_that_only_look_like_errors_are_ignored() {
        let fine = [
            "INFO:     Started server process [12]",
            "INFO:     127.0.0.1:4711 - \"GET /errors/404 HTTP/1.1\" 200 OK",
            "INFO:     127.0.0.1:4711 - \"GET /?q=Traceback%20(most%20recent%20call%20last): HTTP/1.1\" 404 Not Found",
            "INFO an error was handled: Traceback (most recent call last):",
            "INFO:app:0 errors, the last error was long ago",
            "0 errors",
            "0 ERRORS, 0 FATAL",
            "error_log /var/log/nginx/error.log",
            "errors: 0",
            "Errors: 0",
            "2025/11/03 05:16:40 listening on :8080, FATAL is a log level",
            "2025/11/03 05:16:40 [notice] 1#1: signal 17 (SIGCHLD) received from 12",
            "127.0.0.1 - - [03/Nov/2025:05:16:40 +0000] \"GET / HTTP/1.1\" 200 2 \"-\" \"x panicked at 'y' Segmentation fault\"",
            "127.0.0.1 - - [03/Nov/2025:05:16:40 +0000] \"GET / panicked at src/main.rs:1:1 HTTP/1.1\" 400 2",
            "127.0.0.1 - FATAL [03/Nov/2025:05:16:40 +0000] \"GET / HTTP/1.1\" 200 2",
            "  File \"/opt/diting/app.py\", line 12, in Traceback",
            "see https://example.com/Traceback and panicked at noon",
            "worker recovered: it panicked at noon",
            "Segmentation fault handler installed",
            "2025-11-03 05:16:40.123  INFO 1 --- [main] c.e.ErrorController : Exception in translation registered",
            "2025-11-03T05:16:40.1Z  WARN app: FATAL errors will be mailed",
            r#"{"level":"info","msg":"Traceback (most recent call last):"}"#,
            r#"{"level":"error?","request":"GET /FATAL","user_agent":"Traceback (most recent call last):\nx"}"#,
            r#"{"level":30,"msg":"0 errors"}"#,
            "{not json: FATAL}",
            "[GIN] 2025/11/03 - 05:16:40 | 200 |     1.2ms |       127.0.0.1 | GET      \"/errors\"",
            "Started diting.service - The Diting Application.",
            "",
        ];
        for line in fine {
            assert_eq!(classify(line), None, "{line}");
        }
    }

    #[test]
    fn a_pattern_replaces_the_crash_patterns_which_then_count_as_errors() {
        let classifier = Classifier::new(Some("^boom")).unwrap();
        assert_eq!(classifier.classify("boom"), Some(LineKind::Crash));
        assert_eq!(classifier.classify("FATAL: boom"), Some(LineKind::Error));
        assert_eq!(classifier.classify("ERROR: boom"), Some(LineKind::Error));
        assert_eq!(classifier.classify("INFO: boom"), None);
        assert!(Classifier::new(Some("(")).is_err());
    }

    #[test]
    fn any_bytes_can_be_classified() {
        let classifier = Classifier::new(None).unwrap();
        for line in [
            &b"\xff\xfe["[..],
            b"\x1b[",
            b"[\xc3",
            "…[é] ERROR|é".as_bytes(),
            &[b'['; 8192],
            &[b'a'; 8192],
        ] {
            classifier.classify(&classifier.plain(line));
        }
    }
}
