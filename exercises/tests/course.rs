//! Goes through the course. Each program to mend fails with the words in `fails.txt`, and the solutions
//! pass. `UPDATE_EXPECT=1` writes the words.
//!
//! `make test-course` runs it; `cargo test` does not, because a program that a learner is mending may
//! not compile.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::fs;
use std::path::{Path, PathBuf};

use exercises::checker::check::{Checked, check_program};
use exercises::checker::course::{Course, Exercise};
use exercises::checker::jaeger;
use exercises::checker::run::{Children, TIME_LIMIT};
use exercises::checker::text::Style;
use jaeger_all_in_one::{AllInOne, Config};

/// The longest line of a text for a learner, and the most lines of a README.
const WIDTH: usize = 80;
const SCREEN: usize = 45;

fn course() -> Course {
    Course::find(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Where cargo puts the programs to mend; the solutions are in the folder `examples`.
fn programs() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_exercises")).parent().unwrap().to_owned()
}

fn check(program: &Path, exercise: &Exercise, jaeger: &AllInOne) -> Checked {
    check_program(program, exercise, TIME_LIMIT, jaeger, &Children::default())
}

/// Each exercise has a Jaeger of its own: they are checked at once.
fn each(check: impl Fn(&Exercise, &AllInOne) -> Vec<String> + Sync) {
    let course = course();
    let wrong = std::thread::scope(|scope| {
        // Two at a time: the traces of a busy machine have other durations.
        let halves = [0, 1].map(|half| {
            let (check, exercises) = (&check, &course.exercises);
            scope.spawn(move || {
                let jaeger = jaeger::start_near(Config::ephemeral()).unwrap();
                let mine = exercises.iter().skip(half).step_by(2);
                mine.flat_map(|exercise| check(exercise, &jaeger)).collect::<Vec<_>>()
            })
        });
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn each_program_fails_with_the_words_that_it_should() {
    each(|exercise, jaeger| {
        let checked = check(&programs().join(exercise.name()), exercise, jaeger);
        let Some(failure) = checked.failure else {
            return vec![format!("{} passes before it is mended", exercise.label)];
        };
        let words = stable(&failure.words(Style::Plain)) + "\n";
        let file = exercise.folder.join("fails.txt");
        let stored = fs::read_to_string(&file).unwrap_or_default();
        if stored == words {
            return Vec::new();
        }
        if std::env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1") {
            fs::write(&file, &words).unwrap();
            return Vec::new();
        }
        let diff = similar::TextDiff::from_lines(&*stored, &*words);
        let diff = diff.unified_diff().header("fails.txt", "the checker's words").to_string();
        vec![format!("{}, unless UPDATE_EXPECT=1 is set:\n{diff}", exercise.label)]
    });
}

#[test]
fn each_solution_passes() {
    each(|exercise, jaeger| {
        let mut wrong = Vec::new();
        for (file, suffix) in [("solution.rs", ""), ("other.rs", "_other")] {
            if !exercise.folder.join(file).is_file() {
                continue;
            }
            let program = programs().join("examples").join(format!("{}{suffix}", exercise.name()));
            let checked = check(&program, exercise, jaeger);
            if !checked.passes() {
                let report = checked.report(Style::Plain);
                wrong.push(format!("{}/{file}:\n{report}", exercise.label));
            }
        }
        wrong
    });
}

#[test]
fn each_exercise_is_complete() {
    let mut wrong = Vec::new();
    for exercise in course().exercises {
        let mut check = |is_right: bool, what: &str| {
            if !is_right {
                wrong.push(format!("{}: {what}", exercise.label));
            }
        };
        check(exercise.program().is_file(), "no main.rs");
        check(!exercise.expected_traces().is_empty(), "no expected.trace");
        check(exercise.hints().len() == 3, "hints.md has not three hints");
        check(!exercise.task().is_empty(), "no README.md");
        check(exercise.after().is_some(), "README.md has no \"After it passes\"");
        for name in ["README.md", "hints.md", "main.rs", "solution.rs"] {
            let text = fs::read_to_string(exercise.folder.join(name)).unwrap_or_default();
            for line in text.lines().filter(|line| line.chars().count() > WIDTH + 20) {
                check(name.ends_with(".rs"), &format!("{name} has a long line: {line}"));
            }
        }
        check(exercise.task().lines().count() <= SCREEN, "README.md is longer than a screen");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The words without what changes from run to run: ids, ports, durations, threads.
fn stable(words: &str) -> String {
    let mut out = String::new();
    let mut rest = words;
    while let Some(at) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        out += &rest[..at];
        rest = &rest[at..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let is_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        let is_id = matches!(word.len(), 16 | 32) && word.bytes().all(|b| b.is_ascii_hexdigit());
        let before = out.chars().next_back();
        if is_id && before.is_none_or(|before| !before.is_alphanumeric()) {
            out += "ID";
        } else if is_number && before == Some(':') && word.len() == 5 {
            out += "PORT";
        } else if is_number && out.ends_with("thread 'main' (") {
            out += "THREAD";
        } else {
            out += word;
        }
        rest = after;
    }
    durations(&(out + rest))
}

/// Durations that were found, such as `12.3ms` and `96µs`, become `…`. Bounds stay.
fn durations(text: &str) -> String {
    let is_duration = |word: &str| {
        let unit = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        unit.len() < word.len() && ["ns", "us", "µs", "ms", "s"].contains(&unit)
    };
    let found = |line: &str| {
        let Some((before, after)) = line.split_once("found ") else { return line.to_owned() };
        let words = after.split(' ').map(|word| if is_duration(word) { "…" } else { word });
        format!("{before}found {}", words.collect::<Vec<_>>().join(" "))
    };
    text.lines().map(found).collect::<Vec<_>>().join("\n")
}

#[test]
fn stable_words_have_no_ids_and_times() {
    for (words, wanted) in [
        ("a/5b8aa5a2d2c872e8321cf37308d69df2 b", "a/ID b"),
        ("http://127.0.0.1:45678/buy", "http://127.0.0.1:PORT/buy"),
        ("expected < 50ms, found 61.2ms", "expected < 50ms, found …"),
        (
            "expected to overlap, found to start 96µs after",
            "expected to overlap, found to start … after",
        ),
        ("expected 402, found 500", "expected 402, found 500"),
        (
            "thread 'main' (123) panicked at a.rs:12:5:",
            "thread 'main' (THREAD) panicked at a.rs:12:5:",
        ),
    ] {
        assert_eq!(stable(words), wanted);
    }
}
