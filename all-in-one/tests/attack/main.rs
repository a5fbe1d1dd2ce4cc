//! Hostile, broken and careless clients, one kind per file. docs/RELIABILITY.md names the promise
//! that each test keeps.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[cfg(target_os = "linux")]
mod burst;
mod calls;
mod doors;
mod heads;
mod lengths;
#[cfg(unix)]
mod log;
#[cfg(target_os = "linux")]
mod memory;
mod odd;
mod queries;
mod slow;
#[path = "../support/mod.rs"]
mod support;
