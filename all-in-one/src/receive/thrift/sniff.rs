//! Guesses what the bytes are that came to the wrong port, so that the log says what to change.

/// The first byte of a message in compact Thrift.
pub(super) const COMPACT: u8 = 0x82;
/// The first two bytes of a message in binary Thrift, version 1.
pub(super) const BINARY: [u8; 2] = [0x80, 1];

/// Describes a packet that does not begin with a message of the expected protocol.
pub(super) fn looks_like(packet: &[u8]) -> &'static str {
    match packet {
        [COMPACT, ..] => "it is compact Thrift, which goes to port 6831",
        [0x80, 1, ..] => "it is binary Thrift, which goes to port 6832",
        [0x80, _, ..] => "it has an unknown version of binary Thrift",
        [b'P', b'R', b'I', b' ', ..] => {
            "it looks like gRPC, which goes to port 14250 or 4317 (TCP)"
        }
        [b'A'..=b'Z', b'A'..=b'Z', ..] => "it looks like HTTP, which goes to port 14268 (TCP)",
        [b'{' | b'[', ..] => "it looks like JSON, which goes to port 4318 (OTLP) or 9411 (Zipkin)",
        [0x1f, 0x8b, ..] => "it looks like gzip, which no UDP port accepts",
        [0x16, 3, ..] => "it looks like TLS, which no port here supports",
        [0x0a, ..] => "it looks like OTLP, which goes to port 4317 or 4318 (TCP)",
        _ => "it is not a Thrift message",
    }
}
