//! What a request may hold.

use std::cell::Cell;

use crate::server::body::MAX_DECODED;

/// How deep messages may nest within a span or a resource, counted in messages as the protobuf
/// decoder counts them, and in JSON the same: 49 lists in one another, or 32 maps.
pub(crate) const MAX_DEPTH: u32 = 100;

/// How much a request in JSON may take, which is decoded as a whole: some ten thousand spans.
pub(super) const MAX_JSON: usize = MAX_DECODED;

/// Why a request is refused. It is smaller than a `String`: readers hand it up at every field.
pub(super) type ErrorText = Box<str>;

/// Takes bytes from what is left.
pub(super) fn spend(room: &mut usize, bytes: usize) -> Result<(), ErrorText> {
    *room = room.checked_sub(bytes).ok_or("it becomes too large when it is decoded")?;
    Ok(())
}

/// What is left of [`MAX_JSON`] while a request in JSON is decoded.
pub(super) struct JsonBudget(Cell<usize>);

impl Default for JsonBudget {
    fn default() -> Self {
        JsonBudget(Cell::new(MAX_JSON))
    }
}

impl JsonBudget {
    pub(super) fn take(&self, bytes: usize) -> Result<(), String> {
        let mut left = self.0.get();
        spend(&mut left, bytes)?;
        self.0.set(left);
        Ok(())
    }
}
