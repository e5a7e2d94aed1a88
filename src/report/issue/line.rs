//! What the job summary says of the issue, below everything else.

use crate::report::markdown::{foreign, link};
use crate::text::Redactor;

/// The link to the issue about this run.
#[must_use]
pub fn issue_line(number: u64, url: &str) -> String {
    let link = link(&format!("#{number}"), Some(url));
    format!("Issue {link}\n")
}

/// Why there is none, although there should be one; each reason in one sentence.
#[must_use]
pub fn no_issue_line(reasons: &[String], redactor: &Redactor) -> String {
    let reasons: Vec<_> = reasons.iter().map(|it| foreign(it, redactor)).collect();
    format!("No issue: {}\n", reasons.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_links_the_issue_or_says_why_there_is_none() {
        let lines = [
            issue_line(3, "https://github.com/acme/shop/issues/3"),
            // whatever answers as GitHub
            issue_line(3, "javascript:alert(1)"),
            no_issue_line(
                &["cannot open the issue: GitHub responded 403 (hunter2 @alice). Give the job permissions: issues: write.".into()],
                &Redactor::new(["hunter2"]),
            ),
        ];
        insta::assert_snapshot!(lines.concat(), @"
        Issue [#3](https://github.com/acme/shop/issues/3)
        Issue #3
        No issue: cannot open the issue: GitHub responded 403 (`*** @alice`). Give the job permissions: issues: write.
        ");
    }
}
