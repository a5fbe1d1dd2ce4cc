//! Calls whose answer is a stream of messages: reads the question, and sends an answer that others
//! write, part by part.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::BoxError;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tonic::codec::{CompressionEncoding, Streaming};
use tonic::{Code, Status};

use super::bytes_codec::BytesCodec;
use super::connections::{ConnectionMemory, ConnectionSize};
use super::grpc::{self, CALL_TIMEOUT, STREAMS, TOO_LARGE};
use super::idle_timeout::IDLE_LIMIT;
use super::packed::ENCODING;

/// The largest question, in bytes, both as received and decompressed. Longer than any that a person
/// asks; a request line over HTTP has twice as much.
pub(crate) const LARGEST_QUESTION: usize = 16 << 10;
/// What a connection takes: each of its calls may hold a question.
pub(crate) const CONNECTION_SIZE: ConnectionSize = ConnectionSize {
    idle: grpc::CONNECTION_SIZE.idle,
    buffers: grpc::CONNECTION_SIZE.buffers + STREAMS * (LARGEST_QUESTION >> 10) as u32,
};

/// Reads the only message of a call.
///
/// # Errors
/// If it does not arrive in time, is too large, or in an unknown coding.
pub(crate) async fn question(request: Request) -> Result<Bytes, Status> {
    let encoding = match request.headers().get(ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => None,
        Some(b"gzip") => Some(CompressionEncoding::Gzip),
        Some(other) => {
            let other: String = String::from_utf8_lossy(other).chars().take(100).collect();
            let why = format!("the coding {other:?} is not supported here: use gzip or none");
            let mut status = Status::unimplemented(why);
            let accepted = HeaderValue::from_static("gzip,identity");
            let mut headers = HeaderMap::new();
            headers.insert("grpc-accept-encoding", accepted);
            *status.metadata_mut() = tonic::metadata::MetadataMap::from_headers(headers);
            return Err(status);
        }
    };
    let body = request.into_body();
    let mut messages = Streaming::new_request(BytesCodec, body, encoding, Some(LARGEST_QUESTION));
    let message = timeout(CALL_TIMEOUT, messages.message()).await.map_err(|_| {
        Status::deadline_exceeded(format!("the call took longer than {CALL_TIMEOUT:?}"))
    })?;
    let message = message.map_err(|status| match status.code() {
        Code::OutOfRange => {
            let why = format!("the message is larger than {LARGEST_QUESTION} bytes");
            Status::new(TOO_LARGE, why)
        }
        _ => status,
    })?;
    message.ok_or_else(|| Status::internal("the call ended without a message"))
}

/// The connection of a call.
pub(crate) fn connection(request: &Request) -> Option<Arc<ConnectionMemory>> {
    request.extensions().get::<Arc<ConnectionMemory>>().cloned()
}

/// An answer whose messages are in `body`, each after its head. `place` is held until the client has
/// taken all of it; if the client takes nothing for too long, its connection is closed.
pub(crate) fn answer(
    body: Body,
    connection: Option<Arc<ConnectionMemory>>,
    place: OwnedSemaphorePermit,
) -> Response {
    let (alive, ended) = oneshot::channel();
    let taken = Arc::new(Mutex::new(Some(Instant::now())));
    tokio::spawn(watch(Arc::clone(&taken), ended, connection));
    let body = Taken { body: Some(body), taken, _alive: alive, _place: place };
    let mut response = Response::new(Body::new(body));
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(header::CONTENT_TYPE, grpc);
    response
}

/// Closes the connection of an answer that its client does not read. A client of HTTP/2 may answer
/// pings for ever without taking a byte, so the connection alone does not show it.
async fn watch(
    taken: Arc<Mutex<Option<Instant>>>,
    mut ended: oneshot::Receiver<()>,
    connection: Option<Arc<ConnectionMemory>>,
) {
    loop {
        let since = *taken.lock().unwrap_or_else(PoisonError::into_inner);
        // Where the next part is still being written, the client is not to blame.
        let since = since.unwrap_or_else(Instant::now);
        tokio::select! {
            _ = &mut ended => return,
            () = sleep_until(since + IDLE_LIMIT) => {}
        }
        let waits = taken.lock().unwrap_or_else(PoisonError::into_inner);
        if waits.is_some_and(|since| since.elapsed() >= IDLE_LIMIT) {
            if let Some(connection) = connection {
                connection.close();
            }
            return;
        }
    }
}

/// The body of an answer, with the trailers of gRPC.
struct Taken {
    /// `None` after the trailers.
    body: Option<Body>,
    /// When the client was given its last part; `None` while the next one is being written.
    taken: Arc<Mutex<Option<Instant>>>,
    _alive: oneshot::Sender<()>,
    _place: OwnedSemaphorePermit,
}

impl HttpBody for Taken {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let set = |taken: &Mutex<_>, since| {
            *taken.lock().unwrap_or_else(PoisonError::into_inner) = since;
        };
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(context);
        set(&self.taken, polled.is_ready().then(Instant::now));
        let status = match ready!(polled) {
            Some(Ok(frame)) => return Poll::Ready(Some(Ok(frame))),
            Some(Err(error)) => Status::internal(error.to_string()),
            None => Status::ok(""),
        };
        self.body = None;
        let mut trailers = HeaderMap::new();
        status.add_header(&mut trailers)?;
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::stream;
    use http_body_util::BodyExt as _;
    use tokio::sync::Semaphore;

    use super::super::connections::ConnectionBudget;
    use super::*;

    async fn place() -> OwnedSemaphorePermit {
        Arc::new(Semaphore::new(1)).acquire_owned().await.expect("a place")
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_whose_answer_nobody_reads_is_closed() {
        let connection = ConnectionBudget::to_query().admit(CONNECTION_SIZE).expect("its memory");
        let parts = stream::iter([Ok::<_, BoxError>("a"), Ok("b")]);
        let response =
            answer(Body::from_stream(parts), Some(Arc::clone(&connection)), place().await);
        let mut body = response.into_body();
        tokio::time::sleep(Duration::from_secs(100)).await;
        body.frame().await.expect("a part").expect("a part");
        tokio::time::sleep(Duration::from_secs(100)).await;
        assert!(!connection.is_closed(), "a part was taken meanwhile");
        tokio::time::sleep(Duration::from_secs(21)).await;
        assert!(connection.is_closed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_may_wait_for_as_long_as_the_answer_takes() {
        let connection = ConnectionBudget::to_query().admit(CONNECTION_SIZE).expect("its memory");
        let late = stream::once(async {
            tokio::time::sleep(3 * IDLE_LIMIT).await;
            Ok::<_, BoxError>("late")
        });
        let body = Body::from_stream(Box::pin(late));
        let response = answer(body, Some(Arc::clone(&connection)), place().await);
        let whole = response.into_body().collect().await.expect("an answer");
        let trailers = whole.trailers().expect("trailers");
        assert_eq!(trailers["grpc-status"], "0");
        assert!(!connection.is_closed());
    }

    #[tokio::test]
    async fn half_an_answer_ends_with_an_error() {
        let parts = stream::iter([Ok("half"), Err(std::io::Error::other("it is gone"))]);
        let response = answer(Body::from_stream(parts), None, place().await);
        let whole = response.into_body().collect().await.expect("frames");
        let status = Status::from_header_map(whole.trailers().expect("trailers")).expect("one");
        assert_eq!((status.code(), status.message()), (Code::Internal, "it is gone"));
    }
}
