//! The same trace reads the same from each source.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use expect_trace::{ReadError, Trace, jaeger, otlp};

/// What Jaeger 2.20 answered for three traces, by both of its APIs.
const ANSWERS: [(&str, &str); 3] = [
    (include_str!("answers/a.json"), include_str!("answers/a.v3.json")),
    (include_str!("answers/b.json"), include_str!("answers/b.v3.json")),
    (include_str!("answers/c.json"), include_str!("answers/c.v3.json")),
];

fn texts(traces: &[Trace]) -> Vec<String> {
    traces.iter().map(ToString::to_string).collect()
}

#[test]
fn both_apis_of_jaeger() {
    for (old, v3) in ANSWERS {
        let (old, v3) = (jaeger::traces(old).unwrap(), otlp::traces(v3).unwrap());
        assert_eq!(texts(&old), texts(&v3));
        let id = |traces: &[Trace]| traces[0].id().unwrap().trim_start_matches('0').to_owned();
        assert_eq!(id(&old), id(&v3));
    }
    let traces = otlp::traces(ANSWERS[0].1).unwrap();
    assert_eq!(traces[0].spans().len(), 5);
    assert!(
        traces[0].span("charge").unwrap().path().starts_with("shop: GET /checkout > shop: POST")
    );
    // They are in another order in the answer.
    let events = traces[0].span("GET /checkout").unwrap().events.clone();
    assert_eq!(
        events.iter().map(|event| &*event.name).collect::<Vec<_>>(),
        ["cart.open", "cart.loaded"]
    );
}

#[test]
fn exports_in_arrays_and_lines() {
    let answers = ANSWERS.map(|(_, v3)| v3);
    let together = texts(&otlp::traces(&answers.join("\n")).unwrap());
    assert_eq!(together.len(), 3);
    assert!(together[0].contains("\n   → shop: reserve send\n"), "a link to another trace");
    assert_eq!(texts(&otlp::traces(&answers.concat()).unwrap()), together);
    assert_eq!(texts(&otlp::traces(&format!(" [{}]", answers.join(","))).unwrap()), together);
    assert!(otlp::traces("[]").unwrap().is_empty());
    let without_id = r#"{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "a"}]}]}]}"#;
    assert_eq!(otlp::traces(without_id).unwrap()[0].id(), None);
}

/// Jaeger 1.35 has older names, ids in base64, and tags where OTLP has fields.
#[test]
fn api_v3_of_jaeger_1() {
    let json = r#"{"result":{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},
        "instrumentationLibrarySpans":[{"instrumentationLibrary":{"name":"x"},"spans":[
        {"traceId":"S/kvNXezTaajzpKdDg5HAQ==","spanId":"APBnqgupAgE=","parentSpanId":"AAAAAAAAAAA=","name":"buy","kind":"SPAN_KIND_SERVER",
         "attributes":[{"key":"internal.span.format","value":{"stringValue":"proto"}},{"key":"otel.status_code","value":{"stringValue":"OK"}}],
         "events":[{"attributes":[{"key":"event","value":{"stringValue":"open"}}]}]},
        {"traceId":"S/kvNXezTaajzpKdDg5HAQ==","spanId":"APBnqgupAgI=","parentSpanId":"APBnqgupAgE=","name":"pay","startTimeUnixNano":"1"}
        ]}]}]}}"#;
    let traces = otlp::traces(json).unwrap();
    assert_eq!(texts(&traces), ["shop: buy [server] ok\n• open\n└─ shop: pay\n"]);
}

#[test]
fn an_answer_that_is_an_error_says_why() {
    let error = |result: Result<Vec<Trace>, ReadError>| result.unwrap_err().to_string();
    let answer = r#"{"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":404,"msg":"trace not found"}]}"#;
    assert_eq!(error(jaeger::traces(answer)), "the server answered: trace not found");
    let answer = r#"{"error":{"httpCode":404,"message":"No traces found"}}"#;
    assert_eq!(error(otlp::traces(answer)), "the server answered: No traces found");
    let answer = r#"{"error":"bad Duration","code":3,"message":"bad Duration"}"#;
    assert_eq!(error(otlp::traces(answer)), "the server answered: bad Duration");
    assert_eq!(error(otlp::traces("{}")), "neither `resourceSpans` nor `result` is there");
    assert_eq!(jaeger::traces(r#"{"data":[],"errors":null}"#).unwrap().len(), 0);
}
