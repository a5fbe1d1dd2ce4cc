//! Reads request bodies within bounds.
//!
//! The limit holds after decompression: a megabyte of gzip can hold a gigabyte. All doors share one
//! budget for the bodies that are being received, and one for the spans that are being decoded. So
//! the process takes at most 64 MiB more than the store may, whatever arrives.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http_body_util::BodyExt;
use tokio::sync::Semaphore;

use super::budget::Reservation;
use super::counters::Reason;
#[cfg(feature = "cli")]
use super::packed;
use super::threads;

/// The largest body, in bytes, as received and decompressed; the OpenTelemetry Collector's limit.
pub const MAX_BODY: usize = 20 << 20;
/// The budget for bodies that are being received, in KiB: one of the largest, or many small ones.
pub(crate) const READING_KIB: u32 = (MAX_BODY >> 10) as u32 + (1 << 10);
/// The budget for what is decoded at a time, in KiB.
const DECODING_KIB: u32 = (MAX_DECODED >> 10) as u32;
/// The most memory that the decoded part of one request may take, in bytes: twenty thousand spans
/// of ten tags.
pub(crate) const MAX_DECODED: usize = 16 << 20;
/// How many bytes of memory one byte may become: an empty OTLP attribute is 2 bytes on the wire and
/// 56 in memory.
const SWELLS: usize = 28;
/// The codings of a body, for answers.
#[cfg(feature = "cli")]
const SUPPORTED: &str = "[gzip, deflate, zlib, zstd, snappy, identity]";
#[cfg(not(feature = "cli"))]
const SUPPORTED: &str = "[gzip, deflate, zlib, identity]";
/// How long a body may take to arrive.
pub(crate) const TIME: Duration = Duration::from_secs(30);

/// The memory budgets that the requests at all doors share, in KiB.
#[derive(Clone, Debug)]
pub(crate) struct BodyBudget {
    reading: Arc<Semaphore>,
    decoding: Arc<Semaphore>,
}

impl Default for BodyBudget {
    fn default() -> Self {
        BodyBudget {
            reading: Arc::new(Semaphore::new(READING_KIB as usize)),
            decoding: Arc::new(Semaphore::new(DECODING_KIB as usize)),
        }
    }
}

/// Why a body could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// Larger than [`MAX_BODY`].
    TooLarge,
    /// A Content-Encoding that is not known; its name.
    Coding(String),
    /// More than one Content-Encoding header.
    Codings,
    /// It is not compressed as its header says, or it is incomplete.
    Compressed(String),
    /// The connection ended before the body did.
    Broken(String),
    /// It took longer than [`TIME`].
    Slow,
    /// The budget is used up by other requests.
    Busy,
}

impl BodyError {
    /// The reason under which it is counted.
    pub(crate) fn reason(&self) -> Reason {
        match self {
            BodyError::TooLarge => Reason::TooLarge,
            BodyError::Coding(_) | BodyError::Codings => Reason::Unsupported,
            BodyError::Compressed(_) => Reason::Malformed,
            BodyError::Broken(_) => Reason::Socket,
            BodyError::Slow => Reason::Slow,
            BodyError::Busy => Reason::Busy,
        }
    }

    /// The status of the answer. After 503 the client may send the request again.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            BodyError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::Coding(_) | BodyError::Codings => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            BodyError::Compressed(_) | BodyError::Broken(_) => StatusCode::BAD_REQUEST,
            BodyError::Slow => StatusCode::REQUEST_TIMEOUT,
            BodyError::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl std::fmt::Display for BodyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BodyError::TooLarge => write!(f, "the body is larger than {MAX_BODY} bytes"),
            BodyError::Coding(name) => {
                write!(f, "unsupported content encoding {name}, supported: {SUPPORTED}")
            }
            BodyError::Codings => f.write_str("more than one Content-Encoding header"),
            BodyError::Compressed(why) | BodyError::Broken(why) => f.write_str(why),
            BodyError::Slow => write!(f, "the body took longer than {TIME:?}"),
            BodyError::Busy => f.write_str("too many requests at once"),
        }
    }
}

