//! The command lines that start and install the server part.
//!
//! Any login shell may parse them. So each is one `exec sh -c '…'` in single quotes, without `!`, backslash, newline or
//! another single quote, and its arguments need no quoting.

use super::binaries::{Binaries, Cpu};
use crate::protocol::{Bug, Digest, Errand, RunError, TransactionId, UnsafeFolder};

const MISSING: &str = "deploy-action-missing:";

const INPUT_READ: &str = "deploy-action-input-read:";

const UNSAFE: &str = "deploy-action-unsafe ";

/// $1 target, $2 transaction, $3 root, $4 errand, $5 the server part for `x86_64`, $6 the one for aarch64.
///
/// Nothing is started that others could have put there: `.deploy` and its `bin` must be the user's own, and nobody else may
/// write there; nor may everyone write to the target, or to a folder above that lacks the sticky bit. As links are followed, the
/// same holds for where the target really is. A server part that others own or can write to is as good as missing.
///
/// With an ACL (`+`), the `w` of the group is that of the ACL's mask. Then `getfacl` must show that it is for nobody else.
///
/// `echo` may read a backslash in a name, and a name may have spaces. So names are asked for one by one, and printed as they are.
const START: &str = concat!(
    r#"t=$2; s() { set -- $(ls -ldnL "$p" 2>/dev/null); l=$1; o=$3; }; "#,
    r#"e() { n=$(stat -Lc %U "$p" 2>/dev/null); case $n in ""|UNKNOWN) n=$o;; esac; "#,
    r#"printf "deploy-action-unsafe %s:%s:%s:%s:%s %s:" "$1" "$l" "$n" "$(id -un 2>/dev/null)" "$p" "$t"; echo; exit 0; }; "#,
    r#"a() { u=$(id -u); x=; for x in $(getfacl -cpnE "$p" 2>/dev/null); do "#,
    r#"case $x in user::*|user:$u:*|mask:*|default:*) ;; *:?w*) return 1;; esac; done; [ "$x" ]; }; "#,
    r#"g() { s; [ -O "$p" ] || return 2; case $l in ????????w*|"") return 1;; ?????w????+*) a || return 1;; ?????w*) return 1;; esac; }; "#,
    r#"d="$1/.deploy"; for p in "$d" "$d/bin"; do if [ -e "$p" ]; then g; case $? in 1) e writable;; 2) e owner;; esac; fi; done; "#,
    r#"p=$1; s; case $l in ????????w*) e everyone;; esac; "#,
    r#"for p in "$1" "$(cd "$1" 2>/dev/null && pwd -P)"; do p=${p%/*}; while [ "$p" ]; do "#,
    r#"s; case $l in ????????w[tT]*) ;; ????????w*) e everyone;; esac; p=${p%/*}; done; done; "#,
    r#"m=$(uname -m); case "$m" in x86_64|amd64) h=$5;; aarch64|arm64) h=$6;; *) h=-;; esac; p="$d/bin/$h"; "#,
    r#"if [ -f "$p" ] && [ -x "$p" ] && g; then exec "$p" server-part serve "$1" "$2" "$3" "$4"; fi; "#,
    r#"z=cat; if command -v gzip >/dev/null 2>&1; then z=gzip; fi; echo "deploy-action-missing:$m:$z:$2:""#,
);

/// $1 target, $2 transaction, $3 gzip or cat, $4 the server part. The copy is deleted if anything fails, so that
/// retries do not fill the disk. The first line of the input is $2: if it is not, a login script has read it. Only the target
/// itself is for others too.
const COPY: &str = concat!(
    r#"IFS= read -r k; case "$k" in "$2") ;; *) echo "deploy-action-input-read:$2:"; exit 1;; esac; "#,
    r#"umask 022; mkdir -p "$1" || exit 1; umask 077; d="$1/.deploy/bin"; f="$d/.$2"; mkdir -p "$d" && chmod 700 "$1/.deploy" "$d" || exit 1; "#,
    r#"case $3 in gzip) gzip -dc;; *) cat;; esac >"$f" && chmod 700 "$f" && "$f" server-part install "$4"; s=$?; rm -f "$f"; exit $s"#,
);

/// The line that starts the server part, or prints that it is missing; without `binaries`, as if it were.
///
/// # Errors
/// If an argument has characters that are special to a shell: a bug in deploy-action, because settings are checked.
pub(crate) fn start_line(
    target: &str,
    transaction: &TransactionId,
    root: Digest,
    errand: Errand,
    binaries: Option<&Binaries>,
) -> Result<String, RunError> {
    let digest = |cpu| {
        let digest = binaries.and_then(|binaries| binaries.digest(cpu));
        digest.map_or_else(|| "-".to_owned(), |digest| digest.to_string())
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

/// Finds the line that [`start_line`] prints if others could have put something there. Other output may precede it on the same
/// line.
pub(crate) fn read_unsafe(line: &[u8], transaction: &TransactionId) -> Option<UnsafeFolder> {
    let at = line
        .windows(UNSAFE.len())
        .rposition(|part| part == UNSAFE.as_bytes())?;
    let rest = str::from_utf8(&line[at + UNSAFE.len()..]).ok()?;
    let (rest, _) = rest.split_once(&format!(" {transaction}:"))?;
    // a name may have anything but a colon
    let mut fields = rest.splitn(5, ':').map(str::to_owned);
    let (why, mode) = (fields.next()?, fields.next()?);
    let (owner, user, path) = (fields.next()?, fields.next()?, fields.next()?);
    Some(match why.as_str() {
        "owner" => UnsafeFolder::OtherOwner { path, owner, user },
        "writable" => UnsafeFolder::Writable { path, mode },
        "everyone" => UnsafeFolder::Everyone { path, mode },
        _ => return None,
    })
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
