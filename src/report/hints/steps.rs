//! The form of a hint.

use crate::text::Prose;
use std::collections::BTreeSet;
use std::fmt;

/// Before commands that continue others.
const AS_ROOT: &str = "as root:";
/// Who runs the commands of the deploy user's own systemd.
const AS_USER: &str = ", as the deploy user";
/// Sentences that only lead to the log.
const TO_THE_LOG: [&str; 6] = [
    "its log",
    "more of its log",
    "the app's log shows why",
    "its log shows why; most often an import error, a missing dependency or a missing configuration file",
    "on the server",
    "On the server",
];

/// What to do: sentences, each with the commands for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hint(Vec<Advice>);

/// A sentence and the commands for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// The sentence.
    pub text: Prose,
    /// To be copied; each is one line.
    pub commands: Vec<String>,
}

/// Text, then the commands for it.
pub(in crate::report) fn steps(text: impl Into<Prose>, commands: &[String]) -> Hint {
    let text = text.into();
    let words = text.to_string();
    let is_told = words.starts_with("now, ") || words.contains(AS_USER);
    let is_of_user = commands.iter().any(|it| it.contains("ctl --user "));
    Hint(vec![Advice {
        text: match is_of_user && !is_told {
            true => text.before_colon(AS_USER),
            false => text,
        },
        commands: commands.to_vec(),
    }])
}

/// Words without a colon, then the commands. Those with sudo are for someone who may become root: the deploy user is
/// allowed few of them.
pub(in crate::report) fn on_server(
    words: &'static str,
    commands: impl IntoIterator<Item = String>,
) -> Hint {
    let is_own = |command: &String| !command.starts_with("sudo ");
    let (own, root): (Vec<String>, Vec<String>) = commands.into_iter().partition(is_own);
    let (given, words) = (words, Prose::from(words));
    match (own.is_empty(), root.is_empty()) {
        (true, true) => {
            let places = ["; on the server", ", on the server"];
            let short = places.iter().find_map(|it| given.strip_suffix(it));
            short.unwrap_or(given).into()
        }
        (_, true) => steps(words.and(":"), &own),
        (true, false) => steps(words.and(", as root:"), &root),
        (false, false) => steps(words.and(":"), &own).then(steps(AS_ROOT, &root)),
    }
}

impl<T: Into<Prose>> From<T> for Hint {
    fn from(text: T) -> Self {
        steps(text, &[])
    }
}

impl Hint {
    /// The same, and then another one.
    #[must_use]
    pub(in crate::report) fn then(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }

    /// The same with these words before its first sentence.
    #[must_use]
    pub(super) fn after(mut self, words: &'static str) -> Self {
        if let Some(first) = self.0.first_mut() {
            first.text = Prose::from(words).and(std::mem::take(&mut first.text));
        }
        self
    }

    /// The same without the commands that were `shown` before, on one page or in one message.
    #[must_use]
    pub(in crate::report) fn without(mut self, shown: &mut BTreeSet<String>) -> Self {
        let is_one = self.0.len() == 1;
        self.0.retain_mut(|Advice { text, commands }| {
            let had_some = !commands.is_empty();
            commands.retain(|command| shown.insert(command.clone()));
            let is_repeated = had_some && commands.is_empty();
            let is_left_out = is_repeated && !is_one && says_nothing_else(text);
            if is_repeated {
                *text = std::mem::take(text).and(" see the commands above");
            }
            !is_left_out
        });
        self
    }

    /// Its sentences, in order.
    #[must_use]
    pub fn advice(&self) -> &[Advice] {
        &self.0
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether a sentence is of no use without its commands.
fn says_nothing_else(text: &Prose) -> bool {
    let text = text.to_string();
    let end = [
        ":",
        ", as root:",
        ", as the deploy user:",
        "; on the server:",
        "; on the server, as root:",
        "; on the server, as the deploy user:",
    ];
    let words = end.iter().filter_map(|end| text.strip_suffix(end));
    text == AS_ROOT || words.into_iter().any(|words| TO_THE_LOG.contains(&words))
}

/// A command has a line of its own, indented.
impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Advice { text, commands }) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{text}")?;
            commands
                .iter()
                .try_for_each(|command| write!(f, "\n  {command}"))?;
        }
        Ok(())
    }
}
