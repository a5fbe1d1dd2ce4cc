//! Text that repeats is shared, not copied.

/// Shared, immutable text.
pub type Text = std::sync::Arc<str>;
