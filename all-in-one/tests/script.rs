//! Script in every field of a span stays text, on every page, in a real browser.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::{SystemTime, UNIX_EPOCH};

use jaeger_all_in_one::{AllInOne, Port};
use serde_json::{Value, json};
use support::{Open, exchange};
use testbed::Pages;

/// Would run where text is taken for HTML; it first breaks out of an attribute.
const HTML: &str = r#""'><img src=x onerror="window.ran=1"><script>window.ran=1</script><svg onload="window.ran=1"><iframe srcdoc="<script>top.ran=1</script>"></iframe>"#;
/// Would run where text is taken for a link, and the link is followed.
const LINK: &str = "javascript:window.ran=1";
/// Would run where JSON is laid out as HTML.
const IN_JSON: &str = r#"{"<img src=x onerror=window.ran=1>": "<img src=x onerror=window.ran=1>", "url": "javascript:window.ran=1"}"#;

/// Finds what ran, and what only the policy kept from running.
const LOOK: &str = r#"
    const of_ours = [...document.querySelectorAll('img, svg, iframe, script, a')];
    return {
        ran: window.ran === undefined ? null : window.ran,
        put_in: of_ours.filter((it) =>
            it.getAttribute('src') === 'x' || it.hasAttribute('onload') || it.hasAttribute('srcdoc')
            || it.textContent === 'window.ran=1'
            || /^\s*javascript:/i.test(it.getAttribute('href') || '')).map((it) => it.outerHTML),
        text: document.body.innerText,
    };
"#;

fn attributes() -> Value {
    let texts = [
        ("html", HTML),
        ("link", LINK),
        ("json", IN_JSON),
        ("http.url", LINK),
        ("list", r#"["<img src=x onerror=window.ran=1>"]"#),
        (HTML, "a key"),
        ("error", HTML),
        ("peer.service", HTML),
        ("span.kind", HTML),
    ];
    let text = |(key, value): (&str, &str)| json!({"key": key, "value": {"stringValue": value}});
    texts.map(text).to_vec().into()
}

fn span(trace: u64, id: u64, parent: u64, nanos: u128) -> Value {
    json!({
        "traceId": format!("{trace:032x}"),
        "spanId": format!("{id:016x}"),
        "parentSpanId": if parent == 0 { String::new() } else { format!("{parent:016x}") },
        "name": format!("{HTML}{id}"),
        "kind": 2,
        "traceState": HTML,
        "startTimeUnixNano": nanos.to_string(),
        "endTimeUnixNano": (nanos + 5_000_000).to_string(),
        "attributes": attributes(),
        "events": [{"timeUnixNano": nanos.to_string(), "name": HTML, "attributes": attributes()}],
        "status": {"code": 2, "message": HTML},
        "links": [{"traceId": format!("{:032x}", 99), "spanId": format!("{:016x}", 99)}],
    })
}

/// Two traces of two services each, with script everywhere.
fn send(jaeger: &AllInOne) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
    let service = |name: &str, spans: Vec<Value>| {
        let mut of_process = attributes();
        of_process
            .as_array_mut()
            .expect("a list")
            .push(json!({"key": "service.name", "value": {"stringValue": name}}));
        json!({
            "resource": {"attributes": of_process},
            "scopeSpans": [{"scope": {"name": HTML, "version": HTML}, "spans": spans}],
        })
    };
    let body = json!({"resourceSpans": [
        service(HTML, vec![span(1, 1, 0, now), span(2, 3, 0, now)]),
        service(&format!("{HTML}2"), vec![span(1, 2, 1, now), span(2, 4, 3, now)]),
    ]});
    let otlp = jaeger.at(Port::OtlpHttp);
    let headers = [("Content-Type", "application/json")];
    let answer = exchange(otlp, "POST", "/v1/traces", &headers, body.to_string().as_bytes());
    assert_eq!((answer.status, answer.text().as_str()), (200, "{}"));
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// Nothing ran and nothing was inserted; where the page shows spans, the script is there as text.
fn assert_text(pages: &Pages, page: &str, shows_it: bool) {
    let found = pages.browser().run(LOOK).expect("a look");
    assert_eq!(found["ran"], Value::Null, "script ran on {page}");
    assert_eq!(found["put_in"], json!([]), "on {page}");
    let text = found["text"].as_str().expect("a text");
    assert!(!shows_it || text.contains("<script>window.ran=1</script>"), "{page} shows {text}");
}

#[test]
#[ignore = "needs chromium and chromedriver: make test-browser"]
fn script_in_any_field_stays_text() {
    let jaeger = AllInOne::start().expect("start");
    send(&jaeger);
    let pages = Pages::open(&jaeger.query_url().expect("it is open")).expect("a browser");
    let browser = pages.browser();

    // A check of the check: a page that takes the text for HTML.
    browser.open(&format!("data:text/html,<body>{}", escaped(HTML))).expect("a page");
    let found = browser.run(LOOK).expect("a look");
    assert_eq!(found["ran"], 1, "{found}");
    assert!(found["put_in"].as_array().is_some_and(|put_in| put_in.len() >= 3), "{found}");

    pages.search(&escaped(HTML)).expect("the search page");
    assert_text(&pages, "the search page", true);

    pages.trace("1").expect("the trace page");
    assert_text(&pages, "the trace page", true);
    browser.click("(//a[contains(@class,'span-name')])[1]").expect("the first span");
    browser.wait_for(".detail-info-wrapper").expect("its details");
    pages.tags().expect("its tags");
    assert_text(&pages, "the tags", true);
    browser
        .click("//*[contains(@class,'AccordianKeyValues--header')][contains(.,'Process')]")
        .expect("its process");
    assert_text(&pages, "the process", true);
    pages.log().expect("its log");
    assert_text(&pages, "the logs", true);
    browser.run("document.querySelectorAll('a[href]').forEach((it) => { if (it.target === '_blank') it.click(); });").expect("clicks");
    assert_text(&pages, "the links", true);

    pages.compare("0000000000000001", "0000000000000002").expect("the comparison");
    assert_text(&pages, "the comparison", true);
    pages.architecture().expect("the architecture");
    assert_text(&pages, "the architecture", true);

    // Text that the page takes from its own address.
    let script = escaped(HTML);
    for path in [
        format!("/search?service={script}&operation={script}&tags={script}&minDuration={script}"),
        format!("/trace/{script}"),
        format!("/trace/1?uiFind={script}"),
        format!("/trace/{script}...{script}"),
        format!("/monitor?service={script}"),
        format!("/search?traceID={script}"),
    ] {
        browser
            .open(&format!("{}{path}", jaeger.query_url().expect("it is open")))
            .expect("a page");
        browser.wait_for("#jaeger-ui-root *").expect("the page");
        assert_text(&pages, &path, false);
    }
    // The API's answers, opened as if they were pages.
    for path in
        ["/api/traces/1", "/api/services", &format!("/api/traces/{script}"), &format!("/{script}")]
    {
        browser
            .open(&format!("{}{path}", jaeger.query_url().expect("it is open")))
            .expect("an answer");
        assert_text(&pages, path, false);
    }
}
