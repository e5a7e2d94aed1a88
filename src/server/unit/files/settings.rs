//! Parses unit files as systemd does: systemd.syntax(7).

/// One line of a unit file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) section: String,
    pub(super) name: String,
    /// Empty: takes back what was set before.
    pub(super) value: String,
}

/// The settings in a file, in their order. What systemd ignores is left out.
pub(super) fn settings(text: &str) -> Vec<Setting> {
    let (mut all, mut section) = (Vec::new(), String::new());
    for line in lines(text) {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[') {
            section = name.strip_suffix(']').unwrap_or_default().to_owned();
        } else if let Some((name, value)) = line.split_once('=').filter(|_| !section.is_empty()) {
            all.push(Setting {
                section: section.clone(),
                name: name.trim_end().to_owned(),
                value: value.trim_start().to_owned(),
            });
        }
    }
    all
}

/// Lines without comments, those that a backslash continues in one.
fn lines(text: &str) -> Vec<String> {
    let (mut all, mut open) = (Vec::new(), String::new());
    for line in text.trim_start_matches('\u{feff}').lines() {
        // also between the parts of a line
        if line.trim_start().starts_with(['#', ';']) {
            continue;
        }
        let backslashes = line.len() - line.trim_end_matches('\\').len();
        if backslashes % 2 == 1 {
            open += &line[..line.len() - 1];
            open.push(' ');
            continue;
        }
        all.push(std::mem::take(&mut open) + line);
    }
    all.push(open);
    all
}
