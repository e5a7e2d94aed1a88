//! Summary and issue as a parser of GitHub's Markdown sees them: whatever a server prints, only our own links, HTML, headings
//! and diagrams are in them.

use super::harmless::{beginning, endings, listing};
use super::*;
use crate::protocol::{
    Diagnostic, DiagnosticOrigin, End, Event, Outcome, Reason, RunEvent, Step, What,
};
use crate::report::{issue_text, listing_summary, markdown, summary, Job, RawLogs, Report};
use crate::text::{Prose, Redactor};
use comrak::nodes::NodeValue;
use comrak::{parse_document, Arena, Options};
use proptest::prelude::*;
use regex::Regex;
use std::sync::LazyLock;

const RUN: &str = "https://github.com/diting/app/actions/runs/7";
const GUIDE: &str = "https://github.com/diting/deploy-action/blob/main/docs/troubleshooting.md#";
const COMMIT: &str = "https://github.com/diting/app/commit/3f2a1bc";

fn is_section(anchor: &str) -> bool {
    anchor
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Names that strangers choose are hostile, too.
fn job(bytes: &[u8]) -> Job {
    Job {
        run: Some(RUN.into()),
        commit: Some(text(bytes)),
        commit_link: Some(COMMIT.into()),
        repository: Some(text(bytes)),
        actor: Some(text(bytes)),
    }
}

fn report(bytes: &[u8], end: End) -> Report {
    let mut report = Report::default();
    for event in beginning(bytes) {
        report.on(&event);
    }
    report.on(&RunEvent::Ended(Box::new(end)));
    report
}

/// Every document of runs in which every untrusted text is `bytes`.
fn documents(bytes: &[u8]) -> Vec<String> {
    let success = by_verdict(verdict(Outcome::Deployed, Some(NEW), None));
    let ends = endings(bytes).into_iter().chain([success]);
    let redactor = Redactor::default();
    let of_end = |end| {
        let report = report(bytes, end);
        let issue = |logs| issue_text(&report, &job(bytes), logs, &redactor).unwrap();
        let (shown, hidden) = (issue(RawLogs::Show), issue(RawLogs::Hide));
        // the second one names no server
        for title in [&shown.title, &hidden.title] {
            assert!(title.chars().count() <= 256, "{title}");
        }
        assert!(
            shown.body.starts_with(&format!("{}\n", shown.marker)) && shown.comment.len() < 60_000
        );
        [
            summary(&report, &job(bytes), &redactor),
            shown.body,
            hidden.body,
            hidden.comment,
        ]
    };
    let place = report(bytes, by_error(Outcome::Done, None)).facts.place;
    let listing = listing_summary(&listing(bytes), &place, &job(bytes), &redactor);
    ends.flat_map(of_end).chain([listing]).collect()
}

static HTML: LazyLock<Regex> = LazyLock::new(|| {
    let ours = [
        r"<details><summary>([^<>&@#]*|<code>[^<>@]*</code>)</summary>",
        "</details>",
        r"<!-- deploy-action [0-9a-f]{32} -->",
    ];
    Regex::new(&format!("^(?:{})\n?$", ours.join("|"))).unwrap()
});

/// What GitHub makes something of in plain text, or cmark-gfm does. A time of day is no emoji.
static LIVELY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)[@#<>$`*_\[\]\\]|://|www\.|\bgh-\d|\b[0-9a-f]{7,40}\b|(?:^|\D):\w+:|:\w*[a-z_]\w*:|mailto:").unwrap()
});

/// Everything that has an effect, in order; panics if it is not expected.
fn effects(markdown: &str) -> Vec<String> {
    let arena = Arena::new();
    let mut options = Options::default();
    let extension = &mut options.extension;
    (
        extension.table,
        extension.autolink,
        extension.tasklist,
        extension.strikethrough,
    ) = (true, true, true, true);
    (
        extension.footnotes,
        extension.alerts,
        extension.math_dollars,
        extension.math_code,
    ) = (true, true, true, true);
    let root = parse_document(&arena, markdown, &options);
    root.descendants()
        .filter_map(|node| effect(&node.data.borrow().value, markdown))
        .collect()
}

