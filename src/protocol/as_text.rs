//! Serde for what the server's JSON holds as a text: `#[serde(with = "as_text")]` on the field.
//!
//! Versions up to 1.2.0 have plain text in those places. So JSON keeps the text that [`Display`] gives, and an older
//! version shows it as it is. On the wire, which both halves speak in the same version, the structure travels.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt::Display;

pub(super) fn serialize<T, S>(value: &T, serializer: S) -> Result<S::Ok, S::Error>
where
    T: Display + Serialize,
    S: Serializer,
{
    if serializer.is_human_readable() {
        serializer.collect_str(value)
    } else {
        value.serialize(serializer)
    }
}

pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: From<String> + Deserialize<'de>,
    D: Deserializer<'de>,
{
    if deserializer.is_human_readable() {
        String::deserialize(deserializer).map(T::from)
    } else {
        T::deserialize(deserializer)
    }
}

/// `From<String>` for an enum: one of the fixed texts, else `Other`.
macro_rules! from_text {
    ($name:ident: $($fixed:ident),*) => {
        impl From<String> for $name {
            fn from(text: String) -> Self {
                let fixed: &[Self] = &[$(Self::$fixed),*];
                let known = fixed.iter().find(|known| known.to_string() == text);
                known.cloned().unwrap_or(Self::Other(text))
            }
        }
    };
}
pub(super) use from_text;
