//! References in reftable files, which `git init --ref-format=reftable` makes: a stack of tables with sorted records.
//! <https://git-scm.com/docs/reftable>

use super::folders::{failed, Folders};
use super::reference::{hash_of, Reference};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// No table that is read is longer.
const LONGEST: u64 = 64 << 20;

/// A record of a reference.
#[derive(Debug, PartialEq, Eq)]
enum Record {
    Deleted,
    Commit(String),
    To(String),
}

/// The reference in the newest table that has it.
pub(super) fn find(folders: &Folders, name: &str) -> Result<Option<Reference>, String> {
    // a worktree has a HEAD of its own, and shares the branches
    let folder = if name == "HEAD" {
        &folders.git
    } else {
        &folders.common
    };
    let folder = folder.join("reftable");
    let list = folders
        .read(&folder.join("tables.list"))?
        .unwrap_or_default();
    for table in list.lines().rev() {
        let path = folder.join(table);
        let damaged = || format!("{} is damaged", path.display());
        let real = folders.real(&path)?.ok_or_else(damaged)?;
        let bytes = bytes(&real)?;
        let found = Table::new(&bytes).and_then(|table| table.find(name));
        match found.ok_or_else(damaged)? {
            None => {}
            Some(Record::Deleted) => return Ok(None),
            Some(Record::Commit(hash)) => return Ok(Some(Reference::Commit(hash))),
            Some(Record::To(name)) => return Reference::to(&name).map(Some).ok_or_else(damaged),
        }
    }
    Ok(None)
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map(|file| file.take(LONGEST));
    file.and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(|error| failed(path, &error))?;
    Ok(bytes)
}

/// A file of the stack.
struct Table<'a> {
    bytes: &'a [u8],
    header: usize,
    block: usize,
    hash: usize,
}

impl<'a> Table<'a> {
    /// `None`: it is none.
    fn new(bytes: &'a [u8]) -> Option<Self> {
        let (magic, version) = (bytes.get(..4)?, *bytes.get(4)?);
        let (header, hash) = match (magic, version) {
            (b"REFT", 1) => (24, 20),
            (b"REFT", 2) if bytes.get(24..28)? == b"s256" => (28, 32),
            (b"REFT", 2) => (28, 20),
            _ => return None,
        };
        let block = number(bytes.get(..header)?.get(5..8)?);
        Some(Self {
            bytes,
            header,
            block,
            hash,
        })
    }

    /// The record of this name. `None`: the table is damaged.
    fn find(&self, name: &str) -> Option<Option<Record>> {
        let mut start = 0;
        loop {
            let head = if start == 0 { self.header } else { start };
            // the blocks of references come first
            match self.bytes.get(head) {
                Some(b'r') => {}
                Some(_) | None => return Some(None),
            }
            let length = number(self.bytes.get(head + 1..head + 4)?);
            let block = self.bytes.get(start..start + length)?;
            if let Some(record) = self.in_block(block.get(head - start + 4..)?, name)? {
                return Some(Some(record));
            }
            start = match self.block {
                0 => start + length,
                aligned => start + length.div_ceil(aligned) * aligned,
            };
        }
    }

    /// The records, then the offsets of some of them (3 bytes each), then how many these are (2 bytes).
    fn in_block(&self, block: &[u8], name: &str) -> Option<Option<Record>> {
        let (rest, count) = block.split_last_chunk::<2>()?;
        let end = rest.len().checked_sub(3 * number(count))?;
        let mut reader = Reader(rest.get(..end)?);
        let mut key: Vec<u8> = Vec::new();
        while !reader.0.is_empty() {
            let prefix = reader.varint()?;
            let suffix = reader.varint()?;
            key.truncate(prefix);
            key.extend(reader.take(suffix >> 3)?);
            reader.varint()?;
            let record = self.value(&mut reader, suffix & 7)?;
            if key == name.as_bytes() {
                return Some(Some(record));
            }
        }
        Some(None)
    }

    fn value(&self, reader: &mut Reader<'_>, kind: usize) -> Option<Record> {
        let hash = |reader: &mut Reader<'_>| {
            let bytes = reader.take(self.hash)?;
            hash_of(
                &bytes
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect::<String>(),
            )
        };
        match kind {
            0 => Some(Record::Deleted),
            1 => hash(reader).map(Record::Commit),
            2 => {
                let commit = hash(reader)?;
                hash(reader).map(|_| Record::Commit(commit))
            }
            3 => {
                let length = reader.varint()?;
                let to = reader.take(length)?;
                Some(Record::To(String::from_utf8(to.to_vec()).ok()?))
            }
            _ => None,
        }
    }
}

