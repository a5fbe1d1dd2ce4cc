//! The README shows code that is there, links to files that are there, and prints what is printed.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

use std::fs;
use std::path::Path;

const README: &str = include_str!("../../README.md");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The text of each fenced block of this language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    README.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn each_snippet_stands_in_a_program() {
    let programs = ["jaeger-example/src/main.rs", "otel-example/src/main.rs"];
    let sources = programs.map(|path| fs::read_to_string(root().join(path)).unwrap());
    let snippets = blocks("rust");
    assert!(snippets.len() > 5, "the README shows code");
    for snippet in snippets {
        assert!(sources.iter().any(|source| source.contains(snippet)), "stale:\n{snippet}");
    }
}

#[test]
fn each_link_to_a_file_leads_to_one() {
    let links = README.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
    let files: Vec<_> = links.filter(|it| !it.contains("://") && !it.starts_with('#')).collect();
    assert!(files.len() > 5, "the README links to files");
    for file in files {
        assert!(root().join(file).exists(), "{file} is not there");
    }
}

#[test]
fn each_link_within_leads_to_a_heading() {
    let heading = |line: &str| {
        let text = line.trim_start_matches('#').trim().to_lowercase();
        text.replace(' ', "-").replace(['(', ')', ','], "")
    };
    let headings: Vec<_> = README.lines().filter(|it| it.starts_with('#')).map(heading).collect();
    for link in README.split("](#").skip(1).map(|rest| rest.split(')').next().unwrap()) {
        assert!(headings.iter().any(|heading| heading == link), "#{link} is not there");
    }
}

#[test]
fn each_target_of_make_is_there() {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let named = README.split("`make ").skip(1);
    let typed = README.split("\nmake ").skip(1).chain(README.split("$ make ").skip(1));
    for rest in named.chain(typed) {
        let target = rest.split(|c: char| !c.is_ascii_lowercase() && c != '-').next().unwrap();
        assert!(makefile.contains(&format!("\n{target}:")), "make {target} is not there");
    }
}
