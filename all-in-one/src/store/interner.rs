//! Keeps each distinct string once, with a reference count: it goes with its last reference.

use std::ops::Range;

use hashbrown::HashTable;

use super::cells::{Cells, Chain};
use super::slots;

/// The bytes of an entry without its cells, including its share of the hash table.
const ENTRY: usize = 64;

/// Distinct byte strings, with their reference counts.
#[derive(Debug, Default)]
pub(super) struct Interner {
    entries: Vec<Entry>,
    free: Vec<u32>,
    by_hash: HashTable<u32>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    hash: u64,
    chain: Chain,
    length: u32,
    holders: u32,
}

impl Interner {
    /// The bytes of all entries that ever existed at one time, not counting cells: free entries
    /// keep their memory.
    pub(super) fn size(&self) -> usize {
        self.entries.len() * ENTRY
    }

    /// Refers to a string once more, and adds it if it is new.
    pub(super) fn hold(&mut self, cells: &mut Cells, hash: u64, content: &[u8]) -> u32 {
        let entries = &mut self.entries;
        let same = |id: &u32| {
            let entry = &entries[*id as usize];
            entry.hash == hash
                && entry.length as usize == content.len()
                && cells.starts_with(&entry.chain, content)
        };
        if let Some(id) = self.by_hash.find(hash, same) {
            entries[*id as usize].holders += 1;
            return *id;
        }
        let mut chain = Chain::default();
        cells.append(&mut chain, content);
        let entry = Entry { hash, chain, length: content.len() as u32, holders: 1 };
        let id = slots::fill(entries, &mut self.free, entry);
        self.by_hash.insert_unique(hash, id, |id| entries[*id as usize].hash);
        id
    }

    /// Refers once more to a string that is there.
    pub(super) fn hold_again(&mut self, id: u32) {
        self.entries[id as usize].holders += 1;
    }

    /// Releases a reference; the last one removes the string.
    pub(super) fn release(&mut self, cells: &mut Cells, id: u32) {
        let entry = &mut self.entries[id as usize];
        entry.holders -= 1;
        if entry.holders > 0 {
            return;
        }
        let entry = std::mem::take(entry);
        if let Ok(found) = self.by_hash.find_entry(entry.hash, |other| *other == id) {
            found.remove();
        }
        cells.free(entry.chain);
        self.free.push(id);
    }

    /// The id of a string that is there.
    pub(super) fn find(&self, cells: &Cells, hash: u64, content: &[u8]) -> Option<u32> {
        let same = |id: &&u32| {
            let entry = &self.entries[**id as usize];
            entry.length as usize == content.len() && cells.starts_with(&entry.chain, content)
        };
        self.by_hash.iter_hash(hash).find(same).copied()
    }

    /// How many references there are.
    pub(super) fn holders(&self, id: u32) -> usize {
        self.entries[id as usize].holders as usize
    }

    /// Reads a string.
    pub(super) fn read(&self, cells: &Cells, id: u32) -> Vec<u8> {
        let entry = &self.entries[id as usize];
        let mut content = Vec::with_capacity(entry.length as usize);
        cells.read(entry.chain.start(), entry.length as usize, &mut content);
        content
    }

    /// Reads a string as text.
    pub(super) fn text(&self, cells: &Cells, id: u32) -> String {
        String::from_utf8(self.read(cells, id)).unwrap_or_default()
    }

    /// Every id is less than this.
    pub(super) fn end(&self) -> u32 {
        self.entries.len() as u32
    }

    /// The ids in this range that are in use.
    pub(super) fn held(&self, ids: Range<u32>) -> impl Iterator<Item = u32> {
        ids.take_while(|id| *id < self.end()).filter(|id| self.holders(*id) > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_goes_with_its_last_holder() {
        let (mut interner, mut cells) = (Interner::default(), Cells::default());
        // The same hash for both: what counts is the content.
        let a = interner.hold(&mut cells, 7, b"a");
        let b = interner.hold(&mut cells, 7, b"b");
        assert_ne!(a, b);
        assert_eq!(interner.hold(&mut cells, 7, b"a"), a);
        interner.release(&mut cells, a);
        assert_eq!((interner.find(&cells, 7, b"a"), interner.holders(a)), (Some(a), 1));
        interner.release(&mut cells, a);
        assert_eq!(interner.find(&cells, 7, b"a"), None);
        assert_eq!(interner.read(&cells, b), b"b");
        interner.release(&mut cells, b);
        assert_eq!(cells.size(), 0);
        let c = interner.hold(&mut cells, 9, b"c");
        assert!(c == a || c == b, "an entry is used again");
    }
}
