//! What the program leaves in Jaeger: one trace of three spans, by today's conventions; and the
//! standard variables do what they say.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

use serde_json::Value;
use testbed::{Answer, Finished, Fleet, Httpbin, Jaeger, Program, spans};

const README: &str = include_str!("../../README.md");

const REFUSING_URL: &str = "http://127.0.0.1:1/get";

fn program(jaeger: &Jaeger, url: &str) -> Program {
    Program::new(env!("CARGO_BIN_EXE_otlp-example"))
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", jaeger.otlp_url())
        .env("HTTPBIN_URL", url)
}

fn id(finished: &Finished) -> &str {
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(finished.stdout.lines().count(), 1, "{finished:?}");
    finished.stdout.trim().rsplit('/').next().unwrap()
}

fn span<'a>(trace: &'a Value, operation: &str) -> &'a Value {
    trace["spans"].as_array().unwrap().iter().find(|it| it["operationName"] == operation).unwrap()
}

/// The values of what has a key: a span's or a process's tags, a log's fields.
fn values(pairs: &Value) -> Vec<(&str, String)> {
    let pairs = pairs.as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    pairs.map(|pair| (pair["key"].as_str().unwrap(), text(&pair["value"]))).collect()
}

fn value(pairs: &Value, key: &str) -> Option<String> {
    values(pairs).into_iter().find(|(name, _)| *name == key).map(|(_, value)| value)
}

fn events(span: &Value) -> Vec<String> {
    let logs = span["logs"].as_array().unwrap().iter();
    logs.map(|log| value(&log["fields"], "event").unwrap()).collect()
}

#[test]
fn one_trace_of_three_spans() {
    let httpbin = Httpbin::start(Answer::Get).unwrap();
    let jaeger = Jaeger::start().unwrap();
    let finished = program(&jaeger, &httpbin.url()).run().unwrap();
    let trace = jaeger.trace(id(&finished), 3).unwrap();

    let chain = spans(&trace);
    let operations: Vec<_> = chain.iter().map(|span| &*span.operation).collect();
    assert_eq!(operations, ["main_process", "make_request", "GET"], "{trace:#}");
    assert!(chain.iter().all(|span| span.service == "otlp-example"));
    assert_eq!(
        events(span(&trace, "main_process")),
        ["Starting application", "Request successful", "Finished application"]
    );
    for (operation, kind) in [("make_request", "internal"), ("GET", "client")] {
        let tags = &span(&trace, operation)["tags"];
        assert_eq!(value(tags, "span.kind").as_deref(), Some(kind));
        assert_eq!(value(tags, "http.request.method").as_deref(), Some("GET"));
        assert_eq!(value(tags, "url.full"), Some(httpbin.url()));
        assert_eq!(value(tags, "http.response.status_code").as_deref(), Some("200"));
        assert!(values(tags).iter().all(|(key, _)| !["http.url", "http.method"].contains(key)));
    }
    let process = &trace["processes"]["p1"]["tags"];
    assert_eq!(value(process, "telemetry.sdk.language").as_deref(), Some("rust"));
    assert_eq!(value(process, "os.type").as_deref(), Some(std::env::consts::OS));
    assert!(value(process, "host.arch").is_some(), "{process}");

    // The page was asked for in the name of the span `GET`.
    let traceparent = format!("00-{}-{}-01", id(&finished), chain[2].id);
    assert_eq!(httpbin.header("traceparent"), Some(traceparent));
}

#[test]
fn a_failure_is_recorded_and_passed_over() {
    let jaeger = Jaeger::start().unwrap();
    let finished = program(&jaeger, REFUSING_URL).run().unwrap();
    let trace = jaeger.trace(id(&finished), 3).unwrap();
    for operation in ["main_process", "make_request", "GET"] {
        assert_eq!(value(&span(&trace, operation)["tags"], "error").as_deref(), Some("true"));
    }
    let request = span(&trace, "make_request");
    let error_type = value(&request["tags"], "error.type").unwrap();
    assert!(error_type.ends_with("Error"), "{error_type}");
    let description = value(&request["tags"], "otel.status_description").unwrap();
    assert!(description.contains("Connection refused"), "{description}");
    assert_eq!(events(request), ["exception"]);
    assert_eq!(
        events(span(&trace, "main_process")),
        ["Starting application", "exception", "Finished application"]
    );
}

