//! Work that starts early and continues while something else is awaited.

use std::future::Future;
use std::pin::{pin, Pin};

/// A future that can make progress in the background. Dropping it cancels the work.
pub(super) struct Background<'a, T> {
    work: Pin<Box<dyn Future<Output = T> + 'a>>,
    done: Option<T>,
}

impl<'a, T> Background<'a, T> {
    /// The work starts with the first call of one of the other methods.
    pub(super) fn new(work: impl Future<Output = T> + 'a) -> Self {
        Self {
            work: Box::pin(work),
            done: None,
        }
    }

    /// Waits for `other` and makes progress meanwhile.
    pub(super) async fn while_waiting<O>(&mut self, other: impl Future<Output = O>) -> O {
        let mut other = pin!(other);
        loop {
            tokio::select! {
                biased;
                ended = &mut other => return ended,
                done = &mut self.work, if self.done.is_none() => self.done = Some(done),
            }
        }
    }

    /// Waits for the result.
    pub(super) async fn finish(self) -> T {
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
    async fn it_continues_while_something_else_is_awaited_and_keeps_its_result() {
        let at = Cell::new(0);
        let mut background = Background::new(async {
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
        assert_eq!(background.while_waiting(other).await, 7);
        assert_eq!(background.finish().await, "done");
    }

    #[tokio::test]
    async fn what_is_not_done_when_the_other_ends_is_done_by_finish() {
        let mut background = Background::new(yield_now());
        assert_eq!(background.while_waiting(ready(1)).await, 1);
        background.finish().await;
        assert_eq!(
            Background::new(pending::<()>())
                .while_waiting(ready(2))
                .await,
            2
        );
    }
}
