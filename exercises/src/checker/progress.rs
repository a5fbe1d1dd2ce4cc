//! Which exercises are solved, kept in a small file that git ignores.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::course::Exercise;

/// The name of the file, in the folder of the exercises.
const FILE: &str = ".progress";

/// The exercises that have passed, each with a hash of the program that did. A program that was changed
/// since must pass again.
#[derive(Debug)]
pub struct Progress {
    file: PathBuf,
    passed: BTreeMap<String, u64>,
}

impl Progress {
    /// Reads the file. What cannot be read counts as not solved.
    pub fn load(folder: &Path) -> Self {
        let file = folder.join(FILE);
        let text = fs::read_to_string(&file).unwrap_or_default();
        let entry = |line: &str| {
            let (label, hash) = line.split_once(' ')?;
            Some((label.to_owned(), u64::from_str_radix(hash, 16).ok()?))
        };
        Progress { file, passed: text.lines().filter_map(entry).collect() }
    }

    /// Whether an exercise has passed, as its program is now.
    pub fn is_done(&self, exercise: &Exercise) -> bool {
        let passed = self.passed.get(&exercise.label);
        passed.is_some() && passed.copied() == hash_of(&exercise.program())
    }

    /// Remembers whether the program of an exercise passes.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn record(&mut self, exercise: &Exercise, passes: bool) -> io::Result<()> {
        let hash = hash_of(&exercise.program()).filter(|_| passes);
        let before = match hash {
            Some(hash) => self.passed.insert(exercise.label.clone(), hash),
            None => self.passed.remove(&exercise.label),
        };
        if before == hash {
            return Ok(());
        }
        let lines = self.passed.iter().map(|(label, hash)| format!("{label} {hash:016x}\n"));
        fs::write(&self.file, lines.collect::<String>())
    }
}

/// A hash of a file: FNV-1a, which is the same in every version of Rust.
pub fn hash_of(file: &Path) -> Option<u64> {
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    Some(fs::read(file).ok()?.iter().fold(0xcbf2_9ce4_8422_2325, fold))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_program_must_pass_again() {
        let folder = std::env::temp_dir().join(format!("course-progress-{}", std::process::id()));
        let exercise = Exercise { label: "01_a".to_owned(), folder: folder.join("01_a") };
        fs::create_dir_all(&exercise.folder).expect("a folder");
        fs::write(exercise.program(), "one").expect("a file");
        let mut progress = Progress::load(&folder);
        progress.record(&exercise, true).expect("written");
        assert!(Progress::load(&folder).is_done(&exercise));
        fs::write(exercise.program(), "two").expect("a file");
        assert!(!Progress::load(&folder).is_done(&exercise));
        fs::write(exercise.program(), "one").expect("a file");
        progress.record(&exercise, false).expect("written");
        assert!(!Progress::load(&folder).is_done(&exercise));
        fs::write(folder.join(FILE), "rubbish\n01_a\n\u{fffd} x").expect("a file");
        assert!(!Progress::load(&folder).is_done(&exercise));
        fs::remove_dir_all(folder).expect("removed");
    }
}
