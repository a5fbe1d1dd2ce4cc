//! The threads that an all-in-one brings along.

use std::ops::Deref;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinError;

use crate::error::Error;

/// How many threads work: one for what comes in, one for what is asked. Searches have their own.
const WORKERS: usize = 2;

/// How many bytes are decoded and stored where they arrive: at most a millisecond's work. More
/// would hold up what else the thread has to do.
pub(crate) const AT_ONCE: usize = 256 << 10;

/// Does work on `bytes` bytes, at once where that is little, else on a thread that may take its
/// time.
pub(crate) async fn work<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    if bytes <= AT_ONCE { Ok(work()) } else { tokio::task::spawn_blocking(work).await }
}

/// A runtime that may be dropped anywhere: Tokio's own panics where that happens in async code.
#[derive(Debug)]
pub(crate) struct Threads(Option<Runtime>);

impl Threads {
    pub(crate) fn start() -> Result<Self, Error> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("jaeger")
            .enable_all()
            .build();
        Ok(Threads(Some(runtime.map_err(Error::Runtime)?)))
    }
}

impl Deref for Threads {
    type Target = Runtime;

    #[expect(clippy::expect_used, reason = "only drop takes the runtime")]
    fn deref(&self) -> &Runtime {
        self.0.as_ref().expect("the runtime is there until it is dropped")
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
