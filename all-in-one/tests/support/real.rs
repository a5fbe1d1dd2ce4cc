//! The real Jaeger 1.35, to see that it still answers as it was recorded.

use std::ffi::OsStr;
use std::net::{SocketAddr, TcpStream};

pub use testbed::Real;

use super::{Target, request, until};

/// Starts it, and waits until it answers.
pub fn start(binary: &OsStr) -> Real {
    let real = Real::start(binary).expect("start");
    until("the real Jaeger answers", || {
        TcpStream::connect(real.query()).is_ok()
            && request(real.query(), "GET", "/api/services", &[]).status == 200
    });
    real
}

impl Target for Real {
    fn address(&self, door: &str) -> SocketAddr {
        Real::address(self, door).unwrap_or_else(|| panic!("no door {door}"))
    }

    fn query(&self) -> SocketAddr {
        Target::address(self, "query")
    }

    fn received(&self, _: &str) -> Option<u64> {
        None
    }
}
