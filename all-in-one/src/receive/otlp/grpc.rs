//! OTLP over gRPC: `TraceService/Export` on port 4317.
//!
//! Source: <https://opentelemetry.io/docs/specs/otlp/#otlpgrpc>. Messages are decoded by the
//! same code as those that come by HTTP, so the same limits and words hold.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::{Request, Response};
use bytes::Buf;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use prost::Message;
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, UnaryService};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Status};
use tower_service::Service;
use tracing::warn;

use super::{Exporter, proto, shortened};
use crate::config::{self, Config};
use crate::error::Error;
use crate::receive::{self, Door, Intake, Opened, Reason};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// The largest message, in bytes, before and after decompression; gRPC's own default.
pub const MAX_MESSAGE: usize = 4 << 20;
/// How long one request may take.
const TIME: Duration = Duration::from_secs(30);
/// How many requests of one connection are worked on at one time.
const MAX_REQUESTS: u32 = 64;

/// Opens the door.
pub(crate) fn grpc(config: &Config, intake: &Intake) -> Result<Option<Opened>, Error> {
    if !config.otlp {
        return Ok(None);
    }
    let (listener, address) =
        receive::bind(config, &config.otlp_grpc, config::OTLP_GRPC, receive::tcp)?;
    let door = Door {
        name: "otlp-grpc",
        takes: "spans, OTLP/gRPC",
        udp: false,
        address,
        counters: Arc::default(),
    };
    let traces = Traces { exporter: Arc::new(Exporter::new(intake, &door.counters)) };
    let mut stop = intake.stop.clone();
    let serve = move || {
        let listener = TcpListener::from_std(listener).map_err(Error::Runtime)?;
        let server = Server::builder()
            .timeout(TIME)
            .max_concurrent_streams(MAX_REQUESTS)
            .http2_max_pending_accept_reset_streams(Some(64));
        let ended = async move { drop(stop.wait_for(|stop| *stop).await) };
        Ok(Box::pin(async move {
            let incoming = TcpIncoming::from(listener);
            let served = server.serve_with_incoming_shutdown(traces, incoming, ended);
            if let Err(error) = served.await {
                warn!(%error, "OTLP/gRPC ended");
            }
        }) as _)
    };
    Ok(Some(Opened { door, serve: Box::new(serve) }))
}

/// The service.
#[derive(Clone)]
struct Traces {
    exporter: Arc<Exporter>,
}

impl Service<Request<Body>> for Traces {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let traces = self.clone();
        Box::pin(async move {
            let response = traces.answer(request).await;
            traces.exporter.counters.received();
            Ok(response)
        })
    }
}

impl Traces {
    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        if request.uri().path() != EXPORT {
            self.exporter.counters.refused(Reason::Unsupported);
            return Status::unimplemented(format!("only {EXPORT} is here")).into_http();
        }
        let mut grpc = Grpc::new(Protobuf(Arc::clone(&self.exporter)))
            .accept_compressed(CompressionEncoding::Gzip)
            .send_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(MAX_MESSAGE);
        let response = grpc.unary(self.clone(), request).await;
        match Status::from_header_map(response.headers()) {
            Some(status) => self.refused(&status).map_or(response, Status::into_http),
            None => response,
        }
    }

    /// Counts a message that was too large, and says so in the code that gRPC has for it: tonic
    /// says that it is out of range.
    fn refused(&self, status: &Status) -> Option<Status> {
        match status.code() {
            Code::OutOfRange | Code::ResourceExhausted => {
                self.exporter.counters.refused(Reason::TooLarge);
                Some(Status::resource_exhausted(format!(
                    "the message is larger than {MAX_MESSAGE} bytes"
                )))
            }
            _ => None,
        }
    }
}

impl UnaryService<Vec<ResourceSpans>> for Traces {
    type Response = ExportTraceServiceResponse;
    type Future = Ready<Result<tonic::Response<ExportTraceServiceResponse>, Status>>;

    fn call(&mut self, request: tonic::Request<Vec<ResourceSpans>>) -> Self::Future {
        ready(Ok(tonic::Response::new(self.exporter.export(request.into_inner()))))
    }
}

/// Reads requests and writes answers.
struct Protobuf(Arc<Exporter>);

impl Codec for Protobuf {
    type Encode = ExportTraceServiceResponse;
    type Decode = Vec<ResourceSpans>;
    type Encoder = Answers;
    type Decoder = Requests;

    fn encoder(&mut self) -> Answers {
        Answers
    }

    fn decoder(&mut self) -> Requests {
        Requests(Arc::clone(&self.0))
    }
}

struct Requests(Arc<Exporter>);

impl Decoder for Requests {
    type Item = Vec<ResourceSpans>;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Status> {
        let length = message.remaining();
        let decoded = proto::decode(&message.copy_to_bytes(length));
        decoded.map(Some).map_err(|reason| {
            let reason = shortened(reason);
            self.0.malformed(&reason);
            Status::invalid_argument(reason)
        })
    }
}

struct Answers;

impl Encoder for Answers {
    type Item = ExportTraceServiceResponse;
    type Error = Status;

    fn encode(&mut self, answer: Self::Item, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        answer.encode(out).map_err(|error| Status::internal(error.to_string()))
    }
}
