//! What must be hidden in every text that a person reads.

use super::model::Settings;
use super::ssh::key::telling_lines;
use super::staging::dotenv;
use crate::protocol::Secret;
use base64::prelude::{Engine as _, BASE64_STANDARD};

/// Shorter values, and numbers and truth values, are too common to be hidden wherever they stand.
const SHORTEST: usize = 6;

/// Request headers of the health check whose values are not secret.
const PUBLIC_HEADERS: [&str; 4] = ["Host", "X-Forwarded-Proto", "Accept", "User-Agent"];

/// All texts to hide, in no order. Values of variables that are also part of one of the `shown` texts - the run's own
/// links and ids - are hidden only as `NAME=value`.
pub fn hidden(settings: &Settings, shown: &[&str]) -> Vec<String> {
    let (server, staging) = (&settings.server, &settings.staging);
    let mut open = vec![
        server.host.as_str(),
        server.user.as_str(),
        settings.target.as_str(),
    ];
    open.extend(settings.service.unit().map(|unit| unit.as_str()));
    open.extend(shown);
    let key = server.key.iter().map(Secret::expose);
    let mut hidden: Vec<String> = key.flat_map(telling_lines).map(str::to_owned).collect();
    let whole = server.passphrase.iter().chain(&settings.issue.token);
    hidden.extend(whole.map(|secret| secret.expose().to_owned()));
    for (name, value) in &staging.env {
        variable(name, value.expose(), &open, &mut hidden);
    }
    let env_file = staging.env_file.iter().map(Secret::expose);
    for entry in env_file.flat_map(dotenv::entries).flatten() {
        for value in entry.readings() {
            variable(entry.name, &value, &open, &mut hidden);
        }
    }
    let headers = settings.verification.health.iter();
    for (name, value) in headers.flat_map(|health| &health.headers) {
        header(name, value.expose(), &open, &mut hidden);
    }
    hidden.retain(|text| !text.is_empty());
    hidden.sort_unstable();
    hidden.dedup();
    hidden
}

/// The value, each of its lines, and the password of a URL; what is too common only behind its name.
fn variable(name: &str, value: &str, open: &[&str], hidden: &mut Vec<String>) {
    let first = value.lines().next().unwrap_or_default();
    if !first.is_empty() {
        hidden.push(format!("{name}={first}"));
    }
    let pieces = value.lines().map(str::trim).chain(password(value));
    let telling =
        pieces.filter(|piece| is_telling(piece) && !open.iter().any(|text| text.contains(piece)));
    hidden.extend(telling.map(str::to_owned));
}

/// The value of a request header, and its parts: an app may log only the token of `Bearer <token>`, one cookie, or the
/// decoded password of `Basic <base64>`.
fn header(name: &str, value: &str, open: &[&str], hidden: &mut Vec<String>) {
    if PUBLIC_HEADERS
        .iter()
        .any(|it| it.eq_ignore_ascii_case(name))
    {
        return;
    }
    hidden.push(format!("{name}: {value}"));
    let decoded = value
        .split(' ')
        .filter_map(|it| BASE64_STANDARD.decode(it).ok());
    let decoded: Vec<String> = decoded
        .filter_map(|it| String::from_utf8(it).ok())
        .collect();
    let passwords = decoded
        .iter()
        .flat_map(|it| it.split(':').chain([it.as_str()]));
    let words = value.split([' ', ';', ',']);
    let parts = words.flat_map(|word| word.split('=').chain([word]));
    let parts = parts.chain([value]).chain(passwords);
    let telling = parts.map(str::trim).filter(|it| is_telling(it));
    let telling = telling.filter(|it| !open.iter().any(|text| text.contains(it)));
    hidden.extend(telling.map(str::to_owned));
}

fn is_telling(text: &str) -> bool {
    let common = text.parse::<f64>().is_ok()
        || ["true", "false"]
            .iter()
            .any(|word| word.eq_ignore_ascii_case(text));
    text.chars().count() >= SHORTEST && !common && !text.starts_with("-----")
}

/// `secret` of `postgres://user:secret@host/name`.
fn password(value: &str) -> Option<&str> {
    let (_, rest) = value.split_once("://")?;
    let (user, _) = rest.split(['/', '?', '#']).next()?.rsplit_once('@')?;
    user.split_once(':').map(|(_, password)| password)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::tests::Inputs;

    fn redact(inputs: &Inputs, text: &str) -> String {
        let mut hidden = hidden(
            &inputs.settings(),
            &["https://github.com/o/n/actions/runs/1234567890"],
        );
        // as the log does it: the longest first
        hidden.sort_by_key(|text| std::cmp::Reverse(text.len()));
        hidden
            .iter()
            .fold(text.to_owned(), |text, hidden| text.replace(hidden, "***"))
    }

    #[test]
    fn values_are_hidden_and_common_ones_only_behind_their_names() {
        let inputs = Inputs::new().with(
            "env",
            "TOKEN=hunter\nSHORT=abc12\nPORT=123456\nFLAG=FALSE\nAPP=diting\nEMPTY=",
        );
        assert_eq!(
            redact(&inputs, "xhunterx abc12 123456 FALSE diting"),
            "x***x abc12 123456 FALSE diting"
        );
        assert_eq!(
            redact(&inputs, "SHORT=abc12 PORT=123456, APP=diting EMPTY="),
            "*** ***, *** EMPTY="
        );
        assert_eq!(
            redact(
                &Inputs::new().with("env", "A=github.com/o/n"),
                "//github.com/o/n/"
            ),
            "//github.com/o/n/"
        );
    }

    #[test]
    fn a_value_is_hidden_in_every_way_in_which_an_app_reads_it() {
        let file = "A='quoted one'\nB=\"first line\\nsecond line\"\nC=plain word # why\nD=\"real\nmultiple lines\"\n\
                    E=postgres://me:p4ssw0rd@db/x\n";
        let inputs = Inputs::new().with("env-file", file);
        for text in [
            "quoted one",
            "first line",
            "second line",
            "plain word",
            "multiple lines",
            "p4ssw0rd",
            "D=\"real",
        ] {
            assert_eq!(redact(&inputs, text), "***", "{text}");
        }
    }

    #[test]
    fn header_values_are_hidden_whole_and_in_parts_but_not_the_host() {
        let headers = "Host: app.example\nAuthorization: Basic bWU6aHVudGVyMg==\nCookie: sid=c00k1e; a=1\nX-Token: s3cr3t-word";
        let inputs = Inputs::new().with("health-headers", headers);
        for text in [
            "s3cr3t-word",
            "c00k1e",
            "me:hunter2",
            "hunter2",
            "bWU6aHVudGVyMg==",
        ] {
            assert_eq!(redact(&inputs, text), "***", "{text}");
        }
        assert_eq!(
            redact(&inputs, "Host: app.example a=1 Basic"),
            "Host: app.example a=1 Basic"
        );
    }

    #[test]
    fn the_key_is_hidden_too() {
        let settings = Inputs::new().settings();
        let hidden = hidden(&settings, &[]);
        let key = settings.server.key.unwrap();
        assert!(telling_lines(key.expose()).all(|line| hidden.iter().any(|text| text == line)));
    }
}