impl BodyBudget {
    /// Reads and decompresses a body, and passes it to `work`, on a blocking thread if it is large.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        headers: &HeaderMap,
        body: Body,
        work: impl FnOnce(Bytes) -> T + Send + 'static,
    ) -> Result<T, BodyError> {
        let coding = Coding::of(headers)?;
        let read = tokio::time::timeout(TIME, self.read(headers, body));
        let (body, _held) = read.await.map_err(|_| BodyError::Slow)??;
        let Some(coding) = coding else {
            return self.decode(body.len(), move || work(body)).await;
        };
        // Its size is not known before: it can be a thousand times as large.
        let work = move || {
            let plain = coding.unpack(&body)?;
            drop(body);
            Ok(work(plain.into()))
        };
        self.decode(usize::MAX, work).await?
    }

    /// Runs `work` on `bytes` bytes once the budget has room for what they may become.
    pub(crate) async fn decode<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, BodyError> {
        let kib = bytes.saturating_mul(SWELLS).div_ceil(1024);
        let kib = u32::try_from(kib).unwrap_or(u32::MAX).min(DECODING_KIB);
        let _decoding = self.decoding.acquire_many(kib).await.map_err(|_| BodyError::Busy)?;
        let done = threads::work(bytes, work).await;
        done.map_err(|error| BodyError::Broken(error.to_string()))
    }

    async fn read(
        &self,
        headers: &HeaderMap,
        mut body: Body,
    ) -> Result<(Bytes, Reservation), BodyError> {
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let announced = announced.and_then(|length| length.parse().ok()).unwrap_or(0);
        if announced > MAX_BODY {
            return Err(BodyError::TooLarge);
        }
        // Reserved once, so that it is not copied as it grows. Pages that are never written take no
        // memory, so a wrong Content-Length does no harm.
        let mut whole = Vec::with_capacity(announced);
        let mut held = Reservation::default();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| BodyError::Broken(error.to_string()))?;
            let Ok(data) = frame.into_data() else {
                continue; // trailers
            };
            if whole.len() + data.len() > MAX_BODY {
                return Err(BodyError::TooLarge);
            }
            self.hold(&mut held, whole.len() + data.len())?;
            whole.extend_from_slice(&data);
        }
        Ok((whole.into(), held))
    }

    /// Reserves enough of the budget for this many bytes.
    pub(crate) fn hold(&self, held: &mut Reservation, bytes: usize) -> Result<(), BodyError> {
        let enough = held.grow(&self.reading, bytes.div_ceil(1024));
        if enough { Ok(()) } else { Err(BodyError::Busy) }
    }
}

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    /// With the head of zlib, as HTTP demands, or without, as some clients send it.
    Deflate,
    /// As over gRPC.
    #[cfg(feature = "cli")]
    Packed(packed::Coding),
}

impl Coding {
    /// The coding that the headers name, if any.
    fn of(headers: &HeaderMap) -> Result<Option<Self>, BodyError> {
        let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
        let coding = codings.next().map_or("", |value| value.to_str().unwrap_or("?")).trim();
        if codings.next().is_some() {
            return Err(BodyError::Codings);
        }
        match coding.to_ascii_lowercase().as_str() {
            "" | "identity" | "none" => Ok(None),
            "gzip" | "x-gzip" => Ok(Some(Coding::Gzip)),
            "deflate" | "zlib" => Ok(Some(Coding::Deflate)),
            #[cfg(feature = "cli")]
            "zstd" => Ok(Some(Coding::Packed(packed::Coding::Zstd))),
            // The second is the Collector's name for snappy as a stream.
            #[cfg(feature = "cli")]
            "snappy" | "x-snappy-framed" => Ok(Some(Coding::Packed(packed::Coding::Snappy))),
            other => Err(BodyError::Coding(other.chars().take(40).collect())),
        }
    }

    fn unpack(self, packed: &[u8]) -> Result<Vec<u8>, BodyError> {
        match self {
            Coding::Gzip => read(MultiGzDecoder::new(packed), packed.len(), "gzip"),
            Coding::Deflate if has_zlib_head(packed) => {
                let mut reader = ZlibDecoder::new(packed);
                let plain = read(&mut reader, packed.len(), "zlib")?;
                whole(plain, reader.total_in(), packed)
            }
            Coding::Deflate => {
                let mut reader = DeflateDecoder::new(packed);
                let plain = read(&mut reader, packed.len(), "deflate")?;
                whole(plain, reader.total_in(), packed)
            }
            #[cfg(feature = "cli")]
            Coding::Packed(coding) => coding.unpack(packed, MAX_BODY).map_err(BodyError::from),
        }
    }
}

#[cfg(feature = "cli")]
impl From<packed::Fault> for BodyError {
    fn from(fault: packed::Fault) -> Self {
        match fault {
            packed::Fault::TooLarge => BodyError::TooLarge,
            packed::Fault::Malformed(why) => BodyError::Compressed(why),
        }
    }
}

/// Decompresses bytes in every coding, for the fuzzer.
#[cfg(any(test, fuzzing))]
pub(super) fn fuzz(bytes: &[u8]) {
    for coding in [Coding::Gzip, Coding::Deflate] {
        let plain = coding.unpack(bytes).unwrap_or_default();
        assert!(plain.len() <= MAX_BODY, "{coding:?}");
    }
}

