//! Checks that everything the documents show or refer to exists: snippets, pictures, linked files
//! and headings, make targets.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Each document, and the folder to which its links are relative.
const DOCUMENTS: [(&str, &str); 10] = [
    ("", include_str!("../../README.md")),
    ("docs", include_str!("../../docs/MIGRATION.md")),
    ("docs", include_str!("../../docs/TESTING.md")),
    ("docs", include_str!("../../docs/MEASURED.md")),
    ("all-in-one", include_str!("../../all-in-one/README.md")),
    ("expect-trace", include_str!("../../expect-trace/README.md")),
    ("exercises", include_str!("../../exercises/README.md")),
    ("compose/scale-out", include_str!("../../compose/scale-out/README.md")),
    ("", include_str!("../../CONTRIBUTING.md")),
    ("", include_str!("../../SECURITY.md")),
];

const README: &str = DOCUMENTS[0].1;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The contents of each fenced block of this language.
fn blocks(text: &'static str, language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// The sources of snippets: `main.rs` of each program, and the complete programs in the README,
/// which chapters.rs builds.
fn sources() -> Vec<String> {
    let programs = ["jaeger-example", "otel-example", "otlp-example"];
    let mains = programs.map(|it| fs::read_to_string(root().join(it).join("src/main.rs")).unwrap());
    let chapters = blocks(README, "rust").into_iter().filter(|it| is_program(it));
    mains.into_iter().chain(chapters.map(str::to_owned)).collect()
}

fn is_program(snippet: &str) -> bool {
    snippet.contains("fn main()")
}

/// The manual of the all-in-one is not checked here: its own tests compile its code.
#[test]
fn each_snippet_is_part_of_a_program() {
    let sources = sources();
    for (folder, text) in [DOCUMENTS[0], DOCUMENTS[1]] {
        let snippets = blocks(text, "rust");
        assert!(snippets.len() > 5, "{folder}: too few snippets");
        for snippet in snippets.into_iter().filter(|it| !is_program(it)) {
            let (uses, code) = match snippet.starts_with("use ") {
                true => snippet.split_once("\n\n").unwrap(),
                false => ("", snippet),
            };
            let quoted = |source: &&String| {
                source.contains(code) && imports(uses).is_subset(&imports(source))
            };
            assert!(sources.iter().any(|source| quoted(&source)), "stale:\n{snippet}");
        }
    }
}

/// Each path that the `use` lines import; `a::{B, C}` counts as two.
fn imports(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter_map(|it| it.strip_prefix("use ")?.strip_suffix(';'));
    lines
        .flat_map(|line| match line.split_once('{') {
            Some((path, names)) => {
                let names = names.trim_end_matches('}').split(", ");
                names.map(|name| format!("{path}{name}")).collect()
            }
            None => vec![line.to_owned()],
        })
        .collect()
}

/// The versions in the README's `cargo add` commands are those in Cargo.lock.
#[test]
fn each_cargo_add_version_is_the_locked_one() {
    let locked = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let lines = blocks(README, "sh").into_iter().flat_map(str::lines);
    let words = lines.filter(|it| it.starts_with("cargo add ")).flat_map(|it| it.split(' '));
    let versions: Vec<_> = words.filter_map(|word| word.split_once('@')).collect();
    assert!(versions.len() > 8, "{versions:?}");
    for (name, version) in versions {
        let exact = format!("name = \"{name}\"\nversion = \"{version}\"");
        let newer = format!("name = \"{name}\"\nversion = \"{version}.");
        assert!(locked.contains(&exact) || locked.contains(&newer), "{name}@{version}");
    }
}

#[test]
fn each_linked_file_exists() {
    for (folder, text) in DOCUMENTS {
        let links = text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
        let files = links.filter(|it| !it.contains("://") && !it.starts_with('#'));
        for file in files.map(|file| file.split('#').next().unwrap()) {
            assert!(root().join(folder).join(file).exists(), "{folder}: {file} does not exist");
        }
    }
}

/// The pictures that a document shows: in Markdown, or in HTML if there is a dark version.
fn pictures(text: &str) -> impl Iterator<Item = &str> {
    [("](", ')'), ("src=\"", '"'), ("srcset=\"", '"')]
        .into_iter()
        .flat_map(|(before, after)| {
            text.split(before).skip(1).filter_map(move |rest| rest.split(after).next())
        })
        .filter(|file| file.ends_with(".png") || file.ends_with(".svg"))
}

#[test]
fn each_picture_is_used_and_small() {
    let mut shown = BTreeSet::new();
    for (folder, text) in DOCUMENTS {
        for picture in pictures(text) {
            let path = root().join(folder).join(picture);
            let file = fs::read(&path).unwrap_or_else(|error| panic!("{picture}: {error}"));
            assert!(file.len() < 50_000, "{picture} has {} bytes", file.len());
            shown.insert(path.file_name().unwrap().to_owned().into_string().unwrap());
        }
    }
    let dark = shown.iter().filter(|name| name.ends_with("-dark.png"));
    let light = dark.map(|name| name.replace("-dark", "")).collect();
    assert!(shown.is_superset(&light), "light versions: {light:?}");
    let files = fs::read_dir(root().join("docs/images")).unwrap();
    let files = files.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(files.collect::<BTreeSet<_>>(), shown);
}

#[test]
fn each_linked_heading_exists() {
    let heading = |line: &str| {
        let text = line.trim_start_matches('#').trim().to_lowercase();
        text.replace(' ', "-").replace(['(', ')', ',', '\'', ':'], "")
    };
    for (folder, text) in DOCUMENTS {
        let headings: Vec<_> = text.lines().filter(|it| it.starts_with('#')).map(heading).collect();
        for link in text.split("](#").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            assert!(
                headings.iter().any(|heading| heading == link),
                "{folder}: #{link} does not exist"
            );
        }
    }
}

#[test]
fn each_make_target_exists() {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let named = README.split("`make ").skip(1);
    let typed = README.split("\nmake ").skip(1).chain(README.split("$ make ").skip(1));
    for rest in named.chain(typed) {
        let target = rest.split(|c: char| !c.is_ascii_lowercase() && c != '-').next().unwrap();
        assert!(makefile.contains(&format!("\n{target}:")), "make {target} does not exist");
    }
}

/// The README shows the last lines of a successful `make compose-up`, as the script prints them.
#[test]
fn the_output_of_compose_up_is_the_scripts() {
    let script = fs::read_to_string(root().join("scripts/compose.sh")).unwrap();
    let programs = script.split_once("programs=\"").unwrap().1.split('"').next().unwrap();
    let last = script.split_once("echo \"Jaeger: ").unwrap().1.split('"').next().unwrap();
    let mut printed = String::from("$ make compose-up\n…\n");
    for program in programs.split(' ') {
        printed += &format!("{program}: exit code 0\n");
    }
    printed += &format!("Jaeger: {last}\n");
    assert!(script.contains("echo \"$program: exit code $code\""));
    assert!(blocks(README, "text").contains(&printed.as_str()), "{printed}");
}
