//! Embeds Jaeger's web pages, if the feature `ui` is on.

fn main() {
    // Without such a line Cargo watches every file of the package.
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "ui")]
    if let Err(error) = jaeger_ui_build::embed() {
        println!("cargo::error={error}");
    }
}
