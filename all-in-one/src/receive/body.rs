//! The body of a request, read within bounds.
//!
//! Its size counts after decompression: a megabyte of gzip can hold a gigabyte. The bodies that
//! are being read at one time are bounded too, and so is how many are worked on.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::threads::{self, AT_ONCE};

/// The largest body, in bytes, as received and decompressed; the OpenTelemetry Collector's limit.
pub const MAX_BODY: usize = 20 << 20;
/// How much all bodies together may take while they are being read, in KiB.
const MAX_WAITING_KIB: u32 = 32 << 10;
/// How much room is made for a body before it comes, where it is announced.
const TRUSTED: usize = 64 << 10;
/// How many large bodies are decoded at one time.
const MAX_DECODING: usize = 1;
/// How long a body may take to arrive.
const TIME: Duration = Duration::from_secs(30);

/// What the requests of all doors share: room for their bodies, and turns to be decoded.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    kib: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

impl Default for Room {
    fn default() -> Self {
        Room {
            kib: Arc::new(Semaphore::new(MAX_WAITING_KIB as usize)),
            turns: Arc::new(Semaphore::new(MAX_DECODING)),
        }
    }
}

/// Why a body was not read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// Larger than [`MAX_BODY`].
    TooLarge,
    /// In another coding than gzip; which.
    Coding(String),
    /// It is said to be gzip and is not, or not whole.
    Gzip(String),
    /// It ended too early.
    Broken(String),
    /// It took longer than allowed.
    Slow,
    /// Too many others are being read.
    Busy,
}

impl Unreadable {
    /// The status that a client is to see. With 503 it may send the request again.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Unreadable::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Unreadable::Coding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Unreadable::Gzip(_) | Unreadable::Broken(_) => StatusCode::BAD_REQUEST,
            Unreadable::Slow => StatusCode::REQUEST_TIMEOUT,
            Unreadable::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unreadable::TooLarge => write!(f, "the body is larger than {MAX_BODY} bytes"),
            Unreadable::Coding(name) => {
                write!(f, "unsupported content encoding {name}, supported: [gzip, identity]")
            }
            Unreadable::Gzip(why) | Unreadable::Broken(why) => f.write_str(why),
            Unreadable::Slow => write!(f, "the body took longer than {TIME:?}"),
            Unreadable::Busy => f.write_str("too many requests at once"),
        }
    }
}

impl Room {
    /// Reads and decompresses a body, and hands it to `work` on a thread that may take its time.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        headers: &HeaderMap,
        body: Body,
        work: impl FnOnce(&[u8]) -> T + Send + 'static,
    ) -> Result<T, Unreadable> {
        let gzip = is_gzip(headers)?;
        let (body, _room) = tokio::time::timeout(TIME, self.read(headers, body))
            .await
            .map_err(|_| Unreadable::Slow)??;
        // Packed, it may hold a thousand times as much.
        let bytes = if gzip { usize::MAX } else { body.len() };
        let _turn = match bytes {
            0..=AT_ONCE => None,
            _ => Some(self.turns.acquire().await.map_err(|_| Unreadable::Busy)?),
        };
        let work =
            move || if gzip { gunzip(&body).map(|body| work(&body)) } else { Ok(work(&body)) };
        let done = threads::work(bytes, work).await;
        done.map_err(|error| Unreadable::Broken(error.to_string()))?
    }

    async fn read(
        &self,
        headers: &HeaderMap,
        mut body: Body,
    ) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Unreadable> {
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let announced = announced.and_then(|length| length.parse().ok()).unwrap_or(0);
        if announced > MAX_BODY {
            return Err(Unreadable::TooLarge);
        }
        // Not on trust alone: the rest of a large body is made room for when it comes.
        let mut whole = Vec::with_capacity(announced.min(TRUSTED));
        let mut room: Option<OwnedSemaphorePermit> = None;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Unreadable::Broken(error.to_string()))?;
            let Ok(data) = frame.into_data() else {
                continue; // trailers
            };
            if whole.len() + data.len() > MAX_BODY {
                return Err(Unreadable::TooLarge);
            }
            let needed = (whole.len() + data.len()).div_ceil(1024);
            let missing = needed.saturating_sub(room.as_ref().map_or(0, |room| room.num_permits()));
            let more = u32::try_from(missing).map_err(|_| Unreadable::TooLarge)?;
            let more = Arc::clone(&self.kib).try_acquire_many_owned(more);
            let more = more.map_err(|_| Unreadable::Busy)?;
            match &mut room {
                Some(room) => room.merge(more),
                None => room = Some(more),
            }
            whole.extend_from_slice(&data);
        }
        Ok((whole.into(), room))
    }
}

/// Whether the body is gzip; only that and none at all is understood.
fn is_gzip(headers: &HeaderMap) -> Result<bool, Unreadable> {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    let coding = codings.next().map_or("", |value| value.to_str().unwrap_or("?")).trim();
    if codings.next().is_some() {
        return Err(Unreadable::Coding("twice".to_owned()));
    }
    match coding.to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(false),
        "gzip" => Ok(true),
        other => Err(Unreadable::Coding(other.chars().take(40).collect())),
    }
}

fn gunzip(packed: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let mut plain = Vec::with_capacity((packed.len() * 3).min(MAX_BODY));
    // One byte more than allowed tells what is too large from what just fits.
    let mut reader = MultiGzDecoder::new(packed).take(MAX_BODY as u64 + 1);
    reader.read_to_end(&mut plain).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => Unreadable::Gzip("unexpected EOF".to_owned()),
        _ => Unreadable::Gzip(format!("gzip: {error}")),
    })?;
    if plain.len() > MAX_BODY { Err(Unreadable::TooLarge) } else { Ok(plain) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).expect("gzip");
        encoder.finish().expect("gzip")
    }

    #[test]
    fn size_counts_after_decompression() {
        assert_eq!(gunzip(&gzip(&vec![0; MAX_BODY])).map(|plain| plain.len()), Ok(MAX_BODY));
        assert_eq!(gunzip(&gzip(&vec![0; MAX_BODY + 1])), Err(Unreadable::TooLarge));
    }

    #[test]
    fn gzip_that_lies_is_refused() {
        let good = gzip(b"spans");
        for (what, bytes) in [
            ("nothing", Vec::new()),
            ("plain text", b"spans".to_vec()),
            ("half of it", good[..good.len() / 2].to_vec()),
            ("no checksum", good[..good.len() - 8].to_vec()),
            ("a wrong checksum", [&good[..good.len() - 8], &[0; 8]].concat()),
            ("something behind it", [&good[..], b"more"].concat()),
        ] {
            assert!(matches!(gunzip(&bytes), Err(Unreadable::Gzip(_))), "{what}");
        }
    }
}
