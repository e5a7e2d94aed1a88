//! A Markdown document of limited size.

use super::inline::{capital, code, foreign, refers_to_issue};
use super::lines::{clean, fence};
use crate::report::texts;
use crate::text::Redactor;

/// A part that would be shorter is left out.
const LEAST: usize = 500;
const CUT: &str = "\nThe report is longer than GitHub allows; the rest is omitted.\n";

/// Words with which a caption in plain words begins; any other one is a command.
const IN_WORDS: [&str; 5] = [
    "log of ",
    "health response of ",
    "releases, ",
    "last lines of ",
    "program output",
];

/// Lines that are folded together with others.
pub(in crate::report) struct Part {
    /// For the title of the fold.
    pub(in crate::report) title: String,
    /// Above the lines.
    pub(in crate::report) caption: String,
    pub(in crate::report) lines: Vec<String>,
}

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
        let is_long = part.trim_end().len() > self.most_of_part + LEAST;
        match is_long {
            true => self.cut = true,
            false => self.push(part),
        }
    }

    /// The same for a part whose pieces have been measured.
    fn push(&mut self, part: &str) {
        let part = part.trim_end();
        if part.is_empty() {
            return;
        }
        let gap = if self.text.is_empty() { "" } else { "\n" };
        match part.len() + gap.len() < self.room() {
            true => self.text += &format!("{gap}{part}\n"),
            false => self.cut = true,
        }
    }

    /// Adds Markdown, folded under a title.
    pub(in crate::report) fn fold(&mut self, title: &str, parts: &[String]) {
        let parts = parts.iter().filter(|part| !part.is_empty());
        let inner: String = parts
            .map(|part| format!("{}\n\n", part.trim_end()))
            .collect();
        let title = html(&clean(title.as_bytes(), self.redactor).join(" "));
        if !inner.is_empty() {
            let fold = format!("<details><summary>{title}</summary>\n\n{inner}</details>");
            self.push(&fold);
        }
    }

    /// Adds untrusted lines without secrets, each under a caption of its own, folded under all of their titles. The last
    /// lines are kept, because the cause is most often there.
    pub(in crate::report) fn folded_parts(&mut self, before: &str, parts: &[Part]) {
        if parts.is_empty() {
            return;
        }
        let share = self.room() / parts.len().max(1);
        let room = share.min(self.most_of_part).saturating_sub(LEAST);
        let fits =
            |lines: &[String]| room >= LEAST && (lines.is_empty() || fitting(lines, room) > 0);
        let shown: Vec<&Part> = parts.iter().filter(|it| fits(&it.lines)).collect();
        self.cut |= shown.len() < parts.len();
        let titles: Vec<&str> = shown.iter().map(|part| part.title.as_str()).collect();
        let title = format!("{before}{}", titles.join(", "));
        let one = |part: &&Part| {
            let fence = fence("text", &shortened(&part.lines, room));
            match shown.len() {
                1 => fence,
                _ => format!("**{}**\n\n{fence}", caption(&part.caption, self.redactor)),
            }
        };
        let parts: Vec<String> = shown.iter().map(one).collect();
        self.fold(&title, &parts);
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

/// A command is one piece of code.
fn caption(text: &str, redactor: &Redactor) -> String {
    match IN_WORDS.iter().any(|words| text.starts_with(words)) {
        true => capital(&foreign(text, redactor)),
        false => code(text, redactor),
    }
}

/// The last lines, and a mark if some are left out.
fn shortened(lines: &[String], room: usize) -> Vec<String> {
    let over = lines.len() - fitting(lines, room);
    let left_out = (over > 0).then(|| texts::omitted(over));
    left_out
        .into_iter()
        .chain(lines[over..].iter().cloned())
        .collect()
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
    let harmless = |c: char| c.is_alphanumeric() || " ,.-/:()".contains(c);
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
        let lines = vec!["line of text".to_owned(); 300];
        let (title, caption) = ("log".to_owned(), "log".to_owned());
        let part = Part {
            title,
            caption,
            lines,
        };
        document.folded_parts("", &[part]);
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
