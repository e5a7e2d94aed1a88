//! Hides a private key that spans several lines.

/// What replaces a secret.
pub(super) const HIDDEN: &str = "***";

/// Shorter words may be ordinary words.
const MIN_LENGTH: usize = 16;

/// Where a line of a text is relative to a private key. Every line of a key ends with a base64 word. What precedes that
/// word (a time, a program name) belongs to the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeyBlock {
    /// Not in a key.
    #[default]
    Outside,
    /// After its BEGIN line.
    Begun,
    /// After a line of its body.
    Within,
}

impl KeyBlock {
    /// The first line that belongs to a key whose BEGIN line is missing: only the last lines of a log are shown.
    pub(super) fn begun_before(lines: &[String]) -> Option<usize> {
        let end = lines
            .iter()
            .position(|line| line.contains("PRIVATE KEY") && line.contains("-----"))?;
        let ends_only = lines[end].contains("-----END ") && !lines[end].contains("-----BEGIN ");
        let of_key = |(at, line): (usize, &String)| {
            is_base64(last(line), if at + 1 == end { 1 } else { MIN_LENGTH })
        };
        let above = lines[..end]
            .iter()
            .enumerate()
            .rev()
            .take_while(|line| of_key(*line))
            .count();
        // a single short word may be an ordinary word
        let any = above > 1 || (above == 1 && is_base64(last(&lines[end - 1]), MIN_LENGTH));
        (ends_only && any).then_some(end - above)
    }

    /// Hides the part of a key in this line. The first line that cannot belong to the key ends it, so no other text is
    /// hidden.
    pub fn hide(&mut self, line: &str) -> String {
        let word = last(line);
        let hidden = || {
            format!(
                "{}{HIDDEN}",
                &line[..line.len() - word.len() - trailing(line)]
            )
        };
        let (next, clean) = match self {
            _ if begins(line) => (Self::Begun, line.to_owned()),
            Self::Begun | Self::Within if is_base64(word, MIN_LENGTH) => (Self::Within, hidden()),
            // its last line may be short
            Self::Within if is_base64(word, 1) => (Self::Outside, hidden()),
            Self::Begun
                if word.is_empty()
                    || line.contains("Proc-Type: ")
                    || line.contains("DEK-Info: ") =>
            {
                (Self::Begun, line.to_owned())
            }
            Self::Outside | Self::Begun | Self::Within => (Self::Outside, line.to_owned()),
        };
        *self = next;
        clean
    }
}

fn last(line: &str) -> &str {
    line.split_whitespace().next_back().unwrap_or_default()
}

fn is_base64(word: &str, least: usize) -> bool {
    word.len() >= least
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
}

fn trailing(line: &str) -> usize {
    line.len() - line.trim_end().len()
}

/// Whether a key starts in this line and continues in the next one.
fn begins(line: &str) -> bool {
    let Some((_, rest)) = line.rsplit_once("-----BEGIN ") else {
        return false;
    };
    let title = rest.split("-----").next().unwrap_or_default();
    title.contains("PRIVATE KEY") && !rest.contains("-----END ")
}

#[cfg(test)]
mod tests {
    use crate::text::Redactor;
    use proptest::prelude::*;

    fn redacted(text: &str) -> String {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        Redactor::default().foreign(&lines).join("\n")
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
    fn a_key_without_an_end_hides_no_other_text() {
        let text = "-----BEGIN PRIVATE KEY-----\nthis is no key\nexample\nand example";
        assert_eq!(redacted(text), text);
        let text = "-----BEGIN CERTIFICATE-----\nMIIEowIBAAKCAQEAxxxxxxxxxxxx";
        assert_eq!(redacted(text), text);
    }

    #[test]
    fn a_key_that_starts_before_the_text_is_hidden_too() {
        let body = "app: MIIEowIBAAKCAQEAxxxxxxxxxxxxxxxx\napp: Qw==\n";
        let end = "app: -----END PRIVATE KEY-----\nlast";
        assert_eq!(
            redacted(&format!("{body}{end}")),
            format!("app: ***\napp: ***\n{end}")
        );
        assert_eq!(
            redacted(&format!("a sentence\n{body}{end}")),
            format!("a sentence\napp: ***\napp: ***\n{end}")
        );
        assert_eq!(
            redacted(&format!("a sentence\n{end}")),
            format!("a sentence\n{end}")
        );
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
