//! What the tables, the page and the JSON have in common.

use crate::protocol::{ListedRelease, Listing, Standing};
use crate::text::excerpt::{one_line, shorten};
use crate::text::Redactor;

/// The most characters of a text that is shown.
const MOST: usize = 200;

/// A text of the server in one line, without secrets; `None` if it is empty.
pub(in crate::report) fn said(text: Option<&String>, redactor: &Redactor) -> Option<String> {
    let line = redactor.foreign(&[one_line(text?)]).join(" ");
    Some(shorten(&line, MOST)).filter(|line| !line.is_empty())
}

/// The release that is live, if it is listed.
pub(in crate::report) fn live(listing: &Listing) -> Option<&ListedRelease> {
    let is_live = |it: &&ListedRelease| Some(&it.release) == listing.live.as_ref();
    listing.releases.iter().find(is_live)
}

/// Whether the rollback command accepts it.
pub(in crate::report) fn is_target(listed: &ListedRelease) -> bool {
    listed.standing == Standing::Good && !listed.current
}

pub(in crate::report) fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Good => "good",
        Standing::Failed => "failed",
        Standing::OnTrial => "on trial",
        Standing::Complete => "complete",
        Standing::Incomplete => "incomplete",
        Standing::Unknown => "unknown",
    }
}

/// In the largest unit that fits.
pub(in crate::report) fn age(seconds: u64) -> String {
    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..HOUR => format!("{} min", seconds / 60),
        HOUR..DAY => format!("{} h", seconds / HOUR),
        DAY.. => format!("{} d", seconds / DAY),
    }
}