#[test]
fn a_line_of_the_log_names_the_trace() {
    let httpbin = Httpbin::start(Answer::Get).unwrap();
    let jaeger = Jaeger::start().unwrap();
    let finished = program(&jaeger, &httpbin.url()).run().unwrap();
    let trace = jaeger.trace(id(&finished), 3).unwrap();
    let expected = format!(
        "INFO:otlp_example:asking for {} trace_id={} span_id={}\n",
        httpbin.url(),
        id(&finished),
        spans(&trace)[1].id,
    );
    assert_eq!(finished.stderr, expected);
}

#[test]
fn the_readme_shows_what_it_prints() {
    let httpbin = Httpbin::start(Answer::Get).unwrap();
    let jaeger = Jaeger::start().unwrap();
    let finished = program(&jaeger, &httpbin.url()).run().unwrap();
    testbed::assert_shown(README, "$ make run-otlp", &finished);
}

/// What `make run-all` shows of it: the program, httpbin, the trace as a tree.
#[test]
fn the_readme_shows_its_tree() {
    let jaeger = Jaeger::start().unwrap();
    let fleet = Fleet::start(&jaeger, &[]).unwrap();
    let finished = program(&jaeger, fleet.httpbin_url()).run().unwrap();
    fleet.flush().unwrap();
    let tree = jaeger.tree(id(&finished), 4).unwrap();
    let shown = Finished { stdout: tree, stderr: String::new(), ..finished };
    testbed::assert_shown(README, "== otlp-example", &shown);
}

#[test]
fn each_protocol_gets_there() {
    let jaeger = Jaeger::start().unwrap();
    let mut protocols =
        vec![("grpc", jaeger.otlp_grpc_url()), ("http/protobuf", jaeger.otlp_url())];
    // Jaeger 1.35 drops the connection on what today's exporter writes as JSON.
    if std::env::var_os("JAEGER_ALL_IN_ONE").is_none() {
        protocols.push(("http/json", jaeger.otlp_url()));
    }
    for (protocol, endpoint) in protocols {
        let finished = program(&jaeger, REFUSING_URL)
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
            .run()
            .unwrap();
        assert_eq!(spans(&jaeger.trace(id(&finished), 3).unwrap()).len(), 3, "{protocol}");
    }
}

#[test]
fn the_resource_is_what_the_environment_says() {
    let jaeger = Jaeger::start().unwrap();
    let finished = program(&jaeger, REFUSING_URL)
        .env("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,deployment.environment.name=lab")
        .run()
        .unwrap();
    let trace = jaeger.trace(id(&finished), 3).unwrap();
    let process = &trace["processes"]["p1"];
    assert_eq!(process["serviceName"], "other");
    assert_eq!(value(&process["tags"], "deployment.environment.name").as_deref(), Some("lab"));

    // The name's own variable goes before it.
    let finished = program(&jaeger, REFUSING_URL)
        .env("OTEL_RESOURCE_ATTRIBUTES", "service.name=other")
        .env("OTEL_SERVICE_NAME", "named")
        .run()
        .unwrap();
    let trace = jaeger.trace(id(&finished), 3).unwrap();
    assert_eq!(trace["processes"]["p1"]["serviceName"], "named");
}

#[test]
fn what_is_switched_off_sends_nothing() {
    let httpbin = Httpbin::start(Answer::Get).unwrap();
    let jaeger = Jaeger::start().unwrap();
    for (name, value) in [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_SAMPLER", "always_off")] {
        let finished = program(&jaeger, &httpbin.url()).env(name, value).run().unwrap();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert_eq!(finished.stdout, "", "a link to a trace that nobody has");
        assert!(!finished.stderr.contains("WARNING"), "{finished:?}");
    }
    assert_eq!(httpbin.requests().len(), 2, "the work was done all the same");
    // The real one says null where there is none.
    let services = &jaeger.get("/api/services").unwrap()["data"];
    assert!(services.is_null() || *services == serde_json::json!([]), "{services}");
}

#[test]
fn the_headers_are_those_that_were_asked_for() {
    let jaeger = Jaeger::start().unwrap();
    for (propagators, written) in [
        ("", &["traceparent"][..]),
        ("jaeger", &["uber-trace-id"]),
        ("tracecontext,jaeger", &["traceparent", "uber-trace-id"]),
        ("none", &[]),
    ] {
        let httpbin = Httpbin::start(Answer::Get).unwrap();
        let run = program(&jaeger, &httpbin.url()).env("OTEL_PROPAGATORS", propagators).run();
        assert_eq!(run.unwrap().code, Some(0));
        let known = ["traceparent", "uber-trace-id"];
        let found = known.into_iter().filter(|name| httpbin.header(name).is_some());
        assert_eq!(found.collect::<Vec<_>>(), written, "{propagators}");
    }
}
