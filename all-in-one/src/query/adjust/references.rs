//! Removes references to trace 0, with a warning.

use super::view::View;
use crate::model::{RefKind, Reference};

pub(super) fn adjust(trace: &mut [View]) {
    for view in trace {
        let warnings = &mut view.warnings;
        view.references.retain(|reference| {
            let valid = !reference.trace_id.is_zero();
            if !valid {
                warnings.push(warning(reference));
            }
            valid
        });
    }
}

/// Jaeger prints its own struct here, and scripts may search for it.
fn warning(reference: &Reference) -> String {
    let kind = match reference.kind {
        RefKind::ChildOf => "CHILD_OF".to_owned(),
        RefKind::FollowsFrom => "FOLLOWS_FROM".to_owned(),
        RefKind::Other(number) => number.to_string(),
    };
    format!(
        "Invalid span reference removed {{TraceID:{} SpanID:{} RefType:{kind} XXX_NoUnkeyedLiteral:{{}} XXX_unrecognized:[] XXX_sizecache:0}}",
        reference.trace_id, reference.span_id,
    )
}
