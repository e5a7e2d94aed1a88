//! What the release before logs too: a crash message that is no news. It is read before the switch, while that release
//! serves.

use super::old::{OldLog, OldStart};
use crate::logs::Classifier;
use crate::logs::Normaliser;
use crate::logs::{CrashReader, Fingerprint};
use crate::protocol::{LogCheck, LogLevel, UnitRef};
use crate::server::exec::user::user;
use crate::server::store::journal;
use crate::server::store::layout::Layout;
use crate::server::unit::systemd::Unit;
use std::collections::HashSet;
use std::fs;
use std::time::{Duration, UNIX_EPOCH};

/// Messages with different data from the same line of code: from so many on, the data is no news.
const VARIANTS: usize = 2;
/// An invocation that is so much older than the link `current` began with another release.
const RELOADED: Duration = Duration::from_secs(2);

/// The crash messages in the log of the release before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::server) struct Baseline {
    known: HashSet<Fingerprint>,
    /// How much of it could be read, if its start is not in it.
    unread: Option<UnreadStart>,
}

/// The start of the release before could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnreadStart {
    /// How many lines were read.
    pub(super) lines: u32,
    /// The deploy user.
    pub(super) user: String,
}

impl Baseline {
    /// Reads the log of the release that runs, if one does.
    pub(in crate::server) fn collect(layout: &Layout, unit: UnitRef<'_>, check: &LogCheck) -> Self {
        if check.level == LogLevel::Off {
            return Self::default();
        }
        let (Ok(classifier), Ok(normaliser)) =
            (Classifier::new(check.pattern.as_deref()), Normaliser::new())
        else {
            // reported when the new log is checked
            return Self::default();
        };
        let Some(start) = Unit::show(unit)
            .ok()
            .and_then(|shown| old_start(layout, unit, &shown))
        else {
            return Self::default();
        };
        let mut reader = CrashReader::new(&classifier, &normaliser);
        let log = OldLog::read(unit, &start, &mut reader);
        Self {
            unread: (!log.has_start).then(|| UnreadStart {
                lines: u32::try_from(log.lines).unwrap_or(u32::MAX),
                user: user(),
            }),
            known: log.crashes,
        }
    }

    /// Whether the release before logs it too.
    pub(super) fn knows(&self, crash: &Fingerprint) -> bool {
        let function = &crash.place.function;
        let of_place = || {
            self.known
                .iter()
                .filter(|it| it.place.function == *function)
        };
        if crash.message.is_empty() {
            // the end of the log
            return function.is_empty() && !self.known.is_empty() || of_place().next().is_some();
        }
        let varies = || {
            let same = of_place().filter(|it| it.place == crash.place && it.sort == crash.sort);
            let messages: HashSet<&str> = same.map(|it| it.message.as_str()).collect();
            messages.len() >= VARIANTS
        };
        of_place().any(|it| it.message == crash.message) || !function.is_empty() && varies()
    }

    pub(super) fn unread(&self) -> Option<&UnreadStart> {
        self.unread.as_ref()
    }
}

