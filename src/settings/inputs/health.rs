//! The health check.

use crate::protocol::{BodyPattern, Health, HealthUrl, Secret};
use crate::settings::input::{Definition, Input};
use crate::settings::model::Command;
use crate::settings::problem::{invalid, Invalid};
use crate::settings::reader::Reader;
use crate::settings::staging::scripts;
use crate::settings::values::durations::{within, HOUR, JOB, MILLISECOND, SECOND};
use crate::settings::values::{health_url, patterns, statuses};
use crate::text::Prose;
use std::time::Duration;

const USED_BY: &[Command] = &[Command::Deploy, Command::Rollback];

pub(super) static INPUTS: [&Input; 8] = [
    &URL.input,
    &HEADERS.input,
    &STATUS.input,
    &MATCH.input,
    &COMMAND.input,
    &TIMEOUT.input,
    &INTERVAL.input,
    &SETTLE.input,
];

pub(super) static URL: Definition<Option<HealthUrl>> = Definition::optional(
    "health-url",
    "URL of the health check, http or https, requested on the server. The certificate is not checked on loopback, \
     otherwise against the server's CA roots. `localhost` means the loopback, IPv4 and IPv6. Redirects are not followed. \
     `none`: the app has no HTTP. Empty: without `health-command`, only the units are checked, with a warning.",
    health_url::optional,
)
.only(USED_BY);

pub(super) static HEADERS: Definition<Vec<(String, Secret)>> = Definition::optional(
    "health-headers",
    "Request headers of the health check: `Name: value`, one per line; `Host` above all, for an app behind nginx's virtual \
     host or with a host check. Values are hidden in the log, except those of `Host`, `X-Forwarded-Proto`, `Accept` and \
     `User-Agent`.",
    headers,
)
.secret()
.lines()
.only(USED_BY);

/// Headers that frame the message or change what comes back: with another value the check would read a wrong response.
const RESERVED_HEADERS: [&str; 12] = [
    "Accept-Encoding",
    "Connection",
    "Content-Length",
    "Expect",
    "Keep-Alive",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Range",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
];

/// More headers, or a longer line, than servers accept.
const MOST_HEADERS: usize = 50;
const LONGEST_HEADER: usize = 4096;

pub(super) static STATUS: Definition<Vec<u16>> = Definition::with_default(
    "health-status",
    "200",
    "Healthy status codes, separated by commas.",
    statuses::parse,
)
.only(USED_BY);

pub(super) static MATCH: Definition<BodyPattern> = Definition::optional(
    "health-match",
    "Regular expression that the body must match; `{release}` and `{sha}` stand for those of the release being verified.",
    patterns::body,
)
.only(USED_BY);

pub(super) static COMMAND: Definition<Option<String>> = Definition::optional(
    "health-command",
    "Shell commands run in the release on the server, with the variables of its `.env` (`sh -eu`): exit code 0 is healthy. \
     For workers, queues and gRPC. With `health-url`, both must be healthy. Empty or `none`: nothing.",
    scripts::optional,
)
.lines()
.only(USED_BY);

pub(super) static TIMEOUT: Definition<Duration> = Definition::with_default(
    "health-timeout",
    "60s",
    "How long the release may take to become healthy.",
    |text| within(text, SECOND..=JOB),
)
.only(USED_BY);

pub(super) static INTERVAL: Definition<Duration> = Definition::with_default(
    "health-interval",
    "1s",
    "Pause between two health checks.",
    |text| within(text, MILLISECOND * 10..=HOUR),
)
.only(USED_BY);

pub(super) static SETTLE: Definition<Duration> = Definition::with_default(
    "health-settle",
    "5s",
    "How long it must stay healthy. If it turns unhealthy again, the settle time restarts. May be `0s`.",
    |text| within(text, Duration::ZERO..=HOUR),
)
.only(USED_BY);

/// The durations of verification.
pub(super) struct Times {
    pub(super) timeout: Duration,
    pub(super) interval: Duration,
    pub(super) settle: Duration,
}

/// The request, the command, and the durations.
type Checks = (Option<Health>, Option<String>, Times);

