//! Jaeger all-in-one.
