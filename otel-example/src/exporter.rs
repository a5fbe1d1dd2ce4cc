//! The Jaeger exporter, watched. Alone it drops a whole batch for one span that is too large, or
//! since the agent was not there for the batch before.

#![expect(deprecated, reason = "the step after it is OTLP; this program shows the one before")]

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::global;
use opentelemetry_jaeger::Exporter as Jaeger;
use opentelemetry_sdk::export::trace::{ExportResult, SpanData, SpanExporter};

use crate::agent::warn;
use crate::link::Link;

/// Sends spans in batches to the agent, and tells the link what became of them.
#[derive(Debug)]
pub(crate) struct Exporter {
    jaeger: Arc<Mutex<Jaeger>>,
    link: Link,
}

impl Exporter {
    pub(crate) fn new(jaeger: Jaeger, link: &Link) -> Self {
        let handler = link.clone();
        let _ = global::set_error_handler(move |error| handler.failed(&error));
        Self { jaeger: Arc::new(Mutex::new(jaeger)), link: link.clone() }
    }
}

impl SpanExporter for Exporter {
    fn export(&mut self, batch: Vec<SpanData>) -> Sending<ExportResult> {
        let (jaeger, link) = (Arc::clone(&self.jaeger), self.link.clone());
        Box::pin(async move {
            let spans = batch.len();
            let sent = send(jaeger, batch).await;
            link.exported(spans, sent);
            Ok(())
        })
    }
}

type Sending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Sends the spans, in two halves if one among them is too large, and returns how many it sent.
/// Warns of those that are lost.
fn send(jaeger: Arc<Mutex<Jaeger>>, mut spans: Vec<SpanData>) -> Sending<usize> {
    Box::pin(async move {
        let mut outcome = attempt(&jaeger, spans.clone()).await;
        if matches!(&outcome, Err(error) if error.contains("Connection refused")) {
            // It was the datagram before that got lost; this one was not even sent.
            outcome = attempt(&jaeger, spans.clone()).await;
        }
        match outcome {
            Ok(()) => return spans.len(),
            Err(error) if !error.contains("over max UDP packet size") => {
                warn(&format!("{} spans are lost: {error}", spans.len()));
            }
            Err(error) => match &spans[..] {
                [span] => warn(&format!("The span {} is lost: {error}", span.name)),
                _ => {
                    let second_half = spans.split_off(spans.len() / 2);
                    let sent = send(Arc::clone(&jaeger), spans).await;
                    return sent + send(jaeger, second_half).await;
                }
            },
        }
        0
    })
}

async fn attempt(jaeger: &Mutex<Jaeger>, spans: Vec<SpanData>) -> Result<(), String> {
    let sending = jaeger.lock().unwrap_or_else(PoisonError::into_inner).export(spans);
    sending.await.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use opentelemetry::KeyValue;
    use opentelemetry::trace::{Tracer, TracerProvider as _};
    use opentelemetry_sdk::Resource;
    use opentelemetry_sdk::runtime::Tokio;
    use opentelemetry_sdk::trace::{Config, TracerProvider};

    use super::*;
    use crate::agent::Agent;
    use crate::{panics, settings};

    /// What `init_tracer` makes, without what is global in it.
    fn provider(jaeger: &testbed::Jaeger, service: &'static str) -> (TracerProvider, Link) {
        let resource = Resource::new([KeyValue::new("service.name", service)]);
        let port = jaeger.agent_port();
        let agent = Agent::look_up(&settings::Agent { host: "127.0.0.1".to_owned(), port });
        let link = Link::default();
        let exporter = agent.exporter(&resource, &link).unwrap();
        let provider = TracerProvider::builder()
            .with_config(Config::default().with_resource(resource))
            .with_span_processor(link.clone())
            .with_batch_exporter(exporter, Tokio)
            .build();
        (provider, link)
    }

    /// One test, since the agent's address and the error handler are the process's.
    #[test]
    fn ten_thousand_spans_at_once_a_panic_and_late_spans() {
        let jaeger = testbed::Jaeger::start().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();

        let lost = runtime.block_on(async {
            let (provider, link) = provider(&jaeger, "at-once");
            let tracer = provider.tracer("test");
            for _ in 0..10_000 {
                drop(tracer.start("span"));
            }
            drop((tracer, provider));
            link.lost()
        });
        assert!(lost <= 10_000 - 2_048, "{lost}: what is in the queue gets out");
        let traces = jaeger.traces("at-once", 10_000 - lost).unwrap();
        assert_eq!(traces["data"].as_array().unwrap().len(), 10_000 - lost, "counted exactly");

        let exit_code = runtime.block_on(async {
            let (provider, link) = provider(&jaeger, "panic");
            let tracer = provider.tracer("test");
            let exit_code = panics::caught(async {
                let _span = tracer.start("root");
                panic!("the work went wrong");
            });
            let exit_code = exit_code.await;
            drop((tracer, provider));
            assert_eq!(link.lost(), 0);
            exit_code
        });
        assert_eq!(exit_code, std::process::ExitCode::from(101));
        jaeger.traces("panic", 1).unwrap();

        what_comes_too_late_does_no_harm(&jaeger, runtime);
    }

    /// A span after the shutdown is none, and a second shutdown has nothing to do. A handle that is
    /// kept keeps its provider going, until the runtime ends: what it is told then is an error.
    fn what_comes_too_late_does_no_harm(
        jaeger: &testbed::Jaeger,
        runtime: tokio::runtime::Runtime,
    ) {
        let (kept, link) = runtime.block_on(async {
            let (ended, link) = provider(jaeger, "late");
            let tracer = ended.tracer("test");
            drop(tracer.start("in time"));
            global::set_tracer_provider(ended);
            global::shutdown_tracer_provider();
            drop(tracer.start("too late"));
            drop(global::tracer("test").start("too late"));
            global::shutdown_tracer_provider();
            assert_eq!(link.lost(), 0, "a span that is too late is none");
            provider(jaeger, "kept")
        });
        jaeger.traces("late", 1).unwrap();

        drop(runtime);
        drop(kept.tracer("test").start("nobody takes it"));
        assert!(kept.force_flush().iter().any(Result::is_err));
        drop(kept);
        assert_eq!(link.lost(), 1);
    }
}
