//! Builds and runs the programs of the README's chapters as a reader would: in an empty project
//! outside this workspace, set up by the chapter's own commands. The build is offline and uses the
//! versions in Cargo.lock. Only the page's URL and the agent's port are changed, because tests use
//! no fixed ports.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::path::PathBuf;

use expect_trace::{Event, Status, expect_file};
use testbed::{Answer, Finished, Httpbin, Jaeger, Program, Project};

const README: &str = include_str!("../../README.md");

/// A program of the README: the block of Rust at `index` below a heading.
struct Chapter {
    heading: &'static str,
    index: usize,
    /// The name of the project, and so of the binary.
    name: &'static str,
    /// The service, and the number of its spans.
    service: &'static str,
    spans: usize,
}

const JAEGER: Chapter = Chapter {
    heading: "### Using the Jaeger client in Rust\n",
    index: 0,
    name: "jaeger-tutorial",
    service: "jaeger-tutorial",
    spans: 2,
};

const OTEL: Chapter = Chapter {
    heading: "### Using OpenTelemetry in Rust\n",
    index: 0,
    name: "otel-tutorial",
    service: "otel-tutorial",
    spans: 3,
};

const OTLP: Chapter = Chapter {
    heading: "### Using OTLP in Rust\n",
    index: 0,
    name: "otlp-tutorial",
    service: "otlp-tutorial",
    spans: 3,
};

const INSTRUMENT: Chapter = Chapter { index: 1, name: "otlp-tutorial-instrument", ..OTLP };

impl Chapter {
    fn text(&self) -> &'static str {
        let (_, chapter) = README.split_once(self.heading).unwrap();
        chapter.split("\n### ").next().unwrap()
    }

    fn blocks(&self, language: &str) -> Vec<&'static str> {
        let fence = format!("```{language}\n");
        let blocks = self.text().split(&fence).skip(1);
        blocks.map(|rest| rest.split("```").next().unwrap()).collect()
    }

    fn program(&self) -> &'static str {
        self.blocks("rust")[self.index]
    }

    /// Sets up a project with the chapter's commands and this program, and builds it.
    fn build(&self, variant: &str, program: &str) -> PathBuf {
        let project = Project::new(&format!("{}{variant}", self.name), &[]).unwrap();
        for line in self.blocks("sh").concat().lines() {
            project.run(line).unwrap();
        }
        project.write("src/main.rs", program).unwrap();
        project.lock().unwrap();
        let warnings = project.build().unwrap();
        assert!(!warnings.contains("warning"), "{warnings}");
        project.program()
    }

    /// Builds and runs a variant of the program.
    fn run(&self, variant: &str, program: &str, page: &Httpbin, jaeger: &Jaeger) -> Finished {
        let agent_port = jaeger.agent_port().to_string();
        let program = program
            .replace("https://httpbin.org/get", &page.url())
            .replace("[127, 0, 0, 1], 6831", &format!("[127, 0, 0, 1], {agent_port}"));
        let binary = self.build(variant, &program);
        let finished = Program::new(&binary.to_string_lossy())
            .env("OTEL_EXPORTER_JAEGER_AGENT_PORT", &agent_port)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", jaeger.otlp_url())
            .run()
            .unwrap();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(!page.requests().is_empty(), "{finished:?}");
        finished
    }

    fn assert_trace(&self) {
        let page = Httpbin::start(Answer::Get).unwrap();
        let jaeger = Jaeger::start().unwrap();
        self.run("", self.program(), &page, &jaeger);
        let traces = jaeger.read_all(self.service, self.spans).unwrap();
        assert_eq!(traces.len(), 1, "{traces:#?}");
        let trace = &traces[0];
        let name = format!("tests/chapters/{}.trace", self.name);
        expect_file!(name).assert(trace);
        // The request carries the trace id, so that a server can join the trace.
        let header = ["traceparent", "uber-trace-id"].into_iter().find_map(|it| page.header(it));
        assert!(header.unwrap().contains(trace.id().unwrap().trim_start_matches('0')));
        // The filters keep out what HTTP libraries log.
        assert!(!trace.to_string().contains("hyper"), "{trace}");
    }

    /// And a request that fails is marked on its own span.
    fn assert_failure_is_marked(&self) {
        let page = Httpbin::start(Answer::RedirectLoop).unwrap();
        let jaeger = Jaeger::start().unwrap();
        self.run("", self.program(), &page, &jaeger);
        let traces = jaeger.read_all(self.service, self.spans).unwrap();
        let request = traces[0].span("make_request").unwrap();
        assert_eq!(request.status, Status::Error, "{}", traces[0]);
        let reason = |event: &Event| {
            event.attributes.iter().any(|(_, value)| value.to_string().contains("redirect"))
        };
        assert!(request.events.iter().any(reason), "{}", traces[0]);
    }
}

#[test]
fn the_jaeger_client() {
    JAEGER.assert_trace();
    JAEGER.assert_failure_is_marked();
}

#[test]
fn the_jaeger_exporter() {
    OTEL.assert_trace();
    OTEL.assert_failure_is_marked();
}

#[test]
fn otlp_with_the_api() {
    OTLP.assert_trace();
    OTLP.assert_failure_is_marked();
}

#[test]
fn otlp_with_instrument() {
    INSTRUMENT.assert_trace();
    INSTRUMENT.assert_failure_is_marked();
}

/// The README's mistake: without an explicit parent, the request starts a second trace.
#[test]
fn without_a_parent_there_are_two_traces() {
    let page = Httpbin::start(Answer::Get).unwrap();
    let jaeger = Jaeger::start().unwrap();
    let program = JAEGER.program().replace(".child_of(parent)", "");
    assert_ne!(program, JAEGER.program());
    let program = program.replace("parent: &Span", "_: &Span"); // now unused
    JAEGER.run("-no-parent", &program, &page, &jaeger);
    let traces = jaeger.read_all("jaeger-tutorial", 2).unwrap();
    assert_eq!(traces.len(), 2, "{traces:#?}");
}

/// Without a shutdown, the provider's spans are never sent, and no message says so.
#[test]
fn without_a_shutdown_there_is_no_trace() {
    let page = Httpbin::start(Answer::Get).unwrap();
    let jaeger = Jaeger::start().unwrap();
    let program = OTLP.program().replace("Ok(provider.shutdown()?)", "Ok(())");
    assert_ne!(program, OTLP.program());
    let finished = OTLP.run("-no-shutdown", &program, &page, &jaeger);
    let output = finished.stdout + &finished.stderr;
    assert!(!output.contains("ERROR") && !output.contains("WARN"), "{output}");
    let services = jaeger.get("/api/services").unwrap();
    assert_eq!(services["data"], serde_json::json!([]));
}
