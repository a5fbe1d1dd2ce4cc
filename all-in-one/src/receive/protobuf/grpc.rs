//! The collector's gRPC door, port 14250: spans in Jaeger's own protocol buffers.
//!
//! | method | answer |
//! |---|---|
//! | jaeger.api_v2.CollectorService/PostSpans | empty, once the spans are stored |
//! | jaeger.api_v2.SamplingManager/GetSamplingStrategy | the sampling strategy of a service |
//!
//! Source: collector.proto and sampling.proto in <https://github.com/jaegertracing/jaeger-idl>.
//! Messages are decoded in [`jaeger`]; tonic carries their bytes.

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

use super::{Error, jaeger};
use crate::config::Config;
use crate::error::BindError;
use crate::port::Port;
use crate::protobuf::wire::Fields;
use crate::receive::by_service::Origin;
use crate::receive::intake::Intake;
use crate::server::counters::{Counters, Reason};
use crate::server::door::{self, Opened};
use crate::server::grpc::{call, count};
#[cfg(feature = "query-grpc")]
use crate::server::grpc_common::{self, Described};

const COLLECTOR: &str = "jaeger.api_v2.CollectorService";
const SAMPLING: &str = "jaeger.api_v2.SamplingManager";
/// The value of `internal.span.format` for spans from this door.
const FORMAT: &str = "proto";

/// What health checks and reflection say of the port.
#[cfg(feature = "query-grpc")]
const SERVICES: Described = Described {
    listed: &[COLLECTOR, SAMPLING],
    healthy: &[],
    descriptors: include_bytes!("descriptors.pb"),
};

/// Opens the door.
pub(crate) fn open(config: &Config, intake: &Intake) -> Result<Option<Opened>, BindError> {
    door::grpc(Port::CollectorGrpc, config, &intake.context, |counters| {
        let collector = Collector::new(intake, counters);
        let router = Router::new()
            .route(&format!("/{COLLECTOR}/PostSpans"), any(post_spans))
            .route(&format!("/{SAMPLING}/GetSamplingStrategy"), any(sampling_strategy))
            .fallback(unknown)
            .with_state(Arc::new(collector));
        #[cfg(feature = "query-grpc")]
        let router = grpc_common::add(router, SERVICES);
        router
    })
}

struct Collector {
    intake: Intake,
    counters: Arc<Counters>,
}

async fn post_spans(State(collector): State<Arc<Collector>>, request: Request) -> Response {
    let (counters, budget) =
        (Arc::clone(&collector.counters), collector.intake.context.bodies.clone());
    let answer = call(PostSpans(collector), request, &budget).await;
    count(&counters, &answer);
    answer
}

async fn sampling_strategy(State(collector): State<Arc<Collector>>, request: Request) -> Response {
    let budget = collector.intake.context.bodies.clone();
    call(SamplingStrategy(collector), request, &budget).await
}

async fn unknown(State(collector): State<Arc<Collector>>, request: Request) -> Response {
    let path: String = request.uri().path().chars().skip(1).take(200).collect();
    let why = match path.rsplit_once('/') {
        Some((service @ (COLLECTOR | SAMPLING), method)) => {
            format!("unknown method {method} for service {service}")
        }
        Some((service, _)) => format!("unknown service {service}"),
        None => format!("malformed method name: \"/{path}\""),
    };
    collector.counters.refuse(Reason::Unsupported, &why);
    collector.counters.received();
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
            let (message, budget) = (request.into_inner(), collector.intake.context.bodies.clone());
            let stored = budget.decode(message.len(), move || collector.store(&message));
            let stored =
                stored.await.unwrap_or_else(|error| Err(Status::internal(error.to_string())));
            stored.map(|()| tonic::Response::new(Bytes::new()))
        })
    }
}

/// Decodes a message, for the fuzzer.
#[cfg(any(test, fuzzing))]
pub(in crate::receive) fn fuzz(intake: &Intake, message: &[u8]) {
    drop(Collector::new(intake, &Arc::default()).store(message));
}

impl Collector {
    fn new(intake: &Intake, counters: &Arc<Counters>) -> Self {
        let (intake, counters) = (intake.clone(), Arc::clone(counters));
        Collector { intake, counters }
    }

    fn store(&self, message: &[u8]) -> Result<(), Status> {
        match jaeger::post_spans(message, FORMAT) {
            Ok(batch) => {
                self.intake.take(&self.counters, Origin::Proto, batch);
                Ok(())
            }
            Err(error) => Err(self.refuse(&error)),
        }
    }

    fn refuse(&self, error: &Error) -> Status {
        let status = match error {
            // `count` counts it by the answer's code, as it does for tonic's own.
            Error::TooMuch => return Status::resource_exhausted(error.to_string()),
            _ => Status::internal(format!("grpc: error unmarshalling request: {error}")),
        };
        self.counters.refuse(Reason::Malformed, error);
        status
    }
}

struct SamplingStrategy(Arc<Collector>);

impl UnaryService<Bytes> for SamplingStrategy {
    type Response = Bytes;
    type Future = std::future::Ready<Result<tonic::Response<Bytes>, Status>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let answer = match service(request.get_ref()) {
            Ok(service) => Ok(tonic::Response::new(self.0.intake.strategies.message(&service))),
            Err(error) => Err(self.0.refuse(&error)),
        };
        std::future::ready(answer)
    }
}

/// The service in a message `SamplingStrategyParameters`, which is its field 1.
fn service(message: &[u8]) -> Result<String, Error> {
    let mut service = &b""[..];
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        if number == 1 {
            service = value.bytes()?;
        }
    }
    Ok(String::from_utf8_lossy(service).into_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tonic::Code;

    use super::*;
    use crate::receive::fuzz;
    use crate::server::body::tests::Stalled;
    use crate::store::{Limits, Store};

    #[tokio::test(start_paused = true)]
    async fn a_call_whose_message_does_not_come_is_given_up_and_counted() {
        let store = Arc::new(Store::new(Limits { traces: 0, bytes: 1 << 20 }));
        let counters = Counters::of("grpc-jaeger");
        let collector = Arc::new(Collector::new(&fuzz::intake(&store), &counters));
        let begin = tokio::time::Instant::now();
        let request = Request::post("/").header("content-type", "application/grpc");
        let request = request.body(Body::new(Stalled::default())).expect("a call");
        let answer = post_spans(State(collector), request).await;
        assert_eq!(begin.elapsed(), Duration::from_secs(30));
        let status = Status::from_header_map(answer.headers()).expect("a status");
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert_eq!(counters.snapshot().refused(Reason::Slow), 1);
    }
}
