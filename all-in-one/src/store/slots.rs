//! Tables whose rows have numbers: a row that is gone leaves its number to the next one.

/// Puts a row in a free place, or behind the others, and returns its number.
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
