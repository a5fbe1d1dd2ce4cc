//! Codings that tonic does not know, decompressed within bounds: for gRPC's messages, and zstd and
//! snappy for bodies over HTTP.
//!
//! The Collector's exporters can send zstd and snappy; the program takes them, the library without
//! the feature `cli` does not.

use std::io::Read;

use axum::http::HeaderMap;
use flate2::read::ZlibDecoder;

/// The header that names a coding.
pub(super) const ENCODING: &str = "grpc-encoding";
/// The codings that are taken, for answers: gzip by tonic, the others here.
#[cfg(feature = "cli")]
pub(super) const ACCEPTED: &str = "gzip,deflate,zstd,snappy,identity";
#[cfg(not(feature = "cli"))]
pub(super) const ACCEPTED: &str = "gzip,deflate,identity";

/// The largest window of zstd, in bytes: what the Collector's exporters ask for at their highest
/// level. The decoder reserves it, but writes no more of it than the limit of what is decompressed.
#[cfg(feature = "cli")]
const WINDOW: u64 = 32 << 20;
/// The most frames of zstd in a body: beginning one takes far longer than receiving it.
#[cfg(feature = "cli")]
const FRAMES: usize = 64;

/// How a message is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Deflate,
    #[cfg(feature = "cli")]
    Zstd,
    #[cfg(feature = "cli")]
    Snappy,
}

/// Why a message cannot be decompressed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It becomes larger than it may.
    TooLarge,
    /// It is malformed.
    Malformed(String),
}

impl Coding {
    /// Every coding.
    #[cfg(any(test, fuzzing))]
    pub(super) const ALL: &[Self] = &[
        Coding::Deflate,
        #[cfg(feature = "cli")]
        Coding::Zstd,
        #[cfg(feature = "cli")]
        Coding::Snappy,
    ];

    /// The coding in the headers, unless tonic knows it or nobody does.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        match headers.get(ENCODING)?.as_bytes() {
            b"deflate" => Some(Coding::Deflate),
            #[cfg(feature = "cli")]
            b"zstd" => Some(Coding::Zstd),
            #[cfg(feature = "cli")]
            b"snappy" => Some(Coding::Snappy),
            _ => None,
        }
    }

    /// Decompresses a message to at most `most` bytes.
    pub(super) fn unpack(self, packed: &[u8], most: usize) -> Result<Vec<u8>, Fault> {
        match self {
            Coding::Deflate => read(ZlibDecoder::new(packed), most, "deflate"),
            #[cfg(feature = "cli")]
            Coding::Zstd => zstd(packed, most),
            #[cfg(feature = "cli")]
            Coding::Snappy => snappy(packed, most),
        }
    }
}

fn read(reader: impl Read, most: usize, coding: &str) -> Result<Vec<u8>, Fault> {
    let mut plain = Vec::new();
    let mut reader = reader.take(most as u64 + 1);
    let read = reader.read_to_end(&mut plain);
    read.map_err(|error| Fault::Malformed(format!("{coding}: {error}")))?;
    if plain.len() > most { Err(Fault::TooLarge) } else { Ok(plain) }
}

/// Every frame of a body, one after the other.
#[cfg(feature = "cli")]
fn zstd(packed: &[u8], most: usize) -> Result<Vec<u8>, Fault> {
    let malformed = |why: &str| Fault::Malformed(format!("zstd: {why}"));
    let (mut rest, mut plain) = (packed, Vec::new());
    for _ in 0..FRAMES {
        // The decoder reserves the window before it reads anything.
        match window(rest) {
            Some(window) if window <= WINDOW => {}
            Some(_) => return Err(Fault::TooLarge),
            None if rest.len() == packed.len() => {
                return Err(malformed("it does not begin with a frame"));
            }
            None => return Err(malformed("something that is no frame follows its end")),
        }
        let reader = ruzstd::decoding::StreamingDecoder::new(&mut rest);
        let mut reader = reader
            .map_err(|error| malformed(&error.to_string()))?
            .take((most - plain.len()) as u64 + 1);
        reader.read_to_end(&mut plain).map_err(|error| malformed(&error.to_string()))?;
        if plain.len() > most {
            return Err(Fault::TooLarge);
        }
        drop(reader);
        if rest.is_empty() {
            return Ok(plain);
        }
    }
    Err(malformed("it has more frames than 64"))
}

/// The size of the window that the head of a zstd frame asks for.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1>
#[cfg(feature = "cli")]
fn window(packed: &[u8]) -> Option<u64> {
    let [0x28, 0xb5, 0x2f, 0xfd, descriptor, rest @ ..] = packed else { return None };
    if descriptor & 0x20 == 0 {
        let (exponent, mantissa) = (rest.first()? >> 3, u64::from(rest.first()? & 7));
        let base = 1_u64 << (10 + exponent);
        return Some(base + base / 8 * mantissa);
    }
    // One segment: the window is the whole content.
    let skipped = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let (length, more) = [(1, 0), (2, 256), (4, 0), (8, 0)][usize::from(descriptor >> 6)];
    let size = rest.get(skipped..skipped + length)?;
    let size = size.iter().rev().fold(0_u64, |size, byte| size << 8 | u64::from(*byte));
    Some(size.saturating_add(more))
}

