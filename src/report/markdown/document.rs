//! A Markdown document of limited size.

use super::inline::refers_to_issue;
use super::lines::{clean, fence};
use crate::report::texts;
use crate::text::excerpt::lines;
use crate::text::Redactor;

/// A part that would be shorter is left out.
const LEAST: usize = 500;
const CUT: &str = "\nThe report is longer than GitHub allows; the rest is omitted.\n";

/// A document that stays below a limit: it contains whole parts only, and a note if some are missing.
pub(in crate::report) struct Document<'a> {
    pub(in crate::report) redactor: &'a Redactor,
    text: String,
    /// In bytes, of everything and of one part.
    most: usize,
    most_of_part: usize,
    cut: bool,
}

impl<'a> Document<'a> {
    pub(in crate::report) fn new(redactor: &'a Redactor, most: usize, most_of_part: usize) -> Self {
        Self {
            redactor,
            text: String::new(),
            most,
            most_of_part,
            cut: false,
        }
    }

    /// Adds a part after an empty line, or nothing if the part is too long.
    pub(in crate::report) fn add(&mut self, part: &str) {
        let part = part.trim_end();
        if part.is_empty() {
            return;
        }
        let gap = if self.text.is_empty() { "" } else { "\n" };
        match part.len().min(self.most_of_part + LEAST) + gap.len() < self.room()
            && part.len() <= self.most_of_part + LEAST
        {
            true => self.text += &format!("{gap}{part}\n"),
            false => self.cut = true,
        }
    }

    /// Adds untrusted lines, folded under a title. The last lines are kept, because the cause is most often there.
    pub(in crate::report) fn folded(&mut self, title: &str, text: &[u8]) {
        let lines = self.redactor.foreign(&lines(text));
        self.folded_lines(title, &lines);
    }

    /// The same with lines without secrets.
    pub(in crate::report) fn folded_lines(&mut self, title: &str, lines: &[String]) {
        let room = self.room().min(self.most_of_part).saturating_sub(LEAST);
        let kept = fitting(lines, room);
        if room < LEAST || (kept == 0 && !lines.is_empty()) {
            self.cut = true;
            return;
        }
        let over = lines.len() - kept;
        let left_out = (over > 0).then(|| texts::omitted(over));
        let shown: Vec<String> = left_out
            .into_iter()
            .chain(lines[over..].iter().cloned())
            .collect();
        let title = html(&clean(title.as_bytes(), self.redactor).join(" "));
        let part = format!(
            "<details><summary>{title}</summary>\n\n{}\n</details>",
            fence("text", &shown)
        );
        self.add(&part);
    }

    pub(in crate::report) fn finish(self) -> String {
        match self.cut {
            true => self.text + CUT,
            false => self.text,
        }
    }

    fn room(&self) -> usize {
        self.most.saturating_sub(self.text.len() + CUT.len() + 2)
    }
}

/// How many of the last lines fit, with a fence around them.
fn fitting(lines: &[String], room: usize) -> usize {
    let mut used = 0;
    let fits = |line: &&String| {
        used += line.len() + 1;
        used <= room
    };
    lines.iter().rev().take_while(fits).count()
}

/// A text inside an HTML tag: GitHub finds mentions there unless it is code.
fn html(text: &str) -> String {
    let text: String = text.chars().take(200).collect();
    let harmless = |c: char| c.is_alphanumeric() || " ,.-/:".contains(c);
    if text.chars().all(harmless)
        && !text.contains("//")
        && !text.contains("www.")
        && !refers_to_issue(&text.to_lowercase())
    {
        return text;
    }
    let encode = |c: char| {
        if harmless(c) {
            c.to_string()
        } else {
            format!("&#{};", u32::from(c))
        }
    };
    format!(
        "<code>{}</code>",
        text.chars().map(encode).collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_omitted_and_marked() {
        let redactor = Redactor::default();
        let mut document = Document::new(&redactor, 4000, 2000);
        document.add("one");
        document.folded("log", "line of text\n".repeat(300).as_bytes());
        document.add(&"x".repeat(3000));
        let text = document.finish();
        assert!(text.len() <= 4000, "{}", text.len());
        assert!(
            text.contains("… 185 lines omitted …\nline of text\n"),
            "{text}"
        );
        assert!(text.ends_with(CUT) && !text.contains('x'.to_string().repeat(9).as_str()));
    }

    #[test]
    fn a_title_can_neither_end_its_tag_nor_call_anybody() {
        assert_eq!(
            html("log of diting, this start"),
            "log of diting, this start"
        );
        assert_eq!(
            html("a</summary>@b"),
            "<code>a&#60;/summary&#62;&#64;b</code>"
        );
    }
}
