//! The servers continue the program's trace, whichever headers each of them writes.

use httpbin::Format;
use testbed::{Fleet, Jaeger, Program, names};

/// The program writes `uber-trace-id`; the relay writes `traceparent` or `uber-trace-id`.
#[test]
fn two_hops_with_mixed_headers_are_one_trace() {
    let jaeger = Jaeger::start().unwrap();
    for (arguments, relay_writes) in
        [(&[][..], &[Format::TraceContext]), (&["--one-trace"], &[Format::Jaeger])]
    {
        let fleet = Fleet::start(&jaeger, relay_writes).unwrap();
        let program = Program::new(env!("CARGO_BIN_EXE_jaeger-example"))
            .env("JAEGER_AGENT_PORT", &jaeger.agent_port().to_string());
        let program = arguments.iter().fold(program, |program, argument| program.arg(argument));
        let mut expected = vec![
            ("jaeger-example", "make_request"),
            ("relay", "GET /get"),
            ("relay", "GET"),
            ("httpbin", "GET /get"),
        ];
        if !arguments.is_empty() {
            expected.insert(0, ("jaeger-example", "main_process"));
        }
        let chain = fleet.follow(&jaeger, program, expected.len()).unwrap();
        assert_eq!(names(&chain), expected, "{relay_writes:?}");
    }
}
