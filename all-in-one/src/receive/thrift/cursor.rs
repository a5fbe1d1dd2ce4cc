//! The bytes of a message that are not read yet, and how deep the reader is in them.

use super::{Error, MAX_DEPTH};

/// What both protocols read from. Nothing it gives reaches beyond the bytes that are left.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    depth: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Cursor { rest: bytes, depth: 0 }
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, Error> {
        let (byte, rest) = self.rest.split_first().ok_or(Error::Truncated)?;
        self.rest = rest;
        Ok(*byte)
    }

    /// So many bytes as the type asks for.
    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Error::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    /// As many bytes as the message claims.
    pub(super) fn take(&mut self, length: u64) -> Result<&'a [u8], Error> {
        let taken =
            usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let (taken, rest) = taken.ok_or(Error::TooLong(length))?;
        self.rest = rest;
        Ok(taken)
    }

    /// A count of elements, each of which takes at least `least` bytes.
    pub(super) fn count(&self, count: u64, least: usize) -> Result<usize, Error> {
        usize::try_from(count)
            .ok()
            .filter(|count| *count <= self.rest.len() / least)
            .ok_or(Error::TooLong(count))
    }

    /// Goes into a struct, list or map.
    pub(super) fn descend(&mut self) -> Result<(), Error> {
        if self.depth == MAX_DEPTH {
            return Err(Error::TooDeep);
        }
        self.depth += 1;
        Ok(())
    }

    /// Comes out of it.
    pub(super) fn ascend(&mut self) {
        self.depth -= 1;
    }
}
