//! Long commands in a box: over several lines, as a shell reads them.

/// A command of at most so many characters stays in one line. A narrow phone shows about as many.
const SHORT: usize = 40;
/// So many characters of one of its commands fit in a wide box.
const WIDE: usize = 70;

/// The lines of a command, with a backslash before each line end. It is folded where one of its commands ends, and where
/// such a one is too long, between two words; never in quotes, and not where a backslash would change what it does.
pub(super) fn folded(command: &str) -> Vec<String> {
    let whole = || vec![command.to_owned()];
    if command.chars().count() <= SHORT {
        return whole();
    }
    let Some(words) = words(command) else {
        return whole();
    };
    if words.iter().any(|word| is_of_compound(word)) {
        return statement(&words);
    }
    let statements = words.split_inclusive(|word| ends_statement(word));
    let mut statements: Vec<Vec<&str>> = statements.map(<[&str]>::to_vec).collect();
    // the end of the line ends it, too
    for word in statements.iter_mut().filter_map(|words| words.last_mut()) {
        if ends_statement(word) {
            *word = word.trim_end_matches(';');
        }
    }
    statements
        .iter()
        .flat_map(|words| statement(words))
        .collect()
}

/// Whether it belongs to a command that consists of others: a line end there may change it.
fn is_of_compound(word: &str) -> bool {
    let words = [
        "if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case",
    ];
    words.contains(&word.trim_end_matches(';'))
        || word.ends_with(";;")
        || !word.starts_with(['\'', '"']) && word.contains(['{', '}', '(', ')'])
}

/// The lines of a command up to its `;`.
fn statement(words: &[&str]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for words in words.chunk_by(|word, _| !ends_command(word)) {
        lines.extend(filled(words));
    }
    let lines = lines.iter().enumerate().map(|(at, line)| {
        let indent = if at == 0 { "" } else { "  " };
        format!("{indent}{line}")
    });
    let lines: Vec<String> = lines.collect();
    let last = lines.len() - 1;
    let end = |at: usize| if at == last { "" } else { " \\" };
    let lines = lines.iter().enumerate();
    lines
        .map(|(at, line)| format!("{line}{}", end(at)))
        .collect()
}

/// Whether another command follows this word.
fn ends_command(word: &str) -> bool {
    ["&&", "||", "|"].contains(&word) || ends_statement(word)
}

/// Whether it ends with a `;` of the shell; one after a backslash is for the command itself, such as `find`.
fn ends_statement(word: &str) -> bool {
    word.ends_with(';') && !word.ends_with("\\;")
}

/// Words in as few lines as they fit in.
fn filled(words: &[&str]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < WIDE => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push((*word).to_owned()),
        }
    }
    lines
}

/// The words of a command as a shell splits it; what is in quotes is never split. `None`: it has something for which the end
/// of a line counts, or quotes that do not end.
fn words(command: &str) -> Option<Vec<&str>> {
    let (mut words, mut start, mut quote) = (Vec::new(), None, None);
    let mut chars = command.char_indices();
    while let Some((at, c)) = chars.next() {
        let is_gap = quote.is_none() && c == ' ';
        match (start, is_gap) {
            (Some(from), true) => {
                words.push(&command[from..at]);
                start = None;
            }
            (None, false) if c == '#' => return None,
            (None, false) => start = Some(at),
            _ => {}
        }
        match (quote, c) {
            // the end of the line would be escaped
            (None | Some('"'), '\\') => drop(chars.next()?),
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
    }
    words.extend(start.map(|from| &command[from..]));
    let is_special = ["<<", "$'", "\t"].iter().any(|it| command.contains(it));
    (quote.is_none() && !is_special).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_command_is_folded_where_another_begins_and_where_it_is_too_long() {
        let all = [
            "sudo journalctl -u diting -n 50",
            "sudo mkdir -p /opt/diting && sudo chown -R deploy: /opt/diting",
            "new=$(mktemp) && { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; echo 'deploy ALL=(root) NOPASSWD: \
             /bin/systemctl restart diting'; } >\"$new\" && sudo visudo -cf \"$new\" && sudo install -m 0440 \"$new\" \
             /etc/sudoers.d/deploy-action",
            "sudo journalctl --no-pager _SYSTEMD_INVOCATION_ID=0123456789abcdef0123456789abcdef + \
             INVOCATION_ID=0123456789abcdef0123456789abcdef _UID=0",
            "id; df -h /tmp; df -i /tmp; findmnt -T /tmp; ls -ld /tmp",
            "cat /etc/resolv.conf; getent hosts pypi.org registry.npmjs.org || echo 'none; at all'",
        ];
        insta::assert_snapshot!(all.map(|it| folded(it).join("\n")).join("\n---\n"), @r#"
        sudo journalctl -u diting -n 50
        ---
        sudo mkdir -p /opt/diting && \
          sudo chown -R deploy: /opt/diting
        ---
        new=$(mktemp) && \
          { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; \
          echo 'deploy ALL=(root) NOPASSWD: /bin/systemctl restart diting'; \
          } >"$new" && \
          sudo visudo -cf "$new" && \
          sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
        ---
        sudo journalctl --no-pager \
          _SYSTEMD_INVOCATION_ID=0123456789abcdef0123456789abcdef + \
          INVOCATION_ID=0123456789abcdef0123456789abcdef _UID=0
        ---
        id
        df -h /tmp
        df -i /tmp
        findmnt -T /tmp
        ls -ld /tmp
        ---
        cat /etc/resolv.conf
        getent hosts pypi.org registry.npmjs.org || \
          echo 'none; at all'
        "#);
    }

    #[test]
    fn what_a_backslash_would_change_stays_in_one_line() {
        for command in [
            "echo one two three four five six seven eight # nine && ten",
            "echo 'one two three four five six seven && eight nine",
            "cat <<E && echo one two three four five six seven eight nine",
            "echo $'it\\'s one' && echo two three four five six seven eight",
            "echo one two three four five six seven eight nine ten && \\",
            "echo \"one two three four five && six seven eight nine ten\"",
        ] {
            let expected: &[&str] = &[command];
            assert_eq!(folded(command), expected, "{command}");
        }
    }

    #[test]
    fn a_folded_command_does_the_same() {
        let long = "x".repeat(50);
        for command in [
            format!("printf '<%s>' one \"two && three\" fo\\ ur '{long} a;' '{long} b' && printf '%s\\n' five; echo six | cat"),
            format!("for i in 1 2; do printf '%s\\n' $i {long} {long} \"it's; $i\"; done && (echo a; echo b) | tr a-z A-Z"),
            format!("find /dev/null -exec printf '<%s>' {long} \\; -exec echo one \\; && echo two; echo three | cat"),
            "new=$(mktemp) && { cat /nonexistent/file 2>/dev/null; echo 'one  two'; } >\"$new\" && cat \"$new\" && rm \"$new\""
                .to_owned(),
        ] {
            let run = |text: &str| {
                let output = Command::new("sh").arg("-c").arg(text).output().unwrap();
                assert!(output.status.success(), "{text}: {output:?}");
                String::from_utf8(output.stdout).unwrap()
            };
            let lines = folded(&command);
            assert!(lines.len() > 2, "{lines:?}");
            assert_eq!(run(&lines.join("\n")), run(&command), "{lines:?}");
        }
    }
}