/// The same of a page. Which output is folded depends on what is shown above, so that there are folds is all that is known.
fn effects_of_page(markdown: &str) -> Vec<String> {
    let mut all = effects(markdown);
    let folds = |begin: &str| all.iter().filter(|it| it.starts_with(begin)).count();
    assert_eq!(folds("<details"), folds("</details"), "{markdown}");
    all.retain(|it| !it.contains("details"));
    all
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn effect(node: &NodeValue, markdown: &str) -> Option<String> {
    match node {
        NodeValue::Text(text) => {
            assert!(!LIVELY.is_match(text), "{text:?} in\n{markdown}");
            None
        }
        NodeValue::HtmlBlock(html) => {
            assert!(
                HTML.is_match(&html.literal),
                "{:?} in\n{markdown}",
                html.literal
            );
            Some(
                html.literal
                    .split(['>', ' '])
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
            )
        }
        NodeValue::Link(link) => {
            let ours = link.url.strip_prefix(GUIDE).is_some_and(is_section);
            assert!(
                ours || [RUN, COMMIT].contains(&link.url.as_str()),
                "{:?} in\n{markdown}",
                link.url
            );
            None
        }
        NodeValue::CodeBlock(block) => {
            assert!(
                ["text", "sh", "mermaid"].contains(&block.info.as_str()) && block.fenced,
                "{markdown}"
            );
            (block.info == "mermaid").then(|| block.literal.clone())
        }
        NodeValue::Heading(heading) => Some(format!("heading {}", heading.level)),
        NodeValue::Table(table) => Some(format!("table of {}", table.num_columns)),
        NodeValue::Alert(alert) => Some(format!("alert {:?}", alert.alert_type)),
        NodeValue::Document
        | NodeValue::Paragraph
        | NodeValue::Strong
        | NodeValue::Code(_)
        | NodeValue::SoftBreak
        | NodeValue::TableRow(_)
        | NodeValue::TableCell
        | NodeValue::List(_)
        | NodeValue::Item(_) => None,
        other => panic!("{other:?} in\n{markdown}"),
    }
}

const EVIL: [&str; 24] = [
    "@alice",
    "#1",
    "o/r#2",
    "GH-3",
    "3f2a1bc0d9e8",
    "<!-- ",
    "--><script>",
    "</details>",
    "</summary>",
    "<img src=x>",
    "https://evil.example",
    "www.evil.example",
    "me@evil.example",
    "[a](https://evil.example)",
    "![a](b)",
    "```",
    "~~~",
    "````mermaid\ngantt",
    "\n\n## heading\n\n",
    "\n| a | b |\n|---|---|\n| c | d |\n",
    "a | b \\| c",
    "\n> [!NOTE]\n> x\n",
    "$x$ $`y`$ :smile: &lt; [^1]\n\n[^1]: x\n",
    "on the server: “a” ` \\` **b** _c_ ~~d~~\n1. a\n- [ ] b\n    code\n===\n",
];

#[test]
fn hostile_texts_have_no_effect() {
    let meant: Vec<_> = documents(b"x")
        .iter()
        .map(|text| effects_of_page(text))
        .collect();
    for evil in EVIL {
        let seen: Vec<_> = documents(evil.as_bytes())
            .iter()
            .map(|text| effects_of_page(text))
            .collect();
        assert_eq!(seen, meant, "{evil:?}");
    }
}

/// A sentence of ours with a foreign text in every place that one can have.
fn sentence(foreign: &str) -> String {
    let text = Prose::of("{} is (“{}”) on {}; set `x: {}`, {}", [&foreign; 5])
        .and(Prose::verbatim(foreign))
        .and(Prose::foreign(foreign))
        .and(" and no more");
    markdown::prose(&text, &Redactor::default())
}

#[test]
fn a_foreign_text_in_an_own_sentence_has_no_effect() {
    assert_eq!(
        sentence("web1"),
        "web1 is (“web1”) on web1; set `x: web1`, web1`web1`web1 and no more"
    );
    for evil in EVIL {
        assert_eq!(effects(&sentence(evil)), [""; 0], "{evil:?}");
    }
}

#[test]
fn code_in_an_own_sentence_is_not_escaped_twice() {
    let text = Prose::from("give `key: ${{ secrets.NAME }}`, not `a``b`");
    assert_eq!(
        markdown::prose(&text, &Redactor::default()),
        "give `key: ${{ secrets.NAME }}`, not `a` `b`"
    );
}

#[test]
fn the_parser_sees_effects_where_they_are() {
    for evil in EVIL
        .iter()
        .filter(|evil| !["~~~", "<!-- ", "a | b \\| c"].contains(evil))
    {
        let markdown = format!("a {evil} b\n");
        let seen = std::panic::catch_unwind(|| effects(&markdown));
        assert!(
            seen.is_err() || seen.is_ok_and(|seen| !seen.is_empty()),
            "{evil:?}"
        );
    }
}

#[test]
fn much_of_it_stays_below_the_limits() {
    for evil in ["`````````x\n", "@a b\n", "<b>\n"] {
        let bytes = evil.repeat(100_000);
        let mut report = report(bytes.as_bytes(), endings(bytes.as_bytes())[2].clone());
        let one = Diagnostic {
            title: "x".into(),
            origin: DiagnosticOrigin::System,
            text: bytes.clone().into_bytes()[..60_000].to_vec(),
        };
        report.on(&RunEvent::Server(Event {
            at: 0,
            what: What::Diagnostics(vec![one; 50]),
        }));
        let page = summary(&report, &job(b"x"), &Redactor::default());
        assert!(
            (700 << 10..900 << 10).contains(&page.len()),
            "{}",
            page.len()
        );
        assert!(page.contains(" lines omitted …\n"));
        let body = issue_text(&report, &job(b"x"), RawLogs::Show, &Redactor::default())
            .unwrap()
            .body;
        assert!(
            (40_000..60_000).contains(&body.len()) && body.contains(" lines omitted …\n"),
            "{}",
            body.len()
        );
        assert_eq!(
            (effects(&page).len() > 10, effects(&body).len() > 10),
            (true, true)
        );
    }
}

#[test]
fn output_of_the_application_is_hidden_if_strangers_can_read_it() {
    let lines = vec![b"quite private".to_vec()];
    let failure = failed(Step::Verify, Reason::Log { lines });
    let report = report(
        b"quite private",
        by_verdict(verdict(Outcome::RolledBack, Some(OLD), failure)),
    );
    let body = |logs| {
        issue_text(&report, &Job::default(), logs, &Redactor::default())
            .unwrap()
            .body
    };
    assert_eq!(
        body(RawLogs::Show)
            .matches("```text\nquite private\n")
            .count(),
        1
    );
    // names of places and what health answered are no log
    let hidden = body(RawLogs::Hide);
    assert!(
        !hidden.contains("```text") && hidden.contains("the new process logged a crash."),
        "{hidden}"
    );
}

fn evil_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        proptest::sample::select(&EVIL[..]).prop_map(|evil| evil.as_bytes().to_vec()),
        proptest::sample::select(vec![
            "`", "``", "\\", "|", "\n", " ", "@", "#", "<", ">", "&", "[", "]", "(", ")", "*", "_",
            "“", "”", ":", ".", "-", "1", "www", "gh-", "\u{200b}", "\r", "a", "é"
        ])
        .prop_map(|piece| piece.as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..10),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_have_an_effect(bytes in evil_bytes()) {
        let bytes = [b"x ", bytes.as_slice(), b" x"].concat();
        let meant: Vec<_> = documents(b"x").iter().map(|text| effects_of_page(text)).collect();
        let seen: Vec<_> = documents(&bytes).iter().map(|text| effects_of_page(text)).collect();
        prop_assert_eq!(seen, meant);
        prop_assert_eq!(effects(&sentence(&text(&bytes))), [""; 0]);
    }
}
