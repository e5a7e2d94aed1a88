//! What is not uploaded.

use crate::text::Prose;
use std::path::Path;
use std::str::FromStr;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use ignore::Error;

use crate::settings::problem::{invalid, Invalid};
use crate::settings::values::lists::{self, Form};

/// The file in the source whose patterns are added.
pub const DEPLOY_IGNORE: &str = ".deployignore";

/// More patterns than that were not written by a person.
const MOST: usize = 1000;

/// Nor were longer ones, in bytes; a path has no more.
const LONGEST: usize = 4096;

/// Nor more braces in one line. They nest, and the matcher goes down into each.
const MOST_BRACES: usize = 50;

/// Patterns as in .gitignore, each of them valid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Excludes(Vec<String>);

impl Excludes {
    /// The largest `.deployignore`, in bytes.
    pub(in crate::settings) const LONGEST_FILE: u64 = 1 << 20;

    pub(in crate::settings) fn parse(text: &str) -> Result<Self, Invalid> {
        lists::check(text, Form::Patterns)?;
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() > MOST {
            return invalid(
                Prose::of("has more than {} lines", [&MOST]),
                "Exclude whole folders instead",
            );
        }
        for (index, line) in lines.iter().enumerate() {
            check(line).map_err(|invalid| invalid.at(&format!("line {}", index + 1)))?;
        }
        if let Some(index) = excludes_everything(&lines) {
            let what = Prose::of("line {} excludes everything", [&(index + 1)]);
            return invalid(
                what,
                "Remove it, or say below it with `!` what is uploaded all the same",
            );
        }
        Ok(Self(lines.into_iter().map(str::to_owned).collect()))
    }

    /// These, and then those, so that a `!` in those wins.
    pub(in crate::settings) fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// The lines, with comments and empty ones.
    pub fn lines(&self) -> &[String] {
        &self.0
    }

    /// A matcher for paths below this folder.
    ///
    /// # Errors
    /// Never for lines that were checked, but the crate's type says so.
    pub fn matcher(&self, root: &Path) -> Result<Gitignore, Error> {
        let mut builder = GitignoreBuilder::new(root);
        for line in &self.0 {
            builder.add_line(None, line)?;
        }
        builder.build()
    }
}

impl FromStr for Excludes {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

fn check(line: &str) -> Result<(), Invalid> {
    if line.starts_with("- ") || line.starts_with("+ ") {
        return invalid(
            "is a filter rule",
            "Write patterns as in .gitignore, without `- ` or `+ ` before them",
        );
    }
    if line.contains('\0') || line.trim() == "/" {
        return invalid(
            "is not a pattern",
            "Write patterns as in .gitignore, as in `*.log` or `/build/`",
        );
    }
    if line.len() > LONGEST {
        return invalid(
            Prose::of("has more than {} characters", [&LONGEST]),
            "Exclude whole folders instead",
        );
    }
    if line.matches('{').count() > MOST_BRACES {
        return invalid(
            Prose::of("has more than {} braces", [&MOST_BRACES]),
            "Write one pattern per line instead",
        );
    }
    match GitignoreBuilder::new("/").add_line(None, line) {
        Ok(_) => Ok(()),
        Err(_) => invalid(
            "is not a pattern",
            "Write patterns as in .gitignore; brackets and braces come in pairs",
        ),
    }
}

/// The line that leaves nothing to upload; a `!` below it is a list of what is uploaded all the same.
fn excludes_everything(lines: &[&str]) -> Option<usize> {
    let all = |line: &&str| {
        let (folders, last) = line
            .trim()
            .trim_start_matches('/')
            .rsplit_once('/')
            .unwrap_or(("**", line.trim()));
        let last = last.trim_start_matches('/');
        folders.split('/').all(|part| part == "**")
            && !last.is_empty()
            && last.bytes().all(|byte| byte == b'*')
    };
    let last = lines.iter().rposition(all)?;
    let excepted = lines.iter().skip(last).any(|line| line.starts_with('!'));
    (!excepted).then_some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excluded(text: &str, path: &str, is_dir: bool) -> bool {
        let matcher = Excludes::parse(text)
            .unwrap()
            .matcher(Path::new("/src"))
            .unwrap();
        matcher
            .matched_path_or_any_parents(Path::new("/src").join(path), is_dir)
            .is_ignore()
    }

    #[test]
    fn patterns_mean_what_they_mean_in_gitignore() {
        let text = "# caches\n__pycache__/\n\n/build\n*.log\n!keep.log";
        assert!(excluded(text, "a/__pycache__/x.pyc", false));
        assert!(excluded(text, "build", true) && !excluded(text, "a/build", true));
        assert!(excluded(text, "x.log", false) && !excluded(text, "keep.log", false));
    }

    #[test]
    fn only_comments_exclude_nothing() {
        assert!(!excluded("# nothing", "a", false));
    }

    #[test]
    fn b27_what_would_exclude_everything_is_refused() {
        for text in ["*", "**", "/*", "/**", "**/*", "a\n*", "!a\n*"] {
            assert!(Excludes::parse(text).is_err(), "{text}");
        }
        for text in ["*\n!dist/", "*/", "*/*", "*.*"] {
            assert!(Excludes::parse(text).is_ok(), "{text}");
        }
    }

    /// The matcher's stack would overflow, and nobody would learn why.
    #[test]
    fn what_nests_without_end_is_refused_before_it_reaches_the_matcher() {
        let nested = |depth: usize| format!("{}a{}", "{".repeat(depth), "}".repeat(depth));
        for text in [
            "{".repeat(20_000),
            nested(20_000),
            nested(1000),
            format!("x\n!{}", nested(MOST_BRACES + 1)),
            "[".repeat(5000),
            "?".repeat(5000),
        ] {
            assert!(Excludes::parse(&text).is_err(), "{}", text.len());
        }
        assert!(excluded("*.{a,b,{c,d}}", "x.d", false));
        let text = nested(MOST_BRACES);
        assert!(Excludes::parse(&text)
            .unwrap()
            .matcher(Path::new("/src"))
            .is_ok());
    }

    #[test]
    fn b27_what_is_no_pattern_is_refused_with_its_line() {
        let text = |text| {
            crate::settings::Problem::showing("exclude", text, Excludes::parse(text).unwrap_err())
                .to_string()
        };
        insta::assert_snapshot!(text("a\n- b"), @r#"exclude = "a\n- b": line 2 is a filter rule. Write patterns as in .gitignore, without `- ` or `+ ` before them."#);
        insta::assert_snapshot!(text("+ b"), @r#"exclude = "+ b": line 1 is a filter rule. Write patterns as in .gitignore, without `- ` or `+ ` before them."#);
        insta::assert_snapshot!(text("/"), @r#"exclude = "/": line 1 is not a pattern. Write patterns as in .gitignore, as in `*.log` or `/build/`."#);
        insta::assert_snapshot!(text("a\nb\n{x"), @r#"exclude = "a\nb\n{x": line 3 is not a pattern. Write patterns as in .gitignore; brackets and braces come in pairs."#);
        insta::assert_snapshot!(text("a\n".repeat(1001).leak()), @r#"exclude = "a\na\na\na\na\na\na\na\na\na\na\na\na\na\na\n…a\na\na\na\na\na\na\na\na\na\na\na\na\na\na\n": has more than 1000 lines. Exclude whole folders instead."#);
        insta::assert_snapshot!(text("*"), @r#"exclude = "*": line 1 excludes everything. Remove it, or say below it with `!` what is uploaded all the same."#);
    }
}
