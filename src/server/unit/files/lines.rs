//! The settings of a unit with their quotes, as its files have them: `systemctl show` prints values without.

use super::settings::Setting;
use super::specifiers::{Specifiers, UNKNOWN};
use super::words::{self, ExecCommand};
use crate::protocol::Scope;
use std::slice;

/// All lines of a unit, in the order in which they count.
pub(in crate::server) struct Lines {
    /// The unit's full name.
    pub(in crate::server) name: String,
    pub(in crate::server) scope: Scope,
    /// The units that start it, as far as systemd knows now.
    pub(in crate::server) triggered_by: Vec<String>,
    settings: Vec<Setting>,
}

impl Lines {
    pub(super) fn new(
        name: String,
        scope: Scope,
        settings: Vec<Setting>,
        triggered_by: &str,
    ) -> Self {
        Self {
            name,
            scope,
            triggered_by: triggered_by.split_whitespace().map(str::to_owned).collect(),
            settings,
        }
    }

    /// The values of a setting of the unit's own section, from the last one on that takes back those before.
    pub(in crate::server) fn all(&self, name: &str) -> Vec<&str> {
        let mut values = Vec::new();
        for setting in self.own().filter(|setting| setting.name == name) {
            match setting.value.as_str() {
                "" => values.clear(),
                value => values.push(value),
            }
        }
        values
    }

    /// The value of a setting that has one, without specifiers; empty if it is not set.
    pub(in crate::server) fn get(&self, name: &str) -> String {
        let value = self.all(name).last().copied().unwrap_or_default();
        self.expand(value)
    }

    /// Names and values of all settings of the unit's own section, whether they count or not.
    pub(in crate::server) fn each(&self) -> impl Iterator<Item = (&str, &str)> {
        self.own().map(|it| (it.name.as_str(), it.value.as_str()))
    }

    pub(in crate::server) fn is_true(&self, name: &str) -> bool {
        let value = self.get(name).to_ascii_lowercase();
        ["1", "yes", "y", "true", "t", "on"].contains(&value.as_str())
    }

    /// The words of a list that may have several lines, without specifiers.
    pub(in crate::server) fn words(&self, name: &str) -> Vec<String> {
        let lines = self.all(name).into_iter();
        let words = lines.flat_map(words::words_until_mistake);
        words.map(|word| self.expand(&word.text)).collect()
    }

    /// The commands of a setting such as `ExecStart`, without specifiers.
    pub(in crate::server) fn commands(&self, name: &str) -> Vec<ExecCommand> {
        let lines = self.all(name).into_iter();
        let mut all: Vec<ExecCommand> = lines.flat_map(words::commands).collect();
        for command in &mut all {
            let texts = slice::from_mut(&mut command.program).iter_mut();
            for text in texts.chain(&mut command.arguments) {
                *text = self.expand(text);
            }
        }
        all
    }

    /// The text with values in place of specifiers; [`is_known`] says whether all have one.
    pub(in crate::server) fn expand(&self, text: &str) -> String {
        let (unit, scope) = (self.name.as_str(), self.scope);
        Specifiers { unit, scope }.expand(text)
    }

    fn own(&self) -> impl Iterator<Item = &Setting> {
        let kind = self.name.rsplit_once('.').map_or("service", |(_, it)| it);
        let is_own = move |it: &&Setting| it.section.eq_ignore_ascii_case(kind);
        self.settings.iter().filter(is_own)
    }
}

/// Whether the text has no specifier of which only systemd knows the value.
pub(in crate::server) fn is_known(text: &str) -> bool {
    !text.contains(UNKNOWN)
}

#[cfg(test)]
impl Lines {
    /// Those of a unit with this file.
    pub(in crate::server) fn of_file(name: &str, file: &str) -> Self {
        let settings = super::settings::settings(file);
        Self::new(name.to_owned(), Scope::System, settings, "")
    }
}
