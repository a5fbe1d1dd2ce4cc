//! Jaeger's web pages, if the feature `ui` is on.

#[cfg(not(feature = "ui"))]
mod absent;
#[cfg(feature = "ui")]
mod folder;
#[cfg(feature = "ui")]
mod index;
#[cfg(feature = "ui")]
mod pages;

#[cfg(not(feature = "ui"))]
pub(crate) use absent::WebPages;
#[cfg(feature = "ui")]
pub(crate) use pages::WebPages;
