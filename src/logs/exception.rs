//! The names of exceptions.

/// Messages that tell of an exception before its name.
const WHOLE: [&str; 4] = [
    "Exception in ",
    "Unhandled exception",
    "Unhandled Exception",
    "Uncaught exception",
];
/// What the names of exceptions end with.
const ENDS: [&str; 10] = [
    "Error",
    "Exception",
    "Failure",
    "Fault",
    "Exit",
    "Interrupt",
    "Timeout",
    "Refused",
    "NotFound",
    "NotEstablished",
];
/// What may stand before the name.
const BEFORE: [&str; 10] = [
    "error: Uncaught (in promise) ",
    "error: Uncaught ",
    "Uncaught ",
    "uncaught ",
    "Unhandled ",
    "Caused by: ",
    "Unhandled exception. ",
    "error: ",
    "Fatal: ",
    "[ExceptionHandler] ",
];

/// Whether a message begins with the name of an exception: `pkg.SomeError: …`, `Exception in thread "main" …`.
pub(super) fn begins_with_exception(message: &str) -> bool {
    if WHOLE.iter().any(|head| message.starts_with(head)) {
        return true;
    }
    let message = BEFORE
        .iter()
        .find_map(|before| message.strip_prefix(before))
        .unwrap_or(message);
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_$.:\\/".contains(c);
    let end = message.find(|c| !is_part(c)).unwrap_or(message.len());
    let (name, rest) = message.split_at(end);
    // `Error [ERR_MODULE_NOT_FOUND]: …`
    let code = rest.starts_with(" [") && rest.contains("]:");
    let (name, ended) = match name.strip_suffix(':') {
        Some(name) => (name, true),
        None => (name, code || rest.is_empty()),
    };
    let class = name
        .rsplit(['.', ':', '\\', '$', '/'])
        .next()
        .unwrap_or(name);
    ended
        && class.starts_with(|c: char| c.is_ascii_uppercase())
        && ENDS.iter().any(|end| class.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_of_many_languages_are_recognised() {
        let all = [
            "KeyError: 'DATABASE_URL'",
            "pydantic_core._pydantic_core.ValidationError: 1 validation error",
            "java.lang.IllegalStateException: no database",
            "com.shop.Config$MissingException: db.url",
            "java.lang.NullPointerException",
            "Exception in thread \"main\" java.lang.Error",
            "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'axios'",
            "Uncaught TypeError: x is not a function",
            "ActiveRecord::ConnectionNotEstablished: no",
            "Doctrine\\DBAL\\Exception: no",
            "Error: Cannot find module 'x'",
        ];
        let none = [
            "0 errors",
            "Errors: 0",
            "the Error: is handled",
            "Error loading settings file: /x",
            "ErrorController : registered",
            "error: no",
            "",
        ];
        for text in all {
            assert!(begins_with_exception(text), "{text}");
        }
        for text in none {
            assert!(!begins_with_exception(text), "{text}");
        }
    }
}
