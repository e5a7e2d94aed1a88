//! Workflow commands for GitHub's runner, each one line on standard output. Escaped as in actions/toolkit
//! (packages/core/src/command.ts). Text from a server must be made harmless first.

/// Starts a group of lines that the log can fold. Groups cannot be nested.
pub fn group(title: &str) -> String {
    format!("::group::{}", data(title))
}

/// Ends the group.
pub fn end_group() -> String {
    "::endgroup::".to_owned()
}

/// Lets the runner hide this text in everything that the job prints from now on.
pub fn add_mask(text: &str) -> String {
    format!("::add-mask::{}", data(text))
}

/// A red annotation.
pub fn error(title: &str, message: &str) -> String {
    annotation("error", title, message)
}

/// A yellow annotation.
pub fn warning(title: &str, message: &str) -> String {
    annotation("warning", title, message)
}

/// A grey annotation.
pub fn notice(title: &str, message: &str) -> String {
    annotation("notice", title, message)
}

/// Leaves out an empty title.
fn annotation(kind: &str, title: &str, message: &str) -> String {
    match title {
        "" => format!("::{kind}::{}", data(message)),
        _ => format!("::{kind} title={}::{}", property(title), data(message)),
    }
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A port of the runner's `TryParseV2`: name, properties, data.
    fn parsed(line: &str) -> (String, Vec<(String, String)>, String) {
        let (inner, data) = line.strip_prefix("::").unwrap().split_once("::").unwrap();
        let (name, properties) = inner.split_once(' ').unwrap_or((inner, ""));
        let property = |text: &str| {
            let (key, value) = text.split_once('=').unwrap();
            (
                key.to_owned(),
                unescaped(value)
                    .replace("%3A", ":")
                    .replace("%2C", ",")
                    .replace("%25", "%"),
            )
        };
        let properties = properties
            .split(',')
            .filter(|text| !text.is_empty())
            .map(property)
            .collect();
        (
            name.to_owned(),
            properties,
            unescaped(data).replace("%25", "%"),
        )
    }

    fn unescaped(text: &str) -> String {
        text.replace("%0D", "\r").replace("%0A", "\n")
    }

    #[test]
    fn commands_are_escaped() {
        assert_eq!(group("Upload 50%"), "::group::Upload 50%25");
        assert_eq!(end_group(), "::endgroup::");
        assert_eq!(
            error("a: b, c", "x\r\ny: 1%"),
            "::error title=a%3A b%2C c::x%0D%0Ay: 1%25"
        );
        assert_eq!(warning("", "x"), "::warning::x");
        assert_eq!(notice("", "::error::x"), "::notice::::error::x");
    }

    proptest! {
        #[test]
        fn the_runner_reads_what_was_meant(title in "[a%:,;=\r\n ]{1,20}", message in "[a%:,;=\r\n ]{0,20}") {
            let line = error(&title, &message);
            prop_assert!(!line.contains(['\r', '\n']));
            prop_assert_eq!(parsed(&line), ("error".to_owned(), vec![("title".to_owned(), title)], message));
        }
    }
}
