//! Lists are plain lines, or plain words between commas. What other formats write for a list is refused with the right form.

use crate::settings::problem::Invalid;
use crate::text::excerpt::excerpt;
use crate::text::Prose;

/// So many entries of a list are shown.
const SHOWN: usize = 3;

/// How an input separates its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::settings) enum Form {
    /// One per line.
    Lines,
    /// One pattern per line, in which brackets have a meaning.
    Patterns,
    /// Between commas.
    Commas,
    /// One per line, or between commas.
    Both,
}

/// Refuses an array of JSON or YAML, entries in quotes, and entries that begin as in a YAML list.
pub(in crate::settings) fn check(text: &str, form: Form) -> Result<(), Invalid> {
    let text = text.trim();
    if let Some(entries) = array(text, form) {
        return Err(Invalid::new("is an array", form.fix(&entries)));
    }
    let entries: Vec<&str> = match form {
        // the quotes may be around all of them
        Form::Commas | Form::Both if is_quoted_whole(text) => vec![text],
        Form::Lines | Form::Patterns => text.lines().map(str::trim).collect(),
        Form::Commas | Form::Both => form.entries(text),
    };
    for (at, entry) in entries.into_iter().enumerate() {
        let place = match form {
            Form::Commas | Form::Both => Prose::from("has an entry that "),
            Form::Lines | Form::Patterns => Prose::of("line {} ", [&(at + 1)]),
        };
        if let Some(bare) = unquoted(entry) {
            return Err(Invalid::new(
                place.and("is in quotes"),
                form.fix(&[bare.to_owned()]),
            ));
        }
        // of patterns, it is the filter rule of another program
        let item = entry.strip_prefix("- ").filter(|_| form != Form::Patterns);
        if let Some(bare) = item {
            let what = place.and("begins with `- `, as in a YAML list");
            return Err(Invalid::new(what, form.fix(&[bare.trim().to_owned()])));
        }
    }
    Ok(())
}

impl Form {
    /// The entries of a plain list, without empty ones.
    pub(in crate::settings) fn entries(self, text: &str) -> Vec<&str> {
        let separators: &[char] = match self {
            Self::Lines | Self::Patterns => &['\n'],
            Self::Commas => &[','],
            Self::Both => &['\n', ','],
        };
        let entries = text.split(separators).map(str::trim);
        entries.filter(|entry| !entry.is_empty()).collect()
    }

    /// The right form.
    fn fix(self, entries: &[String]) -> Prose {
        let own = match self {
            Self::Lines | Self::Patterns => "Write each entry plainly on a line of its own",
            Self::Commas | Self::Both => "Write the entries plainly, separated by commas",
        };
        let shown = entries.iter().take(SHOWN).map(excerpt);
        let shown: Vec<String> = shown.collect();
        match (shown.is_empty(), self) {
            (true, _) => own.into(),
            (false, Self::Commas | Self::Both) => {
                Prose::from(own).and(Prose::of(": `{}`", [&shown.join(", ")]))
            }
            (false, _) => shown
                .iter()
                .enumerate()
                .fold(own.into(), |text, (at, entry)| {
                    let before = if at == 0 { ": `{}`" } else { ", then `{}`" };
                    Prose::and(text, Prose::of(before, [entry]))
                }),
        }
    }
}

/// The entries of an array.
fn array(text: &str, form: Form) -> Option<Vec<String>> {
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    if let Ok(entries) = serde_json::from_slice::<Vec<serde_json::Value>>(text.as_bytes()) {
        let is_text = entries.iter().all(serde_json::Value::is_string);
        let text = |entry: &serde_json::Value| match entry.as_str() {
            Some(text) => text.to_owned(),
            None => entry.to_string(),
        };
        // `[0]` is a pattern
        return (form != Form::Patterns || is_text).then(|| entries.iter().map(text).collect());
    }
    let entries: Vec<&str> = inner.split(',').map(str::trim).collect();
    let quoted = || entries.iter().all(|entry| unquoted(entry).is_some());
    let is_flow = match form {
        Form::Patterns => quoted(),
        Form::Lines | Form::Commas | Form::Both => {
            quoted() || entries.len() > 1 && !inner.contains(['[', ']'])
        }
    };
    is_flow.then(|| {
        let bare = |entry: &&str| unquoted(entry).unwrap_or(entry).to_owned();
        entries.iter().map(bare).collect()
    })
}

