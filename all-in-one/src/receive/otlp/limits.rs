//! The limits of a request.

/// How deep messages may nest within a span or a resource, counted as the protobuf decoder counts
/// them, and the same in JSON: 49 lists within lists, or 32 maps within maps.
pub(crate) const MAX_DEPTH: u32 = 100;

/// Why a request is refused. Smaller than a `String`, because every field's reader returns it.
pub(super) type ErrorText = Box<str>;

/// Subtracts bytes from a budget.
pub(super) fn spend(budget: &mut usize, bytes: usize) -> Result<(), ErrorText> {
    *budget = budget.checked_sub(bytes).ok_or("it takes too much memory when it is decoded")?;
    Ok(())
}
