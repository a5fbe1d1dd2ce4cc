//! Text that is shared, not copied, because it repeats.

/// Shared, immutable text.
pub type Text = std::sync::Arc<str>;
