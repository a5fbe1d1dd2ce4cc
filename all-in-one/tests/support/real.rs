//! The real Jaeger 1.35, to check the recordings against it.

use std::net::SocketAddr;

use testbed::Real;

use super::Target;

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