/// What runs now: its invocation, and since when that runs the release.
fn old_start(layout: &Layout, name: UnitRef<'_>, unit: &Unit) -> Option<OldStart> {
    if !unit.is_up() || unit.invocation().is_empty() {
        return None;
    }
    let began = unit.main_started();
    let link = fs::symlink_metadata(layout.current()).and_then(|link| link.modified());
    let switched = link.ok()?.duration_since(UNIX_EPOCH).ok()?;
    let mut start = OldStart {
        unit: unit.full_name(name.name),
        scope: name.scope,
        invocation: unit.invocation().to_owned(),
        began,
        since: None,
        after_failure: false,
    };
    // a reload: the invocation's log is that of several releases, perhaps of one that failed with a crash
    if began.is_some_and(|began| began + RELOADED < switched) {
        let failed = journal::last(layout, 1)
            .pop()
            .filter(|last| !last.outcome.is_success())
            .map(|last| Duration::from_secs(last.at))
            .filter(|at| *at > switched);
        start.after_failure = failed.is_some();
        start.since = Some(failed.unwrap_or(switched));
    }
    Some(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::Found;

    const OLD_NOISE: &str = "[2026-11-28 19:33:08 +0000] [335] [INFO] Booting worker with pid: 335
ERROR:root:no cache file, starting cold
Traceback (most recent call last):
  File \"/opt/vf/releases/1795894387/app.py\", line 2, in <module>
    try: open('/nope/cache')
         ^^^^^^^^^^^^^^^^^^^
FileNotFoundError: [Errno 2] No such file or directory: '/nope/cache'
[2026-11-28 19:33:08 +0000] [332] [INFO] Control socket listening at /home/deploy/.gunicorn/gunicorn.ctl
";

    fn crashes(text: &str) -> Vec<Found> {
        let (classifier, normaliser) = (Classifier::new(None).unwrap(), Normaliser::new().unwrap());
        let lines: Vec<Vec<u8>> = text.lines().map(|line| line.as_bytes().to_vec()).collect();
        CrashReader::new(&classifier, &normaliser).read(&lines)
    }

    /// The crashes in `new` that `old` does not have, by the last line that is reported.
    fn news(old: &str, new: &str) -> Vec<String> {
        let known = crashes(old).into_iter().filter_map(|found| match found {
            Found::Crash(crash) => Some(crash.fingerprint),
            Found::Error(_) => None,
        });
        let baseline = Baseline {
            known: known.collect(),
            unread: None,
        };
        let new = crashes(new).into_iter().filter_map(|found| match found {
            Found::Crash(crash) if !baseline.knows(&crash.fingerprint) => {
                crash.lines.last().cloned()
            }
            _ => None,
        });
        new.map(|line| String::from_utf8(line).unwrap()).collect()
    }

    fn traceback(frame: &str, source: &str, exception: &str) -> String {
        format!("Traceback (most recent call last):\n  File {frame}\n    {source}\n{exception}\n")
    }

    fn route(exception: &str) -> String {
        traceback(
            "\"/opt/x/releases/1795894387/app.py\", line 31, in cart",
            "return items[key]",
            exception,
        )
    }

    #[test]
    fn what_the_release_before_logged_too_is_no_news() {
        let new = OLD_NOISE
            .replace("1795894387", "1795894999")
            .replace("line 2", "line 14")
            .replace("335", "4711")
            .replace("19:33:08", "02:14:59");
        assert!(news(OLD_NOISE, &new).is_empty());
        // every worker logs it, and their lines mix
        let mixed: String = OLD_NOISE
            .lines()
            .map(|line| format!("{line}\n{line}\n"))
            .collect();
        assert!(news(OLD_NOISE, &mixed).is_empty());
        assert!(news(&mixed, OLD_NOISE).is_empty());
        let between = OLD_NOISE.replace(
            "    try:",
            "INFO:     127.0.0.1:4711 - \"GET / HTTP/1.1\" 200 OK\n    try:",
        );
        assert!(news(OLD_NOISE, &between).is_empty());
    }

    #[test]
    fn only_what_the_release_before_did_not_log_counts() {
        let other = traceback(
            "\"/opt/x/releases/1/db.py\", line 3, in connect",
            "open(url)",
            "FileNotFoundError: [Errno 2] No such file or directory: '/etc/app/db.toml'",
        );
        assert_eq!(
            news(OLD_NOISE, &format!("{OLD_NOISE}{other}")),
            ["FileNotFoundError: [Errno 2] No such file or directory: '/etc/app/db.toml'"]
        );
        // the same message from another place, and another message from the same place
        let elsewhere = OLD_NOISE.replace("in <module>", "in load");
        assert_eq!(news(OLD_NOISE, &elsewhere).len(), 1);
        assert_eq!(
            news(
                OLD_NOISE,
                &OLD_NOISE.replace("/nope/cache'\n[", "/etc/app.toml'\n[")
            )
            .len(),
            1
        );
        // another exception that it leads to
        let chained = format!("{OLD_NOISE}\nDuring handling of the above exception, another exception occurred:\n\n{other}");
        assert_eq!(news(OLD_NOISE, &chained).len(), 1);
        assert_eq!(
            news("FATAL: no cache\n", "FATAL: no cache\nFATAL: no database\n"),
            ["FATAL: no database"]
        );
        assert_eq!(news("", OLD_NOISE).len(), 1);
    }

    #[test]
    fn a_line_number_or_a_library_between_does_not_make_it_news() {
        let old = route("KeyError: 'basket'");
        let library = "  File \"/opt/x/.venv/lib/python3.12/site-packages/cache/core.py\", line 7, in get\n    return inner(key)\n";
        let new = old
            .replace("line 31", "line 57")
            .replace("KeyError", &format!("{library}KeyError"));
        assert!(news(&old, &new).is_empty());
        let middleware = old.replace(
            "  File \"/opt/x/releases",
            "  File \"/opt/x/releases/2/middleware.py\", line 3, in call\n    return next(request)\n  File \"/opt/x/releases",
        );
        assert!(news(&old, &middleware).is_empty());
    }

    #[test]
    fn data_that_varies_in_the_log_of_the_release_before_is_no_news() {
        let one = route("KeyError: 'wp-login.php'");
        let old = format!("{one}{}", route("KeyError: 'xmlrpc.php'"));
        let new = route("KeyError: 'admin.php'");
        assert!(news(&old, &new).is_empty());
        assert_eq!(news(&one, &new).len(), 1);
        assert_eq!(
            news(&old, &new.replace("items[key]", "prices[key]")).len(),
            1
        );
        assert_eq!(news(&old, &new.replace("KeyError", "TypeError")).len(), 1);
    }

    #[test]
    fn panics_are_compared_too() {
        let panic = |place: &str, message: &str| {
            format!("thread 'main' panicked at {place}:\n{message}\nnote: run with `RUST_BACKTRACE=1`\n")
        };
        let old = panic("src/cache.rs:2:5", "no cache");
        assert!(news(&old, &panic("src/cache.rs:31:9", "no cache")).is_empty());
        assert_eq!(news(&old, &panic("src/db.rs:2:5", "no cache")).len(), 1);
        assert_eq!(
            news(&old, &panic("src/cache.rs:2:5", "no database")).len(),
            1
        );
        let go = |function: &str| {
            format!(
                "2026/11/28 05:16:40 http: panic serving 127.0.0.1:4711: runtime error: index out of range [0]\n\
                 goroutine 19 [running]:\nnet/http.(*conn).serve.func1()\n\t/go/server.go:1903 +0xbe\n\
                 panic({{0x6a3c20?, 0x8e9d30?}})\n\t/go/panic.go:770 +0x132\n{function}(0xc000012)\n\t/opt/x/main.go:12\n"
            )
        };
        assert!(news(&go("main.cart"), &go("main.cart").replace("[0]", "[7]")).is_empty());
        assert_eq!(news(&go("main.cart"), &go("main.start")).len(), 1);
    }

    #[test]
    fn lines_in_json_are_compared_too() {
        let json = |message: &str, time: &str| {
            format!("{{\"level\":60,\"time\":{time},\"pid\":6947,\"url\":\"/{time}\",\"msg\":\"{message}\"}}\n")
        };
        assert!(news(
            &json("no cache", "1795893964439"),
            &json("no cache", "1795893999999")
        )
        .is_empty());
        assert_eq!(
            news(&json("no cache", "1"), &json("no database", "1")).len(),
            1
        );
        let within = |line: u32, error: &str| {
            format!(
                "{{\"levelname\":\"ERROR\",\"message\":\"boom\",\"exc_info\":\"Traceback (most recent call last):\\n  \
                 File \\\"/opt/x/releases/{line}/app.py\\\", line {line}, in start\\n    go()\\n{error}\"}}\n"
            )
        };
        assert!(news(&within(1, "KeyError: 'A'"), &within(2, "KeyError: 'A'")).is_empty());
        assert_eq!(
            news(&within(1, "KeyError: 'A'"), &within(2, "KeyError: 'B'")).len(),
            1
        );
    }

    #[test]
    fn settings_that_are_invalid_are_told_apart() {
        let settings = |field: &str| {
            route(&format!("pydantic_core._pydantic_core.ValidationError: 1 validation error for Settings\n{field}\n  Field required"))
        };
        assert!(news(&settings("CACHE_URL"), &settings("CACHE_URL")).is_empty());
        assert_eq!(
            news(&settings("CACHE_URL"), &settings("DATABASE_URL")).len(),
            1
        );
    }

    #[test]
    fn a_message_at_the_end_of_the_log_is_compared_as_far_as_it_goes() {
        let cut = |text: &str, lines: usize| {
            text.lines()
                .take(lines)
                .map(|line| format!("{line}\n"))
                .collect::<String>()
        };
        assert!(news(OLD_NOISE, &cut(OLD_NOISE, 3)).is_empty());
        assert!(news(OLD_NOISE, &cut(OLD_NOISE, 5)).is_empty());
        assert_eq!(news(OLD_NOISE, &cut(&route("x"), 3)).len(), 1);
        assert_eq!(news("", &cut(OLD_NOISE, 3)).len(), 1);
    }
}
