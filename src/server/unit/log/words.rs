//! Which lines of a log tell of a crash, and which of an error.

use super::level::{self, Level};
use regex::Regex;
use serde_json::{Map, Value};

/// What a line tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Word {
    Crash,
    Error,
}

/// Colours, which some write into a journal too.
const COLOURS: &str = "\x1b\\[[0-9;]*[A-Za-z]";
/// At these places nothing but a crash writes them. What stands in quotes may be anybody's, so no quote comes before.
const CRASH: &str = concat!(
    r#"^(?:[^"]*[ \t|>\]])?(?:"#,
    r"Traceback \(most recent call last\):[ \t]*$",
    r"|panicked at (?:'|[^ ]+:[0-9]+:[0-9]+)",
    r"|Segmentation [Ff]ault(?:$|[ \t]*\(|[ \t]{2}|[ \t]?!|[.:])",
    r"|segfault at [0-9a-f]+ ",
    r"|\[signal SIGSEGV: |\(pid:[0-9]+\) was sent SIGSEGV",
    r")"
);
/// At the beginning of a message.
const CRASH_HEAD: &str = concat!(
    r"^(?:panic: |fatal error: |http: panic serving |The application panicked",
    r"|PHP Fatal error: |Fatal Python error: )"
);
/// At the beginning of a message: `pkg.SomeError: …`, `Exception in thread "main" …`.
const ERROR_HEAD: &str = concat!(
    r"^(?:Exception in |(?:Unhandled|Uncaught) [Ee]xception",
    r"|(?:Uncaught |Unhandled |Caused by: )?(?:[A-Za-z_$][A-Za-z0-9_$]*\.)*(?:[A-Z][A-Za-z0-9_]*)?(?:Error|Exception)(?::|$))"
);
/// Where loggers of JSON put the level, and what they say. No other value: a user agent is the client's to choose.
const LEVELS: [&str; 7] = [
    "level",
    "severity",
    "levelname",
    "lvl",
    "log.level",
    "level_name",
    "@l",
];
const TEXTS: [&str; 12] = [
    "msg",
    "message",
    "event",
    "exc_info",
    "exception",
    "stack",
    "stack_trace",
    "traceback",
    "error",
    "err",
    "fields",
    "error.stack_trace",
];

/// Finds them.
#[derive(Debug)]
pub(in crate::server) struct Words {
    colours: Regex,
    crash: Regex,
    crash_head: Regex,
    error_head: Regex,
    /// Stands for the crash words.
    pattern: Option<Regex>,
}

impl Words {
    /// `pattern` stands for the crash words, which then only deserve a look.
    pub(in crate::server) fn new(pattern: Option<&str>) -> Result<Self, regex::Error> {
        Ok(Self {
            colours: Regex::new(COLOURS)?,
            crash: Regex::new(CRASH)?,
            crash_head: Regex::new(CRASH_HEAD)?,
            error_head: Regex::new(ERROR_HEAD)?,
            pattern: pattern.map(Regex::new).transpose()?,
        })
    }

    /// The line as it is read: without colours.
    pub(in crate::server) fn plain(&self, line: &[u8]) -> String {
        let text = String::from_utf8_lossy(line);
        self.colours.replace_all(text.trim_end(), "").into_owned()
    }

    /// What the [`plain`](Self::plain) line tells of.
    pub(in crate::server) fn judge(&self, line: &str) -> Option<Word> {
        match &self.pattern {
            Some(pattern) if pattern.is_match(line) => Some(Word::Crash),
            Some(_) => self.judge_known(line).map(|_| Word::Error),
            None => self.judge_known(line),
        }
    }

    fn judge_known(&self, line: &str) -> Option<Word> {
        if line.trim_start().starts_with('{') {
            if let Ok(fields) = serde_json::from_str(line) {
                return self.judge_json(&fields);
            }
        }
        let (level, message) = level::split(line);
        match level {
            Some(Level::Low) => None,
            Some(Level::Fatal) => Some(Word::Crash),
            // `ERROR: FATAL: …`
            Some(Level::Error) => Some(
                match (level::split(message).0, self.judge_message(line, message)) {
                    (Some(Level::Fatal), _) | (_, Some(Word::Crash)) => Word::Crash,
                    _ => Word::Error,
                },
            ),
            None => self.judge_message(line, message),
        }
    }

    fn judge_message(&self, line: &str, message: &str) -> Option<Word> {
        if self.crash.is_match(line) || self.crash_head.is_match(message) {
            return Some(Word::Crash);
        }
        self.error_head.is_match(message).then_some(Word::Error)
    }

    fn judge_json(&self, fields: &Map<String, Value>) -> Option<Word> {
        let level = LEVELS.iter().find_map(|key| level_of(fields.get(*key)?));
        let worst = self.worst_text(fields);
        match (level, worst) {
            (Some(Level::Low), _) => None,
            (Some(Level::Fatal), _) | (_, Some(Word::Crash)) => Some(Word::Crash),
            (Some(Level::Error), _) | (_, Some(Word::Error)) => Some(Word::Error),
            (None, None) => None,
        }
    }

    fn worst_text(&self, fields: &Map<String, Value>) -> Option<Word> {
        let texts = TEXTS.iter().filter_map(|key| fields.get(*key));
        let judge = |text: &Value| match text {
            Value::String(text) => {
                self.worst_of(text.lines().map(|line| self.judge_message(line, line)))
            }
            Value::Object(inner) => {
                let texts = TEXTS
                    .iter()
                    .filter_map(|key| inner.get(*key)?.as_str())
                    .flat_map(str::lines);
                self.worst_of(texts.map(|line| self.judge_message(line, line)))
            }
            _ => None,
        };
        self.worst_of(texts.map(judge))
    }

    fn worst_of(&self, all: impl Iterator<Item = Option<Word>>) -> Option<Word> {
        all.flatten().min_by_key(|word| *word != Word::Crash)
    }
}

/// A word, or a number of pino's or bunyan's.
fn level_of(value: &Value) -> Option<Level> {
    match (value.as_str(), value.as_u64()) {
        (Some(word), _) => level::named(&word.to_ascii_uppercase()),
        (_, Some(number)) => Some(match number {
            60.. => Level::Fatal,
            50.. => Level::Error,
            _ => Level::Low,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(line: &str) -> Option<Word> {
        let words = Words::new(None).unwrap();
        words.judge(&words.plain(line.as_bytes()))
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
            assert_eq!(judge(line), Some(Word::Crash), "{line}");
        }
    }

    #[test]
    fn errors_are_told_from_crashes() {
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
            assert_eq!(judge(line), Some(Word::Error), "{line}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_nothing() {
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
            assert_eq!(judge(line), None, "{line}");
        }
    }

    #[test]
    fn a_pattern_stands_for_the_crash_words_which_then_only_deserve_a_look() {
        let words = Words::new(Some("^boom")).unwrap();
        assert_eq!(words.judge("boom"), Some(Word::Crash));
        assert_eq!(words.judge("FATAL: boom"), Some(Word::Error));
        assert_eq!(words.judge("ERROR: boom"), Some(Word::Error));
        assert_eq!(words.judge("INFO: boom"), None);
        assert!(Words::new(Some("(")).is_err());
    }

    #[test]
    fn any_bytes_can_be_judged() {
        let words = Words::new(None).unwrap();
        for line in [
            &b"\xff\xfe["[..],
            b"\x1b[",
            b"[\xc3",
            "…[é] ERROR|é".as_bytes(),
            &[b'['; 8192],
            &[b'a'; 8192],
        ] {
            words.judge(&words.plain(line));
        }
    }
}
