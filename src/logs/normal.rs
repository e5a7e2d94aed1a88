//! What two log lines of the same message have in common: the text without what differs each time (times, numbers, ids,
//! addresses, the release's folder).

use regex::Regex;

/// What is replaced, in this order.
const DIFFERENT_EACH_TIME: [(&str, &str); 13] = [
    ("/releases/[^/\\s\"':)\\]]+", "/releases/#"),
    ("/tmp/[^/\\s\"':)\\]]+", "/tmp/#"),
    // UUIDs, addresses in memory, MAC and IPv6 addresses, and times
    (
        r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b",
        "#",
    ),
    (r"\b0[xX][0-9a-fA-F]+\b", "#"),
    (r"\[[0-9a-fA-F]*:[0-9a-fA-F.:]*:[0-9a-fA-F.]*\]", "#"),
    (r"\b[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{0,4}){2,7}\b", "#"),
    // hashes and random ids, which have digits among their letters
    (r"\b[0-9a-fA-F]{16,}\b", "#"),
    (r"\b(?:[a-f]+[0-9]|[0-9]+[a-f])[0-9a-f]{5,}\b", "#"),
    (r"[0-9]+(?:[.,:/_-][0-9]+)*", "#"),
    (r"#(?:[ T.,:/+-]*#)+", "#"),
    (
        r"# ?(?:ns|us|µs|ms|s|sec|seconds?|min|Z|AM|PM|UTC|GMT)\b",
        "#",
    ),
    (
        r"\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?(?:# )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +#",
        "#",
    ),
    (r"\s+", " "),
];
/// A quoted text in a message: most often the data that it is about.
const QUOTED: &str = r#"'[^']*'|"[^"]*"|`[^`]*`|“[^”]*”"#;

/// Reduces texts to what is the same each time.
#[derive(Debug)]
pub(crate) struct Normaliser {
    rules: Vec<(Regex, &'static str)>,
    quoted: Regex,
}

impl Normaliser {
    pub(crate) fn new() -> Result<Self, regex::Error> {
        let rules = DIFFERENT_EACH_TIME.into_iter();
        let compiled = rules.map(|(pattern, by)| Ok((Regex::new(pattern)?, by)));
        Ok(Self {
            rules: compiled.collect::<Result<_, regex::Error>>()?,
            quoted: Regex::new(QUOTED)?,
        })
    }

    /// Without what differs each time.
    pub(crate) fn normal(&self, text: &str) -> String {
        let mut text = text.trim().to_owned();
        for (pattern, by) in &self.rules {
            if let std::borrow::Cow::Owned(replaced) = pattern.replace_all(&text, *by) {
                text = replaced;
            }
        }
        text
    }

    /// A [`normal`](Self::normal) text without what it quotes.
    pub(crate) fn without_data(&self, normal: &str) -> String {
        self.quoted.replace_all(normal, "''").into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &str) -> String {
        Normaliser::new().unwrap().normal(text)
    }

    #[test]
    fn what_differs_each_time_is_left_out() {
        let pairs = [
            (
                "[2026-11-28 19:40:47 +0000] [2483] boom",
                "[2026-11-29 02:01:07 +0000] [17] boom",
            ),
            (
                "Sat, 28 Nov 2026 19:31:39 +0000 boom",
                "Sun, 6 Dec 2026 01:02:03 +0000 boom",
            ),
            ("2026/11/28 19:31:39 boom", "2026/12/01 00:00:00 boom"),
            (
                "2026-11-28T19:31:39.123456Z boom",
                "2026-11-28T19:31:39Z boom",
            ),
            (
                "open /opt/x/releases/1795894387/a.txt",
                "open /opt/x/releases/v1.4.2/a.txt",
            ),
            (
                "'/opt/x/releases/1795894387' is gone",
                "'/opt/x/releases/3f2a1bc' is gone",
            ),
            (
                "<app.Job object at 0x7f8b2c1d>",
                "<app.Job object at 0x7fcc00aa10>",
            ),
            (
                "request 5e3fa1c2-1111-4222-8333-abcdefabcdef failed",
                "request deadbeef-aaaa-bbbb-cccc-abcdefabcdef failed",
            ),
            ("request a8f3bc12 failed", "request 07bd91fe failed"),
            ("serving 127.0.0.1:4711", "serving 10.0.0.12:80"),
            ("serving [::1]:4711", "serving [2001:db8::7]:80"),
            ("after 1.2ms", "after 17 s"),
            ("/tmp/tmpab12cd/x", "/tmp/build-7/x"),
            ("line 12, in f", "line 4711, in f"),
        ];
        for (one, other) in pairs {
            assert_eq!(normal(one), normal(other));
        }
    }

    #[test]
    fn what_a_message_says_stays() {
        let pairs = [
            ("KeyError: 'DATABASE_URL'", "KeyError: 'REDIS_URL'"),
            ("No module named 'asyncpg'", "No module named 'redis'"),
            ("FATAL: no database", "FATAL: no cache"),
            ("no feed", "no seed"),
            ("open /etc/app/a.toml", "open /etc/app/b.toml"),
            ("std::add::max", "std::add::min"),
        ];
        for (one, other) in pairs {
            assert_ne!(normal(one), normal(other));
        }
    }
}
