//! A panic ends the work, not the tracing: the spans end as it passes them, and still go out.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::process::ExitCode;
use std::task::Poll;

/// Does the work. The exit code is the one of a Rust program that panicked, if it did; what it
/// died of stands on stderr already.
pub(crate) async fn caught(work: impl Future<Output = ()>) -> ExitCode {
    let mut work = pin!(work);
    poll_fn(|context| {
        // Nothing of the work is looked at again after a panic.
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(poll) => poll.map(|()| ExitCode::SUCCESS),
            Err(_) => Poll::Ready(ExitCode::from(101)),
        }
    })
    .await
}
