//! No text that is made of inputs ever holds a part of the key.

use proptest::prelude::*;

use super::{Inputs, KEY};

/// Inputs into which a key may be pasted by mistake.
const NAMES: &[&str] = &[
    "key",
    "host",
    "port",
    "user",
    "known-hosts",
    "service",
    "exclude",
    "health-match",
    "timeout",
];

fn damaged(lines: &[String], how: usize) -> String {
    let body = lines.join("\n");
    match how {
        0 => format!(
            "-----BEGIN OPENSSH PRIVATE KEY-----\n{body}\n-----END OPENSSH PRIVATE KEY-----\n"
        ),
        1 => body,
        2 => format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{body}"),
        3 => format!("PuTTY-User-Key-File-2: x\n{body}"),
        4 => format!("-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END EC PRIVATE KEY-----"),
        5 => format!("{KEY}-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----"),
        _ => format!("/{body}${{{{"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_problem_and_no_warning_holds_a_byte_of_the_key(
        lines in prop::collection::vec("[A-Za-z0-9+/]{12,70}", 1..4),
        how in 0_usize..7,
        place in 0..NAMES.len(),
    ) {
        let key = damaged(&lines, how);
        // the key where it belongs, and a second time where it does not
        let inputs = Inputs::new().with("key", &key).with(NAMES[place], &key);
        let (result, warnings) = inputs.read_with(&[]);
        let text = format!("{} {result:?} {warnings:?} {}", result.as_ref().err().cloned().unwrap_or_default(), inputs.warnings());
        for line in &lines {
            for piece in line.as_bytes().windows(8) {
                prop_assert!(!text.contains(std::str::from_utf8(piece).unwrap()), "{text}");
            }
        }
    }
}
