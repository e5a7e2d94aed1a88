//! Ids of releases: the names of their folders.

use super::BadId;
use crate::text::excerpt::one_line;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// The name of a release's folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseId(Name);

/// Sorted as releases follow each other: what others created was there before deploy-action.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Name {
    /// A folder that others created: harmless text, one component of a path.
    Foreign(String),
    /// UTC epoch seconds by the server's clock, strictly increasing: what deploy-action creates.
    Numbered(u64),
}

impl ReleaseId {
    /// The names of a release's files in `.deploy` are longer, and a file system allows 255 bytes.
    pub const MOST_BYTES: usize = 200;
    const MOST_DIGITS: usize = 10;

    /// The id for a release that is created at `now` (epoch seconds): later than all in `taken`.
    #[must_use]
    pub fn next(now: u64, taken: impl IntoIterator<Item = ReleaseId>) -> Self {
        let last = taken.into_iter().filter_map(|id| id.created()).max();
        Self(Name::Numbered(now.max(last.unwrap_or(0) + 1)))
    }

    /// When it was created, in epoch seconds, if its name is such a number.
    #[must_use]
    pub fn created(&self) -> Option<u64> {
        match self.0 {
            Name::Numbered(seconds) => Some(seconds),
            Name::Foreign(_) => None,
        }
    }

    /// Whether it is named as deploy-action names releases. A folder with another name is a release only if it was taken
    /// over, or if `current` or `previous` leads to it.
    #[must_use]
    pub fn is_numbered(&self) -> bool {
        self.created().is_some()
    }

    /// The format of a pending transaction that names it: versions before 1.4 refuse to finish such a transaction rather
    /// than take the release for none.
    #[must_use]
    pub fn format(&self) -> u32 {
        match self.is_numbered() {
            true => 1,
            false => 3,
        }
    }

    /// Whether its name is a whole commit hash.
    #[must_use]
    pub fn is_commit(&self) -> bool {
        match &self.0 {
            Name::Foreign(name) => {
                [40, 64].contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_hexdigit())
            }
            Name::Numbered(_) => false,
        }
    }

    /// Digits only, no leading zero, at most ten: what `date +%s` prints until the year 2286.
    fn number(text: &str) -> Option<u64> {
        let digits = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
        let number = digits && text.len() <= Self::MOST_DIGITS;
        text.parse().ok().filter(|_| number)
    }

    /// A name that no text, path or command can take for something else.
    fn is_usable(name: &str) -> bool {
        let first = |c: char| c.is_alphanumeric() || c == '_';
        name.starts_with(first)
            && name.len() <= Self::MOST_BYTES
            && !name.contains('/')
            && one_line(name) == name
    }
}

impl FromStr for ReleaseId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        match Self::number(text) {
            Some(number) => Ok(Self(Name::Numbered(number))),
            None if Self::is_usable(text) => Ok(Self(Name::Foreign(text.to_owned()))),
            None => Err(BadId(text.to_owned())),
        }
    }
}

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Name::Foreign(name) => f.write_str(name),
            Name::Numbered(seconds) => seconds.fmt(f),
        }
    }
}

/// JSON has a number, as versions before 1.4 read and write it, or else a text.
impl Serialize for ReleaseId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Name::Numbered(seconds) if serializer.is_human_readable() => {
                serializer.serialize_u64(*seconds)
            }
            _ => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for ReleaseId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.is_human_readable() {
            true => deserializer.deserialize_any(IdVisitor),
            false => deserializer.deserialize_str(IdVisitor),
        }
    }
}

struct IdVisitor;

impl Visitor<'_> for IdVisitor {
    type Value = ReleaseId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a release id")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<ReleaseId, E> {
        Ok(ReleaseId(Name::Numbered(number)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ReleaseId, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ReleaseId {
        text.parse().unwrap()
    }

    #[test]
    fn a_new_id_is_later_than_the_clock_and_every_numbered_release_there_is() {
        let taken = || ["50", "1762147685", "20251128101010", "v1.4.2"].map(id);
        assert_eq!(ReleaseId::next(100, taken()), id("1762147686"));
        assert_eq!(ReleaseId::next(1_800_000_000, taken()), id("1800000000"));
        assert_eq!(ReleaseId::next(7, [id("v1.4.2")]), id("7"));
    }

    #[test]
    fn only_digits_as_date_prints_them_are_numbers() {
        assert_eq!(id("1762147685").created(), Some(1_762_147_685));
        for foreign in ["0", "01", "12a", "20251104120000", "1.5", "releases", "١"] {
            assert_eq!(id(foreign).created(), None, "{foreign}");
            assert_eq!(id(foreign).to_string(), foreign);
        }
    }

    #[test]
    fn what_is_no_plain_name_of_a_folder_is_no_id() {
        let long = "x".repeat(ReleaseId::MOST_BYTES + 1);
        for bad in [
            "",
            ".",
            "..",
            ".trash",
            "-1",
            " 1",
            "1 ",
            "a  b",
            "a/b",
            "/",
            "a\nb",
            "a\u{1b}[2J",
            "a\u{202e}b",
            "a\u{200b}b",
            "a\u{a0}b",
            "x##[error]y",
            "::error::x",
            "~deploy",
            "$(reboot)",
            &long,
        ] {
            assert!(bad.parse::<ReleaseId>().is_err(), "{bad:?}");
        }
        for good in [
            &long[1..],
            "v1.4.2",
            "release 7",
            "größe",
            "a'b$(c)`d`|<e>&",
        ] {
            assert_eq!(id(good).to_string(), good);
        }
    }

    #[test]
    fn what_others_created_is_older_than_what_deploy_action_creates() {
        let mut all = [
            "1762147685",
            "20251128101010",
            "7",
            "v1.4.2",
            "20251127101010",
        ]
        .map(id);
        all.sort();
        let sorted = all.map(|id| id.to_string());
        assert_eq!(
            sorted,
            [
                "20251127101010",
                "20251128101010",
                "v1.4.2",
                "7",
                "1762147685"
            ]
        );
    }

    #[test]
    fn in_json_a_number_stays_a_number_and_a_name_is_a_text() {
        for (text, json) in [
            ("1762147685", "1762147685"),
            ("20251128101010", "\"20251128101010\""),
            ("v1.4.2", "\"v1.4.2\""),
        ] {
            assert_eq!(serde_json::to_string(&id(text)).unwrap(), json);
            assert_eq!(serde_json::from_str::<ReleaseId>(json).unwrap(), id(text));
            let wire = postcard::to_stdvec(&id(text)).unwrap();
            assert_eq!(postcard::from_bytes::<ReleaseId>(&wire), Ok(id(text)));
        }
        for bad in ["\"a/b\"", "\"..\"", "-1", "1.5", "null", "[1]"] {
            assert!(serde_json::from_str::<ReleaseId>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_commit_is_a_whole_hash() {
        for (text, is_commit) in [
            ("0a".repeat(20), true),
            ("ab".repeat(32), true),
            ("ab".repeat(16), false),
            ("xy".repeat(20), false),
            ("1762147685".to_owned(), false),
        ] {
            assert_eq!(id(&text).is_commit(), is_commit, "{text}");
        }
    }
}
