//! The changes that Jaeger makes to a trace before it shows it, unless `raw=true`: shared span ids,
//! clock skew, addresses sent as numbers, the order of log fields and process tags, and invalid
//! references.
//!
//! The first two need all spans of a trace together. They work on outlines of the spans, since a
//! long trace does not fit into memory, and result in a plan of changes. The plan is carried out
//! with the other adjustments, which work on single spans.

mod clock_skew;
mod dedupe;
mod ip;
mod order;
mod outline;
mod plan;
mod references;
mod version;
mod view;

pub(super) use dedupe::dedupe;
pub(crate) use outline::MOST;
pub(super) use outline::Outlines;
pub(super) use plan::Plan;
pub(super) use version::Version;
pub(super) use view::{LogView, View};

/// Applies all adjustments in Jaeger's order to some of a trace's spans; `first` is the number of
/// the first of them.
pub(super) fn adjust(views: &mut [View], first: usize, plan: &Plan, api: Version) {
    plan.apply(views, first, api);
    ip::adjust(views);
    order::adjust(views);
    if api == Version::V1 {
        references::adjust(views);
    }
}
