//! What a span is marked with where its times make no sense. Jaeger 1.35 shows such times as
//! numbers beyond all bounds.

/// Why a span's negative duration is shown as nothing.
pub(super) const NEGATIVE_DURATION: &str = "the client sent a negative duration; shown as 0";
/// Why a span's time before 1970 is shown as the epoch.
pub(super) const NEGATIVE_START: &str = "the client sent a start before 1970; shown as 1970";

/// A time that is not negative: 0, with a warning, where it is.
pub(super) fn not_negative(
    value: i64,
    warning: &'static str,
    warn: impl FnOnce(&'static str),
) -> u64 {
    u64::try_from(value).unwrap_or_else(|_| {
        warn(warning);
        0
    })
}
