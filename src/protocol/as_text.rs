//! Serde for what the server's JSON holds as a text: `#[serde(with = "as_text")]` on the field.
//!
//! Versions up to 1.2.0 have plain text in those places. So JSON keeps the text that [`Display`] gives, and an older
//! version shows it as it is. On the wire, which both halves speak in the same version, the structure travels.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt::Display;

/// What JSON holds as a text.
pub(super) trait AsText: Display {
    /// A text that is only passed on; `Display` may shorten it.
    fn other(&self) -> Option<&str>;
}

pub(super) fn serialize<T, S>(value: &T, serializer: S) -> Result<S::Ok, S::Error>
where
    T: AsText + Serialize,
    S: Serializer,
{
    match value.other() {
        _ if !serializer.is_human_readable() => value.serialize(serializer),
        Some(text) => serializer.serialize_str(text),
        None => serializer.collect_str(value),
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

/// [`AsText`] for an enum with a variant `Other(String)`.
macro_rules! as_text {
    ($name:ident) => {
        impl crate::protocol::as_text::AsText for $name {
            fn other(&self) -> Option<&str> {
                match self {
                    Self::Other(text) => Some(text),
                    _ => None,
                }
            }
        }
    };
}

/// The same, and `From<String>`: one of the fixed texts, else `Other`.
macro_rules! from_text {
    ($name:ident: $($fixed:ident),*) => {
        crate::protocol::as_text::as_text!($name);

        impl From<String> for $name {
            fn from(text: String) -> Self {
                let fixed: &[Self] = &[$(Self::$fixed),*];
                let known = fixed.iter().find(|known| known.to_string() == text);
                known.cloned().unwrap_or(Self::Other(text))
            }
        }
    };
}
pub(super) use {as_text, from_text};
