//! Warnings for spans whose times make no sense. Jaeger 1.35 shows such times as huge numbers.

/// Added where a negative duration is shown as 0.
pub(super) const NEGATIVE_DURATION: &str = "the client sent a negative duration; shown as 0";
/// Added where a start before 1970 is shown as 1970.
pub(super) const NEGATIVE_START: &str = "the client sent a start before 1970; shown as 1970";

/// The value, or 0 and a warning where it is negative.
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
