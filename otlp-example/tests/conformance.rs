//! The program makes one trace of three spans that follows today's semantic conventions, and the
//! standard variables have the documented effect.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use expect_trace::expect_file;
use serde_json::Value;
use testbed::{Answer, Finished, Fleet, Httpbin, Jaeger, Program};

const README: &str = include_str!("../../README.md");

const REFUSING_URL: &str = "http://127.0.0.1:1/get";

fn program(jaeger: &Jaeger, url: &str) -> Program {
    Program::new(env!("CARGO_BIN_EXE_otlp-example"))
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", jaeger.otlp_url())
        .env("HTTPBIN_URL", url)
}

fn id(finished: &Finished) -> &str {
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let ids = finished.trace_ids();
    assert_eq!(ids.len(), 1, "{finished:?}");
    ids[0]
}

/// The key-value pairs of a span's or process's tags, or of a log's fields.
fn values(pairs: &Value) -> Vec<(&str, String)> {
    let pairs = pairs.as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    pairs.map(|pair| (pair["key"].as_str().unwrap(), text(&pair["value"]))).collect()
}

fn value(pairs: &Value, key: &str) -> Option<String> {
    values(pairs).into_iter().find(|(name, _)| *name == key).map(|(_, value)| value)
}

#[test]
fn one_trace_of_three_spans() {
    let httpbin = Httpbin::start(Answer::Get).unwrap();
    let jaeger = Jaeger::start().unwrap();
    let finished = program(&jaeger, &httpbin.url()).run().unwrap();
    let trace = jaeger.read(id(&finished), 3).unwrap();
    expect_file!("tests/ok.trace").assert(&trace);

    let trace = jaeger.trace(id(&finished), 3).unwrap();
    let process = &trace["processes"]["p1"]["tags"];
    assert_eq!(value(process, "telemetry.sdk.language").as_deref(), Some("rust"));
    // The request header carries the ids of the span `GET`.
    let spans = trace["spans"].as_array().unwrap();
    let get = spans.iter().find(|span| span["operationName"] == "GET").unwrap();
    let span_id = get["spanID"].as_str().unwrap();
    let traceparent = format!("00-{}-{span_id}-01", id(&finished));
    assert_eq!(httpbin.header("traceparent"), Some(traceparent));
}

#[test]
fn a_failed_request_is_recorded_and_the_work_goes_on() {
    let jaeger = Jaeger::start().unwrap();
    let finished = program(&jaeger, REFUSING_URL).run().unwrap();
    expect_file!("tests/error.trace").assert(&jaeger.read(id(&finished), 3).unwrap());
}

