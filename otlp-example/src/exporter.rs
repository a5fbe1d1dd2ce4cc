//! Spans over OTLP: by gRPC or by HTTP, to where the environment says.

use std::io;
use std::thread;
use std::time::Duration;

use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_resource_detectors::{HostResourceDetector, OsResourceDetector};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::resource::{ResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::SpanData;

use crate::link::{Link, warn};
use crate::settings::Otlp;
use crate::tls;

/// The exporter that `OTEL_EXPORTER_OTLP_PROTOCOL` asks for. What else there is to set (headers,
/// time limit, compression, the sampler, the batches' size) the SDK reads from the environment
/// itself. Warns where there is none to be had.
pub(crate) fn build(otlp: &Otlp, link: &Link) -> Option<Exporter> {
    let exporter = match otlp.protocol {
        // Its connection needs the runtime, in which this is called.
        Protocol::Grpc => {
            SpanExporter::builder().with_tonic().with_endpoint(&otlp.endpoint).build()
        }
        protocol => match http_client() {
            Ok(client) => SpanExporter::builder()
                .with_http()
                .with_http_client(client)
                .with_protocol(protocol)
                .with_endpoint(&otlp.endpoint)
                .build(),
            Err(error) => return no_exporter(&error, link),
        },
    };
    let watched = |exporter| Some(Exporter { exporter, link: link.clone() });
    exporter.map_or_else(|error| no_exporter(&error, link), watched)
}

/// The exporter, watched: neither the batch processor nor its shutdown tells when nobody took the
/// spans.
#[derive(Debug)]
pub(crate) struct Exporter {
    exporter: SpanExporter,
    link: Link,
}

impl opentelemetry_sdk::trace::SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.link.exported(batch.len());
        self.exporter.export(batch).await.inspect_err(|error| self.link.failed(error))
    }

    fn shutdown_with_timeout(&self, limit: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(limit)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// The batch processor exports from a thread of its own, which has no runtime: hence a blocking
/// client, which wants to be made outside a runtime, too.
fn http_client() -> io::Result<reqwest::blocking::Client> {
    let client =
        || reqwest::blocking::Client::builder().tls_backend_preconfigured(tls::config()).build();
    let built = thread::Builder::new().spawn(client)?.join();
    built.map_err(|_| io::Error::other("its thread panicked"))?.map_err(io::Error::other)
}

fn no_exporter(error: &dyn std::error::Error, link: &Link) -> Option<Exporter> {
    link.nowhere_to_go();
    warn(&format!("No span is sent: {error}"));
    None
}

/// What is found out about where the program runs. Not the process's arguments, which the crate
/// has a detector for as well: a URL among them may hold a password.
pub(crate) fn detectors() -> [Box<dyn ResourceDetector>; 3] {
    [
        Box::new(TelemetryResourceDetector),
        Box::new(OsResourceDetector),
        Box::new(HostResourceDetector::default()),
    ]
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{Tracer, TracerProvider};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;
    use crate::panics;

    /// What `init_tracer` makes, without what is global in it.
    fn provider(jaeger: &testbed::Jaeger, service: &'static str) -> (SdkTracerProvider, Link) {
        let endpoint = format!("{}/v1/traces", jaeger.otlp_url());
        let otlp = Otlp { endpoint, protocol: Protocol::HttpBinary };
        let link = Link::default();
        let provider = SdkTracerProvider::builder()
            .with_resource(Resource::builder_empty().with_service_name(service).build())
            .with_span_processor(link.clone())
            .with_batch_exporter(build(&otlp, &link).unwrap())
            .build();
        (provider, link)
    }

    #[test]
    fn of_ten_thousand_spans_at_once_the_lost_ones_are_counted() {
        let jaeger = testbed::Jaeger::start().unwrap();
        let (provider, link) = provider(&jaeger, "at-once");
        let tracer = provider.tracer("test");
        for _ in 0..10_000 {
            drop(tracer.start("span"));
        }
        provider.shutdown_with_timeout(Duration::from_secs(3)).unwrap();
        let lost = link.lost();
        assert!(lost <= 10_000 - 2_048, "{lost}: what is in the queue gets out");
        let traces = jaeger.traces("at-once", 10_000 - lost).unwrap();
        assert_eq!(traces["data"].as_array().unwrap().len(), 10_000 - lost, "counted exactly");
    }

    #[test]
    fn a_span_gets_out_when_the_work_panics() {
        let jaeger = testbed::Jaeger::start().unwrap();
        let (provider, link) = provider(&jaeger, "panic");
        let tracer = provider.tracer("test");
        let work = async {
            let _span = tracer.start("root");
            panic!("the work went wrong");
        };
        let exit_code = tokio::runtime::Runtime::new().unwrap().block_on(panics::caught(work));
        assert_eq!(exit_code, std::process::ExitCode::from(101));
        provider.shutdown_with_timeout(Duration::from_secs(3)).unwrap();
        assert_eq!(link.lost(), 0);
        jaeger.traces("panic", 1).unwrap();
    }

    #[test]
    fn a_span_after_the_shutdown_and_a_second_one_do_no_harm() {
        let jaeger = testbed::Jaeger::start().unwrap();
        let (provider, link) = provider(&jaeger, "late");
        let tracer = provider.tracer("test");
        drop(tracer.start("in time"));
        provider.shutdown().unwrap();
        drop(tracer.start("too late"));
        assert!(provider.force_flush().is_err());
        assert!(provider.shutdown().is_err());
        assert_eq!(link.lost(), 0, "a span that is too late is none");
        jaeger.traces("late", 1).unwrap();
    }
}
