//! Secrets, and everything that programs make of them.

use proptest::prelude::*;

use super::*;
use crate::text::harmless;

#[test]
fn each_line_of_a_secret_is_hidden() {
    let key = "-----BEGIN X PRIVATE KEY-----\nAAAABBBBCCCC\n  DDDDEEEEFFFF\n-----END X PRIVATE KEY-----\n";
    let redactor = Redactor::new([key]);
    assert_eq!(
        redactor.redact("a AAAABBBBCCCC, DDDDEEEEFFFF }"),
        "a ***, *** }"
    );
    assert_eq!(redactor.redact("AAAABBBBCCCCDDDDEEEEFFFF"), "***");
    assert_eq!(
        redactor.redact("-----BEGIN X PRIVATE KEY-----"),
        "-----BEGIN X PRIVATE KEY-----"
    );
    assert_eq!(format!("{redactor:?}"), "Redactor(***)");
}

#[test]
fn a_secret_is_hidden_in_every_form_in_which_programs_print_it() {
    let secret = "pä ss\"w<o>r'd\\%41&x=y+z 💡 end";
    let redactor = Redactor::new([secret]);
    for form in [
        secret.to_owned(),
        secret.replace(' ', "  \t "),
        // JSON, also without other characters than ASCII, and within JSON
        serde_json::to_string(secret).unwrap().trim_matches('"').to_owned(),
        r#"p\u00e4 ss\"w<o>r'd\\%41&x=y+z \ud83d\udca1 end"#.to_owned(),
        r#"p\\u00E4 ss\\\"w\\u003co\u003er\\'d\\\\%41\\u0026x=y+z \\ud83d\\udca1\\nend"#.to_owned(),
        // Rust, Python, a shell
        r#"pä ss\"w<o>r\'d\\%41&x=y+z \u{1f4a1} end"#.to_owned(),
        r#"p\xc3\xa4 ss"w<o>r\'d\\%41&x=y+z \U0001f4a1 end"#.to_owned(),
        r#"pä ss"w<o>r'\''d\%41&x=y+z 💡 end"#.to_owned(),
        r#"pä ss"w<o>r'"'"'d\%41&x=y+z 💡 end"#.to_owned(),
        // URLs
        "p%C3%A4%20ss%22w%3co%3Er%27d%5C%2541%26x%3Dy%2Bz%20%F0%9F%92%A1%20end".to_owned(),
        "p%C3%A4+ss%22w%3Co%3Er'd%5C%2541%26x%3Dy%2Bz+%F0%9F%92%A1+end".to_owned(),
        "p%25C3%25A4%2520ss%2522w%253Co%253Er'd%255C%252541%2526x%253Dy%252Bz%2520%25F0%259F%2592%25A1%2520end".to_owned(),
        // HTML, XML
        "pä ss&quot;w&lt;o&gt;r&#39;d\\%41&amp;x=y+z 💡 end".to_owned(),
        "p&#228;&nbsp;ss&#x22;w&amp;lt;o&gt;r&#x27;d\\%41&amp;amp;x=y+z &#128161; end".to_owned(),
    ] {
        let line = harmless(format!("a {form}, b").as_bytes());
        assert_eq!(redactor.redact(&line), "a ***, b", "{form}");
    }
}

#[test]
fn a_secret_with_an_escaped_sign_in_it_is_hidden_where_that_is_escaped_again() {
    for (secret, form) in [
        ("a%25ä0", "a%2525%C3%A40"),
        ("%2541 end", "%25252541%20end"),
        ("fish&amp;chips", "fish&amp;amp;chips"),
        ("fish&amp;amp;chips", "fish&amp;amp;amp;chips"),
    ] {
        let shown = Redactor::new([secret]).redact(&format!("a {form}, b"));
        assert_eq!(shown, "a ***, b", "{form}");
    }
}

#[test]
fn a_secret_that_has_what_looks_like_an_escape_is_hidden() {
    for secret in [
        "! \\  💡",
        "x \\n y",
        "a %20 b",
        "a &nbsp;b",
        "a &amp;a",
        "a &#32;b",
        "\\x5c end",
        "a\\%5Cb",
        "a\\&#92;b",
        "a\\\\u{5c} b",
    ] {
        for form in forms(secret) {
            assert_eq!(
                Redactor::new([secret]).redact(&form).trim(),
                "***",
                "{secret}: {form}"
            );
        }
    }
}