/// Snappy as a stream, as the Collector sends it, or as one block.
#[cfg(feature = "cli")]
fn snappy(packed: &[u8], most: usize) -> Result<Vec<u8>, Fault> {
    if packed.starts_with(b"\xff\x06\x00\x00sNaPpY") {
        return read(snap::read::FrameDecoder::new(packed), most, "snappy");
    }
    let malformed = |error: snap::Error| Fault::Malformed(format!("snappy: {error}"));
    match snap::raw::decompress_len(packed) {
        Ok(length) if length > most => Err(Fault::TooLarge),
        Ok(_) => snap::raw::Decoder::new().decompress_vec(packed).map_err(malformed),
        Err(error) => Err(malformed(error)),
    }
}

#[cfg(feature = "cli")]
#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const MOST: usize = 1 << 20;

    fn zstd(plain: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(plain, ruzstd::encoding::CompressionLevel::Fastest)
    }

    fn snappy_stream(plain: &[u8]) -> Vec<u8> {
        let mut writer = snap::write::FrameEncoder::new(Vec::new());
        writer.write_all(plain).expect("snappy");
        writer.into_inner().expect("snappy")
    }

    fn snappy_block(plain: &[u8]) -> Vec<u8> {
        snap::raw::Encoder::new().compress_vec(plain).expect("snappy")
    }

    fn deflate(plain: &[u8]) -> Vec<u8> {
        let level = flate2::Compression::fast();
        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), level);
        writer.write_all(plain).expect("deflate");
        writer.finish().expect("deflate")
    }

    #[test]
    fn messages_are_decompressed_to_the_limit_and_no_further() {
        type Pack = fn(&[u8]) -> Vec<u8>;
        let all: [(Coding, Pack); 4] = [
            (Coding::Zstd, zstd),
            (Coding::Snappy, snappy_stream),
            (Coding::Snappy, snappy_block),
            (Coding::Deflate, deflate),
        ];
        for (coding, pack) in all {
            let plain = coding.unpack(&pack(&vec![7; MOST]), MOST);
            assert_eq!(plain, Ok(vec![7; MOST]), "{coding:?}");
            let larger = coding.unpack(&pack(&vec![7; MOST + 1]), MOST);
            assert_eq!(larger, Err(Fault::TooLarge), "{coding:?}");
            let good = pack(b"spans of a trace, spans of a trace");
            for length in 0..good.len() {
                // What is cut is never more than what was sent.
                let cut = coding.unpack(&good[..length], MOST);
                assert!(cut.is_err() || cut.is_ok_and(|plain| plain.len() <= 34), "{coding:?}");
            }
            for at in 0..good.len() {
                let mut changed = good.clone();
                changed[at] ^= 1 << (at % 8);
                let _ = coding.unpack(&changed, MOST);
            }
        }
    }

    #[test]
    fn every_frame_of_zstd_is_read() {
        let two = [zstd(b"spans, "), zstd(b"more spans")].concat();
        assert_eq!(Coding::Zstd.unpack(&two, MOST), Ok(b"spans, more spans".to_vec()));
        assert_eq!(Coding::Zstd.unpack(&two, 16), Err(Fault::TooLarge));
        let many = zstd(b"x").repeat(FRAMES + 1);
        assert!(matches!(Coding::Zstd.unpack(&many, MOST), Err(Fault::Malformed(_))));
        for tail in [&b"x"[..], b"not a frame", &two[..two.len() - 1]] {
            let unpacked = Coding::Zstd.unpack(&[&two[..], tail].concat(), MOST);
            assert!(matches!(unpacked, Err(Fault::Malformed(_))), "{tail:?}: {unpacked:?}");
        }
    }

    #[test]
    fn a_window_that_takes_more_memory_than_it_may_is_refused() {
        for (descriptor, window) in
            [(0x68, Ok(8 << 20)), (0x78, Ok(32 << 20)), (0x80, Err(64 << 20))]
        {
            let frame = [0x28, 0xb5, 0x2f, 0xfd, 0, descriptor, 1, 0, 0];
            let (Ok(size) | Err(size)) = window;
            assert_eq!(super::window(&frame), Some(size));
            let unpacked = Coding::Zstd.unpack(&frame, MOST);
            assert_eq!(unpacked == Err(Fault::TooLarge), window.is_err(), "{unpacked:?}");
        }
        // One segment of a terabyte.
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0];
        assert_eq!(Coding::Zstd.unpack(&frame, MOST), Err(Fault::TooLarge));
    }
}
