//! What must be hidden in every text that a person reads. Read from the inputs as they were given, so that it holds for invalid
//! ones too.

use super::catalog::Catalog;
use super::environment::Environment;
use super::flags::Flags;
use super::input::Input;
use super::ssh::key::telling_lines;
use crate::text::dotenv;
use base64::prelude::{Engine as _, BASE64_STANDARD};

/// Shorter values are too common to be hidden wherever they stand.
const SHORTEST: usize = 6;

/// Request headers of the health check whose values are not secret.
const PUBLIC_HEADERS: [&str; 4] = ["Host", "X-Forwarded-Proto", "Accept", "User-Agent"];
/// How values of `Authorization` begin.
const SCHEMES: [&str; 4] = ["Basic", "Bearer", "Digest", "Negotiate"];

/// Inputs that are no names: scripts and patterns, which may hold anything.
const SCRIPTS: [&str; 8] = [
    "known-hosts",
    "exclude",
    "install",
    "before-switch",
    "restart",
    "health-match",
    "health-command",
    "log-pattern",
];

/// The secrets among the inputs.
#[derive(Default)]
pub struct Secrets {
    /// To be hidden wherever they stand: whole values and their parts.
    pub values: Vec<String>,
    /// `NAME=value`, and names of headers with their values.
    pub named: Vec<String>,
}

impl Secrets {
    /// Those of all secret inputs, in no order.
    pub fn of(environment: &Environment, inputs: Catalog) -> Self {
        let mut found = Self::default();
        let secret = |name: &str| inputs.iter().any(|it| it.secret && it.name == name);
        for (name, text) in &environment.values {
            match *name {
                "key" => found.key(text),
                "env" => found.variables(text),
                "env-file" => found.env_file(text),
                "health-headers" => found.headers(text),
                name if secret(name) => found.values.push(text.trim().to_owned()),
                _ => {}
            }
        }
        for all in [&mut found.values, &mut found.named] {
            all.retain(|text| !text.is_empty());
            all.sort_unstable();
            all.dedup();
        }
        found
    }

    /// Values that are not too common to be hidden in other inputs.
    pub(super) fn telling(self) -> impl Iterator<Item = String> {
        let values = self.values.into_iter();
        values.filter(|it| it.chars().count() >= SHORTEST)
    }

    /// Its lines, though a variable or an editor has joined them.
    fn key(&mut self, text: &str) {
        let text = text.replace("\\n", "\n").replace("\\r", "\n");
        let words = |line: &str| {
            let is_word = |it: &&str| it.len() >= 8 && !it.contains("--") && !it.ends_with(':');
            let words = line.split_whitespace().filter(is_word);
            words.map(str::to_owned).collect::<Vec<_>>()
        };
        for line in telling_lines(&text).chain(text.lines().filter(|it| it.contains("-----"))) {
            match line.contains(char::is_whitespace) {
                true => self.values.extend(words(line)),
                false if line.starts_with("-----") => {}
                false => self.values.push(line.to_owned()),
            }
        }
    }

    fn variables(&mut self, text: &str) {
        for line in text.lines().map(str::trim_start) {
            if !line.starts_with('#') {
                self.line(line);
            }
        }
    }

    fn env_file(&mut self, text: &str) {
        for entry in dotenv::entries(text).flatten() {
            for value in entry.readings() {
                self.variable(entry.name, &value);
            }
        }
        // a line that readers of the format don't agree about
        if dotenv::entries(text).any(|entry| entry.is_err()) {
            self.variables(text);
        }
    }

    fn line(&mut self, line: &str) {
        let (name, value) = line.split_once('=').unwrap_or(("", line));
        let name = name.trim().trim_start_matches("export ").trim();
        self.variable(name, value.trim_matches(['"', '\'']));
    }

    /// The value, each of its lines, and the password of a URL; what is too common only behind its name.
    fn variable(&mut self, name: &str, value: &str) {
        let first = value.lines().next().unwrap_or_default();
        if !first.is_empty() && !name.is_empty() {
            self.named.push(format!("{name}={first}"));
        }
        let pieces = value.lines().map(str::trim).chain(password(value));
        let telling = pieces.filter(|it| is_telling(it)).map(str::to_owned);
        self.values.extend(telling);
        if value.lines().count() > 1 {
            self.values.push(value.to_owned());
        }
    }

    fn headers(&mut self, text: &str) {
        for line in text.lines().map(str::trim) {
            match line.split_once(':') {
                Some((name, value)) => self.header(name.trim(), value.trim()),
                None => self.variable("", line),
            }
        }
    }

    /// The value of a request header, and its parts: an app may log only the token of `Bearer <token>`, one cookie, or the
    /// decoded password of `Basic <base64>`.
    fn header(&mut self, name: &str, value: &str) {
        let mut public = PUBLIC_HEADERS.iter();
        if value.is_empty() || public.any(|it| it.eq_ignore_ascii_case(name)) {
            return;
        }
        self.named.push(format!("{name}: {value}"));
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
        let parts = parts.chain([value]).chain(passwords).map(str::trim);
        let is_scheme = |it: &&str| SCHEMES.iter().any(|scheme| scheme.eq_ignore_ascii_case(it));
        let telling = parts.filter(|it| is_telling(it) && !is_scheme(it));
        self.values.extend(telling.map(str::to_owned));
    }
}

