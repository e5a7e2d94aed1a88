//! Lines of the server's set-up that let the deploy user run commands as root.

use super::steps::{steps, Hint};
use crate::report::place::shell;
use crate::text::excerpt::excerpt;

/// A line of the server's set-up that lets a user run one systemctl command.
pub(in crate::report) fn sudoers_line(user: &str, tag: &str, verb: &str, service: &str) -> String {
    sudoers_for(user, tag, &format!("/bin/systemctl {verb} {service}"))
}

/// The same for any command.
pub(super) fn sudoers_for(user: &str, tag: &str, command: &str) -> String {
    // in sudoers these separate arguments: https://www.sudo.ws/docs/man/sudoers.man/#Other_special_characters
    let escape = |c: char| {
        if ",:=\\".contains(c) {
            vec!['\\', c]
        } else {
            vec![c]
        }
    };
    let command: String = excerpt(command).chars().flat_map(escape).collect();
    let user = sudoers_name(&excerpt(user));
    format!("{user} ALL=(root) NOPASSWD: {tag}{command}")
}

/// What lets a user make systemd read its unit files again.
pub(super) fn daemon_reload(user: &str) -> Hint {
    let line = sudoers_for(user, "", "/bin/systemctl daemon-reload");
    steps("on the server's console, as root:", &[into_sudoers(&line)])
}

/// The command that adds it.
pub(in crate::report) fn sudoers(user: &str, verb: &str, service: &str) -> String {
    let line = sudoers_line(user, "", verb, service);
    into_sudoers(&line)
}

/// sudo's option `requiretty`.
pub(super) fn needs_terminal(output: &[u8]) -> bool {
    String::from_utf8_lossy(output).contains("must have a tty")
}

pub(super) fn no_terminal(user: &str) -> Hint {
    let line = format!("Defaults:{} !requiretty", sudoers_name(user));
    steps(
        "sudo's option `requiretty` refuses every command without a terminal; for this user it can be switched off, on the server's \
         console, as root:",
        &[into_sudoers(&line)],
    )
}

/// The command that adds a line.
pub(super) fn into_sudoers(line: &str) -> String {
    let file = "/etc/sudoers.d/deploy-action";
    // an error in a file there would turn sudo off for everyone
    format!(
        "new=$(mktemp) && {{ sudo cat {file} 2>/dev/null; echo {}; }} >\"$new\" && sudo visudo -cf \"$new\" && \
         sudo install -m 0440 \"$new\" {file}",
        shell(line)
    )
}

/// A user's name for sudoers, where capitals alone are an alias and `@` has a meaning of its own.
fn sudoers_name(user: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.-".contains(c);
    if user.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') && user.chars().all(plain) {
        return user.to_owned();
    }
    format!("\"{}\"", user.replace(['"', '\\'], ""))
}
