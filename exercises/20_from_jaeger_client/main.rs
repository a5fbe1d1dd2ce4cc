// Half of this program moved from the Jaeger client to OpenTelemetry, and its trace broke in two.
// Move `charge` as well. `cargo run -p exercises` runs this program after each save.

use std::env;
use std::error::Error;
use std::net::ToSocketAddrs;

use exercises::shop;
use opentelemetry::KeyValue;
use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry_sdk::trace::SdkTracer;
use rustracing::sampler::AllSampler;
use rustracing::tag::{StdTag, Tag};
use rustracing_jaeger::reporter::JaegerCompactReporter;

fn main() -> Result<(), Box<dyn Error>> {
    let provider = shop::provider("checkout")?;
    let (jaeger_tracer, finished_spans) = rustracing_jaeger::Tracer::new(AllSampler);

    buy(&provider.tracer("checkout"), &jaeger_tracer);

    drop(jaeger_tracer); // closes the channel of finished spans
    let mut reporter = JaegerCompactReporter::new("checkout")?;
    let host = env::var("JAEGER_AGENT_HOST").unwrap_or_else(|_| "127.0.0.1".to_owned());
    let port = env::var("JAEGER_AGENT_PORT").map_or(Ok(6831), |port| port.parse())?;
    let agent = (host, port).to_socket_addrs()?.find(|address| address.is_ipv4());
    reporter.set_agent_addr(agent.ok_or("the agent's host has no IPv4 address")?);
    reporter.report(&finished_spans.iter().collect::<Vec<_>>())?;
    provider.shutdown()?;
    Ok(())
}

/// Has moved to OpenTelemetry.
fn buy(tracer: &SdkTracer, jaeger_tracer: &rustracing_jaeger::Tracer) {
    tracer.in_span("buy", |context| {
        context.span().set_attribute(KeyValue::new("order.id", "order-17"));
        charge(jaeger_tracer, 12);
    });
}

/// Still uses the Jaeger client. While `buy` did, too, this was `.child_of(parent).start()`.
fn charge(tracer: &rustracing_jaeger::Tracer, amount: i64) {
    let mut span = tracer.span("charge").start();
    span.set_tag(|| Tag::new("span.kind", "client"));
    span.set_tag(|| Tag::new("amount", amount));

    // The bank says no.
    span.set_tag(StdTag::error);
    span.log(|log| {
        log.std().event("declined");
        log.field(("reason", "card expired"));
    });
} // the span ends here
