//! The servers continue the program's trace, whichever headers each of them writes.

use expect_trace::expect_file;
use httpbin::Format;
use testbed::{Fleet, Jaeger, Program};

/// The program writes `traceparent`; the relay writes `traceparent` or `uber-trace-id`.
#[test]
fn two_hops_with_mixed_headers_are_one_trace() {
    let jaeger = Jaeger::start().unwrap();
    for relay_writes in [Format::TraceContext, Format::Jaeger] {
        let fleet = Fleet::start(&jaeger, &[relay_writes]).unwrap();
        let program = Program::new(env!("CARGO_BIN_EXE_otel-example"))
            .env("OTEL_EXPORTER_JAEGER_AGENT_PORT", &jaeger.agent_port().to_string());
        let trace = fleet.follow(&jaeger, program, 6).unwrap();
        expect_file!("tests/chain.trace").assert(&trace);
    }
}
