//! GitHub's Markdown in which untrusted text stays text: no mention, reference, link, formula or HTML in it takes effect,
//! whatever a server prints. Escapes are not enough, because GitHub searches the result for mentions. So everything that
//! is not a plain word becomes code.

mod commands;
mod document;
mod inline;
mod lines;

pub(super) use document::{Document, Part};
pub(super) use inline::{as_sentence, cell, code, foreign, link, prose, prose_naming, sentence};
pub(super) use lines::{clean, fence};

use super::hints::{Advice, Hint};
use crate::text::Redactor;

/// A table; the cells are Markdown, as [`cell`] returns it.
pub(super) fn table<const N: usize>(
    head: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let line = |cells: &[String; N]| format!("| {} |\n", cells.join(" | "));
    let rows: String = rows.into_iter().map(|row| line(&row)).collect();
    format!(
        "{}{}{rows}",
        line(&head.map(str::to_owned)),
        line(&[const { "---" }; N].map(str::to_owned))
    )
}

/// A hint: its commands can be copied.
pub(super) fn hint(hint: &Hint, redactor: &Redactor) -> String {
    let one = |Advice { text, commands }: &Advice| {
        let lines: Vec<String> = commands
            .iter()
            .flat_map(|command| clean(command.as_bytes(), redactor))
            .flat_map(|line| commands::folded(&line))
            .collect();
        let fenced = match lines.is_empty() {
            true => String::new(),
            false => format!("{}\n", fence("sh", &lines)),
        };
        format!("{}\n\n{fenced}", sentence(text, redactor))
    };
    hint.advice().iter().map(one).collect()
}

/// Hints, as Markdown, below a problem.
pub(super) fn what_to_do(hints: &str) -> String {
    match hints.trim() {
        "" => String::new(),
        hints => format!("**What to do:** {hints}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::hints::steps;

    #[test]
    fn a_fence_is_longer_than_what_stands_in_it() {
        assert_eq!(
            fence("text", &["a ```` b".into(), "```".into()]),
            "`````text\na ```` b\n```\n`````\n"
        );
        assert_eq!(fence("", &[]), "```\n```\n");
    }

    /// What is folded before it is redacted could break a secret in two, and show it.
    #[test]
    fn a_secret_with_spaces_is_hidden_in_a_command_of_several_lines() {
        let secret = "correct horse battery staple, and so much more of it";
        for before in (0..80).step_by(7).map(|length| "x".repeat(length)) {
            let command =
                format!("sudo {before} --token {secret} && sudo systemctl restart diting");
            let hint = steps("run:", &[command]);
            let shown = super::hint(&hint, &Redactor::new([secret]));
            assert!(shown.contains("***"), "{shown}");
            for word in secret.split([' ', ',']).filter(|word| word.len() > 5) {
                assert!(!shown.contains(word), "{shown}");
            }
        }
    }

    #[test]
    fn a_table_has_a_line_for_each_row() {
        let rows = [["a".to_owned(), cell("x|y", &Redactor::default())]];
        assert_eq!(
            table(["one", "two"], rows),
            "| one | two |\n| --- | --- |\n| a | `x¦y` |\n"
        );
    }
}
