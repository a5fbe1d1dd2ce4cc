//! Test support for the example programs: [`Httpbin`] serves the page that they request,
//! [`Program`] runs a built program as a user does, [`Jaeger`] receives its spans, [`parity`]
//! compares its traces with those of the Python originals, and [`robustness`] has the tests with
//! failing surroundings that all three share. [`Fleet`] is for traces that cross processes.
//!
//! ```
//! use testbed::{Answer, Httpbin, Jaeger, Program};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let jaeger = Jaeger::start()?;
//! let page = Httpbin::start(Answer::Body(503, b"busy".to_vec()))?;
//!
//! // Use your own program here; `sh` makes no spans.
//! let program = Program::new("/bin/sh").arg("-c").arg("echo $JAEGER_AGENT_PORT $HTTPBIN_URL");
//! let agent_port = jaeger.agent_port().to_string();
//! let program = program.env("JAEGER_AGENT_PORT", &agent_port).env("HTTPBIN_URL", &page.url());
//! let finished = program.run()?;
//! assert_eq!(finished.code, Some(0));
//! assert_eq!(finished.stdout, format!("{agent_port} {}\n", page.url()));
//!
//! assert!(page.requests().is_empty());
//! assert!(jaeger.traces("shop", 0)?["data"].as_array().is_some_and(Vec::is_empty));
//! # Ok(())
//! # }
//! ```
//!
//! Only tests depend on this crate, never the programs.

mod black_hole;
mod browser;
mod fleet;
mod httpbin;
mod jaeger;
mod pages;
pub mod parity;
mod png256;
mod program;
mod project;
mod real;
pub mod robustness;
mod transcript;

pub use black_hole::BlackHole;
pub use browser::Browser;
pub use fleet::Fleet;
pub use httpbin::{Answer, Httpbin};
pub use jaeger::Jaeger;
pub use pages::Pages;
pub use program::{Finished, Program, Running};
pub use project::Project;
pub use real::Real;
pub use transcript::{assert_block, assert_row, assert_shown};

/// Whether this machine has an address besides the loopback. The check sends no packet.
#[must_use]
pub fn has_network() -> bool {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0");
    socket.is_ok_and(|socket| socket.connect("192.0.2.1:9").is_ok())
}
