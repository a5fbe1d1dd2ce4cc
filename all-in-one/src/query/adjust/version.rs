//! The two forms of the API.

/// For which API a trace is adjusted: `/api/v3` has other words, knows hosts by their names too, and
/// handles references itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::query) enum Version {
    #[default]
    V1,
    V3,
}
