//! A port of how GitHub's runner finds commands in a step's output (Runner.Common/ActionCommand.cs), for tests.

const COMMANDS: &[&str] = &[
    "internal-set-repo-path",
    "set-env",
    "add-path",
    "set-output",
    "save-state",
    "add-mask",
    "add-matcher",
    "remove-matcher",
    "warning",
    "error",
    "notice",
    "debug",
    "group",
    "endgroup",
    "echo",
    "stop-commands",
];

/// How many commands the runner would find. Lines end as .NET's `ReadLine` ends them.
pub(crate) fn commands_in(output: &str) -> usize {
    output.split(['\n', '\r']).filter(|line| new_syntax(line) || old_syntax(line)).count()
}

/// `TryParseV2`: `::name properties::data`, after white space only.
fn new_syntax(line: &str) -> bool {
    // the culture's comparison also skips what is invisible
    let line = line.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\u{200b}');
    let inner = line.strip_prefix("::").and_then(|rest| rest.split_once("::")).map(|(inner, _)| inner);
    inner.is_some_and(is_command)
}

/// `TryParse`: `##[name properties]data`, anywhere; only the first `##[` counts.
fn old_syntax(line: &str) -> bool {
    let ignored: &[char] = &['\u{200b}', '\u{feff}', '\u{200d}', '\u{202e}', '\u{ad}', '\0'];
    let line = line.replace(ignored, "");
    let inner = line.split_once("##[").and_then(|(_, rest)| rest.split_once(']')).map(|(inner, _)| inner);
    inner.is_some_and(is_command)
}

fn is_command(inner: &str) -> bool {
    let name = inner.split(' ').next().unwrap_or_default();
    COMMANDS.iter().any(|command| command.eq_ignore_ascii_case(name))
}
