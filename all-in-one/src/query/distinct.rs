//! Exact duplicates of spans, which `/api/v3` leaves out.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hash, Hasher as _, RandomState};

use crate::model::{Process, RefKind, Span};

/// The spans that were seen, by a hash of all that they have.
#[derive(Clone, Default)]
pub(super) struct Distinct {
    seen: HashSet<u64>,
    hashes: RandomState,
    // Most spans share their process, which is then hashed once.
    process: Option<(Process, u64)>,
}

impl Distinct {
    /// Whether no equal span was seen before.
    pub(super) fn is_new(&mut self, span: &Span) -> bool {
        let process = match &self.process {
            Some((process, hash)) if *process == *span.process => *hash,
            _ => self.hashes.hash_one(&span.process),
        };
        if self.process.as_ref().is_none_or(|(_, hash)| *hash != process) {
            self.process = Some(((*span.process).clone(), process));
        }
        let mut state = self.hashes.build_hasher();
        (process, span.trace_id, span.span_id, &span.operation, span.flags).hash(&mut state);
        (span.start, span.duration, span.nanos.start, span.nanos.duration).hash(&mut state);
        span.tags.hash(&mut state);
        for log in &span.logs {
            (log.timestamp, &log.fields).hash(&mut state);
        }
        for reference in &span.references {
            let kind = match reference.kind {
                RefKind::ChildOf => 0,
                RefKind::FollowsFrom => 1,
                RefKind::Other(number) => number,
            };
            (kind, reference.trace_id, reference.span_id).hash(&mut state);
        }
        self.seen.insert(state.finish())
    }
}
