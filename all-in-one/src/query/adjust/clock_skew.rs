//! Clocks differ: a child on another host may seem to begin before its parent. Such a child is
//! moved into its parent, with what lies below it on the same host, if that is allowed and the
//! distance is not too large; else a warning says what would have been done.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::View;
use crate::model::{Process, SpanId, Value};
use crate::query::go::format_duration;

const DUPLICATE: &str = "duplicate span IDs; skipping clock skew adjustment";

pub(super) fn adjust(trace: &mut [View], limit: Duration) {
    let tree = Tree::of(trace);
    let limit = i128::try_from(limit.as_nanos()).unwrap_or(i128::MAX);
    // A stack and not recursion: a trace can be one chain of many thousand spans.
    let mut stack: Vec<(usize, Skew)> = Vec::new();
    for root in &tree.roots {
        let host = tree.hosts[*root].clone();
        stack.push((*root, Skew { delta: 0, host }));
        while let Some((index, skew)) = stack.pop() {
            shift(&mut trace[index], skew.delta, limit);
            for child in &tree.children[index] {
                let host = &tree.hosts[*child];
                let skew = if *host != skew.host || host.is_empty() {
                    let delta = skew_of(&trace[*child], &trace[index]);
                    Skew { delta, host: host.clone() }
                } else {
                    skew.clone()
                };
                stack.push((*child, skew));
            }
        }
    }
}

#[derive(Clone)]
struct Skew {
    /// In nanoseconds.
    delta: i128,
    host: String,
}

/// A trace's spans as a tree, by their position. Spans in a circle are below no root.
struct Tree {
    roots: Vec<usize>,
    children: Vec<Vec<usize>>,
    hosts: Vec<String>,
}

impl Tree {
    /// Builds the tree and warns of spans that do not fit into one.
    fn of(trace: &mut [View]) -> Self {
        let mut by_id: HashMap<SpanId, usize> = HashMap::with_capacity(trace.len());
        let mut unique = Vec::with_capacity(trace.len());
        for (index, view) in trace.iter_mut().enumerate() {
            match by_id.entry(view.span_id) {
                Entry::Occupied(_) => view.warnings.push(DUPLICATE.to_owned()),
                Entry::Vacant(vacant) => {
                    vacant.insert(index);
                    unique.push(index);
                }
            }
        }
        let mut roots = Vec::new();
        let mut children = vec![Vec::new(); trace.len()];
        for index in unique {
            let parent = trace[index].parent();
            match by_id.get(&parent) {
                _ if parent.0 == 0 => roots.push(index),
                Some(parent) => children[*parent].push(index),
                None => {
                    trace[index].warnings.push(format!(
                        "invalid parent span IDs={parent}; skipping clock skew adjustment"
                    ));
                    roots.push(index);
                }
            }
        }
        let hosts = trace.iter().map(|view| host(&view.process)).collect();
        Tree { roots, children, hosts }
    }
}

/// What tells hosts apart: the tag `ip`, in whatever type it was sent.
fn host(process: &Process) -> String {
    match process.tag("ip") {
        Some(Value::String(text)) => text.to_string(),
        Some(Value::Int64(number)) => Ipv4Addr::from(*number as u32).to_string(),
        Some(Value::Binary(bytes)) => address(bytes),
        _ => String::new(),
    }
}

fn address(bytes: &[u8]) -> String {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Ipv4Addr::from(four).to_string();
    }
    match <[u8; 16]>::try_from(bytes) {
        Ok(sixteen) => Ipv6Addr::from(sixteen).to_canonical().to_string(),
        Err(_) => String::new(),
    }
}

/// How far the child must move to lie within its parent, in nanoseconds.
fn skew_of(child: &View, parent: &View) -> i128 {
    let (child_takes, parent_takes) = (child.takes, parent.takes);
    if child_takes > parent_takes {
        // It outlasts its parent, so it is asynchronous or was given up; it just cannot begin
        // earlier.
        return (parent.start - child.start).max(0);
    }
    let child_end = child.start + child_takes;
    if child.start >= parent.start && child_end <= parent.start + parent_takes {
        return 0;
    }
    // Both ways through the network are taken to be equally long.
    parent.start + (parent_takes - child_takes) / 2 - child.start
}

fn shift(view: &mut View, delta: i128, limit: i128) {
    if delta == 0 {
        return;
    }
    let shown = format_duration(delta);
    if delta.abs() > limit {
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
