//! Search keys: the numbers that a span is found by. A span has one for its service, one for its
//! operation and one for each tag, the last two combined with the service.
//!
//! A search gives a tag's value as text, whatever its type. For most types the text has the same
//! key as the value. A float or bytes can be written in many ways, so all floats under a tag's name
//! share one key, and so do all bytes.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;

use crate::model::TagValue;

const SERVICE: u64 = 0x51_7c_c1_b7_27_22_0a_95;
const OPERATION: u64 = 0x2f_f7_2b_e0_9c_31_0f_4d;
const INTEGER: u64 = 0x6d_b9_13_c4_5b_a0_77_e3;
const FLOAT: u64 = 0x94_d0_49_bb_13_31_11_eb;
const BINARY: u64 = 0xbf_58_47_6d_1c_e4_e5_b9;

/// Hashes with a random seed, so that nobody can choose text that collides.
#[derive(Debug, Default)]
pub(super) struct KeyHasher(RandomState);

/// Keys of which a span must have at least one.
pub(super) type AnyOf = Vec<u64>;

impl KeyHasher {
    /// The hash of text or other bytes.
    pub(super) fn hash(&self, bytes: &[u8]) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write(bytes);
        hasher.finish()
    }

    pub(super) fn hash_of(&self, value: &impl std::hash::Hash) -> u64 {
        self.0.hash_one(value)
    }

    /// The hash of a value; `text` is the hash of its text.
    pub(super) fn value(&self, value: &TagValue<'_>, text: u64) -> u64 {
        match value {
            TagValue::String(_) => text,
            TagValue::Bool(true) => self.hash(b"true"),
            TagValue::Bool(false) => self.hash(b"false"),
            TagValue::Int64(number) => mix(INTEGER, *number as u64),
            TagValue::Float64(_) => FLOAT,
            TagValue::Binary(_) => BINARY,
        }
    }

    /// The hashes of all values that a search for this text finds.
    fn values(&self, text: &str) -> Vec<u64> {
        let mut values = vec![self.hash(text.as_bytes())];
        if let Some(number) = text.parse::<i64>().ok().filter(|n| n.to_string() == text) {
            values.push(mix(INTEGER, number as u64));
        }
        if text.parse::<f64>().is_ok() {
            values.push(FLOAT);
        }
        if text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            values.push(BINARY);
        }
        values
    }

    /// The keys of which a span with this tag has one.
    pub(super) fn any_tag(&self, service: u64, key: &str, value: &str) -> AnyOf {
        let key = self.hash(key.as_bytes());
        self.values(value).into_iter().map(|value| tag(service, key, value)).collect()
    }
}

/// The key of a service, by the hash of its name.
pub(super) fn service(service: u64) -> u64 {
    mix(service, SERVICE)
}

/// The key of an operation, by the hashes of both names.
pub(super) fn operation(service: u64, operation: u64) -> u64 {
    mix(mix(service, OPERATION), operation)
}

/// The key of a tag, by hashes.
pub(super) fn tag(service: u64, key: u64, value: u64) -> u64 {
    mix(mix(service, key), value)
}

/// Multiplies to 128 bits and folds the product, so that every bit counts.
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0x9e37_79b9_7f4a_7c15) * u128::from(b ^ 0xd6e8_feb8_6659_fd93);
    product as u64 ^ (product >> 64) as u64
}
