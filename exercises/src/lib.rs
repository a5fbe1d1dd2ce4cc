//! The course's library: what the exercises share, and the checker.

pub mod checker;
pub mod shop;
