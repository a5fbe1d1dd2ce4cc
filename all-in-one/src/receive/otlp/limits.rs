//! The limits of a request.

use std::cell::Cell;

use crate::server::body::MAX_DECODED;

/// How deep messages may nest within a span or a resource, counted as the protobuf decoder counts
/// them, and the same in JSON: 49 lists within lists, or 32 maps within maps.
pub(crate) const MAX_DEPTH: u32 = 100;

/// The memory that a request in JSON may take, which is decoded as a whole: about ten thousand
/// spans.
pub(super) const MAX_JSON: usize = MAX_DECODED;

/// Why a request is refused. Smaller than a `String`, because every field's reader returns it.
pub(super) type ErrorText = Box<str>;

/// Subtracts bytes from a budget.
pub(super) fn spend(budget: &mut usize, bytes: usize) -> Result<(), ErrorText> {
    *budget = budget.checked_sub(bytes).ok_or("it takes too much memory when it is decoded")?;
    Ok(())
}

/// The budget of a request in JSON: what is left of [`MAX_JSON`].
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
