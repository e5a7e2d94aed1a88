//! Truncates the texts in one message. A message may have a megabyte, and a hundred warnings are kept. A hostile or
//! broken server must not fill the runner's memory with them.

use crate::protocol::{Diagnostic, What};
use serde::de::DeserializeOwned;
use serde::Serialize;
use serde_json::Value;

/// The most bytes of one text.
const MAX_TEXT: usize = 8 << 10;
/// The most bytes of one diagnostic.
const MAX_DIAGNOSTIC: usize = 64 << 10;
/// The most bytes of all texts in one message.
const MAX_TEXTS: usize = 64 << 10;
/// This much of a text is always kept, for ids and names.
const MIN_TEXT: usize = 64;
/// The most items of a list.
const MAX_ITEMS: usize = 100;
/// Marks where a text was cut. Redaction needs it: a secret may be cut there.
const CUT: &str = "…";

/// The same event with truncated texts; `None` if the rest is meaningless.
pub(super) fn truncated(what: What) -> Option<What> {
    match what {
        What::Step(_) => Some(what),
        What::Output(mut line) => {
            if line.len() > MAX_TEXT {
                line.truncate(MAX_TEXT - CUT.len());
                line.extend(CUT.bytes());
            }
            Some(What::Output(line))
        }
        What::Diagnostics(all) => {
            let ends = all.into_iter().take(MAX_ITEMS).map(end_of);
            Some(What::Diagnostics(ends.collect()))
        }
        other => by_json(other),
    }
}

/// The end of a diagnostic, because the cause is most often there.
fn end_of(mut diagnostic: Diagnostic) -> Diagnostic {
    let over = diagnostic.text.len().saturating_sub(MAX_DIAGNOSTIC);
    if over > 0 {
        diagnostic.text.splice(..over, CUT.bytes());
    }
    if diagnostic.title.len() > MAX_TEXT {
        diagnostic.title = CUT.to_owned();
    }
    diagnostic
}

/// Truncates by way of JSON, where every text can be found, whatever its type. JSON has only the texts of some types, so what
/// is not too long stays as it is. Written and read as verdicts are on the disk, which needs no further code for each type.
fn by_json<T: Serialize + DeserializeOwned>(item: T) -> Option<T> {
    let text = serde_json::to_vec_pretty(&item).ok()?;
    let mut value = serde_json::from_slice(&text).ok()?;
    match truncate(&mut value, &mut MAX_TEXTS.clone()) {
        Cut::Nothing => Some(item),
        Cut::Something => {
            let text = serde_json::to_vec_pretty(&value).ok()?;
            serde_json::from_slice(&text).ok()
        }
    }
}

/// Whether anything was cut.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    Nothing,
    Something,
}

impl Cut {
    fn if_over(length: usize, most: usize) -> Self {
        match length > most {
            true => Self::Something,
            false => Self::Nothing,
        }
    }

    fn or(self, other: Self) -> Self {
        match self {
            Self::Nothing => other,
            Self::Something => self,
        }
    }
}

fn truncate(value: &mut Value, left: &mut usize) -> Cut {
    let most = MAX_TEXT.min(*left).max(MIN_TEXT);
    match value {
        Value::String(text) => {
            let cut = truncate_text(text, most);
            *left = left.saturating_sub(text.len());
            cut
        }
        // bytes
        Value::Array(items) if items.iter().all(Value::is_number) => {
            let cut = Cut::if_over(items.len(), most);
            if cut == Cut::Something {
                items.truncate(most);
                items.extend(CUT.bytes().map(Value::from));
            }
            *left = left.saturating_sub(items.len());
            cut
        }
        Value::Array(items) => {
            let cut = Cut::if_over(items.len(), MAX_ITEMS);
            items.truncate(MAX_ITEMS);
            truncate_all(items.iter_mut(), left).or(cut)
        }
        Value::Object(fields) => truncate_all(fields.values_mut(), left),
        Value::Null | Value::Bool(_) | Value::Number(_) => Cut::Nothing,
    }
}

