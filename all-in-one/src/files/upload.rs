//! Fills a store from an upload.

use super::pieces::Pieces;
use super::reader::Reader;
use crate::store::Store;

/// Reads the content of a file into a store. What cannot be read is passed over.
///
/// # Errors
/// Where nothing can be read, or the store has no room for it.
pub(crate) fn read(store: &Store, text: &[u8]) -> Result<(), String> {
    let mut pieces = Pieces::new(text);
    let (mut first, mut good) = (None, false);
    while let Some(piece) = pieces.next().map_err(|error| error.to_string())? {
        let mut fault = |why: &str| {
            first.get_or_insert_with(|| format!("line {}: {why}", piece.line));
        };
        let mut reader = Reader::new(store, &mut fault);
        let read = piece.text.map_err(str::to_owned).and_then(|text| reader.read(&text));
        let empty = reader.spans == 0 && reader.refused == 0;
        good |= reader.spans > 0 || read.is_ok() && empty;
        if let Err(why) = read {
            fault(&why);
        }
    }
    let usage = store.usage();
    if usage.evicted_traces > 0 || usage.dropped_spans > 0 {
        return Err("it holds too many spans to be shown together".to_owned());
    }
    if good { Ok(()) } else { Err(first.unwrap_or_else(|| "it is empty".to_owned())) }
}
