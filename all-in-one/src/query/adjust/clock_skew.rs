//! Corrects clock skew. A child on another host can seem to begin before its parent. It is moved
//! into its parent, together with its descendants on the same host, if the skew is within the
//! limit; otherwise a warning tells the skew.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::outline::{Misfit, Outline};
use super::view::View;
use crate::go_format::durations::format_duration;
use crate::model::SpanId;

const NONE: u32 = u32::MAX;

/// Computes how far each span must move.
pub(super) fn adjust(trace: &mut [Outline], limit: i128) {
    let tree = Tree::of(trace);
    // A stack instead of recursion: a trace can be a chain of many thousand spans.
    let mut stack: Vec<(u32, i64)> = tree.roots.iter().map(|root| (*root, 0)).collect();
    while let Some((index, skew)) = stack.pop() {
        let span = &mut trace[index as usize];
        span.change.skew = skew;
        let parent = *span;
        let start = parent.start() + moves(skew, limit);
        for child in tree.children(index) {
            let span = &trace[child as usize];
            let same_host = span.host == parent.host && span.host != 0;
            let skew = if same_host { skew } else { skew_of(span, start, parent.takes()) };
            stack.push((child, skew));
        }
    }
}

/// The spans of a trace as a tree of indexes. Spans in a cycle are below no root.
struct Tree {
    roots: Vec<u32>,
    /// For each span its last child, and its previous sibling.
    last_child: Vec<u32>,
    before: Vec<u32>,
}

impl Tree {
    /// Builds the tree, and marks the spans that do not fit into it.
    fn of(trace: &mut [Outline]) -> Self {
        let mut by_id: HashMap<SpanId, u32> = HashMap::with_capacity(trace.len());
        for (index, span) in (0..).zip(trace.iter_mut()) {
            match by_id.entry(span.span_id()) {
                Entry::Occupied(_) => span.change.misfit = Some(Misfit::Duplicate),
                Entry::Vacant(vacant) => {
                    vacant.insert(index);
                }
            }
        }
        let none = vec![NONE; trace.len()];
        let mut tree = Tree { roots: Vec::new(), last_child: none.clone(), before: none };
        for (index, span) in (0..).zip(trace).filter(|(_, span)| span.change.misfit.is_none()) {
            match by_id.get(&span.parent()) {
                _ if span.parent().0 == 0 => tree.roots.push(index),
                Some(parent) => {
                    let last = &mut tree.last_child[*parent as usize];
                    tree.before[index as usize] = std::mem::replace(last, index);
                }
                None => {
                    span.change.misfit = Some(Misfit::NoParent);
                    tree.roots.push(index);
                }
            }
        }
        tree
    }

    fn children(&self, parent: u32) -> impl Iterator<Item = u32> {
        let is_one = |index: &u32| *index != NONE;
        let last = Some(self.last_child[parent as usize]).filter(is_one);
        std::iter::successors(last, move |child| Some(self.before[*child as usize]).filter(is_one))
    }
}

/// How far the child must move to lie within its parent, in nanoseconds; at most 292 years, as in
/// Go's durations.
fn skew_of(child: &Outline, parent_start: i128, parent_takes: i128) -> i64 {
    let (child_start, child_takes) = (child.start(), child.takes());
    let child_end = child_start + child_takes;
    let skew = if child_takes > parent_takes {
        // It outlasts its parent, so it is asynchronous or was abandoned; only its start is
        // corrected.
        (parent_start - child_start).max(0)
    } else if child_start >= parent_start && child_end <= parent_start + parent_takes {
        0
    } else {
        // Assumes that both ways through the network take equally long.
        parent_start + (parent_takes - child_takes) / 2 - child_start
    };
    skew.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

/// How far a span moves whose skew is `skew`: not at all beyond the limit.
fn moves(skew: i64, limit: i128) -> i128 {
    let skew = i128::from(skew);
    if skew.abs() > limit { 0 } else { skew }
}

/// Moves a span and its logs by `skew`, or adds a warning that says why not.
pub(super) fn shift(view: &mut View, skew: i64, limit: i128) {
    if skew == 0 {
        return;
    }
    let (delta, shown) = (moves(skew, limit), format_duration(skew.into()));
    if delta == 0 {
        view.warnings.push(if limit == 0 {
            format!("clock skew adjustment disabled; not applying calculated delta of {shown}")
        } else {
            let limit = format_duration(limit);
            format!(
                "max clock skew adjustment delta of {limit} exceeded; not applying calculated delta of {shown}"
            )
        });
        return;
    }
    view.start += delta;
    for log in &mut view.logs {
        log.timestamp += delta;
    }
    view.warnings.push(format!("This span's timestamps were adjusted by {shown}"));
}
