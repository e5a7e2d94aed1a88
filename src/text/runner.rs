//! A port of how GitHub's runner finds commands in what a step prints, for tests:
//! <https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs>, `TryParseV2` and `TryParse`, on
//! lines as .NET's `StreamReader.ReadLine` gives them. Stricter than the runner: invisible characters are skipped
//! everywhere, as a comparison by culture may do.

/// All commands of the runner (`ExtensionManager.cs`).
const REGISTERED: [&str; 16] = [
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

/// The commands in what was printed: names, lower-case, in order.
pub(crate) fn commands(printed: &str) -> Vec<String> {
    let invisible: &[char] = &[
        '\u{200b}', '\u{feff}', '\u{200d}', '\u{202e}', '\u{ad}', '\0',
    ];
    let text = printed
        .replace("\r\n", "\n")
        .replace('\r', "\n")
        .replace(invisible, "");
    text.split('\n')
        .filter_map(|line| modern(line).or_else(|| legacy(line)))
        .collect()
}

fn modern(line: &str) -> Option<String> {
    let rest = line.trim_start().strip_prefix("::")?;
    let (info, _) = rest.split_once("::")?;
    known(info.split(' ').next()?)
}

fn legacy(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("##[")?;
    let (info, _) = rest.split_once(']')?;
    known(info.split(' ').next()?)
}

fn known(name: &str) -> Option<String> {
    let name = name.to_lowercase();
    REGISTERED.contains(&name.as_str()).then_some(name)
}

#[test]
fn the_port_finds_what_the_runner_finds() {
    let printed =
        "::error title=x::y\n  ::Group::z\rfoo ##[add-mask]a\r\n##[nothing]\n::nothing::\n:: error::\n##\\[error]";
    assert_eq!(commands(printed), ["error", "group", "add-mask"]);
}
