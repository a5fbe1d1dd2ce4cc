//! Escapes request lines that scripts send unescaped: `curl -g
//! '…/api/traces?tags={"error":"true"}'` sends the quotes as they are. Go accepts them, hyper does
//! not.
//!
//! Only for ports whose requests have no bodies: a line in a body that looks like a request line
//! would be escaped too.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use super::write_through::write_through;

/// How many bytes are read at once.
const CHUNK: usize = 4096;

/// A connection whose request lines are escaped as they are read.
#[derive(Debug)]
pub(crate) struct Escaped<S> {
    stream: S,
    part: LinePart,
    /// How many of the first bytes are those of the preface of HTTP/2; `None` once one was not.
    preface: Option<usize>,
    /// Escaped bytes that have not been read yet: at most three times a chunk.
    ready: VecDeque<u8>,
}

/// The part of a line that the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LinePart {
    /// The capital letters at the beginning, or the position before them.
    Method,
    /// The position after the space that follows them.
    Space,
    /// The path and query of a request line.
    Target,
    /// Anywhere else.
    Rest,
    /// What stays as it is: HTTP/2, which may share a port with HTTP/1, and requests with bodies.
    AsItIs,
}

/// How a connection begins that speaks HTTP/2.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

impl LinePart {
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (LinePart::AsItIs, _) => LinePart::AsItIs,
            (_, b'\n') => LinePart::Method,
            (LinePart::Method, b'A'..=b'Z') => LinePart::Method,
            (LinePart::Method, b' ') => LinePart::Space,
            (LinePart::Space, b'/') => LinePart::Target,
            (LinePart::Target, byte) if byte != b' ' => LinePart::Target,
            _ => LinePart::Rest,
        }
    }
}

impl<S> Escaped<S> {
    pub(crate) fn new(stream: S) -> Self {
        Escaped { stream, part: LinePart::Method, preface: Some(0), ready: VecDeque::new() }
    }

    /// A connection that stays as it is, but has the same type.
    pub(crate) fn never(stream: S) -> Self {
        Escaped { part: LinePart::AsItIs, preface: None, ..Escaped::new(stream) }
    }

    fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.part = self.part.after(*byte);
            self.preface = self.preface.filter(|read| PREFACE.get(*read) == Some(byte));
            self.preface = self.preface.map(|read| read + 1);
            if self.preface == Some(PREFACE.len()) {
                (self.part, self.preface) = (LinePart::AsItIs, None);
            }
            let escaped: &[u8] = match byte {
                b'"' => b"%22",
                b'#' => b"%23",
                b'<' => b"%3C",
                b'>' => b"%3E",
                b'`' => b"%60",
                _ => &[],
            };
            if self.part == LinePart::Target && !escaped.is_empty() {
                self.ready.extend(escaped);
            } else {
                self.ready.push_back(*byte);
            }
        }
    }

    fn give(&mut self, buffer: &mut ReadBuf<'_>) {
        let (front, _) = self.ready.as_slices();
        let length = front.len().min(buffer.remaining());
        buffer.put_slice(&front[..length]);
        self.ready.drain(..length);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Escaped<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ready.is_empty() {
            if self.part == LinePart::AsItIs {
                return Pin::new(&mut self.stream).poll_read(context, buffer);
            }
            let mut chunk = [0; CHUNK];
            let mut read = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut read))?;
            self.take(read.filled());
        }
        self.give(buffer);
        Poll::Ready(Ok(()))
    }
}

write_through!(Escaped);

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    async fn escaped(sent: &[u8]) -> String {
        let mut text = String::new();
        Escaped::new(sent).read_to_string(&mut text).await.expect("text");
        text
    }

    #[tokio::test]
    async fn only_request_lines_are_escaped() {
        let sent = b"GET /a?b={\"c\":\"<\"}#d HTTP/1.1\r\nHost: \"x\"\r\nReferer: /\"\r\n\r\nGET /`>` HTTP/1.1\r\n\r\n";
        let wanted = "GET /a?b={%22c%22:%22%3C%22}%23d HTTP/1.1\r\nHost: \"x\"\r\nReferer: /\"\r\n\r\nGET /%60%3E%60 HTTP/1.1\r\n\r\n";
        assert_eq!(escaped(sent).await, wanted);
        assert_eq!(escaped(b"get /\" x\n\"GET\" /\"\n").await, "get /\" x\n\"GET\" /\"\n");
    }

    #[tokio::test]
    async fn http2_stays_as_it_is() {
        let all = [PREFACE, b"\x00\nGET /\"<>` x\nGET /\""].concat();
        let sent = String::from_utf8(all).expect("text");
        assert_eq!(escaped(sent.as_bytes()).await, sent);
        let other = sent.replace("SM", "XX");
        assert_ne!(escaped(other.as_bytes()).await, other);
        let mut text = String::new();
        Escaped::never(other.as_bytes()).read_to_string(&mut text).await.expect("text");
        assert_eq!(text, other);
    }

    #[tokio::test]
    async fn long_lines_are_whole() {
        let sent = format!("GET /{} HTTP/1.1\r\n", "\"".repeat(3 * CHUNK));
        let wanted = format!("GET /{} HTTP/1.1\r\n", "%22".repeat(3 * CHUNK));
        assert_eq!(escaped(sent.as_bytes()).await, wanted);
    }
}
