//! The command to write instead of `auto`, as a line of a shell script that begins in the release's folder.

use super::places::context::{name, says_secret};
use super::places::marked::{Marked, Part, Which};
use super::variables::{pieces, whole_variable, Piece};
use crate::server::unit::definition::current::Current;
use crate::server::unit::files::words::ExecCommand;
use std::path::Path;

/// Longer ones are left out.
const LONGEST: usize = 1000;
/// Stands for the release's folder, and is in no unit file.
const RELEASE: char = '\u{1}';
/// What these programs listen on, if nothing says so.
const SERVERS: [(&str, &str); 6] = [
    ("uvicorn", "--port \"$PORT\""),
    ("fastapi", "--port \"$PORT\""),
    ("granian", "--port \"$PORT\""),
    ("waitress-serve", "--listen 127.0.0.1:\"$PORT\""),
    ("gunicorn", "--bind 127.0.0.1:\"$PORT\""),
    ("hypercorn", "--bind 127.0.0.1:\"$PORT\""),
];

/// A command of a unit.
pub(super) struct Suggestion<'a> {
    pub(super) command: &'a ExecCommand,
    /// Its WorkingDirectory.
    pub(super) folder: &'a str,
    pub(super) current: &'a Current,
    /// That of the health check.
    pub(super) port: Option<u16>,
    /// Nothing tells it the port.
    pub(super) lacks_port: bool,
}

impl Suggestion<'_> {
    /// Empty: none can be told.
    pub(super) fn text(&self) -> String {
        let mut line = self.enter();
        line += "exec ";
        line += &self.program();
        let [_, arguments @ ..] = self.command.arguments.as_slice() else {
            return String::new();
        };
        let marked = self.marked(arguments);
        let count: usize = marked.iter().map(|it| it.ports.len()).sum();
        let which = if count == 1 { Which::All } else { Which::Sure };
        for (word, before) in marked
            .iter()
            .zip([""].into_iter().chain(arguments.iter().map(String::as_str)))
        {
            line.push(' ');
            let is_secret = before.starts_with('-') && !before.contains('=') && says_secret(before);
            line += &if is_secret {
                "...".to_owned()
            } else {
                self.word(word, which)
            };
        }
        if self.lacks_port {
            line += &self.guess();
        }
        let is_one_line = !line.contains(char::is_control);
        if is_one_line && line.len() <= LONGEST {
            line
        } else {
            String::new()
        }
    }

    fn marked(&self, arguments: &[String]) -> Vec<Marked> {
        let mut before = String::new();
        let mut all = Vec::new();
        for argument in arguments {
            let text = self
                .current
                .replaced(argument, Path::new(&RELEASE.to_string()));
            all.push(Marked::new(&before, &text, self.port));
            before = format!("{argument} ");
        }
        all
    }

    /// Goes to the unit's folder, unless that is the release.
    fn enter(&self) -> String {
        match self.place() {
            Place::Release => String::new(),
            Place::Below(below) => format!("cd {} && ", quoted(&below)),
            Place::Other(folder) => format!("release=$PWD && cd {} && ", quoted(&folder)),
        }
    }

    fn place(&self) -> Place {
        let folder = self.folder.trim_start_matches('-').trim_end_matches('/');
        let replaced = self
            .current
            .replaced(folder, Path::new(&RELEASE.to_string()));
        match replaced.strip_prefix(RELEASE) {
            Some("") => Place::Release,
            Some(below) => Place::Below(below.trim_start_matches('/').to_owned()),
            None if folder.is_empty() => Place::Release,
            None if folder == "~" => Place::Other(String::new()),
            None => Place::Other(folder.to_owned()),
        }
    }

    /// The release's folder, seen from the unit's.
    fn release(&self) -> String {
        match self.place() {
            Place::Release => ".".to_owned(),
            Place::Below(below) => vec![".."; below.split('/').count()].join("/"),
            Place::Other(_) => "\"$release\"".to_owned(),
        }
    }

    fn program(&self) -> String {
        let text = self
            .current
            .replaced(&self.command.program, Path::new(&RELEASE.to_string()));
        let program = self.shell(&text);
        match program.strip_prefix("./") {
            Some(below) if below.contains('/') => below.to_owned(),
            _ => program,
        }
    }

    fn word(&self, word: &Marked, which: Which) -> String {
        let expands = !self.command.prefixes.contains(':');
        if let Some(name) = whole_variable(&word.text).filter(|_| expands) {
            return format!("${name}");
        }
        let assigned = word.text.split_once('=');
        let is_secret =
            |(option, _): &(&str, &str)| name(&format!("{option}=")).is_some_and(says_secret);
        if let Some((option, _)) = assigned.filter(is_secret) {
            return format!("{}=...", quoted(option));
        }
        let mut line = Line::default();
        for part in word.parts(which) {
            match part {
                Part::Port => self.push(&mut line, "\"$PORT\""),
                Part::Text(text) if expands => self.push_pieces(&mut line, text),
                Part::Text(text) => line.text += text,
            }
        }
        self.push(&mut line, "");
        match line.shown {
            shown if shown.is_empty() => "''".to_owned(),
            shown => shown,
        }
    }

    fn push_pieces(&self, line: &mut Line, text: &str) {
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => line.text += text,
                Piece::Variable(name) => self.push(line, &format!("\"${{{name}}}\"")),
            }
        }
    }

    /// Ends the text so far, and adds what a shell must see.
    fn push(&self, line: &mut Line, code: &str) {
        let text = std::mem::take(&mut line.text);
        line.shown += &self.shell(&text);
        line.shown += code;
    }

    /// The text for a shell, with the path of the release.
    fn shell(&self, text: &str) -> String {
        let release = self.release();
        let pieces: Vec<String> = text.split(RELEASE).map(quoted).collect();
        pieces.join(&release)
    }

    /// How the program could be told the port.
    fn guess(&self) -> String {
        let words = &self.command.arguments;
        let names = words.iter().take_while(|word| {
            *word == "-m" || !word.starts_with('-') || word.as_str() == words[0]
        });
        let names = names.map(|word| word.rsplit('/').next().unwrap_or_default());
        let known = |name: &str| SERVERS.iter().find(|(server, _)| *server == name);
        let found = names.filter_map(known).next();
        found.map_or_else(String::new, |(_, option)| format!(" {option}"))
    }
}

