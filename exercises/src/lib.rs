//! The course's library: what the exercises share.

pub mod shop;
