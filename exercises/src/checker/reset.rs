//! Gives an exercise its first program back, from git.

use std::fs;
use std::io;
use std::process::Command;

use similar::{ChangeTag, TextDiff};

use super::course::Exercise;

/// What a reset would do.
#[derive(Debug, PartialEq, Eq)]
pub enum Reset {
    /// Nothing: the program is as in the last commit.
    Unchanged,
    /// So many lines of the learner's would be lost; the text of the last commit.
    Loses(usize, String),
    /// The program is gone; the text of the last commit.
    Restores(String),
}

/// Finds out what a reset would do.
///
/// # Errors
/// If git does not have the program; the text says why, and what to do.
pub fn plan(exercise: &Exercise) -> Result<Reset, String> {
    let git =
        Command::new("git").args(["show", "HEAD:./main.rs"]).current_dir(&exercise.folder).output();
    let output = git.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "Cannot reset: git is not installed. The first program is in \
             the repository from which you have the course."
            .to_owned(),
        _ => format!("Cannot reset: git cannot be run: {error}"),
    })?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr).into_owned();
        let reason = reason.lines().next().unwrap_or("it does not say why").to_owned();
        return Err(format!(
            "Cannot reset: git does not have this file ({reason}). The first program is in the \
             repository from which you have the course."
        ));
    }
    let first = String::from_utf8_lossy(&output.stdout).into_owned();
    let Ok(now) = fs::read_to_string(exercise.program()) else { return Ok(Reset::Restores(first)) };
    let diff = TextDiff::from_lines(&*now, &*first);
    let lost = diff.iter_all_changes().filter(|change| change.tag() == ChangeTag::Delete).count();
    Ok(if now == first { Reset::Unchanged } else { Reset::Loses(lost, first) })
}

/// What to say if the program is as in the last commit.
pub const UNCHANGED: &str = "main.rs is as in the last commit already. If you have committed your own \
     work, `git log -- main.rs` in the exercise's folder lists the versions before it.";

/// Writes the program.
///
/// # Errors
/// If it cannot be written.
pub fn write(exercise: &Exercise, text: &str) -> Result<(), String> {
    let file = exercise.program();
    fs::write(&file, text).map_err(|error| format!("Cannot write {}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn git(folder: &Path, arguments: &[&str]) {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=ada", "-c", "user.email=ada@shop.example"]);
        let status = command.args(arguments).current_dir(folder).output().expect("git").status;
        assert!(status.success(), "{arguments:?}");
    }

    #[test]
    fn a_reset_says_what_would_be_lost() {
        let folder = std::env::temp_dir().join(format!("course-reset-{}", std::process::id()));
        let exercise = Exercise { label: "01_a".to_owned(), folder: folder.join("01_a") };
        fs::create_dir_all(&exercise.folder).expect("a folder");
        write(&exercise, "one\ntwo\n").expect("written");
        git(&folder, &["init", "--quiet"]);
        let error = plan(&exercise).expect_err("no commit yet");
        assert!(error.starts_with("Cannot reset: git does not have this file (fatal: "), "{error}");
        git(&folder, &["add", "."]);
        git(&folder, &["commit", "--quiet", "-m", "one"]);
        assert_eq!(plan(&exercise), Ok(Reset::Unchanged));
        write(&exercise, "one\nthree\nfour\n").expect("written");
        assert_eq!(plan(&exercise), Ok(Reset::Loses(2, "one\ntwo\n".to_owned())));
        fs::remove_file(exercise.program()).expect("removed");
        assert_eq!(plan(&exercise), Ok(Reset::Restores("one\ntwo\n".to_owned())));
        fs::remove_dir_all(folder).expect("removed");
    }
}
