//! Work that is begun before its turn, and goes on while something else is waited for.

use std::future::Future;
use std::pin::{pin, Pin};

/// What was begun. Dropped, it is given up.
pub(super) struct Ahead<'a, T> {
    work: Pin<Box<dyn Future<Output = T> + 'a>>,
    done: Option<T>,
}

impl<'a, T> Ahead<'a, T> {
    /// Nothing happens before it is waited for, or for something else [`beside`](Self::beside) it.
    pub(super) fn new(work: impl Future<Output = T> + 'a) -> Self {
        Self {
            work: Box::pin(work),
            done: None,
        }
    }

    /// Waits for `other` alone, and does meanwhile what can be done.
    pub(super) async fn beside<O>(&mut self, other: impl Future<Output = O>) -> O {
        let mut other = pin!(other);
        loop {
            tokio::select! {
                biased;
                ended = &mut other => return ended,
                done = &mut self.work, if self.done.is_none() => self.done = Some(done),
            }
        }
    }

    /// Waits for the end.
    pub(super) async fn end(self) -> T {
        match self.done {
            Some(done) => done,
            None => self.work.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::future::{pending, ready};
    use tokio::task::yield_now;

    #[tokio::test]
    async fn it_goes_on_beside_what_is_waited_for_and_is_kept_until_its_turn() {
        let at = Cell::new(0);
        let mut ahead = Ahead::new(async {
            at.set(1);
            yield_now().await;
            at.set(2);
            "done"
        });
        assert_eq!(at.get(), 0);
        let other = async {
            while at.get() < 2 {
                yield_now().await;
            }
            yield_now().await;
            7
        };
        assert_eq!(ahead.beside(other).await, 7);
        assert_eq!(ahead.end().await, "done");
    }

    #[tokio::test]
    async fn what_is_not_done_when_the_other_ends_is_done_in_its_turn() {
        let mut ahead = Ahead::new(yield_now());
        assert_eq!(ahead.beside(ready(1)).await, 1);
        ahead.end().await;
        assert_eq!(Ahead::new(pending::<()>()).beside(ready(2)).await, 2);
    }
}
