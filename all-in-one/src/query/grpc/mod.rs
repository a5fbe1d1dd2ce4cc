//! The gRPC query API: 16685, or together with HTTP on one port.
//!
//! | service | as in |
//! |---|---|
//! | jaeger.api_v2.QueryService | Jaeger 1.35: spans as they were sent, ten in a message |
//! | jaeger.api_v3.QueryService | Jaeger 2.x: OTLP, adjusted unless the question asks for raw traces |
//! | jaeger.api_v2.metrics.MetricsQueryService | Jaeger 1.35 without a store of metrics: it is off |
//!
//! An answer is written while it is read, in parts, like those over HTTP. Source: the files *.proto
//! in <https://github.com/jaegertracing/jaeger-idl>.

mod otlp;
mod questions;
mod spans;
mod v2;
mod v3;

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tonic::{Code, Status};

use super::api::Api;
use super::stream::{self, AnswerWriter, TooMany};
use crate::protobuf::Error;
use crate::protobuf::message::Message;
use crate::server::counters::{Counters, Reason};
use crate::server::grpc::{CALL_TIMEOUT, count};
use crate::server::grpc_common::{self, Described};
use crate::server::grpc_stream;

const V2: &str = "jaeger.api_v2.QueryService";
const V3: &str = "jaeger.api_v3.QueryService";
const METRICS: &str = "jaeger.api_v2.metrics.MetricsQueryService";

/// How many answers may be in progress. Each holds at most a part until it is read; over HTTP the
/// number of connections limits that, but one of gRPC has many calls.
pub(crate) const ANSWERS: usize = 32;

/// What health checks and reflection say of the port.
const SERVICES: Described = Described {
    listed: &[V2, V3],
    healthy: &[METRICS],
    descriptors: include_bytes!("descriptors.pb"),
};

/// What answers the calls.
pub(crate) fn router(api: &Arc<Api>, counters: &Arc<Counters>) -> Router {
    let (api, counters) = (Arc::clone(api), Arc::clone(counters));
    let port = Arc::new(GrpcPort { api, counters, answers: Arc::new(Semaphore::new(ANSWERS)) });
    grpc_common::add(Router::new().fallback(handle).with_state(port), SERVICES)
}

struct GrpcPort {
    api: Arc<Api>,
    counters: Arc<Counters>,
    /// Those in progress.
    answers: Arc<Semaphore>,
}

/// A method of one of the services.
#[derive(Clone, Copy, Debug)]
enum Method {
    V2(v2::Method),
    V3(v3::Method),
}

impl Method {
    fn find(path: &str) -> Result<Self, Status> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let shown = |text: &str| text.chars().take(200).collect::<String>();
        let Some((service, method)) = path.rsplit_once('/') else {
            let why = format!("malformed method name: \"/{}\"", shown(path));
            return Err(Status::unimplemented(why));
        };
        let found = match service {
            V2 => v2::Method::find(method).map(Method::V2),
            V3 => v3::Method::find(method).map(Method::V3),
            METRICS if v2::METRICS.contains(&method) => {
                return Err(Status::unimplemented("metrics querying is currently disabled"));
            }
            METRICS => None,
            _ => {
                let why = format!("unknown service {}", shown(service));
                return Err(Status::unimplemented(why));
            }
        };
        let (service, method) = (shown(service), shown(method));
        let why =
            || Status::unimplemented(format!("unknown method {method} for service {service}"));
        found.ok_or_else(why)
    }

    fn answer(self, api: &Api, question: &[u8], out: &mut AnswerWriter<'_>) -> Result<(), Status> {
        match self {
            Method::V2(method) => method.answer(api, question, out),
            Method::V3(method) => method.answer(api, question, out),
        }
    }
}

async fn handle(State(port): State<Arc<GrpcPort>>, request: Request) -> Response {
    let answer = call(&port, request).await.unwrap_or_else(Status::into_http::<Body>);
    if let Some(status) = Status::from_header_map(answer.headers())
        && status.code() == Code::Internal
    {
        port.counters.refuse(Reason::Malformed, status.message());
    }
    count(&port.counters, &answer);
    answer
}

async fn call(port: &GrpcPort, request: Request) -> Result<Response, Status> {
    let method = Method::find(request.uri().path())?;
    let connection = grpc_stream::connection(&request);
    let question = grpc_stream::question(request).await?;
    let places = Arc::clone(&port.answers);
    let place = match timeout(CALL_TIMEOUT, places.acquire_owned()).await {
        Ok(Ok(place)) => place,
        _ => return Err(Status::unavailable("too many answers are being read: try again")),
    };
    let api = Arc::clone(&port.api);
    let body = stream::begin(api, move |api, out| method.answer(api, &question, out)).await;
    let body = body.map_err(|_panic| Status::internal("the answer could not be written"))??;
    Ok(grpc_stream::answer(body, connection, place))
}

/// Answers a question without a connection, for the fuzzer.
#[cfg(any(test, fuzzing))]
pub(crate) fn ask(api: &Arc<Api>, question: &[u8]) {
    use v2::Method as One;
    use v3::Method as Two;
    let of_one = [
        One::GetTrace,
        One::ArchiveTrace,
        One::FindTraces,
        One::GetServices,
        One::GetOperations,
        One::GetDependencies,
    ];
    let of_two = [Two::GetTrace, Two::FindTraces, Two::GetServices, Two::GetOperations];
    let all = of_one.map(Method::V2).into_iter().chain(of_two.map(Method::V3));
    for method in all {
        let mut thrown_away = |_| Ok(());
        let _ = method.answer(api, question, &mut AnswerWriter::new(&mut thrown_away));
    }
}

impl From<TooMany> for Status {
    fn from(_: TooMany) -> Self {
        Status::unavailable(TooMany::WHY)
    }
}

/// A question that is not a message of the method. The words are those of Go's gRPC.
fn malformed(error: Error) -> Status {
    Status::internal(format!("grpc: error unmarshalling request: {error}"))
}

/// Writes a message after its head: that it is not compressed, and its length.
fn write(out: &mut AnswerWriter<'_>, message: Message) -> io::Result<()> {
    use io::Write as _;
    let message = message.into_bytes();
    let length = u32::try_from(message.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
    out.write_all(&[0])?;
    out.write_all(&length.to_be_bytes())?;
    out.write_all(&message)
}
