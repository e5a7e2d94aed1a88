use crate::protocol::Answer;
use crate::text::excerpt::{excerpt, one_line, truncate};

/// How much of a body stands in a sentence, in characters.
const BODY: usize = 100;

/// What health answered, as it fits after "health".
#[must_use]
pub fn answer(answer: &Answer) -> String {
    match answer {
        Answer::Status {
            location: None,
            body,
            ..
        }
        | Answer::Mismatch { body, .. } => {
            format!("{}{}", kind(answer), quote(body))
        }
        Answer::Status {
            location: Some(_), ..
        }
        | Answer::Healthy { .. }
        | Answer::Refused
        | Answer::TimedOut { .. }
        | Answer::Broken(_) => kind(answer),
    }
}

/// The same without what may differ each time.
#[must_use]
pub fn kind(answer: &Answer) -> String {
    match answer {
        Answer::Healthy { status } => format!("answered {status}"),
        Answer::Status {
            status,
            location: Some(to),
            ..
        } => format!("answered {status}, a redirect to {}", excerpt(to)),
        Answer::Status {
            status,
            location: None,
            ..
        } => format!("answered {status}"),
        Answer::Mismatch { pattern, .. } => {
            format!("answered a body that does not match “{}”", excerpt(pattern))
        }
        Answer::Refused => "refused the connection: nobody listens there".to_owned(),
        Answer::TimedOut { during } => format!("did not answer in time ({})", excerpt(during)),
        Answer::Broken(how) => format!("gave no usable answer: {}", excerpt(how)),
    }
}

fn quote(body: &[u8]) -> String {
    let body = one_line(body);
    match body.is_empty() {
        true => " with an empty body".to_owned(),
        false => format!(" with “{}”", truncate(&body, BODY)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::answers;

    #[test]
    fn every_answer_has_its_words() {
        let all: Vec<_> = answers().iter().map(answer).collect();
        insta::assert_snapshot!(all.join("\n"), @r#"
        answered 200
        answered 500 with “{"status": ##\[error]"db"}”
        answered 302, a redirect to https://web1/login
        answered a body that does not match “"release":"1762147999"” with “xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…”
        refused the connection: nobody listens there
        did not answer in time (the body)
        gave no usable answer: no HTTP
        "#);
    }
}
