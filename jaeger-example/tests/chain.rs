//! The trace of the request goes on in the programs that answer, of whichever generation they are.

use httpbin::Format;
use testbed::{Fleet, Jaeger, Program, spans};

/// The program writes `uber-trace-id`, and the relay what its own generation does.
#[test]
fn two_hops_with_mixed_headers_are_one_trace() {
    let jaeger = Jaeger::start().unwrap();
    for (arguments, relay_writes) in
        [(&[][..], &[Format::TraceContext]), (&["--one-trace"], &[Format::Jaeger])]
    {
        let fleet = Fleet::start(&jaeger, relay_writes).unwrap();
        let program = Program::new(env!("CARGO_BIN_EXE_jaeger-example"))
            .env("JAEGER_AGENT_PORT", &jaeger.agent_port().to_string())
            .env("HTTPBIN_URL", fleet.relay_url());
        let program = arguments.iter().fold(program, |program, argument| program.arg(argument));
        let finished = program.run().unwrap();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        fleet.flush().unwrap();

        let first_link = finished.stdout.lines().next().unwrap();
        let id = first_link.rsplit('/').next().unwrap();
        let mut expected = vec![
            ("jaeger-example", "make_request"),
            ("relay", "GET /get"),
            ("relay", "GET"),
            ("httpbin", "GET /get"),
        ];
        if !arguments.is_empty() {
            expected.insert(0, ("jaeger-example", "main_process"));
        }
        let trace = jaeger.trace(id, expected.len()).unwrap();
        let chain = spans(&trace);
        let chain: Vec<_> = chain.iter().map(|span| (&*span.service, &*span.operation)).collect();
        assert_eq!(chain, expected, "{relay_writes:?}: {trace:#}");
    }
}