/// Bytes that are not read yet.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number as in git's packs: seven bits per byte, each further byte counts from one more.
    fn varint(&mut self) -> Option<usize> {
        let mut value: usize = 0;
        for position in 0..9 {
            let byte = *self.take(1)?.first()?;
            let more = usize::from(position > 0);
            value = value.checked_add(more)?.checked_mul(128)? | usize::from(byte & 0x7f);
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

/// Big-endian.
fn number(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | usize::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::super::Checkout;
    use std::fs;

    /// Tables that dulwich 1.2 wrote: HEAD leads to refs/heads/main, whose commit is first aaaa…, then bbbb….
    const HEAD: &str = "5245465401001000000000000000000200000000000000037200003800234845414401\
        0f726566732f68656164732f6d61696e00001c0001";
    const MAIN: &str =
        "524546540100100000000000000000040000000000000005720000470079726566732f68656164732f6d61696e00\
        aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa00001c0001";

    fn bytes(hex: &str) -> Vec<u8> {
        let digit = |digit: u8| u8::try_from(char::from(digit).to_digit(16).unwrap()).unwrap();
        let pairs = hex.as_bytes().chunks(2);
        pairs
            .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
            .collect()
    }

    /// The commit of a repository with these tables, the oldest first.
    fn commit(tables: &[Vec<u8>]) -> Result<Option<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(folder.path()).unwrap();
        let tables_of = top.join(".git/reftable");
        fs::create_dir_all(&tables_of).unwrap();
        fs::write(top.join(".git/HEAD"), "ref: refs/heads/.invalid\n").unwrap();
        let mut list = String::new();
        for (number, table) in tables.iter().enumerate() {
            fs::write(tables_of.join(number.to_string()), table).unwrap();
            list += &format!("{number}\n");
        }
        fs::write(tables_of.join("tables.list"), list).unwrap();
        Ok(Checkout::find(&top, None)?.unwrap().commit)
    }

    #[test]
    fn the_newest_table_that_has_the_reference_counts() {
        let [head, old] = [HEAD, MAIN].map(bytes);
        let new = bytes(&MAIN.replace("aaaa", "bbbb"));
        assert_eq!(
            commit(std::slice::from_ref(&head)),
            Ok(None),
            "no commit yet"
        );
        assert_eq!(
            commit(&[head.clone(), old.clone()]),
            Ok(Some("a".repeat(40)))
        );
        assert_eq!(
            commit(&[head.clone(), old.clone(), new]),
            Ok(Some("b".repeat(40)))
        );
        // a deletion: no value, and a block without the 20 bytes of one
        let deleted = MAIN
            .replace("720000470079", "720000330078")
            .replace(&"a".repeat(40), "");
        assert_eq!(commit(&[head, old, bytes(&deleted)]), Ok(None));
    }

    #[test]
    fn names_share_their_beginning_with_the_one_before_and_blocks_are_aligned() {
        // blocks of 128 bytes; a peeled tag's name is 11 bytes of the one before and its own
        let header = "52454654010000800000000000000004000000000000000572";
        let records = format!(
            "0061726566732f68656164732f6100{}0b0a62{}{}",
            "11".repeat(20),
            // its update index, the tag and the commit
            "00",
            "22".repeat(40)
        );
        let length = 24 + 4 + records.len() / 2 + 5;
        let first = format!("{header}{length:06x}{records}00001c0001");
        let second = MAIN
            .get(48..)
            .unwrap()
            .replace("720000470079", "7200002f0079");
        let padding = "00".repeat(128 - length);
        let table = bytes(&format!("{first}{padding}{second}"));
        assert_eq!(commit(&[bytes(HEAD), table]), Ok(Some("a".repeat(40))));
    }

    #[test]
    fn a_damaged_table_is_an_error() {
        let whole = bytes(MAIN);
        for length in 0..whole.len() {
            let cut = whole.get(..length).unwrap().to_vec();
            // a file that ends with its header has no references
            let found = commit(&[bytes(HEAD), cut]);
            assert!(length == 24 || found.is_err(), "{length}: {found:?}");
        }
        let circle = HEAD.replace("0f726566732f68656164732f6d61696e", "0448454144");
        let circle = circle.replace("72000038", "7200002d");
        assert!(commit(&[bytes(&circle)])
            .unwrap_err()
            .ends_with("is damaged"));
    }
}
