//! Words of a failure in prose.

/// In small letters. Parts of words count: `errors`, `timeout`.
const FAILURE: [&str; 57] = [
    "error",
    "fail",
    "fatal",
    "cannot",
    "can't",
    "could not",
    "couldn't",
    "unable",
    "not found",
    "no such",
    "denied",
    "refused",
    "invalid",
    "missing",
    "undefined",
    "unknown",
    "unexpected",
    "unrecognized",
    "unsupported",
    "already in use",
    "not permitted",
    "is required",
    "are required",
    "must be",
    "expected",
    "exception",
    "abort",
    "killed",
    "out of memory",
    "does not exist",
    "doesn't exist",
    "no module",
    "not defined",
    "not set",
    "unset",
    "not installed",
    "timed out",
    "panic",
    "corrupt",
    "attempt to",
    "not present",
    "no matching",
    "already exists",
    "duplicate",
    "violates",
    "unterminated",
    "not valid",
    "expired",
    "not in ",
    "must not",
    "not compatible",
    "can only",
    "don't know",
    "not up to date",
    "conflict",
    "wrong",
    "bad ",
];

/// Whether a message has words of a failure.
pub(super) fn of_failure(message: &str) -> bool {
    let message = message.to_lowercase();
    FAILURE.iter().any(|words| message.contains(words)) && !is_count_of_none(&message)
}

/// `0 errors`, `errors: 0`.
fn is_count_of_none(message: &str) -> bool {
    [
        "0 error",
        "errors: 0",
        "no error",
        "0 fail",
        "failed: 0",
        "0 failed",
    ]
    .iter()
    .any(|none| message.contains(none))
}

/// Whether the line is a request in an access log: clients choose what is in it.
pub(super) fn is_request(line: &str) -> bool {
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        .iter()
        .any(|method| {
            line.split_once(&format!("\"{method} "))
                .is_some_and(|(_, rest)| rest.contains(" HTTP/"))
        })
}

/// Whether a message ends with what the program does because of a failure: the failure itself most often stands before it.
pub(super) fn is_conclusion(message: &str) -> bool {
    let message = message.trim_end_matches(['.', '!', ' ']).to_lowercase();
    [
        "exiting",
        "aborting",
        "giving up",
        "shutting down",
        "terminating",
        "stopping",
        "quitting",
    ]
    .iter()
    .any(|end| message.ends_with(end))
}

/// Whether a message says what to do or where to read about it.
pub(super) fn is_advice(message: &str) -> bool {
    let message = message.trim_start_matches(['-', '*', ' ']);
    [
        "See ",
        "Read ",
        "For more",
        "For help",
        "Please ",
        "Try ",
        "Run ",
        "To fix",
        "To see",
        "If you",
        "If this",
        "You can",
        "Use ",
        "This usually",
        "Check ",
        "Hint",
        "Make sure",
        "Did you",
        "Or ",
    ]
    .iter()
    .any(|start| message.starts_with(start))
}
