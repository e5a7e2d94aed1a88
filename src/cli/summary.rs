//! Writes the job summary. An error is only a warning.

use super::print::{Console, Printer};
use crate::actions::Summary;
use crate::report::{self, Log, Page};

/// Writes the summary of a run that has ended.
pub(super) fn of_run(log: &Log, console: &Console<'_>) {
    let job = console.context.job();
    let summary = report::summary(log.report(), &job, console.redactor);
    write(&summary, console.page, console.printer);
}

pub(super) fn write(markdown: &str, page: Page, printer: Printer) {
    if let Err(error) = Summary::from_env().add(markdown) {
        printer.warning(page, &format!("cannot write the job summary: {error}"));
    }
}

#[cfg(test)]
mod tests {
    use crate::report::invalid_summary;
    use crate::settings::{self, Environment, Flags, Surroundings, INPUTS};
    use crate::text::Redactor;
    use std::path::PathBuf;

    /// The summary of a job with these inputs.
    fn problems(inputs: &[(&str, &str)]) -> String {
        let around = Surroundings {
            on_actions: true,
            current_dir: PathBuf::from("/"),
            ..Surroundings::default()
        };
        let pair = |(name, value): &(&str, &str)| {
            let name = format!("INPUT_{}", name.to_uppercase());
            (name.into(), (*value).into())
        };
        let environment = Environment::from_variables(inputs.iter().map(pair), &INPUTS);
        let (settings, _) = settings::read(&environment, &Flags::default(), &around);
        let problems = settings.unwrap_err();
        let problems: Vec<_> = problems.iter().map(super::super::bad_input).collect();
        invalid_summary(&problems, Some("diting on web1"), &Redactor::default())
    }

    #[test]
    fn the_code_in_a_problem_is_code_in_the_summary() {
        insta::assert_snapshot!(problems(&[]), @r#"
        ## ❌ diting on web1: invalid inputs – nothing was contacted

        The server still runs what it ran before.

        ### 1. [`host`](https://github.com/diting/deploy-action/blob/main/docs/inputs.md#input-host) is required

        **What to do:** Give the server's name or address.

        ### 2. [`key`](https://github.com/diting/deploy-action/blob/main/docs/inputs.md#input-key) is empty

        **What to do:** Give it as in `key: ${{ secrets.NAME }}` and check that the secret exists under this name, here or in the job's environment; secrets are not passed to pull requests from forks.

        ### 3. [`known-hosts`](https://github.com/diting/deploy-action/blob/main/docs/inputs.md#input-known-hosts) is required: without it nothing is sent, because any server could pretend to be yours

        **What to do:** On the server's console run `sed 's/^/NAME /' /etc/ssh/ssh_host_ed25519_key.pub`, with the name in `host` as NAME (`[name]:PORT` for a port other than 22), and store the line as a variable.

        ### 4. [`service`](https://github.com/diting/deploy-action/blob/main/docs/inputs.md#input-service) is required outside of GitHub Actions

        **What to do:** Give the systemd unit, or `none` for no systemd.

        ### 5. [`source`](https://github.com/diting/deploy-action/blob/main/docs/inputs.md#input-source) is the whole file system

        ```text
        source: "."
        ```

        **What to do:** Name the folder that holds what is to be deployed.
        "#);
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "it shows a whole page")]
    fn a_value_in_a_problem_stays_a_text() {
        insta::assert_snapshot!(problems(&[
            ("host", "`@alice` <b> #1"),
            ("port", "[x](https://evil.example)"),
            ("service", "a|b"),
            ("jump-host", "a@b@c"),
            ("health-url", "http://::1/"),
            ("health-match", "{``"),
            ("shared", "*a*\n~/x"),
            ("env", "A\nA=1"),
        ]), @r#"
        ## ❌ diting on web1: invalid inputs – nothing was contacted

        The server still runs what it ran before.

        ### 1. [`host`](https://github.com/diting/deploy-action/blob/main/docs/inputs.md#input-host) holds a user

        ```text
        host: "`@alice` <b> #1"
        ```

        **What to do:** Write only the server here, and the user in `user`.

        ### 2. [`port`](https://github.com/diting/deploy-action/blob/main/docs/inputs.md#input-port) is not a port

        ```text
        port: "[x](https://evil.example)"
        ```

        **What to do:** Write a whole number from 1 to 65535.

        ### 3. [`key`](https://github.com/diting/deploy-action/blob/main/docs/inputs.md#input-key) is empty

        **What to do:** Give it as in `key: ${{ secrets.NAME }}` and check that the secret exists under this name, here or in the job's environment; secrets are not passed to pull requests from forks.

        ### 4. [`known-hosts`](https://github.com/diting/deploy-action/blob/main/docs/inputs.md#input-known-hosts) is required: without it nothing is sent, because any server could pretend to be yours

        **What to do:** On the server's console run `sed 's/^/NAME /' /etc/ssh/ssh_host_ed25519_key.pub`, with the name in `host` as NAME (`[name]:PORT` for a port other than 22), and store the line as a variable.

        ### 5. [`service`](https://github.com/diting/deploy-action/blob/main/docs/inputs.md#input-service) is not a systemd unit name

        ```text
        service: "a|b"
        ```

        **What to do:** Allowed are 1 to 255 letters, digits and `:_.@-`, no `-` first; or `none` for no systemd.

        ### 6. [`source`](https://github.com/diting/deploy-action/blob/main/docs/inputs.md#input-source) is the whole file system

        ```text
        source: "."
        ```

        **What to do:** Name the folder that holds what is to be deployed.

        ### 7. [`shared`](https://github.com/diting/deploy-action/blob/main/docs/inputs.md#input-shared) line 1 holds a wildcard

        ```text
        shared: "*a*\n~/x"
        ```

        **What to do:** Name each file, or share the folder that holds them.

        ### 8. [`env`](https://github.com/diting/deploy-action/blob/main/docs/inputs.md#input-env) line 1 has no `=`

        **What to do:** Write NAME=value, one per line.

        ### 9. [`health-url`](https://github.com/diting/deploy-action/blob/main/docs/inputs.md#input-health-url) has an IPv6 address without brackets

        ```text
        health-url: "http://::1/"
        ```

        **What to do:** Write it like `http://[::1]:8000/health`.

        ### 10. [`health-match`](https://github.com/diting/deploy-action/blob/main/docs/inputs.md#input-health-match) is not a regular expression (repetition operator missing expression)

        ```text
        health-match: "{``"
        ```

        **What to do:** See https://docs.rs/regex/latest/regex/#syntax; a literal brace is written `\{`.
        "#);
    }
}
