//! What is taken of the texts in one message. A message may have a megabyte, and of warnings a hundred are kept: a server
//! that is hostile or broken must not fill the runner's memory with them.

use crate::protocol::What;
use serde::de::DeserializeOwned;
use serde::Serialize;
use serde_json::Value;

/// Of one text, in bytes: as much as of a line.
const TEXT: usize = 8 << 10;
/// Of all texts of one message.
const TEXTS: usize = 64 << 10;
/// So much of a text is there all the same: ids, and the names of what is told.
const LEAST: usize = 64;
/// Of the items of a list.
const ITEMS: usize = 100;
/// Where a text was cut: a secret may be cut there.
const CUT: &str = "…";

/// The same, its texts cut where they are too long. `None`: what is left of it says nothing any more.
///
/// What a command printed, diagnostics and the verdict are not touched: they are bounded where they are kept, or come once.
pub(super) fn bounded(what: What) -> Option<What> {
    Some(match what {
        What::Waiting(holder) => What::Waiting(shortened(&holder)?),
        What::Recovered(verdict) => What::Recovered(shortened(&verdict)?),
        What::Warning(warning) => What::Warning(shortened(&warning)?),
        What::Notice(notice) => What::Notice(shortened(&notice)?),
        What::Attempt(attempt) => What::Attempt(shortened(&attempt)?),
        other => other,
    })
}

/// By way of JSON, in which every text is found, whatever it belongs to.
fn shortened<T: Serialize + DeserializeOwned>(item: &T) -> Option<T> {
    let mut value = serde_json::to_value(item).ok()?;
    shorten(&mut value, &mut TEXTS.clone());
    serde_json::from_value(value).ok()
}

fn shorten(value: &mut Value, left: &mut usize) {
    let most = TEXT.min(*left).max(LEAST);
    match value {
        Value::String(text) => {
            if text.len() > most {
                let end = (0..=most)
                    .rev()
                    .find(|at| text.is_char_boundary(*at))
                    .unwrap_or_default();
                text.truncate(end);
                text.push_str(CUT);
            }
            *left = left.saturating_sub(text.len());
        }
        // bytes
        Value::Array(items) if items.iter().all(Value::is_number) => {
            if items.len() > most {
                items.truncate(most);
                items.extend(CUT.bytes().map(Value::from));
            }
            *left = left.saturating_sub(items.len());
        }
        Value::Array(items) => {
            items.truncate(ITEMS);
            items.iter_mut().for_each(|item| shorten(item, left));
        }
        Value::Object(fields) => fields.values_mut().for_each(|field| shorten(field, left)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{
        Ending, Failure, Finding, HealthAnswer, Notice, Outcome, ProcessEnd, Reason, Step,
        UnreadableState, Verdict, Warning,
    };
    use crate::runner::testing::verdict;
    use proptest::prelude::*;

    /// What the texts of one message may have in all: what is left over, a mark and the last text of each item more.
    const MOST: usize = TEXTS + TEXT + ITEMS * 4 * (LEAST + CUT.len());

    fn size(what: &What) -> usize {
        fn of(value: &Value) -> usize {
            match value {
                Value::String(text) => text.len(),
                Value::Array(items) if items.iter().all(Value::is_number) => items.len(),
                Value::Array(items) => items.iter().map(of).sum(),
                Value::Object(fields) => fields.values().map(of).sum(),
                _ => 0,
            }
        }
        of(&serde_json::to_value(what).unwrap())
    }

    fn recovered(reason: Reason) -> What {
        let failure = Some(Failure {
            step: Step::Verify,
            reason,
        });
        What::Recovered(Box::new(Verdict {
            failure,
            ..verdict(Outcome::RolledBack)
        }))
    }

    fn all(text: &str, count: usize) -> Vec<What> {
        let bytes = text.as_bytes().to_vec();
        let finding = Finding::Missing {
            program: text.into(),
            path: text.into(),
        };
        vec![
            What::Warning(Warning::LoggedErrors(vec![bytes.clone(); count])),
            What::Warning(Warning::Leftover {
                path: text.into(),
                error: text.into(),
            }),
            What::Warning(Warning::OldUnhealthy(HealthAnswer::Mismatch {
                pattern: text.into(),
                body: bytes,
            })),
            What::Notice(Notice::LinkReplaced {
                name: text.into(),
                target: text.into(),
            }),
            recovered(Reason::NotReady(vec![finding; count])),
            recovered(Reason::Command {
                ending: Ending::Exit(1),
                line: Some((1, text.into())),
                output: Vec::new(),
                log_line: None,
            }),
            recovered(Reason::Crashed {
                end: ProcessEnd::Other(text.into()),
                log_line: Some(text.into()),
            }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn whatever_a_server_tells_little_is_kept(
            piece in "[a-zé漢 \n]{1,8}", times in 0_usize..20_000, count in 0_usize..300
        ) {
            for what in all(&piece.repeat(times), if times > 1000 { count % 20 } else { count }) {
                let small = bounded(what.clone()).unwrap();
                prop_assert!(size(&small) <= MOST, "{}", size(&small));
                if size(&what) <= TEXT && count <= ITEMS {
                    prop_assert_eq!(small, what);
                }
            }
        }
    }

    #[test]
    fn a_text_that_is_cut_says_so_and_the_verdict_around_it_stays() {
        let long = "é".repeat(TEXT);
        let Some(What::Recovered(small)) =
            bounded(recovered(Reason::Unreadable(UnreadableState::Other(long))))
        else {
            panic!()
        };
        let Verdict {
            failure:
                Some(Failure {
                    reason: Reason::Unreadable(UnreadableState::Other(text)),
                    ..
                }),
            ..
        } = &*small
        else {
            panic!()
        };
        assert!(
            text.ends_with("é…") && text.len() == TEXT + CUT.len(),
            "{}",
            text.len()
        );
        assert_eq!(
            Verdict {
                failure: None,
                ..*small.clone()
            },
            verdict(Outcome::RolledBack)
        );
    }

    #[test]
    fn what_is_bounded_elsewhere_is_passed_on_as_it_is() {
        let output = What::Output(vec![b'x'; 2 * TEXT]);
        assert_eq!(bounded(output.clone()), Some(output));
    }
}
