//! Tables with numbered rows. A removed row's number is used again.

/// Puts a row into a free slot or at the end; returns its number.
pub(super) fn fill<T>(rows: &mut Vec<T>, free: &mut Vec<u32>, row: T) -> u32 {
    match free.pop() {
        Some(id) => {
            rows[id as usize] = row;
            id
        }
        None => {
            rows.push(row);
            (rows.len() - 1) as u32
        }
    }
}
