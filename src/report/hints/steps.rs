//! The form of a hint.

/// Text, then the commands for it.
pub(super) fn steps(text: &str, commands: &[String]) -> String {
    let commands = commands
        .iter()
        .map(|command| format!("\n  {command}"))
        .collect::<String>();
    format!("{text}{commands}")
}
