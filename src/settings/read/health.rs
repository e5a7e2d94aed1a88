//! When a release counts as healthy.

use std::time::Duration;

use crate::settings::durations::within;
use crate::settings::health::{check_interval, check_settle, Health, Pattern, Probe};
use crate::settings::problem::Wrong;
use crate::settings::reader::{Found, Reader};
use crate::settings::status::Statuses;
use crate::settings::url::HealthUrl;
use crate::settings::warning::Warning;

use super::{JOB, SECOND};

const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

pub(super) fn health(reader: &mut Reader<'_>) -> Option<Health> {
    let url = reader.optional("health-url", HealthUrl::parse);
    let statuses = reader.with_default("health-status", Statuses::parse);
    let pattern = reader.optional("health-match", Pattern::parse);
    if matches!((&url, &pattern), (Some(None), Some(Some(_)))) {
        let wrong = Wrong::new(
            "is given, but `health-url` is not",
            "Give `health-url`, or leave out `health-match`",
        );
        reader.problem("health-match", None, wrong);
    }
    if matches!(
        (&url, reader.find("health-status")),
        (Some(None), Found::Text(_))
    ) {
        reader.warnings.push(Warning::NoEffect {
            input: "health-status",
            because: "health-url is empty",
        });
    }
    let timeout = reader.with_default("health-timeout", |text| within(text, SECOND..=JOB));
    let most = timeout.unwrap_or(JOB);
    let interval = reader.with_default("health-interval", |text| {
        within(text, MILLISECOND * 10..=HOUR).and_then(|interval| check_interval(interval, most))
    });
    let settle = reader.with_default("health-settle", |text| {
        within(text, Duration::ZERO..=HOUR).and_then(|settle| check_settle(settle, most))
    });
    let probe = match url? {
        Some(url) => Some(Probe {
            url,
            statuses: statuses?,
            pattern: pattern?,
        }),
        None => None,
    };
    Some(Health {
        probe,
        timeout: timeout?,
        interval: interval?,
        settle: settle?,
    })
}
