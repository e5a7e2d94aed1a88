//! Work on files in a thread of its own, so that signals and the login need not wait for it.

use super::watch::{EarlyEnd, Watch};
use crate::protocol::{Bug, RunError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use tokio::task::{spawn_blocking, JoinError, JoinHandle};

/// Work in another thread. Dropping it makes the work stop soon.
pub(super) struct BlockingTask<T, E> {
    work: JoinHandle<Result<T, E>>,
    stop: Arc<AtomicBool>,
}

impl<T: Send + 'static, E: Into<RunError> + Send + 'static> BlockingTask<T, E> {
    /// Starts `work`, which must check its argument from time to time, and stop when it is true.
    pub(super) fn start(work: impl FnOnce(&AtomicBool) -> Result<T, E> + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        Self {
            work: spawn_blocking(move || work(&stopped)),
            stop,
        }
    }

    /// Waits for the result.
    pub(super) async fn finish(mut self, watch: &mut Watch) -> Result<T, EarlyEnd> {
        let failed = |error: JoinError| {
            RunError::Bug(Bug::Thread {
                error: error.to_string(),
            })
        };
        let result = watch.run(&mut self.work).await?;
        Ok(result.map_err(failed)?.map_err(Into::into)?)
    }
}

impl<T, E> Drop for BlockingTask<T, E> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
