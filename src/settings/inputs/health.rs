//! The health check.

use crate::protocol::{BodyPattern, Health, HealthUrl};
use crate::settings::input::{Definition, Input};
use crate::settings::model::Command;
use crate::settings::problem::{invalid, Invalid};
use crate::settings::reader::Reader;
use crate::settings::values::durations::{within, HOUR, JOB, MILLISECOND, SECOND};
use crate::settings::values::{health_url, patterns, statuses};
use std::time::Duration;

const USED_BY: &[Command] = &[Command::Deploy, Command::Rollback];

pub(super) static INPUTS: [&Input; 6] = [
    &URL.input,
    &STATUS.input,
    &MATCH.input,
    &TIMEOUT.input,
    &INTERVAL.input,
    &SETTLE.input,
];

pub(super) static URL: Definition<HealthUrl> = Definition::optional(
    "health-url",
    "URL of the health check, http or https, requested on the server. The certificate is not checked on loopback, \
     otherwise against the server's CA roots. `localhost` means the loopback, IPv4 and IPv6. Redirects are not followed. \
     Empty: only the unit is checked, with a warning.",
    health_url::parse,
)
.only(USED_BY);

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

pub(super) fn health(reader: &mut Reader<'_>) -> Option<(Option<Health>, Times)> {
    let url = reader.optional(&URL);
    let statuses = reader.with_default(&STATUS);
    let pattern = reader.optional(&MATCH);
    if url == Some(None) {
        without_url(reader, pattern.as_ref());
    }
    let times = times(reader);
    let check = match url? {
        Some(url) => Some(Health {
            url,
            statuses: statuses?,
            pattern: pattern?,
        }),
        None => None,
    };
    Some((check, times?))
}

/// What says how to check, but not where.
fn without_url(reader: &mut Reader<'_>, pattern: Option<&Option<BodyPattern>>) {
    if matches!(pattern, Some(Some(_))) {
        let fix = "Give `health-url`, or leave out `health-match`";
        let invalid = Invalid::new("is given, but `health-url` is not", fix);
        reader.problem(&MATCH.input, None, invalid);
    }
    if reader.is_given(&STATUS.input) {
        reader.no_effect(&STATUS.input, "health-url is empty");
    }
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
        format!(
            "is longer than health-timeout ({})",
            humantime::format_duration(timeout)
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
        format!(
            "is not shorter than health-timeout ({})",
            humantime::format_duration(timeout)
        ),
        "Lower health-settle, or raise health-timeout",
    )
}
