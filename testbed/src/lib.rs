//! What the tests of the example programs need: a page to ask for ([`Httpbin`]), a way to run the
//! built program as a user does ([`Program`]), a Jaeger that it sends to ([`Jaeger`]), and the
//! comparison of its traces with those of the Python originals ([`parity`]), and what has to hold
//! whatever is broken ([`life`]). [`Fleet`] is for traces
//! that cross processes.
//!
//! Only tests depend on this crate; the programs themselves know nothing of it.

mod black_hole;
mod browser;
mod fleet;
mod httpbin;
mod jaeger;
pub mod life;
mod pages;
pub mod parity;
mod png256;
mod program;
mod real;
mod transcript;

pub use black_hole::BlackHole;
pub use browser::Browser;
pub use fleet::{Fleet, Span, names, spans};
pub use httpbin::{Answer, Httpbin};
pub use jaeger::Jaeger;
pub use pages::Pages;
pub use program::{Finished, Program, Running};
pub use real::Real;
pub use transcript::assert_shown;