/// Names among the inputs that are not secret: hosts, paths, units. Reports show them as they are.
pub fn names(environment: &Environment, flags: &Flags, inputs: Catalog) -> Vec<String> {
    let is_name = |input: &Input| !input.secret && !SCRIPTS.contains(&input.name);
    let given = given(environment, flags, inputs, is_name);
    // what follows the path of a URL may be secret, and what stands before its host
    let lines = given.flat_map(str::lines);
    let lines = lines.filter_map(|line| line.split('?').next());
    let lines = lines.flat_map(|line| line.split(','));
    let lines = lines.map(str::trim).filter(|line| !line.contains('@'));
    lines.map(str::to_owned).collect()
}

/// Everything among the inputs that is not secret.
pub fn open(environment: &Environment, flags: &Flags, inputs: Catalog) -> Vec<String> {
    let given = given(environment, flags, inputs, |input| !input.secret);
    given.map(str::to_owned).collect()
}

/// The values of some inputs, from variables and flags.
fn given<'a>(
    environment: &'a Environment,
    flags: &'a Flags,
    inputs: Catalog,
    wanted: impl Fn(&Input) -> bool,
) -> impl Iterator<Item = &'a str> {
    let wanted = inputs.iter().filter(move |input| wanted(input));
    let values = wanted
        .flat_map(|input| [&environment.values, &flags.values].map(|all| all.get(input.name)));
    values.flatten().map(String::as_str)
}

fn is_telling(text: &str) -> bool {
    let common = ["true", "false"]
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
    use crate::settings::tests::{Inputs, KEY};
    use crate::settings::INPUTS;
    use crate::text::Redactor;

    fn redact(inputs: &Inputs, text: &str) -> String {
        let environment = inputs.environment();
        let found = Secrets::of(&environment, &INPUTS);
        let names = names(&environment, &Flags::default(), &INPUTS);
        let link = "https://github.com/o/n/actions/runs/1234567890";
        Redactor::new(found.values.iter().chain(&found.named))
            .keeping(names)
            .keeping([link.to_owned()])
            .redact(text)
    }

    #[test]
    fn values_are_hidden_and_common_ones_only_behind_their_names() {
        let inputs = Inputs::new().with("service", "diting").with(
            "env",
            "TOKEN=hunter\nSHORT=abc12\nPORT=123456\nFLAG=FALSE\nYES=trUE\nAPP=diting\nEMPTY=\nFAR=-infinity\nNAN=+0x1p-3",
        );
        assert_eq!(
            redact(
                &inputs,
                "xhunterx abc12 123456 FALSE trUE diting, -infinity, +0x1p-3"
            ),
            "x***x abc12 *** FALSE trUE diting, ***, ***"
        );
        assert_eq!(
            redact(
                &inputs,
                "SHORT=abc12 PORT=123456, APP=diting EMPTY= FLAG=FALSE"
            ),
            "*** ***, *** EMPTY= ***"
        );
        assert_eq!(
            redact(
                &Inputs::new().with("env", "A=github.com/o/n"),
                "https://github.com/o/n/actions/runs/1234567890"
            ),
            "https://github.com/o/n/actions/runs/1234567890"
        );
    }

    #[test]
    fn a_value_is_hidden_in_every_way_in_which_an_app_reads_it() {
        let file = "A='quoted one'\nB=\"first line\\nsecond line\"\nC=plain word # why\nD=\"real\nmultiple lines\"\n\
                    E=postgres://me:p4ssw0rd@db/x\nF=correct  horse  battery\n";
        let inputs = Inputs::new().with("env-file", file);
        for text in [
            "quoted one",
            "first line",
            "second line",
            "plain word",
            "multiple lines",
            "p4ssw0rd",
            "D=\"real",
            "correct horse battery",
            "correct\\u0020 horse%20battery",
        ] {
            assert_eq!(redact(&inputs, text), "***", "{text}");
        }
    }

    #[test]
    fn values_of_invalid_inputs_are_hidden_too() {
        let inputs = Inputs::new()
            .with("env", "export A=hunter2-a\nhunter2-b\nPATH=hunter2-c")
            .with("env-file", "A='hunter2-d\nB=hunter2-e\nhunter2-f")
            .with("health-headers", "X: hunter2-g\nX: hunter2-h\nhunter2-i")
            .with("key", "hunter2-hunter2-j")
            .with("passphrase", "hunter2-k\u{1b}");
        assert!(inputs.read_with(&[]).0.is_err());
        for letter in 'a'..='k' {
            let text = match letter {
                'j' => "hunter2-hunter2-j".to_owned(),
                _ => format!("hunter2-{letter}"),
            };
            assert_eq!(redact(&inputs, &text), "***", "{text}");
        }
    }

    #[test]
    fn header_values_are_hidden_whole_and_in_parts_but_not_the_host() {
        let headers = "Host: app.example\nAuthorization: Basic bWU6aHVudGVyMg==\nCookie: sid=c00k1e; a=1\nX-Token: s3cr3t-word\nX-B: Bearer t0ken-of-ours";
        let inputs = Inputs::new().with("health-headers", headers);
        for text in [
            "s3cr3t-word",
            "c00k1e",
            "me:hunter2",
            "hunter2",
            "bWU6aHVudGVyMg==",
            "t0ken-of-ours",
        ] {
            assert_eq!(redact(&inputs, text), "***", "{text}");
        }
        assert_eq!(
            redact(&inputs, "Host: app.example a=1 Basic Bearer"),
            "Host: app.example a=1 Basic Bearer"
        );
    }

    #[test]
    fn the_key_is_hidden_too_however_it_was_joined() {
        let joined = [
            KEY.to_owned(),
            KEY.replace('\n', "\\n"),
            KEY.replace('\n', " "),
        ];
        for key in joined {
            let inputs = Inputs::new().with("key", &key);
            for line in telling_lines(KEY) {
                assert_eq!(redact(&inputs, line), "***");
            }
        }
    }
}
