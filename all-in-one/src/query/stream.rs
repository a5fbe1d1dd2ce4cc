//! Streams answers: an answer is written while it is read. A short one is sent as a whole. A longer
//! one is sent in parts, as fast as the client reads, and only a few parts are in memory at a time.

use std::io::{self, Write};
use std::mem::take;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt, stream};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::api::Api;
use super::errors::ApiError;

/// The size of a part, in bytes. Most answers are shorter.
pub(crate) const PART: usize = 256 << 10;

/// The usual size of answers without traces.
const SMALL: usize = 8 << 10;

/// Buffers an answer and sends it part by part.
pub(super) struct AnswerWriter<'s> {
    part: Vec<u8>,
    /// Sends a part; the last part is returned by `end`.
    send: &'s mut dyn FnMut(Vec<u8>) -> io::Result<()>,
}

impl<'s> AnswerWriter<'s> {
    pub(super) fn new(send: &'s mut dyn FnMut(Vec<u8>) -> io::Result<()>) -> Self {
        AnswerWriter { part: Vec::with_capacity(SMALL), send }
    }

    #[cold]
    fn write_where_room_is_made(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        if self.part.len() + bytes.len() > SMALL {
            // Reserved once, so that it is not copied at every doubling.
            self.part.reserve_exact(PART - self.part.len());
        }
        while !bytes.is_empty() {
            let written = self.write(bytes)?;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    /// The last part.
    pub(super) fn end(self) -> Vec<u8> {
        self.part
    }
}

impl Write for AnswerWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.part.len() == PART {
            (self.send)(take(&mut self.part))?;
        }
        let length = bytes.len().min(PART - self.part.len());
        self.part.extend_from_slice(&bytes[..length]);
        Ok(length)
    }

