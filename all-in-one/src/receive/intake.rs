//! What every door for spans passes its spans to.

use std::sync::Arc;
use std::time::Instant;

use super::by_service::{Origin, Received};
#[cfg(feature = "_sampling")]
use super::strategy::Strategies;
use crate::model::Batch;
use crate::server::context::Context;
use crate::server::counters::{Counters, Reason};
use crate::store::Store;

/// The store, what all doors share, the sampling strategies, and the counts by service.
#[derive(Clone)]
pub(crate) struct Intake {
    pub(crate) store: Arc<Store>,
    pub(crate) context: Context,
    #[cfg(feature = "_sampling")]
    pub(crate) strategies: Arc<Strategies>,
    pub(crate) received: Arc<Received>,
}

impl Intake {
    /// Puts a batch of spans into the store and counts them.
    pub(crate) fn take(&self, counters: &Counters, origin: Origin, batch: Batch<'_>) {
        counters.took(batch.len());
        let (mut dropped, started) = (Vec::new(), Instant::now());
        self.store.take_or_drop(&batch, &mut |span| dropped.push(span));
        self.received.saving.record(batch.len() as u64, started.elapsed());
        self.received.count(origin, &batch, &dropped);
        let dropped = dropped.len() as u64;
        batch.recycle();
        if dropped > 0 {
            let why = "spans whose trace already uses half of --memory.max-bytes";
            counters.refuse_many(Reason::TraceTooLarge, dropped, why);
        }
    }
}
