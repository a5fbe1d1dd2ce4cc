//! TLS with Mozilla's root certificates built in: the container image holds only the binary.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// The TLS configuration of an HTTP client.
pub fn config() -> ClientConfig {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    #[expect(clippy::expect_used, reason = "ring has ciphers for both versions of TLS")]
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring knows TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
