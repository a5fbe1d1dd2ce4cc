//! OTLP over gRPC: `TraceService/Export` on port 4317.
//!
//! Source: <https://opentelemetry.io/docs/specs/otlp/#otlpgrpc>. Messages are decoded by the
//! same code as those that come by HTTP, so the same limits and words hold.

use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::SERVICE_NAME;
use prost::Message;
use tonic::Status;
use tonic::server::UnaryService;

use super::{Exporter, shortened};
use crate::config::{self, Config};
use crate::error::Error;
use crate::grpc::{TOO_LARGE, call};
use crate::receive::{Intake, Opened, Reason, TcpDoor};
use crate::threads::work;

/// Opens the door.
pub(crate) fn grpc(config: &Config, intake: &Intake) -> Result<Option<Opened>, Error> {
    if !config.otlp {
        return Ok(None);
    }
    let door = TcpDoor {
        name: "otlp-grpc",
        takes: "spans, OTLP/gRPC",
        setting: config::OTLP_GRPC,
        address: &config.otlp_grpc,
    };
    door.grpc(config, intake, |counters| {
        Router::new()
            .route(&format!("/{SERVICE_NAME}/Export"), any(export))
            .fallback(unknown)
            .with_state(Arc::new(Exporter::new(intake, counters)))
    })
}

async fn export(State(exporter): State<Arc<Exporter>>, request: Request) -> Response {
    let counters = Arc::clone(&exporter.counters);
    let answer = call(Export(exporter), request).await;
    // A message beyond the limit never comes as far as the method.
    if Status::from_header_map(answer.headers()).is_some_and(|s| s.code() == TOO_LARGE) {
        counters.refused(Reason::TooLarge);
    }
    counters.received();
    answer
}

/// Metrics and logs among others: Jaeger takes traces only.
async fn unknown(State(exporter): State<Arc<Exporter>>, request: Request) -> Response {
    exporter.counters.refused(Reason::Unsupported);
    exporter.counters.received();
    let path: String = request.uri().path().chars().skip(1).take(200).collect();
    let service = path.rsplit_once('/').map_or("", |(service, _)| service);
    Status::unimplemented(format!("unknown service {service}")).into_http::<Body>()
}

struct Export(Arc<Exporter>);

impl UnaryService<Bytes> for Export {
    type Response = Bytes;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<Bytes>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let exporter = Arc::clone(&self.0);
        Box::pin(async move {
            let message = request.into_inner();
            let answer = work(message.len(), move || exporter.take_message(&message));
            answer.await.unwrap_or_else(|error| Err(Status::internal(error.to_string())))
        })
    }
}

impl Exporter {
    fn take_message(&self, message: &[u8]) -> Result<tonic::Response<Bytes>, Status> {
        match self.export(message) {
            Ok(answer) => Ok(tonic::Response::new(answer.encode_to_vec().into())),
            Err(reason) => {
                let reason = shortened(reason);
                self.malformed(&reason);
                Err(Status::invalid_argument(reason))
            }
        }
    }
}
