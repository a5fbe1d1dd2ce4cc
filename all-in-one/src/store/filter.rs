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
}
