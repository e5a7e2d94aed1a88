//! No line of a private key is reported.

/// Every line of a private key but the last has at least this many base64 characters.
const KEY_LINE: usize = 60;

/// Finds lines that may belong to a private key. They are recognised only next to each other, so none is reported alone.
#[derive(Default)]
pub(super) struct PrivateKeyFilter {
    within: bool,
}

impl PrivateKeyFilter {
    pub(super) fn matches(&mut self, line: &str) -> bool {
        let word = line.split_whitespace().next_back().unwrap_or_default();
        let is_base64 = word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
        let is_rule = word.bytes().all(|byte| byte == b'=');
        let full = is_base64 && word.len() >= KEY_LINE && !is_rule;
        let matches = full || (self.within && is_base64);
        self.within = full;
        matches
    }
}

#[cfg(test)]
mod tests {
    use crate::logs::{find_cause, Source};

    #[test]
    fn no_line_of_a_private_key_is_reported() {
        let body = format!("web1 app: {}\nweb1 app: Qw9x==\n", "A".repeat(64));
        let cause = |text: &str| find_cause(Source::Unit, text.lines()).map(|cause| cause.text);
        let first = cause(&format!("first\n{body}"));
        assert_eq!(first.as_deref(), Some("first"));
        let below = cause(&format!("{body}no such file: /opt/diting/config"));
        assert_eq!(below.as_deref(), Some("no such file: /opt/diting/config"));
        let crash = cause(&format!(
            "FATAL: x\nTraceback (most recent call last):\n{body}"
        ));
        assert_eq!(crash.as_deref(), Some("x"));
        let rule = cause(&format!(
            "{}\n==14==ERROR: bad read at 0x602\n",
            "=".repeat(65)
        ));
        assert_eq!(rule.as_deref(), Some("==14==ERROR: bad read at 0x602"));
    }
}
