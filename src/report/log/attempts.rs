use crate::protocol::Attempt;
use crate::report::texts;

/// Every so many attempts there is a line, whatever they say.
const EVERY: u32 = 10;

/// Which questions about health are worth a line.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    last: Option<String>,
}

impl Attempts {
    /// The first, one that says something else, and every tenth.
    pub(super) fn worth_a_line(&mut self, attempt: &Attempt) -> bool {
        let kind = Some(texts::kind(&attempt.answer));
        let changed = self.last != kind;
        self.last = kind;
        changed || attempt.number.is_multiple_of(EVERY)
    }

    /// What the last one said.
    pub(super) fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }
}