    // Most writes are a few bytes long, and a search makes thousands of them.
    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > self.part.capacity() - self.part.len() {
            return self.write_where_room_is_made(bytes);
        }
        self.part.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Answers with what `write` writes, on a blocking thread when it is this answer's turn: a large
/// search must not delay other tasks.
pub(super) async fn answer(
    api: Arc<Api>,
    write: impl FnOnce(&Api, &mut AnswerWriter<'_>) -> Result<(), ApiError> + Send + 'static,
) -> Response {
    match begin(api, write).await {
        Ok(Ok(body)) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Ok(Err(refusal)) => refusal.into_response(),
        Err(_panic) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The beginning of an answer: its body, once a part of it or all of it is written, or the error
/// that came before. It fails if `write` panics.
pub(super) async fn begin<E: From<TooMany> + Send + 'static>(
    api: Arc<Api>,
    write: impl FnOnce(&Api, &mut AnswerWriter<'_>) -> Result<(), E> + Send + 'static,
) -> Result<Result<Body, E>, oneshot::error::RecvError> {
    let turn = Arc::clone(&api.turns).acquire_owned().await.ok();
    let (first, begun) = oneshot::channel();
    let (threads, first) = (Handle::current(), Some(first));
    let sender = PartSender { api: Arc::clone(&api), threads, turn, first, rest: None };
    // It ends by itself, even if the client has gone.
    tokio::task::spawn_blocking(move || sender.send_all(|out| write(&api, out)));
    begun.await
}

/// Too many answers of several parts are being read.
#[derive(Debug)]
pub(super) struct TooMany;

impl TooMany {
    pub(super) const WHY: &str =
        "too many large answers are being read: try again, or ask for fewer traces";
}

impl From<TooMany> for ApiError {
    fn from(_: TooMany) -> Self {
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, TooMany::WHY)
    }
}

/// Sends the parts of one answer.
struct PartSender<E> {
    api: Arc<Api>,
    threads: Handle,
    /// Its turn among the answers that are being written; `None` while it waits for its reader.
    turn: Option<OwnedSemaphorePermit>,
    /// Sends the beginning of the answer; `None` once that is done.
    first: Option<oneshot::Sender<Result<Body, E>>>,
    /// Sends the parts after the first; `None` in the channel marks the end.
    rest: Option<mpsc::Sender<Option<Bytes>>>,
}

impl<E: From<TooMany>> PartSender<E> {
    fn send_all(mut self, write: impl FnOnce(&mut AnswerWriter<'_>) -> Result<(), E>) {
        let mut send = |part: Vec<u8>| self.send(part.into());
        let mut out = AnswerWriter::new(&mut send);
        let written = write(&mut out);
        let last: Bytes = out.end().into();
        self.turn = None;
        match (self.first, self.rest) {
            (Some(first), _) => drop(first.send(written.map(|()| last.into()))),
            (None, Some(rest)) if written.is_ok() => {
                for part in [Some(last), None] {
                    // It does not matter if the client has gone.
                    let _ = rest.blocking_send(part);
                }
            }
            // Without the end mark, the client sees an incomplete answer.
            _ => {}
        }
    }

    fn send(&mut self, part: Bytes) -> io::Result<()> {
        let Some(rest) = &self.rest else {
            return self.begin(part);
        };
        self.turn = None;
        rest.blocking_send(Some(part)).map_err(|_| io::ErrorKind::BrokenPipe)?;
        let turn = Arc::clone(&self.api.turns).acquire_owned();
        self.turn = self.threads.block_on(turn).ok();
        Ok(())
    }

    /// Begins an answer of several parts, unless too many are in progress.
    fn begin(&mut self, part: Bytes) -> io::Result<()> {
        let (rest, coming) = mpsc::channel(1);
        let place = Arc::clone(&self.api.long_answers).try_acquire_owned();
        let body = place
            .map_err(|_| TooMany.into())
            .map(|place| Body::from_stream(stream::iter([Ok(part)]).chain(parts(coming, place))));
        let refused = body.is_err();
        let gone = self.first.take().is_none_or(|first| first.send(body).is_err());
        self.rest = Some(rest);
        if refused || gone { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }
}

/// The remaining parts. The permit is held until the last one is read.
fn parts(
    coming: mpsc::Receiver<Option<Bytes>>,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((coming, place), |(mut coming, place)| async move {
        match coming.recv().await {
            Some(Some(part)) => Ok(Some((part, (coming, place)))),
            Some(None) => Ok(None),
            None => Err(io::Error::other("the answer was not written to its end")),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::query::api::TURNS;
    use crate::store::{Limits, Store};
    use crate::ui::WebPages;

    fn api() -> Arc<Api> {
        let store = Arc::new(Store::new(Limits { traces: 0, bytes: 1 << 20 }));
        Api::new(store, WebPages::new(""), Duration::ZERO, String::new())
    }

    const LONG: usize = 10 * PART;
    /// Nothing here takes that long.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn long(_: &Api, out: &mut AnswerWriter<'_>) -> Result<(), ApiError> {
        Ok(out.write_all(&vec![b'a'; LONG])?)
    }

    async fn body(answer: Response) -> Result<Bytes, axum::Error> {
        axum::body::to_bytes(answer.into_body(), usize::MAX).await
    }

    #[test]
    fn all_parts_but_the_last_are_full() {
        let text: Vec<u8> = (0..3 * PART + 7).map(|number| number as u8).collect();
        for length in [0, 1, PART - 1, PART, PART + 1, 2 * PART, text.len()] {
            for piece in [1_000, PART, 2 * PART] {
                let mut parts = Vec::new();
                let mut send = |part| {
                    parts.push(part);
                    Ok(())
                };
                let mut out = AnswerWriter::new(&mut send);
                for piece in text[..length].chunks(piece) {
                    out.write_all(piece).expect("written");
                }
                let last = out.end();
                assert!(parts.iter().all(|part| part.len() == PART), "{length} {piece}");
                assert!(last.len() <= PART, "{length} {piece}");
                parts.push(last);
                assert!(parts.concat() == text[..length], "{length} {piece}");
            }
        }
    }

    #[tokio::test]
    async fn a_long_answer_arrives_whole_and_half_of_one_is_an_error() {
        let all = body(answer(api(), long).await).await.expect("all of it");
        assert_eq!(all.len(), LONG);
        let half = |api: &Api, out: &mut AnswerWriter<'_>| {
            long(api, out)?;
            Err(ApiError::trace_not_found())
        };
        let begun = answer(api(), half).await;
        assert_eq!(begun.status(), StatusCode::OK);
        body(begun).await.expect_err("half of it");
    }

    #[tokio::test]
    async fn whoever_does_not_read_holds_up_nobody() {
        let api = api();
        // It waits for its reader with its third part, which is its last, or with one before that.
        for length in [2 * PART + 1, 3 * PART + 1, LONG] {
            let text =
                move |_: &Api, out: &mut AnswerWriter<'_>| Ok(out.write_all(&vec![b'a'; length])?);
            let ask = || timeout(PATIENCE, answer(Arc::clone(&api), text));
            let mut unread = Vec::new();
            for _ in 0..2 * TURNS {
                unread.push(ask().await.expect("its turn"));
            }
            let read = body(ask().await.expect("its turn")).await.expect("an answer");
            assert_eq!(read.len(), length);
        }
    }

    #[tokio::test]
    async fn a_panic_is_500_and_gives_its_turn_back() {
        let api = api();
        for _ in 0..2 * TURNS {
            let made = answer(Arc::clone(&api), |_, _| panic!("a mistake of our own")).await;
            assert_eq!(made.status(), StatusCode::INTERNAL_SERVER_ERROR);
        }
        let made = answer(api, |_, _| Err(ApiError::trace_not_found())).await;
        assert_eq!(made.status(), StatusCode::NOT_FOUND);
    }
}