fn truncate_all<'a>(values: impl Iterator<Item = &'a mut Value>, left: &mut usize) -> Cut {
    values.fold(Cut::Nothing, |cut, value| truncate(value, left).or(cut))
}

fn truncate_text(text: &mut String, most: usize) -> Cut {
    if text.len() <= most {
        return Cut::Nothing;
    }
    text.truncate(text.floor_char_boundary(most));
    text.push_str(CUT);
    Cut::Something
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{
        DiagnosticOrigin, Ending, Failure, Finding, HealthAnswer, LinkState, Notice, Outcome,
        ProcessEnd, Reason, Step, UnreadableState, Verdict, Warning,
    };
    use crate::runner::testing::verdict;
    use proptest::prelude::*;

    /// The most bytes of the texts in one message, with the exceptions.
    const MAX_SIZE: usize = MAX_TEXTS + MAX_TEXT + MAX_ITEMS * 4 * (MIN_TEXT + CUT.len());

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
            unit: None,
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
        fn of_any_event_little_is_kept(
            piece in "[a-zé漢 \n]{1,8}", times in 0_usize..20_000, count in 0_usize..300
        ) {
            for what in all(&piece.repeat(times), if times > 1000 { count % 20 } else { count }) {
                let small = truncated(what.clone()).unwrap();
                prop_assert!(size(&small) <= MAX_SIZE, "{}", size(&small));
                if size(&what) <= MAX_TEXT && count <= MAX_ITEMS {
                    prop_assert_eq!(small, what);
                }
            }
        }
    }

    #[test]
    fn a_truncated_text_is_marked_and_the_verdict_stays() {
        let long = "é".repeat(MAX_TEXT);
        let Some(What::Recovered(small)) =
            truncated(recovered(Reason::Unreadable(UnreadableState::Other(long))))
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
            text.ends_with("é…") && text.len() == MAX_TEXT + CUT.len(),
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

    /// JSON holds them as texts, from which no hint can be chosen.
    #[test]
    fn what_is_short_keeps_its_types() {
        let found = LinkState::Elsewhere("/opt/legacy".into());
        let name = "current".to_owned();
        let what = What::Ended(Box::new(Verdict {
            failure: Some(Failure {
                step: Step::Check,
                reason: Reason::NotReady(vec![Finding::Link { name, found }]),
                unit: None,
            }),
            ..verdict(Outcome::NotReady)
        }));
        assert_eq!(truncated(what.clone()), Some(what));
    }

    #[test]
    fn output_diagnostics_and_the_verdict_are_truncated_too() {
        let long = || vec![b'x'; 2 * MAX_DIAGNOSTIC];
        let Some(What::Output(line)) = truncated(What::Output(long())) else {
            panic!()
        };
        assert_eq!(line.len(), MAX_TEXT);
        let diagnostic = Diagnostic {
            title: "t".repeat(2 * MAX_TEXT),
            origin: DiagnosticOrigin::Log,
            text: long(),
        };
        let Some(What::Diagnostics(all)) = truncated(What::Diagnostics(vec![diagnostic; 200]))
        else {
            panic!()
        };
        assert_eq!((all.len(), all[0].title.as_str()), (MAX_ITEMS, CUT));
        assert_eq!(all[0].text.len(), MAX_DIAGNOSTIC + CUT.len());
        let What::Recovered(verdict) = recovered(Reason::NotReady(vec![
            Finding::KillUserProcesses { user: "x".into() };
            500
        ])) else {
            panic!()
        };
        let Some(What::Ended(verdict)) = truncated(What::Ended(verdict)) else {
            panic!()
        };
        let Some(Reason::NotReady(findings)) = verdict.failure.map(|it| it.reason) else {
            panic!()
        };
        assert_eq!(findings.len(), MAX_ITEMS);
    }
}
