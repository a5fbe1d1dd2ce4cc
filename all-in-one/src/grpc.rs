//! The gRPC server behind a door: connections, and what holds for every call.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::response::Response;
use axum::{BoxError, Router};
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_stream::StreamExt as _;
use tonic::codec::CompressionEncoding;
use tonic::server::{Grpc, UnaryService};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Status};
use tracing::{debug, warn};

use crate::patient::Patient;
use crate::plain::Plain;
use crate::receive::{Held, Room};

/// The largest message that is taken, in bytes, as received and decompressed.
pub const MAX_MESSAGE: usize = 4 << 20;
/// How long a call may take, the arrival of its message included.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How many calls of one connection are worked on at a time; the others wait.
const CALLS: usize = 8;
/// How many calls one connection may have open.
const STREAMS: u32 = 100;
/// How much of a message may be on its way before the client has to wait for word from here, in
/// bytes; and of all messages of a connection.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
/// The largest part in which a message comes, in bytes.
const FRAME: u32 = 64 << 10;
/// The largest head of a call, in bytes.
const LARGEST_HEAD: u32 = 64 << 10;
/// A connection that says nothing for this long is asked whether it is still there…
const KEEPALIVE: Duration = Duration::from_secs(60);
/// …and has this long to answer.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// How long calls may go on after the server was told to stop.
const GRACE: Duration = Duration::from_secs(2);

/// Serves until `stop` says so, then lets running calls end.
pub(crate) async fn serve(listener: TcpListener, router: Router, mut stop: watch::Receiver<bool>) {
    let mut stopped = stop.clone();
    let stop = async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let grace = async move {
        let _ = stopped.wait_for(|stop| *stop).await;
        tokio::time::sleep(GRACE).await;
    };
    let server = Server::builder()
        .timeout(CALL_TIMEOUT)
        .concurrency_limit_per_connection(CALLS)
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME)
        .http2_max_header_list_size(LARGEST_HEAD)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT));
    // An answer is one small write: it is not to wait for more.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let incoming = incoming.map(|stream| stream.map(Patient::new));
    let serve = server.serve_with_incoming_shutdown(router, incoming, stop);
    tokio::select! {
        served = serve => if let Err(error) = served {
            warn!(%error, "gRPC is no longer served");
        },
        () = grace => debug!("calls were still running at the end"),
    }
}

/// What gRPC calls a message beyond the limit. Tonic's own reader calls it out of range.
pub(crate) const TOO_LARGE: Code = Code::ResourceExhausted;

/// Lets tonic read the message of a call while there is room for it, and carry its answer.
pub(crate) async fn call<M>(method: M, request: Request, room: &Room) -> Response
where
    M: UnaryService<Bytes, Response = Bytes>,
{
    // Not only while it comes: it lies in memory until the call ends.
    let held = Arc::new(Mutex::new(Held::default()));
    let request = request.map(|body| {
        let (room, held) = (room.clone(), Arc::clone(&held));
        Body::new(Measured { body, room, held, bytes: 0 })
    });
    let mut grpc = Grpc::new(Plain)
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(MAX_MESSAGE);
    let mut answer = grpc.unary(method, request).await;
    if answer.headers().get("grpc-status").is_some_and(|code| code == "11") {
        answer.headers_mut().insert("grpc-status", HeaderValue::from(TOO_LARGE as i32));
    }
    answer.map(Body::new)
}

/// A body that takes of the room for reading what it gives.
struct Measured {
    body: Body,
    room: Room,
    held: Arc<Mutex<Held>>,
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
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let room = self.room.hold(&mut held, self.bytes);
        room.map_err(|why| Status::unavailable(why.to_string()))?;
        Poll::Ready(Some(Ok(frame)))
    }
}
