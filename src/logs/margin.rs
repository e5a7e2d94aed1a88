//! What stands before a line although its program did not write it.

use super::exception::begins_with_exception;

/// The line without what supervisors and npm write before it, which is the program's name, and without the bars of an
/// exception group and of a box.
pub(super) fn without_margin(line: &str) -> &str {
    for prefix in ["npm error ", "npm ERR! ", "npm ERR!", "npm error"] {
        if let Some(rest) = line.strip_prefix(prefix) {
            return rest;
        }
    }
    let line = without_syslog(line).unwrap_or(line);
    let line = without_program(line).unwrap_or(line);
    let text = line.trim_start();
    let text = text.strip_prefix("+ ").unwrap_or(text);
    if text.starts_with("Exception Group ") {
        return text;
    }
    match text.strip_prefix("| ") {
        Some(rest) => rest,
        None if text == "|" => "",
        None if text.starts_with("+-") => "",
        None => text
            .strip_prefix("╰ ")
            .filter(|rest| begins_with_exception(rest))
            .unwrap_or(line),
    }
}

/// `04:14:32 web.1  | text`, `web-1  | text`, `0|web  | text`
pub(super) fn without_program(line: &str) -> Option<&str> {
    let (head, text) = line.split_once("| ")?;
    let head = match head.split_once('|') {
        Some((number, name)) => name
            .trim_end()
            .get(..)
            .filter(|_| number.parse::<u16>().is_ok())?,
        None => head.trim_end(),
    };
    let name = match head.split_once(' ') {
        Some((time, name)) => {
            (time.len() == 8 && time.matches(':').count() == 2).then_some(name)?
        }
        None => head,
    };
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    is_name.then_some(text)
}

/// `Nov 29 04:35:14 web1 systemd[1]: text`
fn without_syslog(line: &str) -> Option<&str> {
    let is_month =
        line.get(..4)?.ends_with(' ') && line.starts_with(|c: char| c.is_ascii_uppercase());
    let time = line.get(7..15).filter(|_| is_month)?;
    let is_time = time.bytes().all(|b| b.is_ascii_digit() || b == b':');
    let (head, text) = line.get(15..).filter(|_| is_time)?.split_once("]: ")?;
    let process = head.trim().split_once(' ')?.1;
    process.contains('[').then_some(text)
}