#[test]
fn base64_of_a_text_around_a_secret_is_hidden() {
    use base64::prelude::{Engine as _, BASE64_STANDARD, BASE64_URL_SAFE};
    let redactor = Redactor::new(["hunter2-hünter?>"]);
    for before in ["", "a", "me", "user:"] {
        for after in ["", "!", "\n", "@db"] {
            let text = format!("{before}hunter2-hünter?>{after}");
            for coded in [BASE64_STANDARD.encode(&text), BASE64_URL_SAFE.encode(&text)] {
                let shown = redactor.redact(&format!("<{coded}>"));
                let left = shown.replace("***", "");
                assert!(
                    shown.contains("***") && left.len() <= 18,
                    "{text:?}: {shown}"
                );
            }
        }
    }
}

#[test]
fn a_secret_that_a_log_has_folded_is_hidden_in_all_its_lines() {
    let secret = "correct-horse-battery-staple-0123456789";
    let redactor = Redactor::new([secret]);
    for width in [5, 9, 16, 30] {
        let folded: Vec<String> = secret
            .as_bytes()
            .chunks(width)
            .map(|part| format!("  {}", String::from_utf8_lossy(part)))
            .collect();
        let mut lines = vec!["before".to_owned()];
        lines.extend(folded.iter().cloned());
        lines.push("after".to_owned());
        let clean = redactor.foreign(&lines);
        assert_eq!(clean.len(), lines.len());
        let clean = clean.join("\n").replace("***", "");
        let left: Vec<&str> = clean.split_whitespace().collect();
        assert_eq!(left, ["before", "after"], "{width}");
        // what comes line by line, and what has lost its beginning
        let mut state = LineState::default();
        let shown: Vec<String> = lines
            .iter()
            .map(|it| redactor.next(&mut state, it))
            .collect();
        let shown = shown.join("\n");
        assert!(
            width < 8 || !folded.iter().any(|it| shown.contains(it.trim())),
            "{shown}"
        );
        assert!(
            shown.starts_with("before") && shown.ends_with("after"),
            "{shown}"
        );
        if width < 30 {
            let rest = redactor.foreign(&folded[1..]).concat();
            assert_eq!(rest.replace("***", "").trim(), "", "{width}");
        }
    }
    // a sentence has one line
    assert_eq!(
        redactor.redact("its log shows: correct-horse- battery-staple-01 23456789."),
        "its log shows: ***."
    );
}

#[test]
fn a_number_is_hidden_as_a_whole_and_a_short_text_as_a_word() {
    let redactor = Redactor::new(["83749283746", "abc12"]);
    assert_eq!(
        redactor.redact("pin=83749283746, x83749283746x 837492837461 183749283746"),
        "pin=***, x***x 837492837461 183749283746"
    );
    assert_eq!(
        redactor.redact("abc12 (abc12) xabc12 abc123"),
        "*** (***) xabc12 abc123"
    );
}

#[test]
fn our_own_words_names_and_links_stay() {
    let is_own = |text: &str| text == "warning";
    let link = "https://github.com/o/secret-app/actions/runs/7";
    let redactor = Redactor::but_words(["warning", "secret-app", "1762147"], is_own)
        .keeping([link.to_owned(), "diting".to_owned()]);
    assert_eq!(redactor.redact("warning: the log"), "warning: the log");
    assert_eq!(
        redactor.foreign(&["key is warning".to_owned()]),
        ["key is ***"]
    );
    let text = format!("see {link}, 1762147999 is live");
    assert_eq!(redactor.redact(&text), text);
    assert_eq!(
        redactor.redact("https://github.com/o/secret-app"),
        "https://github.com/o/***"
    );
}

#[test]
fn overlapping_secrets_are_replaced_together() {
    let redactor = Redactor::new(["abcdefgh", "efghijkl", "abababab"]);
    assert_eq!(redactor.redact("_abcdefghijkl_"), "_***_");
    assert_eq!(redactor.redact("_ababababab_"), "_***_");
}

#[test]
fn a_secret_that_harmless_changes_is_hidden_too() {
    let redactor = Redactor::new(["pass##[word"]);
    assert_eq!(redactor.redact(&harmless(b"x pass##[word y")), "x *** y");
}

#[test]
fn a_secret_that_was_cut_in_two_is_hidden_too() {
    let redactor = Redactor::new(["hunter2-hunter2"]);
    assert_eq!(
        redactor.redact("a hunter2-hu… b hunt … (cut)"),
        "a ***… b *** … (cut)"
    );
    assert_eq!(
        redactor.redact("…r2-hunter2 a …ter2 b …er2"),
        "…*** a …*** b …er2"
    );
    assert_eq!(
        redactor.redact("a hunter2-hu b hun…"),
        "a hunter2-hu b hun…"
    );
    let mut lines = crate::text::Lines::new();
    let long = format!(
        "{}hunter2-hunter2 and more\n",
        "x".repeat(crate::text::LONGEST_LINE - 8)
    );
    let line = lines.push(long.as_bytes()).remove(0);
    assert!(redactor.redact(&harmless(&line)).ends_with("x*** … (cut)"));
}

