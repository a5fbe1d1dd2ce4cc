//! What separates the learner's program from the solution.

use std::fs;

use similar::TextDiff;

use super::course::Exercise;
use super::text::Style;

/// How many lines stand around a change.
const CONTEXT: usize = 3;

/// The changes that make the learner's program into the solution.
pub fn diff(exercise: &Exercise, style: Style) -> String {
    let read = |name| fs::read_to_string(exercise.folder.join(name)).unwrap_or_default();
    let (program, solution) = (read("main.rs"), read("solution.rs"));
    let diff = TextDiff::from_lines(&*program, &*solution);
    let mut unified = diff.unified_diff();
    let text = unified.context_radius(CONTEXT).header("main.rs", "solution.rs").to_string();
    if text.is_empty() {
        return "Your program is the solution, letter by letter.\n".to_owned();
    }
    let paint = |line: &str| match line.as_bytes().first() {
        Some(b'-') => style.red(line),
        Some(b'+') => style.green(line),
        Some(b'@') => style.dim(line),
        _ => line.to_owned(),
    };
    text.lines().map(|line| paint(line) + "\n").collect()
}
