//! A secret inside of base64.

use super::needle::Needle;
use base64::prelude::{Engine as _, BASE64_STANDARD_NO_PAD};

/// Shorter secrets are part of any text, and so is shorter base64.
const SHORTEST: usize = 6;

/// What base64 of a text around the secret holds for certain, wherever the secret begins in it, in both alphabets.
pub(super) fn base64(secret: &str) -> Vec<Needle> {
    if secret.chars().count() < SHORTEST {
        return Vec::new();
    }
    let one = |before: usize| {
        let text = [&[0; 2][..before], secret.as_bytes()].concat();
        let all = BASE64_STANDARD_NO_PAD.encode(&text);
        // the characters at both ends also hold bits of the neighbours
        let begin = [0, 2, 3][before];
        let end = text.len() * 8 / 6;
        all.get(begin..end).unwrap_or_default().to_owned()
    };
    let mut all: Vec<String> = (0..3).map(one).collect();
    let for_urls = all.iter().map(|it| it.replace('+', "-").replace('/', "_"));
    all.extend(for_urls.collect::<Vec<_>>());
    all.retain(|it| it.len() >= SHORTEST);
    all.iter().filter_map(|it| Needle::new(it, false)).collect()
}
