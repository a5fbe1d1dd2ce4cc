//! What Jaeger changes in a trace before it shows it, unless `raw=true` asks for it as stored:
//! shared span ids, clock skew, addresses sent as numbers, the order of log fields and process
//! tags, and references to nothing.
//!
//! The first two look at all spans of a trace together: at their outlines, since a long trace does
//! not fit into memory many times. What they find is a plan of changes; it is carried out with the
//! other adjustments, which look at one span each.

mod clock_skew;
mod dedupe;
mod ip;
mod order;
mod outline;
mod plan;
mod references;
mod view;

pub(super) use dedupe::dedupe;
pub(crate) use outline::MOST;
pub(super) use outline::Outlines;
pub(super) use plan::Plan;
pub(super) use view::View;

/// Applies all adjustments, in Jaeger's order, to some of a trace's spans, the first of which has
/// this number in it.
pub(super) fn adjust(views: &mut [View], first: usize, plan: &Plan) {
    plan.apply(views, first);
    ip::adjust(views);
    order::adjust(views);
    references::adjust(views);
}
