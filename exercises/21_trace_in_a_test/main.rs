// This test passes on a shop that charges twice, so it tests nothing. Say what a purchase is.
// `cargo run -p exercises` runs this program after each save.

use std::error::Error;

use expect_trace::{Expectation, Trace, sdk};
use opentelemetry::KeyValue;
use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracer, SdkTracerProvider};

/// The test: `Ok` if the trace of a purchase is as it should be.
fn purchase_is_traced(trace: &Trace) -> Result<(), Box<dyn Error>> {
    let expected = r#"
checkout: buy
  …
"#; // between these signs a text may have quotes
    expected.parse::<Expectation>()?.check(trace)?;
    Ok(())
}

// Below, the test runs on two shops. There is nothing to mend.

fn main() -> Result<(), Box<dyn Error>> {
    run("the shop", buy)?;
    run("the shop with a mistake", hasty_buy)?;
    Ok(())
}

/// Buys with spans that stay in memory, as in a test, and go to Jaeger as well.
fn run(shop: &str, buy: fn(&SdkTracer)) -> Result<(), Box<dyn Error>> {
    let memory = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name("checkout").build())
        .with_simple_exporter(memory.clone())
        .with_batch_exporter(SpanExporter::builder().with_http().build()?)
        .build();
    buy(&provider.tracer("checkout"));

    let traces = sdk::traces(&memory.get_finished_spans()?, "checkout");
    provider.shutdown()?;
    match purchase_is_traced(traces.first().ok_or("there is no trace")?) {
        Ok(()) => println!("{shop}: the test passes"),
        Err(error) => println!("{shop}: the test fails\n{error}"),
    }
    Ok(())
}

fn buy(tracer: &SdkTracer) {
    tracer.in_span("buy", |_| {
        reserve(tracer, "mug");
        charge(tracer, 12);
    });
}

/// The planted mistake: it charges again, because the bank's answer took long.
fn hasty_buy(tracer: &SdkTracer) {
    tracer.in_span("buy", |_| {
        reserve(tracer, "mug");
        charge(tracer, 12);
        charge(tracer, 12);
    });
}

fn reserve(tracer: &SdkTracer, item: &'static str) {
    tracer.in_span("reserve", |it| it.span().set_attribute(KeyValue::new("item", item)));
}

fn charge(tracer: &SdkTracer, amount: i64) {
    tracer.in_span("charge", |it| it.span().set_attribute(KeyValue::new("amount", amount)));
}