fn has_zlib_head(packed: &[u8]) -> bool {
    match packed {
        [method, flags, ..] => {
            method & 15 == 8 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31)
        }
        _ => false,
    }
}

/// Reads what a body decompresses to.
fn read(reader: impl Read, packed: usize, coding: &str) -> Result<Vec<u8>, BodyError> {
    let mut plain = Vec::with_capacity((packed * 3).min(MAX_BODY));
    // One byte more than allowed, to tell a body that is too large from one that just fits.
    let mut reader = reader.take(MAX_BODY as u64 + 1);
    reader.read_to_end(&mut plain).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => BodyError::Compressed("unexpected EOF".to_owned()),
        _ => BodyError::Compressed(format!("{coding}: {error}")),
    })?;
    if plain.len() > MAX_BODY { Err(BodyError::TooLarge) } else { Ok(plain) }
}

/// The body, if nothing follows its end.
fn whole(plain: Vec<u8>, read: u64, packed: &[u8]) -> Result<Vec<u8>, BodyError> {
    if read == packed.len() as u64 && read > 0 {
        return Ok(plain);
    }
    Err(BodyError::Compressed("the compressed body ends before its last byte".to_owned()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use hyper::body::Frame;
    use std::io::Write;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).expect("gzip");
        encoder.finish().expect("gzip")
    }

    fn zlib(plain: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).expect("zlib");
        encoder.finish().expect("zlib")
    }

    fn deflate(plain: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).expect("deflate");
        encoder.finish().expect("deflate")
    }

    /// A body that gives one byte, and then nothing.
    #[derive(Default)]
    pub(crate) struct Stalled(bool);

    impl hyper::body::Body for Stalled {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            match std::mem::replace(&mut self.0, true) {
                false => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"{"))))),
                true => Poll::Pending,
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_given_up() {
        let budget = BodyBudget::default();
        let begin = tokio::time::Instant::now();
        let headers = HeaderMap::new();
        let read = budget.work(&headers, Body::new(Stalled::default()), |_| ()).await;
        assert_eq!(read, Err(BodyError::Slow));
        assert_eq!(begin.elapsed(), Duration::from_secs(30));
        assert_eq!(
            budget.reading.available_permits(),
            READING_KIB as usize,
            "the budget is free again"
        );
    }

    #[tokio::test]
    async fn bodies_share_one_room() {
        let budget = BodyBudget::default();
        let mut first = Reservation::default();
        budget.hold(&mut first, MAX_BODY).expect("within the budget");
        let body = || Body::from(vec![0; 2 << 20]);
        let read = budget.work(&HeaderMap::new(), body(), |_| ()).await;
        assert_eq!(read, Err(BodyError::Busy));
        drop(first);
        assert_eq!(budget.work(&HeaderMap::new(), body(), |body| body.len()).await, Ok(2 << 20));
    }

    /// Compresses a body.
    type Pack = fn(&[u8]) -> Vec<u8>;
    const PACKED: [(Coding, Pack); 3] =
        [(Coding::Gzip, gzip), (Coding::Deflate, zlib), (Coding::Deflate, deflate)];

    #[test]
    fn size_counts_after_decompression() {
        for (coding, pack) in PACKED {
            let plain = coding.unpack(&pack(&vec![0; MAX_BODY]));
            assert_eq!(plain.map(|plain| plain.len()), Ok(MAX_BODY));
            assert_eq!(coding.unpack(&pack(&vec![0; MAX_BODY + 1])), Err(BodyError::TooLarge));
        }
    }

    #[test]
    fn what_is_not_compressed_as_it_says_is_refused() {
        for (number, (coding, pack)) in PACKED.into_iter().enumerate() {
            let good = pack(b"spans");
            assert_eq!(coding.unpack(&good).as_deref(), Ok(&b"spans"[..]));
            for (what, bytes) in [
                ("nothing", Vec::new()),
                ("plain text", b"spans".to_vec()),
                ("half of it", good[..good.len() / 2].to_vec()),
                ("something behind it", [&good[..], b"more"].concat()),
            ] {
                let unpacked = coding.unpack(&bytes);
                assert!(matches!(unpacked, Err(BodyError::Compressed(_))), "{what}: {number}");
            }
        }
        for (coding, good, check) in
            [(Coding::Gzip, gzip(b"spans"), 8), (Coding::Deflate, zlib(b"spans"), 4)]
        {
            let body = &good[..good.len() - check];
            for (what, bytes) in [
                ("no checksum", body.to_vec()),
                ("a wrong checksum", [body, &[0; 8][..check]].concat()),
            ] {
                let unpacked = coding.unpack(&bytes);
                assert!(matches!(unpacked, Err(BodyError::Compressed(_))), "{what}: {coding:?}");
            }
        }
    }
}
