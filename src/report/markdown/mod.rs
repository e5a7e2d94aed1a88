//! GitHub's Markdown in which foreign text is only ever text: no mention, reference, link, formula or HTML of it takes
//! effect, whatever a server prints. Not by escapes - GitHub looks for mentions in what they leave - but by putting all
//! that is not a plain word into code.

mod document;
mod fence;
mod inline;

pub(super) use document::Document;
pub(super) use fence::{clean, fence};
pub(super) use inline::{cell, code, link, prose};

use crate::text::Redactor;

/// A table with `head` above `rows`; the cells are Markdown, as of [`cell`].
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

/// Text in which commands stand in lines of their own, indented, as hints do.
pub(super) fn hint(text: &str, redactor: &Redactor) -> String {
    let mut out = String::new();
    let mut commands: Vec<String> = Vec::new();
    for line in clean(text.as_bytes(), redactor) {
        match line.strip_prefix("  ") {
            Some(command) => commands.push(command.to_owned()),
            None => {
                flush(&mut commands, &mut out);
                out += &format!("{}\n\n", prose(&line, &Redactor::default()));
            }
        }
    }
    flush(&mut commands, &mut out);
    out
}

fn flush(commands: &mut Vec<String>, out: &mut String) {
    if !commands.is_empty() {
        *out += &format!("{}\n", fence("sh", commands));
        commands.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_a_hint_can_be_copied() {
        let text = "look at it, @you:\n  sudo a && b\n  c\nthen run it again";
        insta::assert_snapshot!(hint(text, &Redactor::default()), @r"
        look at it, `@you`:

        ```sh
        sudo a && b
        c
        ```

        then run it again

        ");
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
