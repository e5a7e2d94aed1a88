//! What to change in the application, by the line of its log that explains the failure.

use super::steps::Hint;

/// Nothing if the line names no cause that is known. The line is untrusted: no word of it is in the hint.
pub(super) fn in_the_app(line: &str) -> Option<Hint> {
    let has = |words: &[&str]| words.iter().any(|word| line.contains(word));
    let text = if has(&["No module named"]) {
        "if the module is a package, add it to `pyproject.toml` (or `requirements.txt`), lock again (`uv lock`), and push; if it is the \
         app's own, is it committed, and is its name right?"
    } else if has(&[
        "Cannot find module",
        "Cannot find package",
        "ERR_MODULE_NOT_FOUND",
    ]) {
        "if the module is a package, add it to `package.json` and its lock file, and push; if it is the app's own, is it committed or \
         built by install, and is its path right?"
    } else if names_variable(line) {
        "the app needs a variable that is not set: add it to the input `env` or `env-file`, and deploy again"
    } else if has(&["no such table", "no such column"])
        || (has(&["relation", "column"]) && has(&["does not exist"]))
    {
        "the database lacks what this release needs: let `before-switch` run the migration"
    } else {
        return None;
    };
    Some(text.into())
}

/// The same for a command of `install`: an error of a compiler in a file of the source.
pub(super) fn in_the_code(line: &str) -> Option<Hint> {
    let is_error = ["error", "undefined", "SyntaxError"];
    let is_error = is_error.iter().any(|word| line.contains(word));
    let is_found = line.split_whitespace().any(is_place) || line.starts_with("error[E");
    (is_error && is_found)
        .then(|| "fix the error in the code, and push; nobody needs to touch the server".into())
}

/// `src/a.ts(118,27):` or `src/main.rs:3:5`.
fn is_place(word: &str) -> bool {
    let Some((file, rest)) = word.split_once(['(', ':']) else {
        return false;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let numbers = rest.trim_end_matches([':', ')']);
    let is_file = file.rsplit('/').next().is_some_and(|name| {
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        extension.starts_with(|c: char| c.is_ascii_alphabetic())
    });
    // one number may be a port
    let is_sure = file.contains('/') || numbers.contains([',', ':']);
    is_file && is_sure && numbers.split([',', ':']).take(2).all(digits)
}

/// `KeyError: 'DATABASE_URL'`, or a sentence about a variable of the environment.
fn names_variable(line: &str) -> bool {
    let key = line.split("KeyError: '").nth(1);
    let key = key.and_then(|rest| rest.split('\'').next());
    let is_upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let is_variable = key.is_some_and(|key| key.len() > 2 && key.chars().all(is_upper));
    let lower = line.to_lowercase();
    let is_missing = ["not set", "missing", "required", "undefined", "not found"];
    is_variable
        || (lower.contains("environment variable")
            && is_missing.iter().any(|it| lower.contains(it)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_cause_says_what_to_change() {
        let shown = |line: &&str| in_the_app(line).map_or("-".to_owned(), |hint| hint.to_string());
        let all = [
            "ModuleNotFoundError: No module named 'httpx'",
            "Error: Cannot find module 'express'",
            "KeyError: 'DATABASE_URL'",
            "RuntimeError: environment variable WECHAT_TOKEN is not set",
            "sqlite3.OperationalError: no such table: conversations",
            "psycopg.errors.UndefinedColumn: column c.tenant does not exist",
            "KeyError: 'name'",
            "ValueError: no database",
        ];
        insta::assert_snapshot!(all.iter().map(shown).collect::<Vec<_>>().join("\n"), @"
        if the module is a package, add it to `pyproject.toml` (or `requirements.txt`), lock again (`uv lock`), and push; if it is the app's own, is it committed, and is its name right?
        if the module is a package, add it to `package.json` and its lock file, and push; if it is the app's own, is it committed or built by install, and is its path right?
        the app needs a variable that is not set: add it to the input `env` or `env-file`, and deploy again
        the app needs a variable that is not set: add it to the input `env` or `env-file`, and deploy again
        the database lacks what this release needs: let `before-switch` run the migration
        the database lacks what this release needs: let `before-switch` run the migration
        -
        -
        ");
    }

    #[test]
    fn an_error_in_a_file_of_the_source_is_fixed_there() {
        for line in [
            "src/a.tsx(118,27): error TS2304: Cannot find name 'useA'.",
            "src/main.c:3:5: error: expected ‘;’ before ‘}’ token",
            "./main.go:12:3: undefined: x",
            "error[E0425]: cannot find value `x` in this scope",
            "app/models.py:7: error: Name \"x\" is not defined",
        ] {
            assert!(in_the_code(line).is_some(), "{line}");
        }
        for line in [
            "error: connection to db-1.example:5432 failed",
            "error: failed to fetch https://pypi.org/simple",
            "npm error code 2",
            "12:30:01 error: no file",
        ] {
            assert!(in_the_code(line).is_none(), "{line}");
        }
    }
}
