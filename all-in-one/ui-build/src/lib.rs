//! Finds the pages of Jaeger UI and compresses them, for the build script of `jaeger-all-in-one`.

#![deny(unsafe_code)]
#![warn(missing_docs, unreachable_pub)]

mod embed;
mod find;

pub use find::{FOLDER_VARIABLE, Pages, Places};

/// Writes `assets.rs` and the compressed files to `OUT_DIR`. Only a build script can call this: it
/// reads the variables that Cargo sets for one.
///
/// # Errors
/// Where the pages are not found, or cannot be read. The text is one line, and says what to do.
pub fn embed() -> Result<(), String> {
    println!("cargo::rerun-if-env-changed={FOLDER_VARIABLE}");
    let places = Places::of_build_script()?;
    let pages = places.find()?;
    println!("cargo::rerun-if-changed={}", pages.folder.display());
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    embed::write(&pages, &places.out, &version)
        .map_err(|error| format!("the pages in {}: {error}", pages.folder.display()))
}
