//! Files that the runner reads after the step. Text is only appended.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write as _};
use std::path::Path;

/// Appends `text` on a new line, even if the last line has no line end.
pub(super) fn append(path: &Path, mut text: String) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)?;
    if !ends_with_line_end(&mut file)? {
        text.insert(0, '\n');
    }
    let length = file.metadata()?.len();
    file.write_all(text.as_bytes()).inspect_err(|_| {
        // half an output would fail the step
        if let Err(error) = file.set_len(length) {
            tracing::info!(%error, "what was written cannot be taken back");
        }
    })
}

/// An error as a person reads it.
pub(super) fn described(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!("the runner's disk is full: free space on it ({error})")
        }
        _ => error.to_string(),
    }
}

fn ends_with_line_end(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}
