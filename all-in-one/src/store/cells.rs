//! Memory for records: chains of cells of one size.
//!
//! A freed cell fits whatever is stored next, so memory does not fragment: the cells in use are the
//! memory that the process takes for them.

/// The size of a cell in bytes, including its link to the next one.
pub(super) const CELL: usize = 128;
const ROOM: usize = CELL - size_of::<u32>();
/// How many cells are allocated at a time: 256 KiB.
const CHUNK: usize = 2048;
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Cell {
    next: u32,
    bytes: [u8; ROOM],
}

/// All cells, used and free.
#[derive(Debug)]
pub(super) struct Cells {
    chunks: Vec<Box<[Cell]>>,
    free: u32,
    used: usize,
}

/// Bytes in a chain of cells. They are freed by [`Cells::free`], not when this is dropped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    head: u32,
    tail: u32,
    /// The used bytes of the last cell.
    fill: u8,
    cells: u32,
}

/// A position in a chain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    cell: u32,
    offset: u8,
}

impl Default for Cells {
    fn default() -> Self {
        Cells { chunks: Vec::new(), free: NONE, used: 0 }
    }
}

impl Default for Chain {
    fn default() -> Self {
        Chain { head: NONE, tail: NONE, fill: ROOM as u8, cells: 0 }
    }
}

impl Chain {
    /// The bytes of its cells.
    pub(super) fn size(&self) -> usize {
        self.cells as usize * CELL
    }

    /// The position of its first byte.
    pub(super) fn start(&self) -> Position {
        Position { cell: self.head, offset: 0 }
    }
}

impl Cells {
    /// The bytes of the used cells.
    pub(super) fn size(&self) -> usize {
        self.used * CELL
    }

    /// Appends bytes to a chain; returns the position of the first.
    pub(super) fn append(&mut self, chain: &mut Chain, mut bytes: &[u8]) -> Position {
        if usize::from(chain.fill) == ROOM {
            self.extend(chain);
        }
        let start = Position { cell: chain.tail, offset: chain.fill };
        loop {
            let fill = usize::from(chain.fill);
            let (now, later) = bytes.split_at(bytes.len().min(ROOM - fill));
            self.cell_mut(chain.tail).bytes[fill..fill + now.len()].copy_from_slice(now);
            chain.fill += now.len() as u8;
            bytes = later;
            if bytes.is_empty() {
                return start;
            }
            self.extend(chain);
        }
    }

    /// Frees the cells of a chain, in constant time.
    pub(super) fn free(&mut self, chain: Chain) {
        if chain.cells == 0 {
            return;
        }
        self.cell_mut(chain.tail).next = self.free;
        self.free = chain.head;
        self.used -= chain.cells as usize;
    }

    /// Frees the cells of a chain that lie before a position in it.
    pub(super) fn free_before(&mut self, chain: &mut Chain, at: Position) {
        let (first, mut last, mut freed) = (chain.head, NONE, 0);
        while chain.head != at.cell {
            last = chain.head;
            chain.head = self.cell(last).next;
            freed += 1;
        }
        if freed > 0 {
            self.cell_mut(last).next = self.free;
            self.free = first;
            self.used -= freed;
            chain.cells -= freed as u32;
        }
    }

    /// Reads `length` bytes into `out`; returns the position after them.
    pub(super) fn read(&self, mut at: Position, mut length: usize, out: &mut Vec<u8>) -> Position {
        while length > 0 {
            if usize::from(at.offset) == ROOM {
                at = Position { cell: self.cell(at.cell).next, offset: 0 };
            }
            let from = usize::from(at.offset);
            let to = ROOM.min(from + length);
            out.extend_from_slice(&self.cell(at.cell).bytes[from..to]);
            length -= to - from;
            at.offset = to as u8;
        }
        at
    }

    /// The position `length` bytes further on.
    pub(super) fn skip(&self, mut at: Position, mut length: usize) -> Position {
        while length > ROOM - usize::from(at.offset) {
            length -= ROOM - usize::from(at.offset);
            at = Position { cell: self.cell(at.cell).next, offset: 0 };
        }
        Position { offset: at.offset + length as u8, ..at }
    }

    /// Reads a varint; returns the position after it.
    pub(super) fn read_varint(&self, mut at: Position) -> (u64, Position) {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            if usize::from(at.offset) == ROOM {
                at = Position { cell: self.cell(at.cell).next, offset: 0 };
            }
            let byte = self.cell(at.cell).bytes[usize::from(at.offset)];
            at.offset += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        (value, at)
    }

    /// Whether a chain begins with these bytes.
    pub(super) fn starts_with(&self, chain: &Chain, bytes: &[u8]) -> bool {
        let mut cell = chain.head;
        bytes.chunks(ROOM).all(|part| {
            let found = self.cell(cell);
            cell = found.next;
            found.bytes[..part.len()] == *part
        })
    }

    fn extend(&mut self, chain: &mut Chain) {
        let new = self.take();
        match chain.cells {
            0 => chain.head = new,
            _ => self.cell_mut(chain.tail).next = new,
        }
        *chain = Chain { head: chain.head, tail: new, fill: 0, cells: chain.cells + 1 };
    }

    fn take(&mut self) -> u32 {
        if self.free == NONE {
            self.more();
        }
        let taken = self.free;
        self.free = self.cell(taken).next;
        self.used += 1;
        taken
    }

    fn more(&mut self) {
        let first = (self.chunks.len() * CHUNK) as u32;
        let empty = Cell { next: NONE, bytes: [0; ROOM] };
        let mut chunk = vec![empty; CHUNK].into_boxed_slice();
        for (cell, next) in chunk[..CHUNK - 1].iter_mut().zip(first + 1..) {
            cell.next = next;
        }
        self.chunks.push(chunk);
        self.free = first;
    }

    fn cell(&self, number: u32) -> &Cell {
        &self.chunks[number as usize / CHUNK][number as usize % CHUNK]
    }

    fn cell_mut(&mut self, number: u32) -> &mut Cell {
        &mut self.chunks[number as usize / CHUNK][number as usize % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(cells: &Cells, chain: &Chain, length: usize) -> Vec<u8> {
        let mut out = Vec::new();
        cells.read(chain.start(), length, &mut out);
        out
    }

    #[test]
    fn chains_grow_side_by_side() {
        let (mut cells, mut a, mut b) = (Cells::default(), Chain::default(), Chain::default());
        let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
        for size in [1, ROOM - 1, ROOM, 3 * ROOM + 7, 0, 5] {
            let bytes: Vec<u8> = (0..size).map(|n| n as u8).collect();
            let at = cells.append(&mut a, &bytes);
            let mut again = Vec::new();
            cells.read(at, size, &mut again);
            assert_eq!(again, bytes);
            of_a.extend(&bytes);
            of_b.extend(bytes.iter().rev());
            cells.append(&mut b, &of_b[of_b.len() - size..]);
        }
        assert_eq!(all(&cells, &a, of_a.len()), of_a);
        assert_eq!(all(&cells, &b, of_b.len()), of_b);
        assert!(cells.starts_with(&a, &of_a) && !cells.starts_with(&b, &of_a));
        assert_eq!(cells.size(), a.size() + b.size());
    }

    #[test]
    fn what_is_freed_is_used_again() {
        let mut cells = Cells::default();
        for round in 0..100u8 {
            let mut chain = Chain::default();
            cells.append(&mut chain, &vec![round; CHUNK * ROOM / 2]);
            assert_eq!(all(&cells, &chain, 3), [round; 3]);
            cells.free(chain);
        }
        assert_eq!((cells.size(), cells.chunks.len()), (0, 1));
    }
}
