//! The colours of a terminal, in which some programs write into a log too.

/// The line without its control sequences and without spaces at its end. Bytes that are no text are replaced.
pub(super) fn without(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end();
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !(c.is_ascii_digit() || ";?:".contains(c)));
        match end {
            Some(at) if part[at..].starts_with(|c: char| c.is_ascii_alphabetic()) => {
                plain.push_str(&part[at + 1..])
            }
            _ => plain.push_str(part),
        }
    }
    // what overwrites itself, such as a progress bar, shows its end
    let plain = plain.trim_end();
    plain.rsplit('\r').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_stays() {
        assert_eq!(
            without(b"\x1b[31mModuleNotFoundError\x1b[0m: No module  "),
            "ModuleNotFoundError: No module"
        );
        assert_eq!(without(b"\x1b[2K\x1b[1;38;5;196mno\x1b[m \x1b[?25h"), "no");
        assert_eq!(without(b"10%\r50%\rerror: no\r"), "error: no");
        assert_eq!(without("\x1b[é \x1b[".as_bytes()), "é");
        assert_eq!(without(b"\xff"), "\u{fffd}");
    }
}
