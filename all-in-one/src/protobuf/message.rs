//! Messages of protocol buffers that are written here: answers, and requests that came in JSON.
//!
//! Source: <https://protobuf.dev/programming-guides/encoding/>

/// A message as bytes. Every method appends a field.
#[derive(Debug, Default)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    /// An integer, a boolean or an enum. A negative one has its sign extended to 64 bits.
    pub(crate) fn varint(&mut self, number: u32, value: u64) {
        self.key(number, 0);
        self.push_varint(value);
    }

    /// A double, or an integer of fixed size.
    pub(crate) fn fixed64(&mut self, number: u32, value: u64) {
        self.key(number, 1);
        self.0.extend(value.to_le_bytes());
    }

    /// Text or bytes.
    pub(crate) fn bytes(&mut self, number: u32, bytes: &[u8]) {
        self.key(number, 2);
        self.push_varint(bytes.len() as u64);
        self.0.extend(bytes);
    }

    /// A message within this one.
    pub(crate) fn message(&mut self, number: u32, message: &Message) {
        self.bytes(number, &message.0);
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn key(&mut self, number: u32, wire_type: u64) {
        self.push_varint(u64::from(number) << 3 | wire_type);
    }

    fn push_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(feature = "query-grpc")]
impl Message {
    /// Text, unless it is empty.
    pub(crate) fn text(&mut self, number: u32, text: &str) {
        if !text.is_empty() {
            self.bytes(number, text.as_bytes());
        }
    }

    /// An integer, a boolean or an enum, unless it is zero.
    pub(crate) fn number(&mut self, number: u32, value: u64) {
        if value != 0 {
            self.varint(number, value);
        }
    }

    /// How many bytes it has.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protobuf::wire::{Fields, WireValue};

    #[test]
    fn what_is_written_is_what_is_read() {
        let mut inner = Message::default();
        inner.bytes(1, b"text");
        let mut message = Message::default();
        message.varint(1, 0);
        message.varint(1000, u64::MAX);
        message.fixed64(4, 7);
        message.message(2, &inner);
        let bytes = message.into_bytes();
        let mut fields = Fields::of(&bytes);
        let mut next = || fields.next().expect("a message");
        assert_eq!(next(), Some((1, WireValue::Varint(0))));
        assert_eq!(next(), Some((1000, WireValue::Varint(u64::MAX))));
        assert_eq!(next(), Some((4, WireValue::Fixed64(7))));
        assert_eq!(next(), Some((2, WireValue::Bytes(b"\x0a\x04text"))));
        assert_eq!(next(), None);
    }
}
