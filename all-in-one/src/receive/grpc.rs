//! The collector's gRPC door: spans as Jaeger's own protocol buffers, on port 14250.
//!
//! | method | answer |
//! |---|---|
//! | jaeger.api_v2.CollectorService/PostSpans | nothing, once the spans are stored |
//! | jaeger.api_v2.SamplingManager/GetSamplingStrategy | how a service is to sample |
//!
//! Source: collector.proto and sampling.proto in <https://github.com/jaegertracing/jaeger-idl>.
//! The messages are decoded in [`super::protobuf`]; tonic carries their bytes.

pub use crate::grpc::MAX_MESSAGE;

use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use tonic::Status;
use tonic::server::UnaryService;
use tracing::warn;

use super::protobuf::{Error, jaeger};
use super::{Counters, Intake, Opened, Reason, TcpDoor, rarely};
use crate::admin::sampling;
use crate::config::{self, Config};
use crate::error::Error as StartError;
use crate::grpc::{TOO_LARGE, call};
use crate::threads::work;

const COLLECTOR: &str = "jaeger.api_v2.CollectorService";
const SAMPLING: &str = "jaeger.api_v2.SamplingManager";
const DOOR: &str = "grpc-jaeger";
/// How Jaeger marks spans that came in this way.
const FORMAT: &str = "proto";

/// Opens the door.
pub(crate) fn open(config: &Config, intake: &Intake) -> Result<Option<Opened>, StartError> {
    let door = TcpDoor {
        name: DOOR,
        takes: "spans, Jaeger's gRPC",
        setting: config::COLLECTOR_GRPC,
        address: &config.collector_grpc,
    };
    door.grpc(config, intake, |counters| {
        let collector = Collector { intake: intake.clone(), counters: Arc::clone(counters) };
        Router::new()
            .route(&format!("/{COLLECTOR}/PostSpans"), any(post_spans))
            .route(&format!("/{SAMPLING}/GetSamplingStrategy"), any(sampling_strategy))
            .fallback(unknown)
            .with_state(Arc::new(collector))
    })
}

struct Collector {
    intake: Intake,
    counters: Arc<Counters>,
}

async fn post_spans(State(collector): State<Arc<Collector>>, request: Request) -> Response {
    let counters = Arc::clone(&collector.counters);
    let answer = call(PostSpans(collector), request).await;
    // A message beyond the limit never comes as far as the method.
    if Status::from_header_map(answer.headers()).is_some_and(|s| s.code() == TOO_LARGE) {
        counters.refused(Reason::TooLarge);
    }
    counters.received();
    answer
}

async fn sampling_strategy(request: Request) -> Response {
    call(SamplingStrategy, request).await
}

async fn unknown(request: Request) -> Response {
    let path: String = request.uri().path().chars().skip(1).take(200).collect();
    let why = match path.rsplit_once('/') {
        Some((service @ (COLLECTOR | SAMPLING), method)) => {
            format!("unknown method {method} for service {service}")
        }
        Some((service, _)) => format!("unknown service {service}"),
        None => format!("malformed method name: \"/{path}\""),
    };
    Status::unimplemented(why).into_http::<Body>()
}

type Answer = Pin<Box<dyn Future<Output = Result<tonic::Response<Bytes>, Status>> + Send>>;

struct PostSpans(Arc<Collector>);

impl UnaryService<Bytes> for PostSpans {
    type Response = Bytes;
    type Future = Answer;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Answer {
        let collector = Arc::clone(&self.0);
        Box::pin(async move {
            let message = request.into_inner();
            let stored = work(message.len(), move || collector.store(&message));
            let stored =
                stored.await.unwrap_or_else(|error| Err(Status::internal(error.to_string())));
            stored.map(|()| tonic::Response::new(Bytes::new()))
        })
    }
}

impl Collector {
    fn store(&self, message: &[u8]) -> Result<(), Status> {
        match jaeger::post_spans(message, FORMAT) {
            Ok(batch) => {
                self.intake.take(&self.counters, &batch);
                Ok(())
            }
            Err(error) => Err(self.refuse(&error)),
        }
    }

    fn refuse(&self, error: &Error) -> Status {
        let status = match error {
            // Counted where the answer is looked at, as tonic's own are.
            Error::TooMuch => return Status::resource_exhausted(error.to_string()),
            _ => Status::internal(format!("grpc: error unmarshalling request: {error}")),
        };
        rarely(self.counters.refused(Reason::Malformed), || {
            warn!(door = DOOR, "refused a request: {error}");
        });
        status
    }
}

struct SamplingStrategy;

impl UnaryService<Bytes> for SamplingStrategy {
    type Response = Bytes;
    type Future = std::future::Ready<Result<tonic::Response<Bytes>, Status>>;

    /// The service that the request names does not matter: all are told the same.
    fn call(&mut self, _: tonic::Request<Bytes>) -> Self::Future {
        std::future::ready(Ok(tonic::Response::new(sampling::strategy_message())))
    }
}
