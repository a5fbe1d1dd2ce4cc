//! The servers continue the program's trace, whichever headers each of them writes.

use expect_trace::expect_file;
use httpbin::Format;
use testbed::{Fleet, Jaeger, Program};

/// Each row: the header formats that the program writes, and those that the relay writes.
#[test]
fn two_hops_with_mixed_headers_are_one_trace() {
    let jaeger = Jaeger::start().unwrap();
    for (program_writes, relay_writes) in [
        ("tracecontext", &[Format::TraceContext][..]),
        ("jaeger", &[Format::TraceContext]),
        ("tracecontext,jaeger", &[Format::Jaeger]),
    ] {
        let fleet = Fleet::start(&jaeger, relay_writes).unwrap();
        let program = Program::new(env!("CARGO_BIN_EXE_otlp-example"))
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", jaeger.otlp_url())
            .env("OTEL_PROPAGATORS", program_writes);
        let trace = fleet.follow(&jaeger, program, 6).unwrap();
        expect_file!("tests/chain.trace").assert(&trace);
    }
}
