//! The output of what runs before the switch: install, before-switch, smoke test. The runner half gets its beginning as it comes, and its end when the
//! commands have ended: what is between would take longer to send than to print. If anything is left out, all of it is in
//! a file beside the release's records.

use crate::protocol::{LeftOut, What};
use crate::server::channel::events::Events;
use std::collections::VecDeque;
use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The most bytes and lines of the beginning, and of the end.
const BYTES: usize = 64 << 10;
const LINES: usize = 1000;
/// The most bytes of the file: commands that print without end must not fill the disk.
const FILE: u64 = 256 << 20;
/// It may hold what the plan keeps secret.
const PRIVATE: u32 = 0o600;

/// Takes the output line by line.
pub(in crate::server) struct Output<'a> {
    events: &'a mut dyn Events,
    path: PathBuf,
    first: Lines,
    last: Lines,
    left_out: LeftOut,
    file: Option<BufWriter<File>>,
    in_file: u64,
}

#[derive(Default)]
struct Lines {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl Lines {
    fn push(&mut self, line: Vec<u8>) {
        self.bytes += line.len();
        self.lines.push_back(line);
    }

    fn is_full(&self) -> bool {
        self.bytes > BYTES || self.lines.len() > LINES
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        let line = self.lines.pop_front()?;
        self.bytes -= line.len();
        Some(line)
    }
}

impl<'a> Output<'a> {
    /// `path` is the file for output that is too long to be sent.
    pub(in crate::server) fn new(events: &'a mut dyn Events, path: PathBuf) -> Self {
        Self {
            events,
            path,
            first: Lines::default(),
            last: Lines::default(),
            left_out: LeftOut {
                lines: 0,
                bytes: 0,
                file: None,
                whole: true,
            },
            file: None,
            in_file: 0,
        }
    }

    pub(in crate::server) fn line(&mut self, line: Vec<u8>) {
        if self.last.lines.is_empty() && !self.first.is_full() {
            self.first.push(line.clone());
            return self.events.emit(What::Output(line));
        }
        self.store(&line);
        self.last.push(line);
        while self.last.is_full() {
            self.leave_out_one();
        }
    }

    /// Sends the end.
    pub(in crate::server) fn finish(mut self) {
        if let Some(Err(error)) = self.file.take().map(|mut file| file.flush()) {
            self.give_up(&error);
        }
        if self.left_out.lines > 0 {
            let left_out = self.left_out.clone();
            self.events.emit(What::OutputLeftOut(left_out));
        }
        while let Some(line) = self.last.pop() {
            self.events.emit(What::Output(line));
        }
    }

    fn leave_out_one(&mut self) {
        if self.left_out.lines == 0 {
            self.begin_file();
        }
        let bytes = self.last.pop().map_or(0, |line| line.len());
        self.left_out.lines += 1;
        self.left_out.bytes += bytes as u64 + 1;
    }

    /// Writes what was printed so far.
    fn begin_file(&mut self) {
        match create(&self.path) {
            Ok(file) => self.file = Some(BufWriter::new(file)),
            Err(error) => return self.give_up(&error),
        }
        self.left_out.file = Some(self.path.display().to_string());
        let first = std::mem::take(&mut self.first.lines);
        for line in &first {
            self.store(line);
        }
        let last = std::mem::take(&mut self.last.lines);
        for line in &last {
            self.store(line);
        }
        self.last.lines = last;
    }

    fn store(&mut self, line: &[u8]) {
        let Some(file) = &mut self.file else { return };
        self.in_file += line.len() as u64 + 1;
        if self.in_file > FILE {
            self.left_out.whole = false;
            return;
        }
        let written = file.write_all(line).and_then(|()| file.write_all(b"\n"));
        if let Err(error) = written {
            self.give_up(&error);
        }
    }

    /// A full disk is not a reason to fail here: what it means, the commands decide.
    fn give_up(&mut self, error: &io::Error) {
        tracing::info!(%error, "the output of the commands cannot be kept");
        (self.file, self.left_out.file) = (None, None);
    }
}

/// What is emitted between the lines stands between them.
impl Events for Output<'_> {
    fn emit(&mut self, what: What) {
        self.events.emit(what);
    }
}

fn create(path: &Path) -> io::Result<File> {
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(PRIVATE)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(PRIVATE))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Sent(Vec<What>);

    impl Events for Sent {
        fn emit(&mut self, what: What) {
            self.0.push(what);
        }
    }

    fn printed(path: &Path, lines: impl IntoIterator<Item = String>) -> Vec<What> {
        let mut sent = Sent::default();
        let mut output = Output::new(&mut sent, path.to_owned());
        for line in lines {
            output.line(line.into_bytes());
        }
        output.finish();
        sent.0
    }

    fn is(what: &What, text: &str) -> bool {
        *what == What::Output(text.as_bytes().to_vec())
    }

    #[test]
    fn of_much_output_the_beginning_and_the_end_are_sent_and_all_of_it_is_in_a_private_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.install");
        std::fs::write(&path, "of an earlier attempt").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let all: Vec<String> = (0..100_000)
            .map(|number| format!("line {number}"))
            .collect();
        let sent = printed(&path, all.clone());
        assert!(sent.len() < 2 * LINES + 10, "{}", sent.len());
        assert!(is(&sent[0], "line 0") && is(sent.last().unwrap(), "line 99999"));
        let left_out = sent.iter().find_map(|what| match what {
            What::OutputLeftOut(left_out) => Some(left_out.clone()),
            _ => None,
        });
        let left_out = left_out.unwrap();
        assert_eq!(left_out.lines, (all.len() + 1 - sent.len()) as u64);
        assert_eq!(left_out.file, Some(path.display().to_string()));
        assert!(left_out.whole);
        let kept = std::fs::read_to_string(&path).unwrap();
        assert!(kept.lines().eq(all.iter().map(String::as_str)));
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, PRIVATE);
    }

    #[test]
    fn little_output_is_sent_as_it_comes_and_needs_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.install");
        for (count, length) in [(1500, 3), (15, 8000)] {
            let sent = printed(&path, (0..count).map(|_| "x".repeat(length)));
            assert_eq!(sent.len(), count);
            assert!(sent.iter().all(|what| matches!(what, What::Output(_))));
            assert!(!path.exists());
        }
    }

    #[test]
    fn a_file_that_cannot_be_written_loses_only_the_middle() {
        let sent = printed(
            Path::new("/nowhere/1.install"),
            (0..9000).map(|n| n.to_string()),
        );
        let is_left_out =
            |what: &&What| matches!(what, What::OutputLeftOut(LeftOut { file: None, .. }));
        assert_eq!(sent.iter().filter(is_left_out).count(), 1);
        assert!(is(sent.last().unwrap(), "8999"));
    }
}
