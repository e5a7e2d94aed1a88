//! Work on files, in a thread of its own, so that a signal is heard meanwhile and the login need not wait.

use super::watch::{Early, Watch};
use crate::protocol::{Bug, RunError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use tokio::task::{spawn_blocking, JoinError, JoinHandle};

/// What is being read. Dropped, it stops soon.
pub(super) struct Reading<T, E> {
    work: JoinHandle<Result<T, E>>,
    stop: Arc<AtomicBool>,
}

impl<T: Send + 'static, E: Into<RunError> + Send + 'static> Reading<T, E> {
    /// Begins; `work` looks at what it is given from time to time, and stops when it is true.
    pub(super) fn start(work: impl FnOnce(&AtomicBool) -> Result<T, E> + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        Self {
            work: spawn_blocking(move || work(&stopped)),
            stop,
        }
    }

    /// Waits for the end.
    pub(super) async fn end(mut self, watch: &mut Watch) -> Result<T, Early> {
        let failed = |error: JoinError| {
            RunError::Bug(Bug::Thread {
                error: error.to_string(),
            })
        };
        let read = watch.over(&mut self.work).await?;
        Ok(read.map_err(failed)?.map_err(Into::into)?)
    }
}

impl<T, E> Drop for Reading<T, E> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