#[test]
fn the_log_line_names_the_trace() {
    let httpbin = Httpbin::start(Answer::Get).unwrap();
    let jaeger = Jaeger::start().unwrap();
    let finished = program(&jaeger, &httpbin.url()).run().unwrap();
    let trace = jaeger.trace(id(&finished), 3).unwrap();
    let expected = format!(
        " INFO otlp_example: requesting {} trace_id={}\n",
        httpbin.url(),
        trace["traceID"].as_str().unwrap(),
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

/// The tree that `make run-all` prints: the program's spans and httpbin's.
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
fn each_protocol_delivers_the_spans() {
    let jaeger = Jaeger::start().unwrap();
    for (protocol, endpoint) in
        [("grpc", jaeger.otlp_grpc_url()), ("http/protobuf", jaeger.otlp_url())]
    {
        for compression in [None, Some("gzip")] {
            let program = program(&jaeger, REFUSING_URL)
                .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
                .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
            let program = compression.into_iter().fold(program, |program, compression| {
                program.env("OTEL_EXPORTER_OTLP_COMPRESSION", compression)
            });
            let finished = program.run().unwrap();
            jaeger.read(id(&finished), 3).expect(protocol);
        }
    }
}

#[test]
fn the_environment_sets_the_resource() {
    let jaeger = Jaeger::start().unwrap();
    let finished = program(&jaeger, REFUSING_URL)
        .env("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,deployment.environment.name=lab")
        .run()
        .unwrap();
    let trace = jaeger.trace(id(&finished), 3).unwrap();
    let process = &trace["processes"]["p1"];
    assert_eq!(process["serviceName"], "other");
    assert_eq!(value(&process["tags"], "deployment.environment.name").as_deref(), Some("lab"));

    // OTEL_SERVICE_NAME overrides it.
    let finished = program(&jaeger, REFUSING_URL)
        .env("OTEL_RESOURCE_ATTRIBUTES", "service.name=other")
        .env("OTEL_SERVICE_NAME", "named")
        .run()
        .unwrap();
    let trace = jaeger.trace(id(&finished), 3).unwrap();
    assert_eq!(trace["processes"]["p1"]["serviceName"], "named");
}

/// An empty variable counts as unset, except where `--help` says otherwise.
#[test]
fn an_empty_variable_counts_as_unset() {
    let jaeger = Jaeger::start().unwrap();
    let names = [
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "OTEL_EXPORTER_OTLP_TIMEOUT",
        "OTEL_PROPAGATORS",
        "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_SERVICE_NAME",
    ];
    let program = program(&jaeger, REFUSING_URL);
    let finished = names.into_iter().fold(program, |it, name| it.env(name, "")).run().unwrap();
    let trace = jaeger.trace(id(&finished), 3).unwrap();
    assert_eq!(trace["processes"]["p1"]["serviceName"], "otlp-example");
    assert!(!finished.stderr.contains("WARN"), "{finished:?}");
}

/// The variables that `--help` lists as read: each is tested by its effect.
#[test]
fn the_variables_that_the_sdk_reads_have_an_effect() {
    let httpbin = Httpbin::start(Answer::Get).unwrap();
    let jaeger = Jaeger::start().unwrap();
    let run = |name: &str, value: &str| {
        let finished = program(&jaeger, &httpbin.url()).env(name, value).run().unwrap();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        finished
    };
    let traced = |name: &str, value: &str| jaeger.read(id(&run(name, value)), 3).unwrap();

    assert_eq!(run("OTEL_TRACES_SAMPLER", "always_off").stdout, "", "no trace");
    let nonsense = run("OTEL_TRACES_SAMPLER", "nonsense");
    assert!(nonsense.stderr.contains("Unrecognized sampler type 'nonsense'"), "{nonsense:?}");
    let argument = program(&jaeger, &httpbin.url())
        .env("OTEL_TRACES_SAMPLER", "traceidratio")
        .env("OTEL_TRACES_SAMPLER_ARG", "0");
    assert_eq!(argument.run().unwrap().stdout, "", "no trace");

    let trace = traced("OTEL_SPAN_EVENT_COUNT_LIMIT", "1");
    assert_eq!(trace.spans().map(|span| span.events.len()).max(), Some(1), "{trace}");
    let trace = traced("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "0");
    assert!(!trace.to_string().contains("url.full"), "{trace}");
    let dropped = run("OTEL_BSP_MAX_QUEUE_SIZE", "0");
    assert!(dropped.stderr.contains("BatchSpanProcessor.SpansDropped"), "{dropped:?}");
    let silent = Httpbin::start(Answer::Silence).unwrap();
    let late = program(&jaeger, &httpbin.url())
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &silent.url())
        .env("OTEL_EXPORTER_OTLP_TIMEOUT", "10");
    assert!(late.run().unwrap().stderr.contains("operation timed out"));
    let headers = Httpbin::start(Answer::Get).unwrap();
    let sent = program(&jaeger, &httpbin.url())
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &headers.url())
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=shop");
    sent.run().unwrap();
    assert_eq!(headers.header("x-tenant").as_deref(), Some("shop"));
    // And the default protocol is the specification's, whatever features other crates turn on.
    assert_eq!(headers.header("content-type").as_deref(), Some("application/x-protobuf"));
}

/// The variables that `--help` lists as not read: the trace is the same, and nothing is logged.
#[test]
fn the_variables_that_the_sdk_does_not_read_have_no_effect() {
    let jaeger = Jaeger::start().unwrap();
    let variables = [
        ("OTEL_SDK_DISABLED", "true"),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_LOG_LEVEL", "none"),
        ("OTEL_CONFIG_FILE", "/no/such/file"),
        ("OTEL_ENTITIES", "service{service.name=other}"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such/file"),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/no/such/file"),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/no/such/file"),
        ("OTEL_EXPORTER_OTLP_INSECURE", "false"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "0"),
        ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "0"),
        ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "0"),
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "0"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "1"),
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "1"),
    ];
    let help = Program::new(env!("CARGO_BIN_EXE_otlp-example")).arg("--help").run().unwrap();
    let (_, without_effect) = help.stdout.split_once("Without effect").unwrap();
    let program = program(&jaeger, REFUSING_URL);
    let finished = variables.into_iter().fold(program, |it, (name, value)| it.env(name, value));
    let finished = finished.run().unwrap();
    expect_file!("tests/error.trace").assert(&jaeger.read(id(&finished), 3).unwrap());
    assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
    for (name, _) in variables {
        let tail = name.rsplit_once('_').unwrap().1; // --help abbreviates to OTEL_{EVENT,LINK}_…
        assert!(without_effect.contains(tail), "{name} is not in {without_effect}");
    }
}

#[test]
fn otel_propagators_chooses_the_headers() {
    let jaeger = Jaeger::start().unwrap();
    for (propagators, written) in [
        ("", &["traceparent"][..]),
        ("jaeger", &["uber-trace-id"]),
        ("tracecontext,jaeger", &["traceparent", "uber-trace-id"]),
        ("b3, tracecontext", &["traceparent"]), // with a warning
        ("none", &[]),
    ] {
        let httpbin = Httpbin::start(Answer::Get).unwrap();
        let run = program(&jaeger, &httpbin.url()).env("OTEL_PROPAGATORS", propagators).run();
        let finished = run.unwrap();
        assert_eq!(finished.code, Some(0));
        assert_eq!(finished.stderr.contains("\"b3\" is unknown"), propagators.contains("b3"));
        let known = ["traceparent", "uber-trace-id"];
        let found = known.into_iter().filter(|name| httpbin.header(name).is_some());
        assert_eq!(found.collect::<Vec<_>>(), written, "{propagators}");
    }
}
