//! The threads of an all-in-one.

use std::ops::Deref;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinError;

use crate::error::StartError;

/// The number of worker threads: one for receiving, one for queries. Searches run on blocking
/// threads.
const WORKERS: usize = 2;

/// How many bytes are decoded and stored on the thread that received them: at most a millisecond's
/// work. More would delay other connections of that thread.
pub(crate) const AT_ONCE: usize = 256 << 10;

/// Runs `work` on `bytes` bytes: at once if they are few, otherwise on a blocking thread.
pub(crate) async fn work<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    if bytes <= AT_ONCE { Ok(work()) } else { tokio::task::spawn_blocking(work).await }
}

/// A runtime that may be dropped anywhere. Tokio's own panics when it is dropped in async code.
#[derive(Debug)]
pub(crate) struct Threads(Option<Runtime>);

impl Threads {
    pub(crate) fn start() -> Result<Self, StartError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("jaeger")
            .enable_all()
            .build();
        Ok(Threads(Some(runtime.map_err(StartError::Runtime)?)))
    }
}

impl Deref for Threads {
    type Target = Runtime;

    #[expect(clippy::expect_used, reason = "only `drop` takes the runtime")]
    fn deref(&self) -> &Runtime {
        self.0.as_ref().expect("the runtime exists until `drop`")
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
