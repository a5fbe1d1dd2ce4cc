//! The trace goes on in the programs that answer, whichever headers each of them writes.

use httpbin::Format;
use testbed::{Fleet, Jaeger, Program, spans};

/// What the program writes, what the relay reads and writes: one generation after the other.
#[test]
fn two_hops_with_mixed_headers_are_one_trace() {
    let jaeger = Jaeger::start().unwrap();
    for (program_writes, relay_writes) in [
        ("tracecontext", &[Format::TraceContext][..]),
        ("jaeger", &[Format::TraceContext]),
        ("tracecontext,jaeger", &[Format::Jaeger]),
    ] {
        let fleet = Fleet::start(&jaeger, relay_writes).unwrap();
        let finished = Program::new(env!("CARGO_BIN_EXE_otel-example"))
            .env("OTEL_EXPORTER_JAEGER_AGENT_PORT", &jaeger.agent_port().to_string())
            .env("OTEL_PROPAGATORS", program_writes)
            .env("HTTPBIN_URL", fleet.relay_url())
            .run()
            .unwrap();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        fleet.flush().unwrap();

        let id = finished.stdout.trim().rsplit('/').next().unwrap();
        let trace = jaeger.trace(id, 6).unwrap();
        let chain = spans(&trace);
        let chain: Vec<_> = chain.iter().map(|span| (&*span.service, &*span.operation)).collect();
        assert_eq!(
            chain,
            [
                ("opentelemetry-example", "main_process"),
                ("opentelemetry-example", "make_request"),
                ("opentelemetry-example", "HTTP GET"),
                ("relay", "GET /get"),
                ("relay", "GET"),
                ("httpbin", "GET /get"),
            ],
            "{program_writes} > {relay_writes:?}: {trace:#}"
        );
    }
}
