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
}
