//! The gRPC server behind a door, and what holds for every call.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::{BoxError, Router};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame};
use tokio::sync::watch;
use tonic::codec::CompressionEncoding;
use tonic::server::{Grpc, UnaryService};
use tonic::transport::Server;
use tonic::{Code, Status};
use tracing::{debug, warn};

use super::body::BodyBudget;
use super::budget::Reservation;
use super::bytes_codec::BytesCodec;
use super::connections::{Call, ConnectionMemory, ConnectionSize, Listener};
use super::counters::{Counters, Reason};
use super::idle_timeout::IDLE_LIMIT;
use super::packed::{self, Coding, Fault};

/// The largest message, in bytes, both as received and decompressed.
pub const MAX_MESSAGE: usize = 4 << 20;
/// How long a call may take, including the arrival of its message.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How many calls may be open on one connection; the client holds others back.
pub(crate) const STREAMS: u32 = 16;
/// The HTTP/2 window: how many bytes of messages a client may send on a connection before it must
/// wait.
pub(super) const WINDOW: u32 = 128 << 10;
/// The largest HTTP/2 frame, in bytes.
pub(super) const FRAME: u32 = 16 << 10;
/// The largest headers of a call, in bytes: gRPC's usual limit.
pub(crate) const LARGEST_HEAD: u32 = 8 << 10;
/// What a connection takes: idle, as many calls as may be open with almost nothing in them; in its
/// buffers, a window, a frame and their headers.
pub(crate) const CONNECTION_SIZE: ConnectionSize =
    ConnectionSize { idle: 48, buffers: (WINDOW + FRAME + STREAMS * LARGEST_HEAD) >> 10 };
/// After this time without a byte, the server sends a ping…
pub(super) const KEEPALIVE: Duration = Duration::from_secs(60);
/// …and waits this long for its answer.
pub(super) const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
// Else a live client's connection would be closed as idle before it answers.
const _: () = assert!(KEEPALIVE.as_secs() + KEEPALIVE_TIMEOUT.as_secs() < IDLE_LIMIT.as_secs());
/// How long calls may continue after the signal to stop.
const GRACE: Duration = Duration::from_secs(2);

/// Serves until `stop`, then lets running calls end.
pub(crate) async fn serve(listener: Listener, router: Router, mut stop: watch::Receiver<bool>) {
    let mut stopped = stop.clone();
    let stop = async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let grace = async move {
        let _ = stopped.wait_for(|stop| *stop).await;
        tokio::time::sleep(GRACE).await;
    };
    let server = Server::builder()
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_frame_size(FRAME)
        .http2_max_header_list_size(LARGEST_HEAD)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT));
    let incoming = stream::unfold(listener, |listener| async {
        let connection = listener.accept().await;
        Some((Ok::<_, std::io::Error>(connection), listener))
    });
    let router = router.layer(middleware::from_fn(hold_connection));
    let serve = server.serve_with_incoming_shutdown(router, incoming, stop);
    tokio::select! {
        served = serve => if let Err(error) = served {
            warn!(%error, "the gRPC server failed");
        },
        () = grace => debug!("calls were still running at the end"),
    }
}

/// Counts the bytes of a call with its connection, for as long as the call lasts.
pub(super) async fn hold_connection(request: Request, next: Next) -> Response {
    let _call = request.extensions().get::<Arc<ConnectionMemory>>().map(Call::on);
    next.run(request).await
}

/// gRPC's code for a message beyond the limit. Tonic's own decoder says OUT_OF_RANGE.
pub(crate) const TOO_LARGE: Code = Code::ResourceExhausted;

/// Lets tonic read the message of a call, within the budget, and carry the answer.
pub(crate) async fn call<M>(method: M, request: Request, budget: &BodyBudget) -> Response
where
    M: UnaryService<Bytes, Response = Bytes>,
{
    // Held until the call ends, not only while the message arrives: it stays in memory.
    let reserved = Arc::new(Mutex::new(Reservation::default()));
    let request = request.map(|body| {
        let (budget, reserved) = (budget.clone(), Arc::clone(&reserved));
        Body::new(Measured { body, budget, reserved, bytes: 0 })
    });
    let mut grpc = Grpc::new(BytesCodec)
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(MAX_MESSAGE);
    let answer = async {
        match unpacked(request, budget, &reserved).await {
            Ok(request) => grpc.unary(method, request).await.map(Body::new),
            Err(status) => status.into_http(),
        }
    };
    let Ok(mut answer) = tokio::time::timeout(CALL_TIMEOUT, answer).await else {
        let why = format!("the call took longer than {CALL_TIMEOUT:?}");
        return Status::deadline_exceeded(why).into_http();
    };
    let headers = answer.headers_mut();
    if headers.get("grpc-status").is_some_and(|code| code == "11") {
        headers.insert("grpc-status", HeaderValue::from(TOO_LARGE as i32));
    }
    if headers.contains_key(ACCEPT_ENCODING) {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(packed::ACCEPTED));
    }
    answer
}

