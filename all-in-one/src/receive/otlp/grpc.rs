//! OTLP over gRPC: `TraceService/Export` on port 4317.
//!
//! Source: <https://opentelemetry.io/docs/specs/otlp/#otlpgrpc>. Messages are decoded by the same
//! code as over HTTP, with the same limits.

use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use tonic::Status;
use tonic::server::UnaryService;

use super::exporter::{Exporter, shortened};
use super::others::Signal;
use crate::config::Config;
use crate::error::BindError;
use crate::port::Port;
use crate::receive::intake::Intake;
use crate::server::counters::Reason;
use crate::server::door::{self, Opened};
use crate::server::grpc::{call, count};
#[cfg(feature = "query-grpc")]
use crate::server::grpc_common::{self, Described};

const SERVICE: &str = "opentelemetry.proto.collector.trace.v1.TraceService";

/// What health checks and reflection say of the port.
#[cfg(feature = "query-grpc")]
const SERVICES: Described =
    Described { listed: &[SERVICE], healthy: &[], descriptors: include_bytes!("descriptors.pb") };

/// Opens the door.
pub(crate) fn open(config: &Config, intake: &Intake) -> Result<Option<Opened>, BindError> {
    door::grpc(Port::OtlpGrpc, config, &intake.context, |counters| {
        let router = Router::new()
            .route(&format!("/{SERVICE}/Export"), any(export))
            .fallback(unknown)
            .with_state(Arc::new(Exporter::new(intake, counters)));
        #[cfg(feature = "query-grpc")]
        let router = grpc_common::add(router, SERVICES);
        router
    })
}

async fn export(State(exporter): State<Arc<Exporter>>, request: Request) -> Response {
    let (counters, budget) =
        (Arc::clone(&exporter.counters), exporter.intake.context.bodies.clone());
    let answer = call(Export(exporter), request, &budget).await;
    count(&counters, &answer);
    answer
}

/// Other services: logs and metrics are received and not kept.
async fn unknown(State(exporter): State<Arc<Exporter>>, request: Request) -> Response {
    if let Some(signal) = Signal::of_method(request.uri().path()) {
        let counters = Arc::clone(&exporter.counters);
        let budget = exporter.intake.context.bodies.clone();
        let headers = request.headers().clone();
        let answer = call(Other { exporter, signal, headers }, request, &budget).await;
        counters.received();
        return answer;
    }
    let path: String = request.uri().path().chars().skip(1).take(200).collect();
    let service = path.rsplit_once('/').map_or("", |(service, _)| service);
    let why = format!("unknown service {service}");
    exporter.counters.refuse(Reason::Unsupported, &why);
    exporter.counters.received();
    Status::unimplemented(why).into_http::<Body>()
}

struct Export(Arc<Exporter>);

impl UnaryService<Bytes> for Export {
    type Response = Bytes;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<Bytes>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let exporter = Arc::clone(&self.0);
        Box::pin(async move {
            let (message, budget) = (request.into_inner(), exporter.intake.context.bodies.clone());
            let answer = budget.decode(message.len(), move || exporter.take_message(&message));
            answer.await.unwrap_or_else(|error| Err(Status::internal(error.to_string())))
        })
    }
}

/// Receives another signal than traces.
struct Other {
    exporter: Arc<Exporter>,
    signal: Signal,
    headers: HeaderMap,
}

impl UnaryService<Bytes> for Other {
    type Response = Bytes;
    type Future = std::future::Ready<Result<tonic::Response<Bytes>, Status>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let body = request.into_inner();
        std::future::ready(match self.exporter.other(self.signal, &self.headers, &body) {
            None => Ok(tonic::Response::new(Bytes::new())),
            Some(why) => Err(Status::unimplemented(why)),
        })
    }
}

/// Decodes a message, for the fuzzer.
#[cfg(any(test, fuzzing))]
pub(in crate::receive) fn fuzz(intake: &Intake, message: &[u8]) {
    let exporter = Exporter::new(intake, &Arc::default());
    let in_parts = exporter.export_in_parts(message, 2);
    // As a whole it may take too much memory.
    assert!(exporter.take_message(message).is_err() || in_parts.is_ok());
}

impl Exporter {
    fn take_message(&self, message: &[u8]) -> Result<tonic::Response<Bytes>, Status> {
        match self.export(message) {
            Ok(answer) => Ok(tonic::Response::new(answer.protobuf().into())),
            Err(reason) => {
                let reason = shortened(reason);
                self.counters.refuse(Reason::Malformed, &reason);
                Err(Status::invalid_argument(reason))
            }
        }
    }
}
