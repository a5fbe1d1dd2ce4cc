//! What the tests of the example programs need: a page to ask for ([`Httpbin`]), a way to run the
//! built program as a user does ([`Program`]), a Jaeger that it sends to ([`Jaeger`]), and the
//! comparison of its traces with those of the Python originals ([`parity`]), and what has to hold
//! whatever is broken ([`life`]). [`Fleet`] is for traces that cross processes.
//!
//! ```
//! use testbed::{Answer, Httpbin, Jaeger, Program};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let jaeger = Jaeger::start()?;
//! let page = Httpbin::start(Answer::Body(503, b"busy".to_vec()))?;
//!
//! // A program of your own; here `sh`, which makes no spans.
//! let program = Program::new("/bin/sh").arg("-c").arg("echo $JAEGER_AGENT_PORT $HTTPBIN_URL");
//! let agent_port = jaeger.agent_port().to_string();
//! let ended = program.env("JAEGER_AGENT_PORT", &agent_port).env("HTTPBIN_URL", &page.url()).run()?;
//! assert_eq!(ended.code, Some(0));
//! assert_eq!(ended.stdout, format!("{agent_port} {}\n", page.url()));
//!
//! assert!(page.requests().is_empty());
//! assert!(jaeger.traces("shop", 0)?["data"].as_array().is_some_and(Vec::is_empty));
//! # Ok(())
//! # }
//! ```
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
pub use transcript::{assert_row, assert_shown};

/// Whether this machine has an address besides the loopback. Asking sends nothing.
#[must_use]
pub fn has_network() -> bool {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0");
    socket.is_ok_and(|socket| socket.connect("192.0.2.1:9").is_ok())
}