/// The header that says which codings are taken, after one that is not.
const ACCEPT_ENCODING: &str = "grpc-accept-encoding";
/// What the reason begins with where a message cannot be decompressed; tonic's words.
const DECOMPRESSING: &str = "Error decompressing";
/// A message follows a byte that is 1 if it is compressed, and its length.
const HEAD: usize = 5;

/// The request with its message decompressed, if it is in a coding that tonic does not know.
async fn unpacked(
    mut request: Request,
    budget: &BodyBudget,
    reserved: &Mutex<Reservation>,
) -> Result<Request, Status> {
    let Some(coding) = Coding::of(request.headers()) else { return Ok(request) };
    request.headers_mut().remove(packed::ENCODING);
    let (head, body) = request.into_parts();
    let message = message(body).await?;
    let is_packed = message.first() == Some(&1);
    let incomplete = || Status::internal(format!("{DECOMPRESSING}: the message is incomplete"));
    let (length, packed) =
        message.get(1..).and_then(<[u8]>::split_first_chunk).ok_or_else(incomplete)?;
    if u32::from_be_bytes(*length) as usize != packed.len() {
        return Err(incomplete());
    }
    if !is_packed {
        return Ok(Request::from_parts(head, message.into()));
    }
    let packed = Bytes::copy_from_slice(packed);
    // Its size is not known before.
    let work = move || coding.unpack(&packed, MAX_MESSAGE);
    let plain = budget.decode(usize::MAX, work).await;
    let plain = plain.map_err(|why| Status::internal(why.to_string()))?.map_err(refusal)?;
    {
        let mut reserved = reserved.lock().unwrap_or_else(PoisonError::into_inner);
        let hold = budget.hold(&mut reserved, message.len() + plain.len());
        hold.map_err(|why| Status::unavailable(why.to_string()))?;
    }
    let length = u32::try_from(plain.len()).unwrap_or(u32::MAX).to_be_bytes();
    let message = [&[0][..], &length, &plain].concat();
    Ok(Request::from_parts(head, message.into()))
}

/// Decompresses bytes in every coding, for the fuzzer.
#[cfg(any(test, fuzzing))]
pub(super) fn fuzz(bytes: &[u8]) {
    for coding in Coding::ALL {
        let plain = coding.unpack(bytes, MAX_MESSAGE).unwrap_or_default();
        assert!(plain.len() <= MAX_MESSAGE, "{coding:?}");
    }
}

fn refusal(fault: Fault) -> Status {
    match fault {
        Fault::TooLarge => Status::new(TOO_LARGE, TOO_LONG),
        Fault::Malformed(why) => Status::internal(format!("{DECOMPRESSING}: {why}")),
    }
}

const TOO_LONG: &str = "the message is larger than 4194304 bytes";
const _: () = assert!(MAX_MESSAGE == 4_194_304);

/// The bytes of a body, which are one message with its head.
async fn message(mut body: Body) -> Result<Vec<u8>, Status> {
    let mut message = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Status::from_error(error.into()))?;
        let Ok(data) = frame.into_data() else { continue };
        if message.len() + data.len() > MAX_MESSAGE + HEAD {
            return Err(Status::new(TOO_LARGE, TOO_LONG));
        }
        message.extend_from_slice(&data);
    }
    Ok(message)
}

/// Counts a call, and why its message did not reach the method.
pub(crate) fn count(counters: &Counters, answer: &Response) {
    if let Some(status) = Status::from_header_map(answer.headers()) {
        match status.code() {
            TOO_LARGE => counters.refuse(Reason::TooLarge, status.message()),
            Code::Unavailable => counters.refuse(Reason::Busy, status.message()),
            Code::DeadlineExceeded => counters.refuse(Reason::Slow, status.message()),
            Code::Unimplemented => counters.refuse(Reason::Unsupported, status.message()),
            Code::Internal if status.message().starts_with(DECOMPRESSING) => {
                counters.refuse(Reason::Malformed, status.message());
            }
            _ => {}
        }
    }
    counters.received();
}

/// A body that reserves budget for the bytes it yields.
struct Measured {
    body: Body,
    budget: BodyBudget,
    reserved: Arc<Mutex<Reservation>>,
    bytes: usize,
}

impl HttpBody for Measured {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)) else {
            return Poll::Ready(None);
        };
        let frame = frame?;
        self.bytes += frame.data_ref().map_or(0, Bytes::len);
        let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        let budget = self.budget.hold(&mut reserved, self.bytes);
        budget.map_err(|why| Status::unavailable(why.to_string()))?;
        Poll::Ready(Some(Ok(frame)))
    }
}
