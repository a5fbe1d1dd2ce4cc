//! Waiting for traces, clearing them, and what a wait in vain says.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::{Duration, Instant};

use jaeger_all_in_one::{AllInOne, Port, WaitError};
use support::{Open, PATIENCE, exchange};

const SHORT: Duration = Duration::from_millis(20);

/// Sends a span in OTLP: its service, name, trace, id and parent (0 is none).
fn send(jaeger: &AllInOne, (service, name): (&str, &str), trace: u64, id: u64, parent: u64) {
    let parent = if parent == 0 { String::new() } else { format!("{parent:016x}") };
    let body = format!(
        r#"{{"resourceSpans": [{{"resource": {{"attributes": [{{"key": "service.name",
        "value": {{"stringValue": "{service}"}}}}]}}, "scopeSpans": [{{"spans": [{{
        "traceId": "{trace:032x}", "spanId": "{id:016x}", "parentSpanId": "{parent}",
        "name": "{name}", "startTimeUnixNano": "{id}000000", "endTimeUnixNano": "{id}900000"}}]}}]}}]}}"#
    );
    let headers = [("Content-Type", "application/json")];
    let answer =
        exchange(jaeger.at(Port::OtlpHttp), "POST", "/v1/traces", &headers, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn in_vain(wait: jaeger_all_in_one::Wait<'_>) -> WaitError {
    wait.within(SHORT).blocking().expect_err("nothing to wait for")
}

#[test]
fn a_whole_trace_has_its_root_and_all_parents() {
    let jaeger = AllInOne::start().expect("start");
    send(&jaeger, ("shop", "reserve"), 1, 3, 2);
    send(&jaeger, ("shop", "POST /buy"), 1, 1, 0);
    let error = in_vain(jaeger.wait_for_trace(1));
    assert!(error.trace().is_some());
    let begin = Instant::now();
    let trace = std::thread::scope(|scope| {
        let wait = scope.spawn(|| jaeger.wait_for_trace(1).within(PATIENCE).blocking());
        send(&jaeger, ("shop", "charge"), 1, 2, 1);
        wait.join().expect("no panic").expect("the trace")
    });
    assert!(begin.elapsed() < PATIENCE / 2);
    assert_eq!(trace.to_string(), "shop: POST /buy\n└─ shop: charge\n   └─ shop: reserve\n");
    assert_eq!(trace.id(), Some("0000000000000001"));
    assert_eq!(trace.link(), jaeger.trace_url(1).ok().as_deref());
}

#[tokio::test]
async fn a_wait_works_in_async_code_either_way() {
    let jaeger = AllInOne::start().expect("start");
    send(&jaeger, ("shop", "buy"), 1, 1, 0);
    let awaited = jaeger.wait_for_service("shop").within(PATIENCE).await.expect("the trace");
    let blocking = jaeger.wait_for_service("shop").within(PATIENCE).blocking().expect("the trace");
    assert_eq!(awaited.id(), blocking.id());
}

#[test]
fn it_waits_for_what_another_process_sends_later() {
    let jaeger = AllInOne::start().expect("start");
    send(&jaeger, ("shop", "buy"), 1, 1, 0);
    let error = in_vain(jaeger.wait_for_trace(1).with_service("payments"));
    let text = error.to_string();
    assert!(text.contains("it has no span of the service \"payments\""), "{text}");
    let text = in_vain(jaeger.wait_for_trace(1).with_service("shp")).to_string();
    assert!(text.contains("did you mean the service \"shop\"?"), "{text}");
    let error = in_vain(jaeger.wait_for_trace(1).with_spans(2));
    assert!(error.to_string().contains("it has 1 of 2 spans"), "{error}");
    send(&jaeger, ("payments", "charge"), 1, 2, 1);
    let wait = jaeger.wait_for_trace(1).with_service("payments").with_spans(2).within(PATIENCE);
    assert_eq!(wait.blocking().expect("the trace").spans().count(), 2);
}

#[test]
fn a_parent_may_be_missing_if_the_test_says_so() {
    let jaeger = AllInOne::start().expect("start");
    send(&jaeger, ("httpbin", "GET /get"), 1, 1, 7);
    let error = in_vain(jaeger.wait_for_service("httpbin")).to_string();
    assert!(error.contains("the parent of \"httpbin: GET /get\" has not arrived"), "{error}");
    let wait = jaeger.wait_for_service("httpbin").with_missing_parents().within(PATIENCE);
    assert_eq!(
        wait.blocking().expect("the trace").to_string(),
        "httpbin: GET /get (parent missing)\n"
    );
}

#[test]
fn of_traces_at_the_same_time_the_first_counts() {
    let jaeger = AllInOne::start().expect("start");
    send(&jaeger, ("shop", "buy"), 1, 3, 0);
    send(&jaeger, ("shop", "lost"), 2, 3, 0);
    let trace = jaeger.wait_for_service("shop").within(PATIENCE).blocking().expect("a trace");
    assert_eq!(trace.to_string(), "shop: buy\n");
    let lost = "beside this trace arrived: 0000000000000002 (shop: lost)";
    assert!(trace.notes().contains(&lost.to_owned()), "{:?}", trace.notes());
}

#[test]
fn the_newest_trace_of_a_service_counts() {
    let jaeger = AllInOne::start().expect("start");
    send(&jaeger, ("shop", "first"), 1, 1, 0);
    send(&jaeger, ("shop", "second"), 2, 20, 0);
    let trace = jaeger.wait_for_service("shop").within(PATIENCE).blocking().expect("a trace");
    assert_eq!(trace.to_string(), "shop: second\n");
    let others = "beside this trace arrived: 0000000000000001 (shop: first)";
    assert!(trace.notes().contains(&others.to_owned()), "{:?}", trace.notes());
    let of_first = |trace: &jaeger_all_in_one::Trace| trace.to_string().contains("first");
    let trace = jaeger.wait_for(of_first).within(PATIENCE).blocking().expect("a trace");
    assert_eq!(trace.id(), Some("0000000000000001"));
}

#[test]
fn a_wait_in_vain_says_what_is_there() {
    let jaeger = AllInOne::start().expect("start");
    let text = in_vain(jaeger.wait_for_trace(1)).to_string();
    assert_eq!(
        text,
        "no whole trace 0000000000000001 within 20ms\n\
         no spans arrived: is the exporter's endpoint one of this Jaeger's, and was its provider flushed?"
    );

    send(&jaeger, ("shop", "buy"), 1, 1, 0);
    send(&jaeger, ("payments", "charge"), 1, 2, 1);
    let error = in_vain(jaeger.wait_for_service("Shpo"));
    assert_eq!(error.services(), ["payments", "shop"]);
    assert_eq!(
        error.to_string(),
        "no whole trace with a span of the service \"Shpo\" within 20ms\n\
         the services \"payments\", \"shop\" have spans in 1 trace\n\
         did you mean the service \"shop\"?"
    );
    assert_eq!(format!("{error:?}"), error.to_string(), "unwrap prints it so that it reads");

    assert_eq!(
        in_vain(jaeger.wait_for_trace(2)).to_string(),
        "no whole trace 0000000000000002 within 20ms\n\
         the services \"payments\", \"shop\" have spans in 1 trace: 0000000000000001 (shop: buy)"
    );

    send(&jaeger, ("shop", "reserve"), 1, 4, 3);
    let link = jaeger.trace_url(1).expect("the page");
    assert_eq!(
        in_vain(jaeger.wait_for_service("shop")).to_string(),
        format!(
            "no whole trace with a span of the service \"shop\" within 20ms\n\
             there is trace 0000000000000001, but the parent of \"shop: reserve\" has not arrived: was it ended, and its provider flushed? If the test made it up, use with_missing_parents()\n\
             \n\
             shop: buy\n\
             └─ payments: charge\n\
             shop: reserve (parent missing)\n\
             \n\
             see it: {link}"
        )
    );
}

#[test]
fn a_wait_in_vain_names_what_was_refused() {
    let jaeger = AllInOne::start().expect("start");
    let headers = [("Content-Type", "application/json")];
    exchange(jaeger.at(Port::OtlpHttp), "POST", "/v1/traces", &headers, b"{");
    let text = in_vain(jaeger.wait_for_service("shop")).to_string();
    assert!(text.ends_with("refused at the port for spans, OTLP/HTTP: 1 (malformed)"), "{text}");
}

#[test]
fn what_is_cleared_is_gone_and_does_not_count_as_evicted() {
    let jaeger = AllInOne::start().expect("start");
    for trace in 1..=1_500 {
        send(&jaeger, ("shop", "buy"), trace, 1, 0);
    }
    assert_eq!(jaeger.traces().len(), 1_500);
    jaeger.clear();
    let usage = jaeger.usage();
    assert_eq!(
        (usage.traces, usage.spans, usage.evicted_traces, usage.evicted_spans),
        (0, 0, 0, 0)
    );
    assert!(jaeger.traces().is_empty());
    send(&jaeger, ("shop", "sell"), 7, 1, 0);
    assert_eq!(jaeger.traces().len(), 1);
}
