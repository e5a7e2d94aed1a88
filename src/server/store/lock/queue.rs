//! The waiters for the lock, in the order in which they came. Each has a ticket, a file that it keeps locked: one that is not
//! locked belonged to a process that has died. Versions before 1.6 take no tickets and wait outside the order, and so does a
//! waiter whose ticket the disk cannot take.

use crate::protocol::TransactionId;
use crate::server::clock::now_ms;
use crate::server::store::durable;
use crate::server::store::layout::Layout;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a number is chosen again because another waiter has it.
const TRIES: u32 = 100;
/// A ticket gets its number at once, unless its process has died.
const NUMBERED_WITHIN: Duration = Duration::from_secs(60);

/// The place of one waiter.
#[derive(Debug, Default)]
pub(super) enum Turn {
    /// It did not have to wait yet.
    #[default]
    Arrived,
    Waiting(Ticket),
    /// Outside the order.
    Outside,
}

impl Turn {
    /// Whether nobody came before.
    pub(super) fn has_come(&self, layout: &Layout) -> bool {
        let number = match self {
            Self::Arrived => u64::MAX,
            Self::Waiting(ticket) => ticket.number,
            Self::Outside => return true,
        };
        let before = tickets(layout).filter(|(other, _)| *other < number);
        // all of them: what the dead left is removed
        before.filter(|(_, path)| is_held(path)).count() == 0
    }

    /// Takes a place behind all others, unless it has one.
    pub(super) fn wait(&mut self, layout: &Layout, transaction: &TransactionId) {
        if matches!(self, Self::Arrived) {
            let last = tickets(layout).map(|(number, _)| number).max();
            let number = last.map_or(0, |last| last + 1).max(now_ms());
            self.take(layout, transaction, number);
        }
    }

    /// Takes a place before all others.
    pub(super) fn go_first(&mut self, layout: &Layout, transaction: &TransactionId) {
        if !matches!(self, Self::Waiting(ticket) if ticket.number < u64::from(TRIES)) {
            self.take(layout, transaction, 0);
        }
    }

    fn take(&mut self, layout: &Layout, transaction: &TransactionId, number: u64) {
        *self = match Ticket::take(layout, transaction, number) {
            Ok(ticket) => Self::Waiting(ticket),
            Err(error) => {
                tracing::info!(%error, "waiting outside the order");
                Self::Outside
            }
        };
    }
}

/// Removed with its holder.
#[derive(Debug)]
pub(super) struct Ticket {
    number: u64,
    path: PathBuf,
    _held: File,
}

impl Ticket {
    /// With this number, or the next free one.
    fn take(layout: &Layout, transaction: &TransactionId, from: u64) -> io::Result<Self> {
        let queue = layout.queue();
        // locked before it has its number: nobody must think that its holder has died
        let new = queue.join(format!(".{transaction}.{}", std::process::id()));
        let mut options = durable::private();
        let file = options.write(true).create_new(true).open(&new)?;
        let numbered = file.try_lock().map_err(io::Error::from).and_then(|()| {
            let numbers = from..from + u64::from(TRIES);
            let mut linked = numbers.map(|number| {
                let path = queue.join(number.to_string());
                (number, fs::hard_link(&new, &path).map(|()| path))
            });
            let is_taken = |error: &io::Error| error.kind() == io::ErrorKind::AlreadyExists;
            let free = linked.find(|(_, linked)| !linked.as_ref().is_err_and(is_taken));
            let (number, path) = free.ok_or(io::ErrorKind::AlreadyExists)?;
            Ok((number, path?))
        });
        fs::remove_file(&new)?;
        let (number, path) = numbered?;
        Ok(Self {
            number,
            path,
            _held: file,
        })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::info!(%error, "a ticket cannot be removed");
        }
    }
}

/// All that have a number. What a process left that died before it chose one is removed.
fn tickets(layout: &Layout) -> impl Iterator<Item = (u64, PathBuf)> {
    let files = fs::read_dir(layout.queue()).into_iter().flatten().flatten();
    files.filter_map(|file| {
        let path = file.path();
        let number = file.file_name().to_str()?.parse().ok();
        if number.is_none() && is_old(&path) {
            is_held(&path);
        }
        Some((number?, path))
    })
}

