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

use crate::link::Link;
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
            Err(error) => return no_exporter(&error),
        },
    };
    let watched = |exporter| Some(Exporter { exporter, link: link.clone() });
    exporter.map_or_else(|error| no_exporter(&error), watched)
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

fn no_exporter(error: &dyn std::error::Error) -> Option<Exporter> {
    eprintln!("WARNING:otlp-example:No span is sent: {error}");
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
