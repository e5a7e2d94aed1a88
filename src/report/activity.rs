//! What happens now, for a terminal.

use super::Report;
use crate::protocol::Step;
use crate::text::amounts::{duration, size};
use std::time::Duration;

/// What happens now, for someone who waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// The step that runs.
    pub step: Step,
    /// Bytes of contents that were sent, and all of them.
    pub sent: Option<(u64, u64)>,
    /// The last answer of the health check.
    pub health: Option<String>,
}

impl Activity {
    /// What happens now in this run; `None`: no step runs.
    #[must_use]
    pub fn now(report: &Report) -> Option<Self> {
        let step = report.steps.last().filter(|step| step.mark.is_none())?;
        let sends = matches!(step.step, Step::Connect | Step::Upload);
        Some(Self {
            step: step.step,
            sent: report.transfer.filter(|_| sends),
            health: step.health().map(str::to_owned),
        })
    }

    /// A step without details.
    #[must_use]
    pub fn of(step: Step) -> Self {
        Self {
            step,
            sent: None,
            health: None,
        }
    }

    /// In one line, `since` the step began.
    #[must_use]
    pub fn text(&self, since: Duration) -> String {
        let sent = self.sent.map(|(sent, all)| {
            let rate = size(
                sent * 1000
                    / u64::try_from(since.as_millis())
                        .unwrap_or(u64::MAX)
                        .max(1000),
            );
            format!(": {} of {} sent, {rate}/s", size(sent), size(all))
        });
        let health = self
            .health
            .as_ref()
            .map(|health| format!(": health {health}"));
        format!(
            "{}, {}{}",
            self.step,
            duration(since),
            sent.or(health).unwrap_or_default()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_now_has_its_text() {
        let mut upload = Activity::of(Step::Upload);
        let mut verify = Activity::of(Step::Verify);
        upload.sent = Some((12_345_678, 60_000_000));
        verify.health = Some("answered 500".to_owned());
        let at = |activity: &Activity, seconds| activity.text(Duration::from_secs(seconds));
        let all = [
            at(&Activity::of(Step::Install), 75),
            at(&upload, 10),
            at(&upload, 0),
            at(&verify, 4),
        ];
        insta::assert_snapshot!(all.join("\n"), @"
        install, 1 min 15 s
        upload, 10.0 s: 12.3 MB of 60.0 MB sent, 1.2 MB/s
        upload, 0.0 s: 12.3 MB of 60.0 MB sent, 12.3 MB/s
        verify, 4.0 s: health answered 500
        ");
    }
}
