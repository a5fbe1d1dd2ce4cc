//! `jaeger-all-in-one run` with the programs of this repository: over UDP, and over OTLP in two
//! protocols through one port. Needs the programs, as `make programs` builds them.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::env;

use testbed::{Answer, Finished, Httpbin, Program};

/// Runs a program by `run`, with the trace that is expected of it.
fn run(program: &str, argument: Option<&str>, variable: Option<(&str, &str)>) -> Finished {
    let httpbin = Httpbin::start(Answer::Get).unwrap();
    let path = env::current_exe().unwrap();
    let path = path.ancestors().nth(2).unwrap().join(program);
    let expected = format!("{}/tests/run/{program}.trace", env!("CARGO_MANIFEST_DIR"));
    let mut run = Program::built("jaeger-all-in-one").unwrap().env("HTTPBIN_URL", &httpbin.url());
    if let Some((name, value)) = variable {
        run = run.env(name, value);
    }
    let command = ["run", "--expect", &expected, "--", path.to_str().unwrap()];
    command.into_iter().chain(argument).fold(run, Program::arg).run().unwrap()
}

#[test]
fn each_program_s_trace_is_as_expected() {
    const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
    for (program, argument, variable) in [
        ("jaeger-example", Some("--one-trace"), None),
        ("otel-example", None, None),
        ("otlp-example", None, None),
        ("otlp-example", None, Some((PROTOCOL, "grpc"))),
        ("otlp-example", None, Some((PROTOCOL, "http/protobuf"))),
    ] {
        let finished = run(program, argument, variable);
        let said = &finished.stderr;
        assert_eq!(finished.code, Some(0), "{program}, {variable:?}: {said}");
        assert!(said.contains(&format!("{program}.trace: as expected")), "{said}");
        assert!(finished.stdout.starts_with("main_process: "), "stdout is the program's alone");
    }
}

#[test]
fn another_trace_fails_with_the_difference() {
    let finished = run("jaeger-example", None, None);
    assert_eq!(finished.code, Some(1), "without --one-trace there are two traces");
    let said = &finished.stderr;
    assert!(said.contains("- └─ jaeger-example: make_request [client]"), "{said}");
}
