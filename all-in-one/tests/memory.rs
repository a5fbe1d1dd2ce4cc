//! The memory of the process stays within the store's limit, whatever arrives. This test is alone
//! in its process, because the process is measured.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use jaeger_all_in_one::model::{
    KeyValue, Log, Nanos, Process, RefKind, Reference, Span, SpanId, TraceId,
};
use jaeger_all_in_one::store::{Limits, Store};

const LIMIT: usize = 24 << 20;
/// The memory that the process may use besides the spans, in bytes.
const BESIDE: usize = 64 << 20;

/// An empty span.
fn bare(trace: u64, id: u64) -> Span {
    Span {
        trace_id: TraceId { high: 7, low: trace },
        span_id: SpanId(id),
        operation: "op".into(),
        references: Box::default(),
        flags: 1,
        start: trace * 1_000 + id,
        duration: id,
        nanos: Nanos::default(),
        tags: Box::default(),
        logs: Box::default(),
        process: Arc::new(Process { service: "service".into(), tags: Box::default() }),
        warnings: Box::default(),
    }
}

/// A trace that no other load has.
fn of(load: u32, trace: u64) -> u64 {
    (1 << load) + trace
}

/// A unique tag.
fn unique(number: u64, length: usize) -> KeyValue {
    KeyValue::text(format!("key-{number}"), format!("{number:0length$}"))
}

/// A kind of load: makes span `number`.
type Load = (&'static str, fn(u64) -> Span);

const LOADS: [Load; 9] = [
    ("traces of one bare span", |n| bare(n, n)),
    ("traces of ten spans", |n| bare(of(40, n / 10), n)),
    ("one endless trace", |n| bare(of(41, 0), n)),
    ("a hundred endless traces at once", |n| bare(of(42, n % 100), n)),
    ("names of services and operations that never repeat", |n| Span {
        operation: format!("operation {n}").into(),
        process: Arc::new(Process {
            service: format!("service {n}").into(),
            tags: [unique(n, 20)].into(),
        }),
        ..bare(of(43, n), n)
    }),
    ("tags that never repeat", |n| Span {
        tags: (0..10).map(|tag| unique(10 * n + tag, 30)).collect(),
        ..bare(of(44, n / 10), n)
    }),
    ("tags that come twice and then never again", |n| Span {
        tags: (0..10).map(|tag| unique(5 * n + tag, 30)).collect(),
        ..bare(of(45, n / 10), n)
    }),
    ("large tags", |n| Span { tags: [unique(n, 20_000)].into(), ..bare(of(46, n / 3), n) }),
    ("logs and references", |n| Span {
        logs: (0..5).map(|log| Log { timestamp: log, fields: [unique(n, 10)].into() }).collect(),
        references: (0..5)
            .map(|span| Reference {
                kind: RefKind::FollowsFrom,
                trace_id: TraceId { high: n, low: span },
                span_id: SpanId(span),
            })
            .collect(),
        ..bare(of(47, n / 10), n)
    }),
];

/// The peak memory of this process, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("the status");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    let kib = line.split_whitespace().nth(1).and_then(|kib| kib.parse::<usize>().ok());
    kib.expect("a number") << 10
}

#[test]
fn the_process_stays_within_its_limit_whatever_arrives() {
    let store = Store::new(Limits { traces: 0, bytes: LIMIT });
    for (what, span) in LOADS {
        let before = store.usage();
        // Until everything from before was evicted, and the store was filled once more.
        for first in (0..).step_by(100) {
            let spans: Vec<_> = (first..first + 100).map(span).collect();
            store.insert(&spans);
            let (now, usage) = (first as usize, store.usage());
            assert!(usage.bytes <= LIMIT, "{what}: {usage:?}");
            let replaced = usage.evicted_spans - before.evicted_spans > 2 * before.spans as u64;
            let refused = usage.dropped_spans > before.dropped_spans;
            if now > 20_000 && (replaced && usage.evicted_traces > before.evicted_traces || refused)
                || now > 2_000_000
            {
                break;
            }
        }
        let (peak, usage) = (peak(), store.usage());
        assert!(peak < LIMIT + BESIDE, "{what}: {} MiB, {usage:?}", peak >> 20);
        println!("{what}: {} MiB at most, {usage:?}", peak >> 20);
    }
}