/// A word that is being written.
#[derive(Default)]
struct Line {
    shown: String,
    /// What must be quoted yet.
    text: String,
}

enum Place {
    Release,
    /// A folder of the release.
    Below(String),
    /// Empty: the home.
    Other(String),
}

/// Plain if a shell takes it so.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./:=,@%+".contains(c);
    if text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::store::layout::Layout;
    use crate::server::unit::files::lines::Lines;

    fn in_folder(folder: &str, exec: &str) -> String {
        let file = format!("[Service]\nExecStart={exec}\n");
        let lines = Lines::of_file("web.service", &file);
        let command = lines.commands("ExecStart").remove(0);
        let current = Current::of(&Layout::new("/opt/app"));
        let suggestion = Suggestion {
            command: &command,
            folder,
            current: &current,
            port: Some(8000),
            lacks_port: !exec.contains("8000"),
        };
        suggestion.text()
    }

    #[test]
    fn the_command_is_what_the_unit_starts_in_the_release() {
        for (exec, expected) in [
            (
                "/opt/app/current/.venv/bin/uvicorn app:app --host 0.0.0.0 --port 8000",
                "exec .venv/bin/uvicorn app:app --host 127.0.0.1 --port \"$PORT\"",
            ),
            (
                "/opt/app/current/run :8000",
                "exec ./run 127.0.0.1:\"$PORT\"",
            ),
            (
                "/usr/bin/node /opt/app/current/a.js",
                "exec /usr/bin/node ./a.js",
            ),
            (
                "/opt/app/current/.venv/bin/python -m gunicorn -w 2 app:app",
                "exec .venv/bin/python -m gunicorn -w 2 app:app --bind 127.0.0.1:\"$PORT\"",
            ),
            (
                "/bin/sh -c 'exec app --port 8000 $$HOME' ${A}b $C 'd e' \"\"",
                "exec /bin/sh -c 'exec app --port '\"$PORT\"' $HOME' \"${A}\"b $C 'd e' ''",
            ),
            (
                "@/bin/java web -Dserver.port=8000",
                "exec /bin/java -Dserver.port=\"$PORT\"",
            ),
            (":/bin/app ${A} 8000", "exec /bin/app '${A}' \"$PORT\""),
            (
                "/bin/app --port 8000 --limit 8000",
                "exec /bin/app --port \"$PORT\" --limit 8000",
            ),
            (
                "/bin/app --password x --api-key=y TOKEN=z -Dmy.password=a 8000",
                "exec /bin/app --password ... --api-key=... TOKEN=... -Dmy.password=... \"$PORT\"",
            ),
        ] {
            assert_eq!(in_folder("/opt/app/current", exec), expected);
        }
        assert_eq!(in_folder("", &format!("/bin/app {}", "x".repeat(1000))), "");
        assert_eq!(in_folder("", "/bin/app 'a\\nb'"), "");
    }

    #[test]
    fn it_begins_in_the_folder_of_the_unit() {
        let exec = "/opt/app/current/bin/run --conf=/opt/app/current/c.yml --port 8000";
        for (folder, expected) in [
            ("-/opt/app/current/", "exec bin/run --conf=./c.yml --port \"$PORT\""),
            ("/opt/app/current/a/b", "cd a/b && exec ../../bin/run --conf=../../c.yml --port \"$PORT\""),
            (
                "/srv/my data",
                "release=$PWD && cd '/srv/my data' && exec \"$release\"/bin/run --conf=\"$release\"/c.yml --port \"$PORT\"",
            ),
        ] {
            assert_eq!(in_folder(folder, exec), expected);
        }
    }
}
