//! Whether a key may be in a set: "no" is certain, "yes" is not.
//!
//! A blocked Bloom filter (Putze, Sanders, Singler: Cache-, Hash- and Space-Efficient Bloom
//! Filters, 2007): a lookup reads one cache line. With [`FULL`] entries, one lookup in a hundred
//! wrongly returns "yes"; with half of them, one in a thousand.

/// The size of a filter in bytes.
pub(super) const SIZE: usize = 4096;
/// How many entries a filter should have at most.
pub(super) const FULL: usize = 3000;
const WORDS: usize = 8;
const BLOCKS: usize = SIZE / (WORDS * size_of::<u64>());
/// How many bits are set for an entry.
const BITS: u32 = 6;

#[derive(Debug)]
pub(super) struct Filter(Box<[[u64; WORDS]]>);

impl Filter {
    pub(super) fn new() -> Self {
        Filter(vec![[0; WORDS]; BLOCKS].into())
    }

    pub(super) fn clear(&mut self) {
        self.0.fill([0; WORDS]);
    }

    /// Inserts a key; returns whether it was certainly absent before.
    pub(super) fn insert(&mut self, key: u64) -> bool {
        let block = &mut self.0[block(key)];
        let mut new = false;
        for (word, bit) in bits(key) {
            new |= block[word] & bit == 0;
            block[word] |= bit;
        }
        new
    }

    pub(super) fn may_contain(&self, key: u64) -> bool {
        let block = &self.0[block(key)];
        bits(key).all(|(word, bit)| block[word] & bit != 0)
    }
}

fn block(key: u64) -> usize {
    (key >> 58) as usize % BLOCKS
}

/// The position of each bit comes from nine bits of the key: three for the word, six for the bit in
/// it.
fn bits(key: u64) -> impl Iterator<Item = (usize, u64)> {
    (0..BITS).map(move |n| {
        let at = key >> (9 * n);
        ((at & 7) as usize, 1 << (at >> 3 & 63))
    })
}

/// The same for one span, with two bits for each key: of the spans of a page that cannot say no, it
/// leaves out most. With fifteen keys, one lookup in seven wrongly returns "yes".
#[derive(Clone, Copy, Debug)]
pub(super) struct Signature(u64);

impl Signature {
    /// Of several keys.
    pub(super) fn of(keys: &[u64]) -> Self {
        // A third of these bits are not among those that choose a place in a filter.
        let two = |key: &u64| 1 << (key >> 52 & 63) | 1 << (key >> 46 & 63);
        Signature(keys.iter().fold(0, |signature, key| signature | two(key)))
    }

    /// Of the keys of both.
    pub(super) fn with(self, other: Signature) -> Self {
        Signature(self.0 | other.0)
    }

    /// Whether it may have all keys of the other.
    pub(super) fn may_contain(self, other: Signature) -> bool {
        self.0 & other.0 == other.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::BuildHasher;

    #[test]
    fn what_is_in_is_found_and_little_else() {
        let hasher = foldhash::fast::FixedState::with_seed(7);
        let mut filter = Filter::new();
        for number in 0..FULL {
            filter.insert(hasher.hash_one(number));
        }
        assert!((0..FULL).all(|number| filter.may_contain(hasher.hash_one(number))));
        let others = FULL..FULL + 100_000;
        let wrong = others.filter(|number| filter.may_contain(hasher.hash_one(number))).count();
        assert!(wrong < 2_000, "{wrong} of 100,000");
        filter.clear();
        assert!(!filter.may_contain(hasher.hash_one(1)));
    }

    #[test]
    fn a_signature_has_all_keys_of_a_span_and_few_others() {
        let hasher = foldhash::fast::FixedState::with_seed(7);
        let one = |number: u64| hasher.hash_one(number);
        let mut wrong = 0;
        for span in 0..10_000 {
            let keys: Vec<u64> = (0..15).map(|key| one(span * 100 + key)).collect();
            let signature = Signature::of(&keys[..5]).with(Signature::of(&keys[5..]));
            assert!(keys.iter().all(|key| signature.may_contain(Signature::of(&[*key]))));
            wrong += usize::from(signature.may_contain(Signature::of(&[one(span * 100 + 99)])));
        }
        assert!(wrong < 2_000, "{wrong} of 10,000");
    }
}