pub(super) fn health(reader: &mut Reader<'_>) -> Option<Checks> {
    let url = reader.optional(&URL);
    let headers = reader.optional(&HEADERS);
    let statuses = reader.with_default(&STATUS);
    let pattern = reader.optional(&MATCH);
    if matches!(url, Some(None | Some(None))) {
        let because = match url {
            Some(None) => "health-url is empty",
            _ => "health-url is none",
        };
        without_url(reader, pattern.as_ref(), because);
    }
    if let (Some(statuses), Some(Some(pattern))) = (&statuses, &pattern) {
        let has_body = matches_a_body(statuses, pattern);
        reader.require(&MATCH.input, has_body);
    }
    let command = reader.optional(&COMMAND);
    let times = times(reader);
    let check = match url?.flatten() {
        Some(url) => Some(Health {
            url,
            statuses: statuses?,
            pattern: pattern?,
            headers: headers?.unwrap_or_default(),
        }),
        None => None,
    };
    Some((check, command?.flatten(), times?))
}

/// What says how to check, but not where.
fn without_url(
    reader: &mut Reader<'_>,
    pattern: Option<&Option<BodyPattern>>,
    because: &'static str,
) {
    if matches!(pattern, Some(Some(_))) {
        let fix = "Give `health-url`, or leave out `health-match`";
        let invalid = Invalid::new(Prose::of("is given, but {}", [&because]), fix);
        reader.problem(&MATCH.input, None, invalid);
    }
    for input in [&HEADERS.input, &STATUS.input] {
        if reader.is_given(input) {
            reader.no_effect(input, because);
        }
    }
}

/// A response without a body (RFC 9110, sections 15.3.5 and 15.4.5) matches only what matches nothing.
fn matches_a_body(statuses: &[u16], pattern: &BodyPattern) -> Result<(), Invalid> {
    let empty = statuses.iter().all(|status| [204, 304].contains(status));
    let matches_nothing = pattern
        .regex("1", "1")
        .is_ok_and(|regex| regex.is_match(""));
    if !empty || matches_nothing {
        return Ok(());
    }
    let fix = "Add a status with a body, or leave out `health-match`";
    invalid(
        "cannot match: a response with a status of `health-status` has no body",
        fix,
    )
}

/// `Name: value`, one per line. No problem shows a value.
fn headers(text: &str) -> Result<Vec<(String, Secret)>, Invalid> {
    let mut headers: Vec<(String, Secret)> = Vec::new();
    let lines = text.lines().map(str::trim).enumerate();
    for (index, line) in lines.filter(|(_, line)| !line.is_empty()) {
        let place = format!("line {}", index + 1);
        let (name, value) = header(line).map_err(|invalid| invalid.at(&place))?;
        if headers
            .iter()
            .any(|(other, _)| other.eq_ignore_ascii_case(name))
        {
            let what = Prose::of("{} has the same name as an earlier line", [&place]);
            return invalid(what, "Keep the one that is meant");
        }
        headers.push((name.to_owned(), Secret::from(value)));
    }
    if headers.len() > MOST_HEADERS {
        let fix = "Send only those that the app needs";
        return invalid(Prose::of("has more than {} lines", [&MOST_HEADERS]), fix);
    }
    Ok(headers)
}

/// A name is a token, a value printable ASCII (RFC 9110, sections 5.1 and 5.5).
fn header(line: &str) -> Result<(&str, &str), Invalid> {
    let form = "Write `Name: value`, as in `Host: app.example`";
    if line.len() > LONGEST_HEADER {
        let fix = Prose::of("Servers accept up to about {} bytes", [&LONGEST_HEADER]);
        return invalid("is too long", fix);
    }
    let Some((name, value)) = line.split_once(':') else {
        return invalid("has no `:`", form);
    };
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        return invalid("has no valid header name before its `:`", form);
    }
    if let Some(reserved) = RESERVED_HEADERS
        .iter()
        .find(|it| it.eq_ignore_ascii_case(name))
    {
        let what = Prose::of("sets {}, which would break the request", [&reserved]);
        return invalid(
            what,
            "Leave it out: the health check sets it as it needs it",
        );
    }
    let value = value.trim();
    if value.is_empty() {
        return invalid("has no value", form);
    }
    if !value
        .bytes()
        .all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte))
    {
        let fix = "Write it in ASCII, encoded as the app expects it";
        return invalid("has a character that a header cannot have", fix);
    }
    Ok((name, value))
}

fn times(reader: &mut Reader<'_>) -> Option<Times> {
    let timeout = reader.with_default(&TIMEOUT);
    let most = timeout.unwrap_or(JOB);
    let interval = reader.with_default(&INTERVAL);
    let interval =
        interval.filter(|interval| reader.require(&INTERVAL.input, not_longer(*interval, most)));
    let settle = reader.with_default(&SETTLE);
    let settle = settle.filter(|settle| reader.require(&SETTLE.input, shorter(*settle, most)));
    Some(Times {
        timeout: timeout?,
        interval: interval?,
        settle: settle?,
    })
}

