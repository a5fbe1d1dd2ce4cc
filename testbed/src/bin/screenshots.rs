//! Takes the screenshots of the documents from real runs of the three programs, a Jaeger and a
//! browser: a light one, and a dark one where Jaeger's page has a dark theme. `make screenshots`
//! builds the programs and runs it. The screenshots are in docs/images.

use std::error::Error;
use std::path::Path;

use httpbin::Format;
use testbed::{Fleet, Jaeger, Pages, Program};

/// Nothing listens on this port.
const REFUSING_URL: &str = "http://127.0.0.1:1/get";

fn main() -> Result<(), Box<dyn Error>> {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images");
    let jaeger = Jaeger::start()?;
    let fleet = Fleet::start(&jaeger, &[Format::TraceContext])?;
    let pages = Pages::open(jaeger.query_url())?;
    let picture = |name: &str| -> Result<(), Box<dyn Error>> {
        pages.picture(&images.join(name))?;
        println!("docs/images/{name}");
        Ok(())
    };
    let light_and_dark = |name: &str| -> Result<(), Box<dyn Error>> {
        for ending in ["", "-dark"] {
            picture(&format!("{name}{ending}.png"))?;
            pages.switch_theme()?;
        }
        Ok(())
    };

    run(&jaeger, "jaeger-example", fleet.httpbin_url(), &[])?;
    fleet.flush()?;
    jaeger.traces("jaeger-example", 3)?;
    pages.search("jaeger-example")?;
    light_and_dark("jaeger-search")?;

    let one_trace = run(&jaeger, "jaeger-example", fleet.httpbin_url(), &["--one-trace"])?;
    fleet.flush()?;
    jaeger.trace(&one_trace, 3)?;
    pages.trace(&one_trace)?;
    pages.span("main_process")?;
    pages.tags()?;
    light_and_dark("jaeger-trace")?;

    let otel = run(&jaeger, "otel-example", fleet.httpbin_url(), &[])?;
    fleet.flush()?;
    jaeger.trace(&otel, 4)?;
    pages.trace(&otel)?;
    pages.span("HTTP GET")?;
    pages.tags()?;
    light_and_dark("otel-trace")?;

    let failed = run(&jaeger, "otel-example", REFUSING_URL, &[])?;
    jaeger.trace(&failed, 3)?;
    pages.trace(&failed)?;
    pages.span("HTTP GET")?;
    pages.log()?;
    light_and_dark("otel-error")?;

    let otlp = run(&jaeger, "otlp-example", fleet.httpbin_url(), &[])?;
    fleet.flush()?;
    jaeger.trace(&otlp, 4)?;
    pages.trace(&otlp)?;
    pages.span("GET /get")?;
    pages.tags()?;
    light_and_dark("otlp-trace")?;

    // The course's exercise 17, before and after.
    let n_plus_one = shop(&jaeger, "n_plus_one", 10)?;
    pages.trace(&n_plus_one)?;
    light_and_dark("n-plus-one")?;
    let one_query = shop(&jaeger, "examples/n_plus_one", 3)?;
    pages.trace(&one_query)?;
    light_and_dark("one-query")?;

    // In Jaeger's dark theme the graphs stay light, and the text around them has no contrast.
    pages.compare(&failed, &otel)?;
    picture("compare.png")?;
    pages.architecture()?;
    picture("architecture.png")
}

/// Runs a program of the course, and returns the id of its trace.
fn shop(jaeger: &Jaeger, program: &str, spans: usize) -> Result<String, Box<dyn Error>> {
    Program::built(program)?.env("OTEL_EXPORTER_OTLP_ENDPOINT", jaeger.otlp_url()).run()?;
    let traces = jaeger.read_all("storefront", spans)?;
    let newest = traces.iter().find(|trace| trace.spans().len() == spans);
    let id = newest.and_then(|trace| trace.id()).ok_or("no trace of the course's program")?;
    Ok(id.to_owned())
}

/// Runs a built program and returns the trace id in its last line.
fn run(
    jaeger: &Jaeger,
    program: &str,
    url: &str,
    arguments: &[&str],
) -> Result<String, Box<dyn Error>> {
    let program = Program::built(program)?
        .env("JAEGER_AGENT_PORT", &jaeger.agent_port().to_string())
        .env("OTEL_EXPORTER_JAEGER_AGENT_PORT", &jaeger.agent_port().to_string())
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", jaeger.otlp_url())
        .env("HTTPBIN_URL", url);
    let finished = arguments.iter().fold(program, |program, it| program.arg(it)).run()?;
    let link = finished.stdout.lines().last().and_then(|line| line.rsplit(['/', ' ']).next());
    Ok(link.ok_or_else(|| format!("no link: {finished:?}"))?.to_owned())
}
