//! The lines that are run on the server before the server part is.
//!
//! The login shell reads them first, whichever it is: so they are one `exec sh -c '…'` each, single-quoted, without
//! `!`, backslash, newline or another single quote, and the arguments need no quoting.

use super::binaries::{Binaries, Cpu};
use crate::protocol::{Bug, Digest, RunError, TransactionId};

const MISSING: &str = "deploy-action-missing:";

/// $1 target, $2 transaction, $3 root, $4 the server part for `x86_64`, $5 the one for aarch64.
const START: &str = r#"m=$(uname -m); case "$m" in x86_64|amd64) h=$4;; aarch64|arm64) h=$5;; *) h=-;; esac; f="$1/.deploy/bin/$h"; if [ -f "$f" ] && [ -x "$f" ]; then exec "$f" server-part serve "$1" "$2" "$3"; fi; z=cat; if command -v gzip >/dev/null 2>&1; then z=gzip; fi; echo "deploy-action-missing:$m:$z:$2:""#;

/// $1 target, $2 transaction, $3 gzip or cat, $4 the server part. The copy goes where anything fails: whatever is
/// tried again must not pile up.
const COPY: &str = r#"umask 022; d="$1/.deploy/bin"; f="$d/.$2"; mkdir -p "$d" || exit 1; case $3 in gzip) gzip -dc;; *) cat;; esac >"$f" && chmod 755 "$f" && "$f" server-part install "$4"; s=$?; rm -f "$f"; exit $s"#;

/// Starts the server part, or says that it is missing.
///
/// # Errors
/// If an argument has characters that a shell could take for its own: a bug of ours, for the settings check them.
pub(crate) fn start_line(
    target: &str,
    transaction: &TransactionId,
    root: Digest,
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
            &digest(Cpu::X86_64),
            &digest(Cpu::Aarch64),
        ],
    )
}

/// Takes the server part from standard input, has it prove itself and move into place.
///
/// # Errors
/// As [`start_line`].
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
            packing.word(),
            &digest.to_string(),
        ],
    )
}

fn line(script: &str, arguments: &[&str]) -> Result<String, RunError> {
    if let Some(bad) = arguments.iter().find(|argument| !plain(argument)) {
        return Err(RunError::Bug(Bug::Argument((*bad).to_owned())));
    }
    Ok(format!("exec sh -c '{script}' sh {}", arguments.join(" ")))
}

fn plain(argument: &str) -> bool {
    !argument.is_empty()
        && argument
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._@:+,/-".contains(&byte))
}

/// How the server can unpack what is copied to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    /// It has gzip.
    Gzip,
    /// It has not.
    Plain,
}

impl Packing {
    fn word(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Plain => "cat",
        }
    }
}

/// The server part is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing {
    /// What `uname -m` says.
    pub(crate) cpu: String,
    /// How it can be sent.
    pub(crate) packing: Packing,
}

impl Missing {
    /// Reads the line that [`start_line`] prints, wherever on it noise may stand before.
    pub(crate) fn read(line: &[u8], transaction: &TransactionId) -> Option<Self> {
        let line = str::from_utf8(line).ok()?;
        let (_, said) = line.rsplit_once(MISSING)?;
        let (said, _) = said.split_once(&format!(":{transaction}:"))?;
        let (cpu, packing) = said.split_once(':')?;
        let packing = [Packing::Gzip, Packing::Plain]
            .into_iter()
            .find(|known| known.word() == packing)?;
        (plain(cpu) && cpu.len() <= 32).then(|| Self {
            cpu: cpu.to_owned(),
            packing,
        })
    }
}

#[cfg(test)]
mod tests;