fn is_old(path: &Path) -> bool {
    let changed = fs::symlink_metadata(path).and_then(|found| found.modified());
    changed.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > NUMBERED_WITHIN))
}

/// Whether the holder of the ticket lives. If not, the ticket is removed.
fn is_held(path: &Path) -> bool {
    match File::open(path).map(|file| (file.try_lock(), file)) {
        Ok((Ok(()), _locked)) => {
            if let Err(error) = fs::remove_file(path) {
                tracing::info!(%error, "a ticket cannot be removed");
            }
            false
        }
        Ok((Err(_), _)) => true,
        // removed meanwhile
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Queue {
        _folder: tempfile::TempDir,
        layout: Layout,
    }

    impl Queue {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let layout = Layout::new(folder.path().to_str().unwrap());
            fs::create_dir_all(layout.queue()).unwrap();
            Self {
                _folder: folder,
                layout,
            }
        }

        fn join(&self, id: u8) -> Turn {
            let mut turn = Turn::default();
            turn.wait(&self.layout, &TransactionId::from_random([id; 16]));
            turn
        }

        fn whose_turn(&self, turns: &[&Turn]) -> Vec<bool> {
            let come = |turn: &&Turn| turn.has_come(&self.layout);
            turns.iter().map(come).collect()
        }

        fn files(&self) -> usize {
            fs::read_dir(self.layout.queue()).unwrap().count()
        }
    }

    #[test]
    fn only_the_first_has_its_turn_and_who_arrives_is_behind_all() {
        let queue = Queue::new();
        assert!(Turn::Arrived.has_come(&queue.layout));
        let (first, second, third) = (queue.join(1), queue.join(2), queue.join(3));
        let turns = queue.whose_turn(&[&first, &second, &third, &Turn::Arrived]);
        assert_eq!(turns, [true, false, false, false]);
        drop(second);
        assert_eq!(queue.whose_turn(&[&first, &third]), [true, false]);
        drop(first);
        assert_eq!(queue.whose_turn(&[&third, &Turn::Arrived]), [true, false]);
        drop(third);
        assert!(Turn::Arrived.has_come(&queue.layout));
        assert_eq!(queue.files(), 0);
    }

    #[test]
    fn what_the_dead_left_is_skipped_and_removed() {
        let queue = Queue::new();
        for dead in ["5", "17", ".half"] {
            fs::write(queue.layout.queue().join(dead), "").unwrap();
        }
        let half = File::options()
            .write(true)
            .open(queue.layout.queue().join(".half"));
        let long_ago = std::time::SystemTime::now() - 2 * NUMBERED_WITHIN;
        half.unwrap().set_modified(long_ago).unwrap();
        let turn = queue.join(1);
        assert_eq!(queue.whose_turn(&[&turn]), [true]);
        assert_eq!(queue.files(), 1);
    }

    #[test]
    fn the_clock_does_not_decide_and_who_may_go_first_does() {
        let queue = Queue::new();
        let late = queue
            .layout
            .queue()
            .join((now_ms() + 1_000_000).to_string());
        fs::write(&late, "").unwrap();
        let held = File::open(&late).unwrap();
        held.lock().unwrap();
        let (second, mut third) = (queue.join(2), queue.join(3));
        assert_eq!(queue.whose_turn(&[&second, &third]), [false, false]);
        drop(held);
        assert_eq!(queue.whose_turn(&[&second, &third]), [true, false]);
        third.go_first(&queue.layout, &TransactionId::from_random([3; 16]));
        assert_eq!(queue.whose_turn(&[&second, &third]), [false, true]);
        third.go_first(&queue.layout, &TransactionId::from_random([3; 16]));
        assert_eq!(queue.files(), 2);
    }

    #[test]
    fn without_tickets_everyone_may_try() {
        let queue = Queue::new();
        fs::remove_dir(queue.layout.queue()).unwrap();
        assert_eq!(
            queue.whose_turn(&[&queue.join(1), &Turn::Arrived]),
            [true, true]
        );
    }
}
