//! Shared memory budgets.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The part of a budget that someone holds, until it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Reservation(Option<OwnedSemaphorePermit>);

impl Reservation {
    /// Grows to `kib` KiB; returns whether the budget has that much left.
    pub(crate) fn grow(&mut self, budget: &Arc<Semaphore>, kib: usize) -> bool {
        let missing = kib.saturating_sub(self.0.as_ref().map_or(0, |held| held.num_permits()));
        let Ok(missing) = u32::try_from(missing) else {
            return false;
        };
        if missing == 0 {
            return true;
        }
        let Ok(more) = Arc::clone(budget).try_acquire_many_owned(missing) else {
            return false;
        };
        match &mut self.0 {
            Some(held) => held.merge(more),
            None => self.0 = Some(more),
        }
        true
    }
}
