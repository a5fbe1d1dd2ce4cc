//! The checker: builds the learner's program, runs it beside an embedded Jaeger, and compares the
//! trace that it made with the one that it should make.

pub mod build;
pub mod check;
pub mod course;
pub mod failure;
pub mod jaeger;
pub mod learn;
pub mod plain;
pub mod progress;
pub mod reset;
pub mod run;
pub mod solution;
pub mod terminal;
pub mod text;
pub mod watch;
