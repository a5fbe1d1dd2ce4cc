//! The servers continue the program's trace, whichever headers each of them writes.

use expect_trace::expect_file;
use httpbin::Format;
use testbed::{Fleet, Jaeger, Program};

/// The program writes `uber-trace-id`; the relay writes `traceparent` or `uber-trace-id`. A single
/// test, because the servers' tracer provider is global.
#[test]
fn two_hops_with_mixed_headers_are_one_trace() {
    let jaeger = Jaeger::start().unwrap();
    let program = || {
        Program::new(env!("CARGO_BIN_EXE_jaeger-example"))
            .env("JAEGER_AGENT_PORT", &jaeger.agent_port().to_string())
    };
    let fleet = Fleet::start(&jaeger, &[Format::TraceContext]).unwrap();
    let trace = fleet.follow(&jaeger, program(), 4).unwrap();
    expect_file!("tests/chain.trace").assert(&trace);

    let fleet = Fleet::start(&jaeger, &[Format::Jaeger]).unwrap();
    let trace = fleet.follow(&jaeger, program().arg("--one-trace"), 5).unwrap();
    expect_file!("tests/chain_one_trace.trace").assert(&trace);
}
