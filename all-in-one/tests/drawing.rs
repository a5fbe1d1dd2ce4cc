//! How fast Jaeger's pages draw a large trace, in a real browser.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::{Duration, Instant};

use jaeger_all_in_one::AllInOne;
use support::{Packet, UdpSender};
use testbed::Browser;

const SPANS: u64 = 10_000;
/// A page that redoes the layout for every span would take minutes. The server is not optimised
/// here, and the machine may be busy.
const DRAWN_WITHIN: Duration = Duration::from_secs(15);

#[test]
#[ignore = "needs chromium and chromedriver: make test-browser"]
fn a_trace_of_ten_thousand_spans_is_drawn() {
    let jaeger = AllInOne::start().expect("start");
    let mut sender = UdpSender::new(&jaeger);
    for first in (1..=SPANS).step_by(100) {
        let spans = first..first + 100;
        let packet = spans.fold(Packet::of("large"), |packet, id| {
            let (parent, operation) = (id / 4, format!("operation {}", id % 50));
            packet.child(7, id, parent, &operation, 1_000_000 + id as i64, 10)
        });
        sender.send_and_wait(&packet.build());
    }
    let browser = Browser::start().expect("a browser");
    // The browser has loaded the pages by then: only the trace is measured.
    browser.open(&jaeger.query_url().expect("it is open")).expect("the first page");
    let begin = Instant::now();
    browser
        .open(&format!("{}/trace/7", jaeger.query_url().expect("it is open")))
        .expect("the page");
    browser.wait_for(".span-name").expect("the trace");
    let took = begin.elapsed();
    let rows = browser.run("return document.querySelectorAll('.span-name').length").expect("rows");
    println!("{SPANS} spans: the first {rows} rows after {took:.1?}");
    assert!(
        rows.as_u64().is_some_and(|rows| rows < 1_000),
        "{rows}: only those in sight are drawn"
    );
    assert!(took < DRAWN_WITHIN, "{took:?}");
}
