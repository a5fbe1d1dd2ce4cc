//! The unread bytes of a message, and the current nesting depth.

use super::{Error, MAX_DEPTH};

/// The input of both protocols. It never reads beyond the bytes that are left.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    depth: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Cursor { rest: bytes, depth: 0 }
    }

    /// The bytes that are left.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, Error> {
        let (byte, rest) = self.rest.split_first().ok_or(Error::Truncated)?;
        self.rest = rest;
        Ok(*byte)
    }

    /// Reads a fixed number of bytes.
    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Error::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    /// Reads as many bytes as the message claims.
    #[inline]
    pub(super) fn take(&mut self, length: u64) -> Result<&'a [u8], Error> {
        let taken =
            usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let (taken, rest) = taken.ok_or(Error::TooLong(length))?;
        self.rest = rest;
        Ok(taken)
    }

    /// Checks a count of elements, each of which takes at least `least` bytes.
    pub(super) fn count(&self, count: u64, least: usize) -> Result<usize, Error> {
        usize::try_from(count)
            .ok()
            .filter(|count| *count <= self.rest.len() / least)
            .ok_or(Error::TooLong(count))
    }

    /// Enters a struct, list or map.
    pub(super) fn descend(&mut self) -> Result<(), Error> {
        if self.depth == MAX_DEPTH {
            return Err(Error::TooDeep);
        }
        self.depth += 1;
        Ok(())
    }

    /// Leaves it.
    pub(super) fn ascend(&mut self) {
        self.depth -= 1;
    }
}