fn not_longer(interval: Duration, timeout: Duration) -> Result<(), Invalid> {
    if interval <= timeout {
        return Ok(());
    }
    invalid(
        Prose::of(
            "is longer than health-timeout ({})",
            [&humantime::format_duration(timeout)],
        ),
        "Lower health-interval, or raise health-timeout",
    )
}

/// The release must be able to settle before the time is up.
fn shorter(settle: Duration, timeout: Duration) -> Result<(), Invalid> {
    if settle < timeout {
        return Ok(());
    }
    invalid(
        Prose::of(
            "is not shorter than health-timeout ({})",
            [&humantime::format_duration(timeout)],
        ),
        "Lower health-settle, or raise health-timeout",
    )
}

#[cfg(test)]
mod tests {
    use crate::settings::tests::{problems_of, Inputs};

    #[test]
    fn headers_are_names_and_values_one_per_line() {
        let text =
            "Host: app.example\r\n\n  X-Token:  a: b \nAuthorization: Bearer hunter2hunter2\n";
        let settings = Inputs::new().with("health-headers", text).settings();
        let debug = format!("{settings:?}");
        assert!(
            !debug.contains("hunter2") && !debug.contains("a: b"),
            "{debug}"
        );
        let headers = settings.verification.health.unwrap().headers;
        let pairs: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose()))
            .collect();
        let expected = [
            ("Host", "app.example"),
            ("X-Token", "a: b"),
            ("Authorization", "Bearer hunter2hunter2"),
        ];
        assert_eq!(pairs, expected);
        assert!(Inputs::new()
            .settings()
            .verification
            .health
            .unwrap()
            .headers
            .is_empty());
    }

    #[test]
    fn headers_that_would_break_the_request_are_refused_without_their_values() {
        let values = [
            "Host app.example",
            ": hunter2",
            "X Token: hunter2",
            "X-Token:",
            "Host: a\nhost: b",
            "connection: keep-alive",
            "Content-Length: 10",
            "A: 1\nTransfer-Encoding: chunked",
            "Accept-Encoding: gzip",
            "X-Token: s\u{f6}cret",
            "X-Token: a\rHost: b",
            &format!("X-Token: {}", "x".repeat(5000)),
            &(0..51).map(|n| format!("X-{n}: 1\n")).collect::<String>(),
        ];
        insta::assert_snapshot!(problems_of("health-headers", &values), @"
        health-headers: line 1 has no `:`. Write `Name: value`, as in `Host: app.example`.
        health-headers: line 1 has no valid header name before its `:`. Write `Name: value`, as in `Host: app.example`.
        health-headers: line 1 has no valid header name before its `:`. Write `Name: value`, as in `Host: app.example`.
        health-headers: line 1 has no value. Write `Name: value`, as in `Host: app.example`.
        health-headers: line 2 has the same name as an earlier line. Keep the one that is meant.
        health-headers: line 1 sets Connection, which would break the request. Leave it out: the health check sets it as it needs it.
        health-headers: line 1 sets Content-Length, which would break the request. Leave it out: the health check sets it as it needs it.
        health-headers: line 2 sets Transfer-Encoding, which would break the request. Leave it out: the health check sets it as it needs it.
        health-headers: line 1 sets Accept-Encoding, which would break the request. Leave it out: the health check sets it as it needs it.
        health-headers: line 1 has a character that a header cannot have. Write it in ASCII, encoded as the app expects it.
        health-headers: line 1 has a character that a header cannot have. Write it in ASCII, encoded as the app expects it.
        health-headers: line 1 is too long. Servers accept up to about 4096 bytes.
        health-headers: has more than 50 lines. Send only those that the app needs.
        ");
    }

    #[test]
    fn headers_without_a_url_have_no_effect_and_there_is_no_flag_for_them() {
        let inputs = Inputs::new()
            .with("health-headers", "Host: a")
            .without("health-url");
        assert!(inputs
            .warnings()
            .contains("health-headers has no effect: health-url is empty."));
        let flag = "--health-headers=Authorization: hunter2hunter2";
        let problems =
            crate::settings::Flags::parse([flag.into()], &crate::settings::INPUTS).unwrap_err();
        assert!(
            problems[0].to_string().contains("a secret has no flag"),
            "{}",
            problems[0]
        );
    }
}
