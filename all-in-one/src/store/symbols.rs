//! Numbers for short text that repeats, such as tag keys.
//!
//! Text becomes a symbol when it occurs for the second time, and is removed with the last span that
//! has it. Text that never repeats, such as URLs with ids in them, does not become a symbol.

use hashbrown::HashTable;

use super::search_keys::KeyHasher;
use super::slots;
use crate::model::Text;

/// Longer text seldom repeats. Together with [`MOST`] this bounds the table: 8 MiB.
const LONGEST: usize = 64;
const MOST: usize = 1 << 16;
/// How many texts that occurred once are remembered.
const SEEN: usize = 1 << 13;
/// How many texts of a span are remembered for the next one.
const GUESSES: usize = 64;
/// No symbol has this number.
const NO_SYMBOL: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct Symbols {
    entries: Vec<Entry>,
    free: Vec<u32>,
    by_hash: HashTable<u32>,
    seen: Box<[u32]>,
    /// The symbols of the previous span, and how many texts the current span has so far: most spans
    /// have the same text at the same place.
    before: Vec<u32>,
    texts: usize,
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    text: Text,
    holders: u32,
}

impl Default for Symbols {
    fn default() -> Self {
        Symbols {
            entries: Vec::new(),
            free: Vec::new(),
            by_hash: HashTable::new(),
            seen: vec![0; SEEN].into(),
            before: Vec::new(),
            texts: 0,
        }
    }
}

impl Symbols {
    /// Begins a span.
    pub(super) fn begin(&mut self) {
        self.texts = 0;
    }

    /// The number and hash of the span's next text, with one more reference; no number if the text
    /// is to be written inline.
    pub(super) fn hold_next(&mut self, text: &[u8], hasher: &KeyHasher) -> (Option<u32>, u64) {
        let place = self.texts;
        self.texts += 1;
        if let Some(guess) = self.before.get(place).copied()
            && let Some(hash) = self.hold_again(guess, text)
        {
            return (Some(guess), hash);
        }
        let hash = hasher.hash(text);
        let symbol = self.hold(text, hash);
        if place < GUESSES {
            self.before.resize(self.before.len().max(place + 1), NO_SYMBOL);
            self.before[place] = symbol.unwrap_or(NO_SYMBOL);
        }
        (symbol, hash)
    }

    /// The number of this text, with one more reference; `None` if it is to be written inline.
    fn hold(&mut self, text: &[u8], hash: u64) -> Option<u32> {
        if text.len() > LONGEST {
            return None;
        }
        let entries = &mut self.entries;
        let found = self.by_hash.find(hash, |id| {
            let entry = &entries[*id as usize];
            entry.hash == hash && entry.text.as_bytes() == text
        });
        let Some(id) = found else {
            return self.admit(text, hash);
        };
        let entry = &mut entries[*id as usize];
        entry.holders = entry.holders.checked_add(1)?;
        Some(*id)
    }

    /// The hash of this text, with one more reference, if it is the symbol `guess`.
    fn hold_again(&mut self, guess: u32, text: &[u8]) -> Option<u64> {
        let entry = self.entries.get_mut(guess as usize)?;
        if entry.holders == 0 || entry.text.as_bytes() != text {
            return None;
        }
        entry.holders = entry.holders.checked_add(1)?;
        Some(entry.hash)
    }

    fn admit(&mut self, text: &[u8], hash: u64) -> Option<u32> {
        let mark = (hash >> 32) as u32;
        let seen = &mut self.seen[hash as usize % SEEN];
        if std::mem::replace(seen, mark) != mark || self.by_hash.len() == MOST {
            return None;
        }
        let text: Text = std::str::from_utf8(text).ok()?.into();
        let entry = Entry { hash, text, holders: 1 };
        let entries = &mut self.entries;
        let id = slots::fill(entries, &mut self.free, entry);
        self.by_hash.insert_unique(hash, id, |id| entries[*id as usize].hash);
        Some(id)
    }

    /// Releases a reference to a symbol.
    pub(super) fn release(&mut self, id: u32) {
        let entry = &mut self.entries[id as usize];
        entry.holders -= 1;
        if entry.holders > 0 {
            return;
        }
        if let Ok(found) = self.by_hash.find_entry(entry.hash, |other| *other == id) {
            found.remove();
        }
        entry.text = Text::default();
        self.free.push(id);
    }

    /// The text of a symbol that is in use.
    pub(super) fn text(&self, id: u32) -> &Text {
        &self.entries[id as usize].text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(text: &[u8]) -> u64 {
        use std::hash::BuildHasher;
        foldhash::fast::FixedState::with_seed(1).hash_one(text)
    }

    fn hold(symbols: &mut Symbols, text: &str) -> Option<u32> {
        symbols.hold(text.as_bytes(), hash(text.as_bytes()))
    }

    #[test]
    fn text_becomes_a_symbol_at_second_sight_and_goes_with_its_last_holder() {
        let mut symbols = Symbols::default();
        assert_eq!(hold(&mut symbols, "http.method"), None);
        let id = hold(&mut symbols, "http.method").expect("a symbol");
        assert_eq!(hold(&mut symbols, "http.method"), Some(id));
        assert_eq!(&**symbols.text(id), "http.method");
        symbols.release(id);
        symbols.release(id);
        assert_eq!(symbols.by_hash.len(), 0);
        hold(&mut symbols, "other");
        assert_eq!(hold(&mut symbols, "other"), Some(id), "its number is given again");
    }

    #[test]
    fn the_table_does_not_grow_beyond_its_limit() {
        let mut symbols = Symbols::default();
        for number in 0..2 * MOST {
            let text = number.to_string();
            hold(&mut symbols, &text);
            hold(&mut symbols, &text);
        }
        assert_eq!(symbols.entries.len(), MOST);
        let long = "x".repeat(LONGEST + 1);
        assert_eq!((hold(&mut symbols, &long), hold(&mut symbols, &long)), (None, None));
    }

    #[test]
    fn a_guess_is_checked() {
        let mut symbols = Symbols::default();
        assert_eq!(symbols.hold_again(0, b""), None, "there is none");
        hold(&mut symbols, "GET");
        let id = hold(&mut symbols, "GET").expect("a symbol");
        assert_eq!(symbols.hold_again(id, b"PUT"), None);
        assert_eq!(symbols.hold_again(id, b"GET"), Some(hash(b"GET")));
        symbols.release(id);
        symbols.release(id);
        assert_eq!((symbols.hold_again(id, b"GET"), symbols.hold_again(id, b"")), (None, None));
    }

    #[test]
    fn what_is_no_utf_8_is_no_symbol() {
        let mut symbols = Symbols::default();
        let wrong = b"\xff";
        assert_eq!(symbols.hold(wrong, hash(wrong)), None);
        assert_eq!(symbols.hold(wrong, hash(wrong)), None);
    }
}
