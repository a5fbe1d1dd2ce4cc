//! A strategy as the message `SamplingStrategyResponse` of sampling.proto.
//!
//! | field | message |
//! |---|---|
//! | 1 | the type: 0 for a probability, which is left out, and 1 for a rate limit |
//! | 2 | the probability, in a message with field 1 |
//! | 3 | the traces per second, in a message with field 1 |
//! | 4 | of operations: 1 is the default probability, 3 is each operation |

use super::resolve::{Operations, Sampling, Strategy};

/// Writes a strategy.
pub(super) fn message(strategy: &Strategy<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    match strategy.sampling {
        Sampling::Probability(probability) => put(&mut out, 2, &double(1, probability)),
        Sampling::PerSecond(rate) => {
            out.extend([1 << 3, 1]);
            put(&mut out, 3, &integer(1, i64::from(rate)));
        }
    }
    if let Some(all) = &strategy.operations {
        put(&mut out, 4, &operations(all));
    }
    out
}

fn operations(operations: &Operations<'_>) -> Vec<u8> {
    let mut out = double(1, operations.default);
    for (name, probability) in &operations.each {
        let mut operation = Vec::new();
        if !name.is_empty() {
            put(&mut operation, 1, name.as_bytes());
        }
        put(&mut operation, 2, &double(1, *probability));
        put(&mut out, 3, &operation);
    }
    out
}

/// A field of text, or of a message.
fn put(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend(bytes);
}

/// A field with a number; zero is left out.
fn double(field: u8, number: f64) -> Vec<u8> {
    let mut out = Vec::new();
    if number != 0.0 {
        out.push(field << 3 | 1);
        out.extend(number.to_le_bytes());
    }
    out
}

/// A field with an integer; zero is left out.
fn integer(field: u8, number: i64) -> Vec<u8> {
    let mut out = Vec::new();
    if number != 0 {
        out.push(field << 3);
        varint(&mut out, number.cast_unsigned());
    }
    out
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