/// What looks like an escape, or changes what does.
const PARTS: [&str; 19] = [
    " ", " ", "\\", "\\", "n", "\\n", "x5c", "u0020", "u{5c}", "%", "20", "5C", "25", "&", "amp;",
    "nbsp;", "#92;", "+", "'",
];

/// As it is, and as programs print it.
fn forms(secret: &str) -> [String; 5] {
    let within = |quoted: String| quoted[1..quoted.len() - 1].to_owned();
    let html = [
        ('&', "&amp;"),
        ('<', "&lt;"),
        ('"', "&#34;"),
        ('\'', "&#x27;"),
    ];
    let html = html
        .iter()
        .fold(secret.to_owned(), |text, (c, name)| text.replace(*c, name));
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    let json = within(serde_json::to_string(secret).unwrap());
    let debug = within(format!("{secret:?}"));
    [
        secret.to_owned(),
        json,
        html,
        secret.bytes().map(byte).collect(),
        debug,
    ]
}

proptest! {
    #[test]
    fn no_split_of_a_stream_lets_a_secret_through(at in 0_usize..60, secret in "[a-zA-Z0-9+/]{8,20}") {
        let text = format!("one {secret} two\npassword={secret}\n{secret}");
        let (a, b) = text.as_bytes().split_at(at.min(text.len()));
        let mut lines = crate::text::Lines::new();
        let mut all = lines.push(a);
        all.extend(lines.push(b));
        all.extend(lines.finish());
        let redactor = Redactor::new([secret.as_str()]);
        let clean: Vec<String> = all.iter().map(|line| redactor.redact(&harmless(line))).collect();
        prop_assert_eq!(clean, ["one *** two", "password=***", "***"]);
    }

    #[test]
    fn no_form_of_any_secret_survives(secret in "[!-~äß💡]([ -~äß💡]{4,18})[!-~äß💡]", before in "[a-z=:\"]{0,3}", after in "[ ,\"]{0,2}") {
        let redactor = Redactor::new([secret.as_str()]);
        for form in forms(&secret) {
            let line = harmless(format!("{before} {form}{after}").as_bytes());
            for clean in [redactor.redact(&line), redactor.foreign(std::slice::from_ref(&line)).concat(), redactor.next(&mut LineState::default(), &line)] {
                prop_assert!(clean.contains("***"), "{}: {}", line, clean);
                prop_assert!(form.len() < 5 || !clean.contains(form.as_str()), "{}", clean);
            }
        }
    }

    /// Their parts look like escapes, some of gaps and some of each other.
    #[test]
    fn no_form_of_a_secret_like_an_escape_survives(
        parts in prop::collection::vec(prop::sample::select(&PARTS[..]), 4..14),
        first in "[a-z%&\\\\]",
        last in "[a-z%&\\\\]",
    ) {
        let secret = format!("{first}{}{last}", parts.concat());
        for line in forms(&secret) {
            let clean = Redactor::new([&secret]).redact(&harmless(line.as_bytes()));
            prop_assert_eq!(&clean, "***", "{:?}: {}", secret, line);
        }
    }

    #[test]
    fn no_secret_survives(secrets in prop::collection::vec("[ab]{8,10}", 1..4), text in "[ab ü]{0,60}") {
        let redactor = Redactor::new(secrets.iter().map(String::as_str));
        let clean = redactor.redact(&text);
        for secret in &secrets {
            prop_assert!(!clean.contains(secret.as_str()));
        }
    }
}

/// Most of them cannot begin there, and a log in JSON has an escape every few characters.
#[test]
fn at_an_escape_only_secrets_that_begin_with_what_it_stands_for_are_tried() {
    let found = |text: &str, last| {
        let first = text.chars().next().unwrap();
        let all = firsts(text, first, last).into_iter().flatten();
        all.collect::<String>()
    };
    assert_eq!(found(r"\u0041bc", None), r"\uA");
    assert_eq!(found(r#"\\\"bc"#, Some(' ')), r#"\""#);
    assert_eq!(found(r#"\\\"bc"#, Some('\\')), r"\");
    assert_eq!(found("%41bc", None), "%A");
    assert_eq!(found("%25bc", None), "%");
    assert_eq!(found("&amp;lt;bc", None), "&<");
    assert_eq!(found("abc", None), "a");
}
