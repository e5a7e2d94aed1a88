//! A private key that spans several lines.

use super::redact::HIDDEN;

/// Shorter words may be words.
const BODY: usize = 16;

/// How far the lines of one text have come into a private key. Each line of it ends in a word of base64; whatever
/// stands before it (a time, a program's name) is the log's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeyBlock {
    /// In none.
    #[default]
    Outside,
    /// It has begun.
    Begun,
    /// Lines of it were there.
    Within,
}

impl KeyBlock {
    /// The line without its part of a key. A key ends with what can't be of one, so that no text is swallowed.
    pub fn hide(&mut self, line: &str) -> String {
        let last = line.split_whitespace().next_back().unwrap_or_default();
        let is_base64 = last.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
        let hidden = || format!("{}{HIDDEN}", &line[..line.len() - last.len() - trailing(line)]);
        let (next, clean) = match self {
            _ if begins(line) => (Self::Begun, line.to_owned()),
            Self::Begun | Self::Within if is_base64 && last.len() >= BODY => (Self::Within, hidden()),
            // its last line may be short
            Self::Within if is_base64 && !last.is_empty() => (Self::Outside, hidden()),
            Self::Begun if last.is_empty() || line.contains("Proc-Type: ") || line.contains("DEK-Info: ") => {
                (Self::Begun, line.to_owned())
            }
            Self::Outside | Self::Begun | Self::Within => (Self::Outside, line.to_owned()),
        };
        *self = next;
        clean
    }
}

fn trailing(line: &str) -> usize {
    line.len() - line.trim_end().len()
}

/// Whether a key begins in this line, and goes on in the next one.
fn begins(line: &str) -> bool {
    let Some((_, rest)) = line.rsplit_once("-----BEGIN ") else { return false };
    let title = rest.split("-----").next().unwrap_or_default();
    title.contains("PRIVATE KEY") && !rest.contains("-----END ")
}

#[cfg(test)]
mod tests {
    use crate::text::Redactor;
    use proptest::prelude::*;

    fn redacted(text: &str) -> String {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        Redactor::default().lines(&lines).join("\n")
    }

    #[test]
    fn the_lines_of_a_private_key_are_hidden_and_nothing_else() {
        let text = "\
before
Nov 03 05:16:40 web1 app[12]: -----BEGIN RSA PRIVATE KEY-----
Nov 03 05:16:40 web1 app[12]: Proc-Type: 4,ENCRYPTED

Nov 03 05:16:40 web1 app[12]: MIIEowIBAAKCAQEAxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
Nov 03 05:16:40 web1 app[12]: Qw==
Nov 03 05:16:40 web1 app[12]: -----END RSA PRIVATE KEY-----
after";
        insta::assert_snapshot!(redacted(text), @"
        before
        Nov 03 05:16:40 web1 app[12]: -----BEGIN RSA PRIVATE KEY-----
        Nov 03 05:16:40 web1 app[12]: Proc-Type: 4,ENCRYPTED

        Nov 03 05:16:40 web1 app[12]: ***
        Nov 03 05:16:40 web1 app[12]: ***
        Nov 03 05:16:40 web1 app[12]: -----END RSA PRIVATE KEY-----
        after
        ");
    }

    #[test]
    fn a_key_that_never_ends_swallows_no_text() {
        let text = "-----BEGIN PRIVATE KEY-----\nthis is no key\nexample\nand example";
        assert_eq!(redacted(text), text);
        let text = "-----BEGIN CERTIFICATE-----\nMIIEowIBAAKCAQEAxxxxxxxxxxxx";
        assert_eq!(redacted(text), text);
    }

    proptest! {
        #[test]
        fn no_line_of_a_key_survives(
            body in prop::collection::vec("[A-Za-z0-9+/]{64}", 1..20),
            rest in "[A-Za-z0-9+/]{2,60}={0,2}",
            prefix in "([a-z]{1,8}: )?",
        ) {
            let lines = body.iter().chain([&rest]).map(|line| format!("{prefix}{line}\n")).collect::<String>();
            let text = format!("{prefix}-----BEGIN PRIVATE KEY-----\n{lines}{prefix}-----END PRIVATE KEY-----\nend");
            let clean = redacted(&text);
            prop_assert!(body.iter().all(|line| !clean.contains(line.as_str())), "{}", clean);
            prop_assert!(rest.len() < 16 || !clean.contains(&rest), "{}", clean);
            prop_assert_eq!(clean.matches("***").count(), body.len() + 1);
            prop_assert!(clean.ends_with("\nend"));
        }
    }
}
