//! Answers of the query API that cannot be replayed, because they depend on the time of day or
//! differ on purpose.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::{SystemTime, UNIX_EPOCH};

use jaeger_all_in_one::{AllInOne, Config, Port};
use support::{Open, Packet, UdpSender, get, request};

const HOUR: u64 = 3_600_000_000;

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_micros()).expect("before the year 586524")
}

/// The ids of the traces that a search finds, in order.
fn found(jaeger: &AllInOne, query: &str) -> Vec<String> {
    let answer = get(jaeger.at(Port::Query), &format!("/api/traces?service=shop{query}"));
    assert_eq!(answer.status, 200, "{query}");
    let json = answer.json();
    let traces = json["data"].as_array().expect("traces");
    let mut ids: Vec<_> =
        traces.iter().map(|trace| trace["traceID"].as_str().expect("an id").to_owned()).collect();
    ids.sort();
    ids
}

#[test]
fn a_search_without_times_looks_at_the_last_two_days() {
    let jaeger = AllInOne::start().expect("start");
    let mut sender = UdpSender::new(&jaeger);
    let now = now();
    for (id, start) in
        [(1, now - 49 * HOUR), (2, now - 47 * HOUR), (3, now - HOUR), (4, now + HOUR)]
    {
        sender.send_and_wait(&Packet::of("shop").span(id, 1, "buy", start).build());
    }
    let id = |id: u64| format!("{id:016x}");
    for (query, ids) in [
        (String::new(), vec![2, 3]),
        ("&start=&end=".to_owned(), vec![2, 3]),
        // The web pages send the last hour in `start` and `end`; `lookback` only repeats it.
        ("&lookback=1h".to_owned(), vec![2, 3]),
        ("&lookback=bogus".to_owned(), vec![2, 3]),
        ("&start=0".to_owned(), vec![1, 2, 3]),
        ("&start=-1".to_owned(), vec![1, 2, 3]),
        (format!("&start={}", now - 2 * HOUR), vec![3]),
        (format!("&end={}", now - 2 * HOUR), vec![2]),
        (format!("&end={}", now + 2 * HOUR), vec![2, 3, 4]),
        ("&end=0".to_owned(), vec![]),
    ] {
        let ids: Vec<_> = ids.into_iter().map(id).collect();
        assert_eq!(found(&jaeger, &query), ids, "{query}");
    }
}

#[test]
fn quotes_may_come_as_they_are() {
    let jaeger = AllInOne::start().expect("start");
    let mut sender = UdpSender::new(&jaeger);
    sender.send_and_wait(&Packet::of("shop").span(1, 1, "a<b>", 1).build());
    let range = "&start=0&end=4200000000000000";
    assert_eq!(found(&jaeger, &format!("&operation=a<b>{range}")).len(), 1);
    let none = format!("&tags={{\"no\":\"such\"}}{range}");
    assert_eq!(found(&jaeger, &none).len(), 0);
    let format = format!("&tags={{\"internal.span.format\":\"proto\"}}{range}");
    assert_eq!(found(&jaeger, &format).len(), 1);
}

#[test]
fn a_web_page_gets_large_integers_as_text_and_a_script_as_numbers() {
    let jaeger = AllInOne::start().expect("start");
    let mut sender = UdpSender::new(&jaeger);
    for packet in support::packets("synth-types") {
        sender.send_and_wait(&packet);
    }
    let ask = |headers: &[(&str, &str)]| {
        let answer = request(jaeger.at(Port::Query), "GET", "/api/traces/a", headers);
        answer.text().contains(":\"9223372036854775807\"")
    };
    assert!(!ask(&[]));
    assert!(!ask(&[("User-Agent", "curl/8"), ("Accept", "application/json")]));
    assert!(ask(&[("Sec-Fetch-Mode", "cors")]));
    assert!(ask(&[("Referer", "http://192.0.2.1:16686/trace/a")]));
}

#[test]
fn the_way_to_the_base_path_is_jaeger_s() {
    let config = Config::ephemeral().base_path("/jaeger");
    let jaeger = AllInOne::start_with(config).expect("start");
    for (path, status) in [
        ("/jaeger/", 200),
        ("/jaeger/search", 200),
        ("/jaeger/api/services", 200),
        ("/jaeger/api/traces/dead", 404),
        ("/api/services", 404),
        ("/search", 404),
        ("/jaegerx", 404),
    ] {
        assert_eq!(get(jaeger.at(Port::Query), path).status, status, "{path}");
    }
    let archive = request(jaeger.at(Port::Query), "POST", "/jaeger/api/archive/100", &[]);
    assert_eq!(archive.status, 500);
}

/// Jaeger's own test of its container, `TestAllInOne`, asks for this; `make test-real` runs it.
#[test]
fn a_request_with_a_debug_id_leaves_a_trace() {
    let jaeger = AllInOne::start().expect("start");
    let debug = [("jaeger-debug-id", "debug")];
    assert_eq!(request(jaeger.at(Port::Query), "GET", "/api/services", &debug).status, 200);
    assert_eq!(get(jaeger.at(Port::Query), "/api/operations?service=shop").status, 200);

    let path = "/api/traces?service=jaeger-query&tag=jaeger-debug-id:debug";
    let answer = get(jaeger.at(Port::Query), path).json();
    let spans = answer["data"][0]["spans"].as_array().expect("spans");
    assert_eq!((answer["data"].as_array().map(Vec::len), spans.len()), (Some(1), 1), "{answer}");
    assert_eq!(spans[0]["operationName"], "/api/services");
    let status = spans[0]["tags"]
        .as_array()
        .expect("tags")
        .iter()
        .find(|tag| tag["key"] == "http.status_code");
    assert_eq!(status.expect("the tag")["value"], 200);
    let services = get(jaeger.at(Port::Query), "/api/v3/services").json();
    assert_eq!(services, serde_json::json!({"services": ["jaeger-query"]}));
}
