//! What every door for spans passes its spans to.

use std::sync::Arc;

use super::strategy::Strategies;
use crate::model::Batch;
use crate::server::context::Context;
use crate::server::counters::{Counters, Reason};
use crate::store::Store;

/// The store, what all doors share, and the sampling strategies.
#[derive(Clone)]
pub(crate) struct Intake {
    pub(crate) store: Arc<Store>,
    pub(crate) context: Context,
    pub(crate) strategies: Arc<Strategies>,
}

impl Intake {
    /// Puts a batch of spans into the store and counts them.
    pub(crate) fn take(&self, counters: &Counters, batch: Batch<'_>) {
        counters.took(batch.len());
        let dropped = self.store.take(&batch);
        batch.recycle();
        if dropped > 0 {
            let why = "spans whose trace already uses half of --memory.max-bytes";
            counters.refuse_many(Reason::TraceTooLarge, dropped, why);
        }
    }
}
