//! Follows the programs' links in a real browser, and checks what Jaeger's pages show.

use httpbin::Format;
use testbed::{Fleet, Jaeger, Pages, Program};

#[test]
#[ignore = "needs chromium and chromedriver: make test-browser"]
fn a_trace_is_shown_with_its_spans_and_their_tags() {
    let jaeger = Jaeger::start().unwrap();
    let fleet = Fleet::start(&jaeger, &[Format::TraceContext]).unwrap();
    let pages = Pages::open(jaeger.query_url()).unwrap();
    for (program, lines, client) in [
        (
            "otel-example",
            &[
                "opentelemetry-example main_process",
                "opentelemetry-example make_request",
                "opentelemetry-example HTTP GET",
                "httpbin GET /get",
            ],
            ("HTTP GET", "http.status_code"),
        ),
        (
            "otlp-example",
            &[
                "otlp-example main_process",
                "otlp-example make_request",
                "otlp-example GET",
                "httpbin GET /get",
            ],
            ("GET", "http.response.status_code"),
        ),
    ] {
        let finished = Program::built(program)
            .unwrap()
            .env("OTEL_EXPORTER_JAEGER_AGENT_PORT", &jaeger.agent_port().to_string())
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", jaeger.otlp_url())
            .env("HTTPBIN_URL", fleet.httpbin_url())
            .run()
            .unwrap();
        fleet.flush().unwrap();
        let id = finished.stdout.trim().rsplit(['/', ' ']).next().unwrap().to_owned();
        jaeger.trace(&id, 4).unwrap();

        assert_eq!(pages.trace(&id).unwrap(), lines);
        let (operation, status_code) = client;
        pages.span(operation).unwrap();
        let details = pages.tags().unwrap();
        assert!(details.contains(status_code), "{details}");
        assert!(details.contains("200"), "{details}");
        assert!(details.contains(fleet.httpbin_url()), "{details}");
    }

    // A click on a search result opens its trace.
    pages.search("otlp-example").unwrap();
    pages.browser().click("//*[contains(@class,'ResultItemTitle--title')]").unwrap();
    pages.browser().wait_for(".span-name").unwrap();
    assert_eq!(pages.browser().texts(".span-name").unwrap().len(), 4);

    // The calls of a server, counted from its spans.
    let rows = pages.monitor("httpbin").unwrap();
    assert!(rows.len() == 1 && rows[0].starts_with("GET /get"), "{rows:?}");
    assert!(rows[0].contains("req/s"), "{rows:?}");

    let mut services = pages.architecture().unwrap();
    services.sort();
    assert_eq!(services, ["httpbin", "opentelemetry-example", "otlp-example"]);
}
