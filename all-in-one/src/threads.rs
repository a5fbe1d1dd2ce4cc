//! The threads that an all-in-one brings along.

use std::ops::Deref;

use tokio::runtime::{Builder, Runtime};

use crate::error::Error;

/// How many threads work: one for what comes in, one for what is asked. Searches have their own.
const WORKERS: usize = 2;

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