/// Whether one pair of quotes is around everything, rather than one around each entry.
fn is_quoted_whole(text: &str) -> bool {
    let quotes = ['"', '\''];
    let quote = text.chars().next().filter(|first| quotes.contains(first));
    quote.is_some_and(|quote| unquoted(text).is_some_and(|inner| !inner.contains(quote)))
}

/// What stands in a pair of quotes.
fn unquoted(entry: &str) -> Option<&str> {
    let quotes = ['"', '\''];
    let found = |quote: char| entry.strip_prefix(quote)?.strip_suffix(quote);
    quotes.into_iter().find_map(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Problem;

    fn problem(text: &str, form: Form) -> String {
        let problem = check(text, form).map_err(|invalid| Problem::of("list", invalid));
        problem.map_or_else(|it| it.to_string(), |()| "none".to_owned())
    }

    #[test]
    fn what_is_no_plain_list_is_refused_with_the_right_form() {
        let lines = [
            "[\"a\", \"b\"]",
            "[\n  \"a b\"\n]",
            "['a','b']",
            "[a, b]",
            "[]",
            "a\n\"logs/\"",
            "'a'",
            "- a\n- b",
        ];
        let commas = [
            "[\"bug\", \"ci\"]",
            "[200, 204]",
            "\"bug, ci\"",
            "\"bug\", \"ci\"",
            "bug, 'ci'",
            "[bug, ci]",
        ];
        let lines = lines.map(|text| problem(text, Form::Lines));
        let commas = commas.map(|text| problem(text, Form::Commas));
        let patterns = ["[\"*.log\"]", "'*.log'"].map(|text| problem(text, Form::Patterns));
        let all = [&lines[..], &commas[..], &patterns[..]].concat();
        insta::assert_snapshot!(all.join("\n"), @"
        list: is an array. Write each entry plainly on a line of its own: `a`, then `b`.
        list: is an array. Write each entry plainly on a line of its own: `a b`.
        list: is an array. Write each entry plainly on a line of its own: `a`, then `b`.
        list: is an array. Write each entry plainly on a line of its own: `a`, then `b`.
        list: is an array. Write each entry plainly on a line of its own.
        list: line 2 is in quotes. Write each entry plainly on a line of its own: `logs/`.
        list: line 1 is in quotes. Write each entry plainly on a line of its own: `a`.
        list: line 1 begins with `- `, as in a YAML list. Write each entry plainly on a line of its own: `a`.
        list: is an array. Write the entries plainly, separated by commas: `bug, ci`.
        list: is an array. Write the entries plainly, separated by commas: `200, 204`.
        list: has an entry that is in quotes. Write the entries plainly, separated by commas: `bug, ci`.
        list: has an entry that is in quotes. Write the entries plainly, separated by commas: `bug`.
        list: has an entry that is in quotes. Write the entries plainly, separated by commas: `ci`.
        list: is an array. Write the entries plainly, separated by commas: `bug, ci`.
        list: is an array. Write each entry plainly on a line of its own: `*.log`.
        list: line 1 is in quotes. Write each entry plainly on a line of its own: `*.log`.
        ");
    }

    #[test]
    fn what_may_be_meant_is_not_refused() {
        for (text, form) in [
            ("app/[slug]/page", Form::Lines),
            ("[slug]", Form::Lines),
            ("[a]/[b, c]", Form::Lines),
            ("it's", Form::Lines),
            ("-x", Form::Lines),
            ("[abc]", Form::Patterns),
            ("[0]", Form::Patterns),
            ("[a,b]", Form::Patterns),
            ("!\"a", Form::Patterns),
            ("# \"a\"", Form::Patterns),
            ("[bot], [ci]", Form::Commas),
            ("dependabot[bot]", Form::Commas),
        ] {
            assert_eq!(check(text, form), Ok(()), "{text}");
        }
    }
}
