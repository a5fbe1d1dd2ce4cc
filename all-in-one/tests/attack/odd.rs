//! Spans that no sane client sends: cycles, orphans, repeated ids, absurd clocks. Each is shown
//! once, and no request hangs.

use jaeger_all_in_one::{AllInOne, Config, Port};
use serde_json::Value;

use crate::support::{Open, Packet, UdpSender, get};

/// The only trace, as the query API shows it, both raw and adjusted.
fn shown(jaeger: &AllInOne, path: &str) -> Value {
    for raw in ["?raw=true", ""] {
        assert_eq!(get(jaeger.at(Port::Query), &format!("{path}{raw}")).status, 200, "{path}{raw}");
    }
    let json = get(jaeger.at(Port::Query), path).json();
    json["data"][0].clone()
}

fn spans(trace: &Value) -> &Vec<Value> {
    trace["spans"].as_array().expect("spans")
}

fn warnings(span: &Value) -> String {
    span["warnings"].to_string()
}

fn start() -> AllInOne {
    let max_clock_skew = std::time::Duration::from_secs(u32::MAX.into());
    AllInOne::start_with(Config::ephemeral().max_clock_skew(max_clock_skew)).expect("start")
}

#[test]
fn circles_and_orphans_are_shown_once_each() {
    let jaeger = start();
    let packet = Packet::of("odd")
        .child(7, 1, 2, "a in a circle", 10, 5)
        .child(7, 2, 1, "b in a circle", 20, 5)
        .child(7, 3, 3, "its own parent", 30, 5)
        .child(7, 4, 99, "an orphan", 40, 5)
        .child(7, 5, 4, "the orphan's child", 50, 5)
        .build();
    UdpSender::new(&jaeger).send_and_wait(&packet);
    let trace = shown(&jaeger, "/api/traces/7");
    let mut names: Vec<_> =
        spans(&trace).iter().map(|span| span["operationName"].as_str()).collect();
    names.sort();
    names.dedup();
    assert_eq!((spans(&trace).len(), names.len()), (5, 5), "{trace}");
    let orphan = spans(&trace).iter().find(|span| span["operationName"] == "an orphan");
    let orphan = warnings(orphan.expect("the orphan"));
    assert!(orphan.contains("invalid parent span IDs"), "{orphan}");
    for path in ["/api/traces?service=odd&start=0", "/api/dependencies?endTs=1000&lookback=1000"] {
        assert_eq!(get(jaeger.at(Port::Query), path).status, 200, "{path}");
    }
    assert_eq!(jaeger.stored("odd")[0].roots().count(), 0, "the library says what was sent");
}

#[test]
fn a_chain_of_twenty_thousand_spans_is_walked_without_recursion() {
    let jaeger = start();
    let mut sender = UdpSender::new(&jaeger);
    for part in 0..20 {
        let mut packet = Packet::of("chain");
        for id in part * 1_000 + 1..=(part + 1) * 1_000 {
            // Each begins before its parent, so each must be moved.
            packet = packet.child(8, id, id - 1, "step", 30_000 - id as i64, 5);
        }
        sender.send_and_wait(&packet.build());
    }
    assert_eq!(spans(&shown(&jaeger, "/api/traces/8")).len(), 20_000);
    let path = "/api/dependencies?endTs=1000&lookback=1000";
    assert_eq!(get(jaeger.at(Port::Query), path).status, 200);
}

#[test]
fn the_same_id_twice_is_kept_and_warned_about() {
    let jaeger = start();
    let mut sender = UdpSender::new(&jaeger);
    let packet = Packet::of("twice").child(9, 1, 0, "first", 10, 5).build();
    sender.send_and_wait(&packet);
    sender.send_and_wait(&packet); // sent again, since the client did not know
    let late = Packet::of("twice").child(9, 1, 0, "another", 1, 5).child(9, 2, 3, "child", 2, 1);
    sender.send_and_wait(&late.build());
    sender.send_and_wait(&Packet::of("twice").child(9, 3, 1, "parent", 1, 4).build());
    let trace = shown(&jaeger, "/api/traces/9");
    assert_eq!(spans(&trace).len(), 5, "{trace}");
    let warned = spans(&trace).iter().filter(|span| warnings(span).contains("duplicate span IDs"));
    assert_eq!(warned.count(), 2, "{trace}");
    let child = spans(&trace).iter().find(|span| span["operationName"] == "child").expect("child");
    assert!(!warnings(child).contains("invalid parent"), "its parent came after it: {child}");
}

#[test]
fn clocks_from_nowhere_do_not_overflow() {
    const YEAR_2262: i64 = 9_223_372_036_854_775;
    let jaeger = start();
    let times = [0, 1, -1, i64::MIN, i64::MAX, YEAR_2262, YEAR_2262 + 1, 253_402_300_800_000_000];
    let mut packet = Packet::of("clocks");
    let mut id = 0;
    for start in times {
        for duration in times {
            id += 1;
            // Every second one is a child, so that their clocks are compared.
            let parent = if id % 2 == 0 { id - 1 } else { 0 };
            packet = packet.child(10, id, parent, "tick", start, duration);
        }
    }
    UdpSender::new(&jaeger).send_and_wait(&packet.build());
    let trace = shown(&jaeger, "/api/traces/a");
    assert_eq!(spans(&trace).len(), 64);
    for span in spans(&trace) {
        assert!(span["startTime"].is_u64() && span["duration"].is_u64(), "{span}");
    }
    let negative = spans(&trace).iter().filter(|span| warnings(span).contains("the client sent a"));
    assert_eq!(negative.count(), 64 - 6 * 6, "each that had to be changed says so");
    for query in [
        "start=0&end=4200000000000000",
        "start=-9223372036854775808&end=9223372036854775807",
        "minDuration=1ns&maxDuration=2562047h",
        "lookback=99999999h&limit=1000000000",
    ] {
        let path = format!("/api/traces?service=clocks&{query}");
        assert_eq!(get(jaeger.at(Port::Query), &path).status, 200, "{path}");
    }
}

#[test]
fn text_that_is_no_utf8_is_shown_in_every_field() {
    let jaeger = start();
    let mut packet = Packet::of("na??me").child(11, 1, 0, "op??op", 10, 5).build();
    packet.iter_mut().filter(|byte| **byte == b'?').for_each(|byte| *byte = 0xff);
    UdpSender::new(&jaeger).send_and_wait(&packet);
    let trace = shown(&jaeger, "/api/traces/b");
    assert_eq!(trace["spans"][0]["operationName"], "op\u{fffd}\u{fffd}op");
    let found = get(jaeger.at(Port::Query), "/api/traces?service=na%EF%BF%BD%EF%BF%BDme&start=0");
    assert_eq!(found.json()["data"].as_array().map(Vec::len), Some(1), "it is found by its name");
}

#[test]
fn names_that_are_empty_or_very_long_are_kept() {
    let jaeger = start();
    let long = "x".repeat(60_000);
    let mut sender = UdpSender::new(&jaeger);
    sender.send_and_wait(&Packet::of("").child(12, 1, 0, "", 10, 5).build());
    sender.send_and_wait(&Packet::of(&long).child(13, 1, 0, "op", 10, 5).build());
    let mut services: Vec<_> = jaeger.store().services().iter().map(|name| name.len()).collect();
    services.sort();
    assert_eq!(services, ["empty-service-name".len(), long.len()]);
    assert_eq!(shown(&jaeger, "/api/traces/c")["spans"][0]["operationName"], "");
}
