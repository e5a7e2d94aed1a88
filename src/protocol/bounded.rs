//! Lists of which only the beginning is kept when they are read: a message of a megabyte may have a million items, each a
//! hundred times as large in memory.

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// The most items of a list that are kept. More than anyone reads.
const MOST: usize = 1000;

/// Reads a list and drops what is beyond [`MOST`] items.
pub(super) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_seq(Bounded(PhantomData))
}

struct Bounded<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Bounded<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
        let mut kept = Vec::new();
        while let Some(item) = items.next_element()? {
            if kept.len() < MOST {
                kept.push(item);
            }
        }
        Ok(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Listed(#[serde(deserialize_with = "list")] Vec<u32>);

    #[test]
    fn of_a_long_list_the_beginning_is_kept_in_every_format() {
        let all: Vec<u32> = (0..5000).collect();
        let postcard = postcard::to_stdvec(&all).unwrap();
        let json = serde_json::to_string(&all).unwrap();
        let Listed(of_postcard) = postcard::from_bytes(&postcard).unwrap();
        let Listed(of_json) = serde_json::from_str(&json).unwrap();
        assert_eq!(of_postcard, all[..MOST]);
        assert_eq!(of_json, all[..MOST]);
    }
}
