//! docs/RELIABILITY.md names a test for each item, and each test that it names is there.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

use std::fs;
use std::path::Path;

const TEXT: &str = include_str!("../../docs/RELIABILITY.md");

fn package() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("all-in-one")
}

#[test]
fn each_test_that_is_named_is_there() {
    let quoted = TEXT.split('`').skip(1).step_by(2);
    let named: Vec<_> = quoted.filter_map(|text| text.split_once("::")).collect();
    assert!(named.len() > 80, "only {} tests are named", named.len());
    for (file, test) in named.into_iter().filter(|(_, test)| *test != "name") {
        let path = match file.strip_prefix("src/") {
            Some(file) => package().join("src").join(file),
            None => package().join("tests").join(file),
        };
        let source = fs::read_to_string(path.with_extension("rs"));
        let source = source.unwrap_or_else(|error| panic!("{file}: {error}"));
        let (before, _) = source
            .split_once(&format!("fn {test}() {{"))
            .unwrap_or_else(|| panic!("{file} has no {test}"));
        let attributes = before.rsplit("\n\n").next().unwrap();
        assert!(attributes.contains("test"), "{file}::{test} is no test");
    }
}

#[test]
fn each_item_has_a_row() {
    let items = [('A', 16), ('B', 13), ('C', 4), ('D', 7), ('E', 10), ('F', 4)];
    for (group, count) in items {
        for number in 1..=count {
            let row = format!("\n| {group}{number} |");
            assert_eq!(TEXT.matches(&row).count(), 1, "{group}{number}");
        }
    }
}
