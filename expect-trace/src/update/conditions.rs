//! The conditions of one line, as a span has them now.

use std::time::Duration;

use crate::compare::{Mismatch, mismatches, values};
use crate::expectation::{EventPattern, Pattern, Requirement, SpanPattern};
use crate::span::{Event, Span};
use crate::value::Value;
use crate::written;

/// The conditions of a pattern as the span has them, or nothing if they are met. Events, links and
/// children are another matter.
pub(super) fn conditions(
    pattern: &SpanPattern,
    span: &Span,
    previous: Option<&Span>,
    bounds: Bounds,
) -> Option<SpanPattern> {
    let differing = mismatches(pattern, span);
    let timing = pattern.timing.filter(|timing| timing.is_met(previous, span));
    let is_link = |mismatch: &Mismatch<'_>| matches!(mismatch, Mismatch::Link(_));
    if differing.iter().all(is_link)
        && timing.is_some() == pattern.timing.is_some()
        && bounds == Bounds::of(pattern)
    {
        return None;
    }
    let name = |name: &str| Pattern::Is(name.to_owned());
    let mut new = SpanPattern::new(pattern.service.clone(), pattern.operation.clone());
    new.kind = pattern.kind;
    new.status = pattern.status;
    new.shorter = bounds.shorter;
    new.longer = bounds.longer;
    new.parent_missing = span.parent_missing;
    new.attributes = attributes(&pattern.attributes, &span.attributes);
    new.timing = timing;
    for mismatch in &differing {
        match mismatch {
            Mismatch::Service(..) => new.service = name(&span.service),
            Mismatch::Operation(..) => new.operation = name(&span.operation),
            Mismatch::Kind(..) => new.kind = Some(span.kind),
            Mismatch::Status(..) => new.status = written::status(span.status),
            Mismatch::Shorter(..)
            | Mismatch::Longer(..)
            | Mismatch::ParentMissing(_)
            | Mismatch::Attribute(..)
            | Mismatch::Link(_)
            | Mismatch::Timing(..) => {}
        }
    }
    Some(new)
}

/// The bounds of the duration.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Bounds {
    shorter: Option<Duration>,
    longer: Option<Duration>,
}

impl Bounds {
    pub(super) fn of(pattern: &SpanPattern) -> Self {
        Self { shorter: pattern.shorter, longer: pattern.longer }
    }

    /// Those of a pattern, moved as far as needed for all of these durations.
    pub(super) fn around(
        pattern: &SpanPattern,
        durations: impl Iterator<Item = Duration> + Clone,
    ) -> Self {
        let Self { mut shorter, mut longer } = Self::of(pattern);
        let (least, most) = (durations.clone().min(), durations.max());
        if let (Some(bound), Some(most)) = (shorter, most)
            && most >= bound
        {
            shorter = round_bounds().find(|&it| it > most);
        }
        if let (Some(bound), Some(least)) = (longer, least)
            && least <= bound
        {
            longer = round_bounds().take_while(|&it| it < least).last();
        }
        Self { shorter, longer }
    }
}

/// 1 ns, 2 ns, 5 ns, 10 ns … as far as durations go.
fn round_bounds() -> impl Iterator<Item = Duration> {
    let decades = (0..20).filter_map(|power| 10_u64.checked_pow(power));
    let bounds = decades.flat_map(|decade| [1, 2, 5].map(|digit| decade.checked_mul(digit)));
    bounds.flatten().map(Duration::from_nanos)
}

/// The same attributes as before. What differs has the value that is there.
fn attributes(
    expected: &[(String, Requirement)],
    there: &[(String, Value)],
) -> Vec<(String, Requirement)> {
    let requirement = |(key, requirement): &(String, Requirement)| {
        let values = values(there, key);
        if requirement.is_met(values) {
            return Some((key.clone(), requirement.clone()));
        }
        let (_, value) = values.first()?;
        Some((key.clone(), written::requirement(key, value)))
    };
    expected.iter().filter_map(requirement).collect()
}

pub(super) fn changed_event(pattern: &EventPattern, event: &Event) -> Option<String> {
    let is_named = pattern.name.matches(&event.name);
    let is_met = |(key, requirement): &(String, Requirement)| {
        requirement.is_met(values(&event.attributes, key))
    };
    if !is_named {
        return Some(format!("• {}", written::event(event)));
    }
    let attributes = attributes(&pattern.attributes, &event.attributes);
    let new = EventPattern { attributes, ..pattern.clone() };
    (!pattern.attributes.iter().all(is_met)).then(|| format!("• {new}"))
}
