//! Each item of docs/RELIABILITY.md has a row, and each test that it names exists.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::fs;
use std::path::{Path, PathBuf};

const DOCUMENT: &str = include_str!("../../docs/RELIABILITY.md");

/// The source file of a test. A path that begins with a program's name is relative to the root, any
/// other to the embedded Jaeger.
fn path(file: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let program = file.split('/').next().unwrap();
    match file {
        _ if program.ends_with("-example") => root.join(file),
        _ if program == "src" => root.join("all-in-one").join(file),
        _ => root.join("all-in-one/tests").join(file),
    }
    .with_extension("rs")
}

#[test]
fn each_named_test_exists() {
    let quoted = DOCUMENT.split('`').skip(1).step_by(2);
    let named: Vec<_> = quoted.filter_map(|text| text.split_once("::")).collect();
    assert!(named.len() > 80, "only {} tests are named", named.len());
    for (file, test) in named.into_iter().filter(|(_, test)| *test != "name") {
        let source = fs::read_to_string(path(file));
        let source = source.unwrap_or_else(|error| panic!("{file}: {error}"));
        let (before, _) = source
            .split_once(&format!("fn {test}() {{"))
            .unwrap_or_else(|| panic!("{file} has no {test}"));
        let attributes = before.rsplit("\n\n").next().unwrap();
        assert!(attributes.contains("test"), "{file}::{test} is not a test");
    }
}

#[test]
fn each_item_has_a_row() {
    let items = [('A', 18), ('B', 15), ('C', 7), ('D', 7), ('E', 10), ('F', 4), ('G', 19)];
    for (group, count) in items {
        for number in 1..=count {
            let row = format!("\n| {group}{number} |");
            assert_eq!(DOCUMENT.matches(&row).count(), 1, "{group}{number}");
        }
    }
}
