//! What the crate `tracing` reports, by whom it is taken: the spans of the instrumented HTTP client
//! become OpenTelemetry's, and the program's own events are lines of a log that name their trace.

use std::fmt;

use opentelemetry::Context;
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;

/// Installs both. Of the spans only the HTTP client's: what other crates write there would become
/// spans too, those of the exporter's own connection among them.
pub(crate) fn install(provider: &SdkTracerProvider) {
    let spans = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("reqwest-tracing"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(Targets::new().with_target("reqwest_tracing", Level::INFO));
    let log = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .event_format(Line)
        .with_filter(Targets::new().with_target(env!("CARGO_CRATE_NAME"), Level::INFO));
    tracing_subscriber::registry().with(spans).with(log).init();
}

/// `INFO:otlp_example:text trace_id=… span_id=…`: the ids of the span in whose context it was
/// written lead from a line of the log to the trace, and from a trace to its lines.
struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        fields: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        write!(line, "{}:{}:", metadata.level(), metadata.target())?;
        fields.format_fields(line.by_ref(), event)?;
        let context = Context::current();
        let span = context.span();
        let span = span.span_context();
        if span.is_valid() {
            write!(line, " trace_id={} span_id={}", span.trace_id(), span.span_id())?;
        }
        writeln!(line)
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::Tracer;
    use opentelemetry_otlp::Protocol;

    use super::*;
    use crate::exporter;
    use crate::link::Link;
    use crate::settings::Otlp;

    /// By gRPC, whose HTTP/2 writes a span of `tracing` for every frame. Taken, each batch would
    /// make the next one.
    #[test]
    fn an_export_makes_no_span_of_its_own() {
        let jaeger = testbed::Jaeger::start().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let _entered = runtime.enter();
        let link = Link::default();
        let otlp = Otlp { endpoint: jaeger.otlp_grpc_url().to_owned(), protocol: Protocol::Grpc };
        let provider = SdkTracerProvider::builder()
            .with_span_processor(link.clone())
            .with_batch_exporter(exporter::build(&otlp, &link).unwrap())
            .build();
        install(&provider);
        drop(provider.tracer("test").start("the only one"));
        for _ in 0..100 {
            provider.force_flush().unwrap();
        }
        provider.shutdown().unwrap();
        let services = jaeger.get("/api/services").unwrap();
        let service = services["data"][0].as_str().unwrap();
        let traces = jaeger.traces(service, 1).unwrap();
        assert_eq!(traces["data"].as_array().unwrap().len(), 1, "{traces:#}");
        assert_eq!(traces["data"][0]["spans"].as_array().unwrap().len(), 1, "{traces:#}");
    }
}
