//! Jaeger all-in-one.
fn main() {}
