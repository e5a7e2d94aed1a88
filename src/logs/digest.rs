//! The part of a log that a person reads: its first errors and its last lines, without repeats.

use super::classify::Classifier;
use super::words;

/// Lines from the first error on.
const FIRST: usize = 12;
/// Stands for lines that are left out.
const LEFT_OUT: &str = "…";

/// At most about `most` lines of a log. `own_request`: the path of our own health requests, which are left out unless the log
/// has nothing else.
pub(crate) fn digest(lines: &[Vec<u8>], own_request: Option<&str>, most: usize) -> Vec<Vec<u8>> {
    let is_own = |line: &&Vec<u8>| own_request.is_some_and(|path| requests(line, path));
    let others: Vec<&Vec<u8>> = lines.iter().filter(|line| !is_own(line)).collect();
    let has_text = others.iter().any(|line| !line.trim_ascii().is_empty());
    let folded = fold(if has_text {
        others
    } else {
        lines.iter().collect()
    });
    if folded.len() <= most {
        return folded;
    }
    let last = folded.len() - most.saturating_sub(FIRST + 1);
    let first = first_error(&folded).filter(|at| *at < last);
    let Some(first) = first else {
        return folded[folded.len() - most..].to_vec();
    };
    let end = (first + FIRST).min(last);
    let mut shown = folded[first..end].to_vec();
    if end < last {
        shown.push(LEFT_OUT.as_bytes().to_vec());
    }
    shown.extend_from_slice(&folded[last..]);
    shown
}

fn first_error(lines: &[Vec<u8>]) -> Option<usize> {
    let classifier = Classifier::new(None).ok()?;
    let plain: Vec<String> = lines.iter().map(|line| classifier.plain(line)).collect();
    let is_error = |line: &String| classifier.classify(line).is_some();
    let has_words = |line: &String| words::of_failure(line) && !words::is_request(line);
    plain
        .iter()
        .position(is_error)
        .or_else(|| plain.iter().position(has_words))
}

/// Whether the line is the access log's of a request for this path.
fn requests(line: &[u8], path: &str) -> bool {
    let line = String::from_utf8_lossy(line);
    let path = path.split('?').next().unwrap_or_default();
    line.match_indices(&format!("GET {path}"))
        .any(|(at, found)| {
            let after = &line[at + found.len()..];
            !after.starts_with(|c: char| c.is_alphanumeric() || "/-_.".contains(c))
        })
}

/// Lines that repeat the one before, as one line with their number.
fn fold(lines: Vec<&Vec<u8>>) -> Vec<Vec<u8>> {
    let mut folded: Vec<(Vec<u8>, usize)> = Vec::new();
    for line in lines {
        match folded.last_mut().filter(|(last, _)| last == line) {
            Some((_, times)) => *times += 1,
            None => folded.push((line.clone(), 1)),
        }
    }
    let shown = folded.into_iter().flat_map(|(line, times)| {
        let more = format!("(the same line {} more times)", times - 1).into_bytes();
        match times {
            1 => vec![line],
            2 => vec![line.clone(), line],
            _ => vec![line, more],
        }
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digested(text: &str, most: usize) -> String {
        let lines: Vec<Vec<u8>> = text.lines().map(|line| line.as_bytes().to_vec()).collect();
        String::from_utf8(digest(&lines, Some("/health?full=1"), most).join(&b'\n')).unwrap()
    }

    #[test]
    fn our_own_requests_do_not_push_out_what_explains_them() {
        let request =
            "INFO:     127.0.0.1:4711 - \"GET /health?full=1 HTTP/1.1\" 503 Service Unavailable\n";
        let other = "INFO:     127.0.0.1:4711 - \"GET /healthy HTTP/1.1\" 200 OK\n";
        let text = format!("cannot connect to postgres\n{}{other}", request.repeat(60));
        assert_eq!(
            digested(&text, 20),
            format!("cannot connect to postgres\n{}", other.trim_end())
        );
        // there is nothing else
        assert_eq!(digested(request, 20), request.trim_end());
    }

    #[test]
    fn the_first_error_and_the_last_lines_are_kept() {
        let many = |what: &str| (0..40).map(|n| format!("{what} {n}\n")).collect::<String>();
        let text = format!("{}ERROR: no database\n{}", many("before"), many("after"));
        let shown = digested(&text, 20);
        assert!(
            shown.starts_with("ERROR: no database\nafter 0\n"),
            "{shown}"
        );
        assert!(
            shown.ends_with("after 38\nafter 39") && shown.contains("\n…\n"),
            "{shown}"
        );
        assert_eq!(shown.lines().count(), 20, "{shown}");
        let shown = digested(&many("fine"), 20);
        assert!(
            shown.starts_with("fine 20\n") && shown.ends_with("fine 39"),
            "{shown}"
        );
    }

    #[test]
    fn repeats_are_folded() {
        assert_eq!(
            digested("a\na\na\na\nb\nb\nc", 20),
            "a\n(the same line 3 more times)\nb\nb\nc"
        );
    }
}
