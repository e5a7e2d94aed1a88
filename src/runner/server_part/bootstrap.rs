//! The command lines that start and install the server part.
//!
//! Any login shell may parse them. So each is one `exec sh -c '…'` in single quotes, without `!`, backslash, newline or
//! another single quote, and its arguments need no quoting.

use super::binaries::{Binaries, Cpu};
use crate::protocol::{Bug, Digest, Errand, RunError, TransactionId};

const MISSING: &str = "deploy-action-missing:";

const INPUT_READ: &str = "deploy-action-input-read:";

/// $1 target, $2 transaction, $3 root, $4 errand, $5 the server part for `x86_64`, $6 the one for aarch64.
const START: &str = r#"m=$(uname -m); case "$m" in x86_64|amd64) h=$5;; aarch64|arm64) h=$6;; *) h=-;; esac; f="$1/.deploy/bin/$h"; if [ -f "$f" ] && [ -x "$f" ]; then exec "$f" server-part serve "$1" "$2" "$3" "$4"; fi; z=cat; if command -v gzip >/dev/null 2>&1; then z=gzip; fi; echo "deploy-action-missing:$m:$z:$2:""#;

/// $1 target, $2 transaction, $3 gzip or cat, $4 the server part. The copy is deleted if anything fails, so that
/// retries do not fill the disk. The first line of the input is $2: if it is not, a login script has read it.
const COPY: &str = r#"IFS= read -r k; case "$k" in "$2") ;; *) echo "deploy-action-input-read:$2:"; exit 1;; esac; umask 022; d="$1/.deploy/bin"; f="$d/.$2"; mkdir -p "$d" || exit 1; case $3 in gzip) gzip -dc;; *) cat;; esac >"$f" && chmod 755 "$f" && "$f" server-part install "$4"; s=$?; rm -f "$f"; exit $s"#;

/// The line that starts the server part, or prints that it is missing.
///
/// # Errors
/// If an argument has characters that are special to a shell: a bug in deploy-action, because settings are checked.
pub(crate) fn start_line(
    target: &str,
    transaction: &TransactionId,
    root: Digest,
    errand: Errand,
    binaries: &Binaries,
) -> Result<String, RunError> {
    let digest = |cpu| {
        binaries
            .digest(cpu)
            .map_or_else(|| "-".to_owned(), |digest| digest.to_string())
    };
    line(
        START,
        &[
            target,
            &transaction.to_string(),
            &root.to_string(),
            &errand.to_string(),
            &digest(Cpu::X86_64),
            &digest(Cpu::Aarch64),
        ],
    )
}

/// The line that copies the server part from standard input and lets it install itself.
///
/// # Errors
/// As for [`start_line`].
pub(super) fn copy_line(
    target: &str,
    transaction: &TransactionId,
    packing: Packing,
    digest: Digest,
) -> Result<String, RunError> {
    line(
        COPY,
        &[
            target,
            &transaction.to_string(),
            packing.name(),
            &digest.to_string(),
        ],
    )
}

/// What [`copy_line`] must get before the server part.
pub(super) fn copy_header(transaction: &TransactionId) -> String {
    format!("{transaction}\n")
}

/// Whether the output of [`copy_line`] says that its input did not begin with [`copy_header`].
pub(super) fn input_was_read(output: &[u8], transaction: &TransactionId) -> bool {
    let wanted = format!("{INPUT_READ}{transaction}:");
    output
        .windows(wanted.len())
        .any(|part| part == wanted.as_bytes())
}

fn line(script: &str, arguments: &[&str]) -> Result<String, RunError> {
    if let Some(bad) = arguments.iter().find(|argument| !is_plain(argument)) {
        return Err(RunError::Bug(Bug::Argument((*bad).to_owned())));
    }
    Ok(format!("exec sh -c '{script}' sh {}", arguments.join(" ")))
}

fn is_plain(argument: &str) -> bool {
    !argument.is_empty()
        && argument
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._@:+,/-".contains(&byte))
}

/// How the server part is compressed for the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    /// The server has gzip.
    Gzip,
    /// Not at all.
    Plain,
}

impl Packing {
    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Plain => "cat",
        }
    }
}

/// The server part is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MissingServerPart {
    /// What `uname -m` prints.
    pub(crate) cpu: String,
    /// How to send it.
    pub(crate) packing: Packing,
}

impl MissingServerPart {
    /// Parses the line that [`start_line`] prints. Other output may precede it on the same line.
    pub(crate) fn read(line: &[u8], transaction: &TransactionId) -> Option<Self> {
        let at = line
            .windows(MISSING.len())
            .rposition(|part| part == MISSING.as_bytes())?;
        let rest = str::from_utf8(&line[at + MISSING.len()..]).ok()?;
        let (rest, _) = rest.split_once(&format!(":{transaction}:"))?;
        let (cpu, packing) = rest.split_once(':')?;
        let packing = [Packing::Gzip, Packing::Plain]
            .into_iter()
            .find(|known| known.name() == packing)?;
        (is_plain(cpu) && cpu.len() <= 32).then(|| Self {
            cpu: cpu.to_owned(),
            packing,
        })
    }
}

#[cfg(test)]
mod tests;
