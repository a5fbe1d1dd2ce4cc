//! The layers of `src/`: imports go one way, from a room to the rooms below it.
//!
//! A room is a folder of `src/`, or a file directly in it. The tables below list the rooms from the
//! bottom up, and likewise the parts of some rooms. A new room or part needs an entry.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms, from the bottom up. Rooms on one line must not import each other.
const ROOMS: &[&[&str]] = &[
    &["port", "go_format", "expectations"],
    &["error"],
    &["config", "model"],
    &["server"],
    &["draw", "otlp_json", "protobuf", "store", "ui"],
    &["receive", "query"],
    &["files"],
    &["admin", "client"],
    &["all_in_one", "fuzz"],
    &["wait"],
    &["lib"],
    &["cli"],
    &["main"],
];

/// The files and folders of a room, from the bottom up. `mod` is the file that declares them.
const PARTS: &[(&str, &[&str])] = &[
    (
        "server",
        &[
            "budget",
            "counters",
            "histogram",
            "threads",
            "form",
            "bytes_codec",
            "write_through",
            "reload",
            "tls",
            "socket",
            "idle_timeout",
            "request_line",
            "packed",
            "body",
            "connections",
            "context",
            "cors",
            "http",
            "grpc",
            "grpc_stream",
            "grpc_common",
            "one_port",
            "door",
            "fuzz",
            "mod",
        ],
    ),
    (
        "store",
        &[
            "limits",
            "slots",
            "cells",
            "filter",
            "search_keys",
            "interner",
            "symbols",
            "record",
            "common",
            "reader",
            "traces",
            "search",
            "page",
            "pages",
            "inner",
            "evict",
            "scan",
            "mod",
        ],
    ),
    ("files", &["extra", "jaeger", "otlp", "pieces", "reader", "load", "save", "upload", "mod"]),
    (
        "receive",
        &[
            "warnings",
            "mend",
            "json",
            "lenient",
            "faults",
            "strategy",
            "by_service",
            "intake",
            "protobuf",
            "zipkin_core",
            "thrift",
            "otlp",
            "zipkin",
            "fuzz",
            "mod",
        ],
    ),
];

/// How many files may import each other in a circle.
const LARGEST_CIRCLE: usize = 3;

/// An import of one file by another.
struct Import {
    from: PathBuf,
    line: usize,
    path: String,
    to: PathBuf,
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.from.display(), self.to.display());
        write!(f, "src/{from}:{}: {} is in src/{to}", self.line, self.path)
    }
}

#[test]
fn imports_between_rooms_go_down() {
    let sources = Sources::read();
    let mut wrong = Vec::new();
    for import in sources.imports() {
        let (from, to) = (room(&import.from), room(&import.to));
        if from != to && level(&from) <= level(&to) {
            wrong.push(format!("{import}, and `{to}` is not below `{from}`"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn imports_within_a_room_go_down() {
    let sources = Sources::read();
    let mut wrong = Vec::new();
    for (room_name, parts) in PARTS {
        let place = |file: &Path| {
            let part = part(file);
            let place = parts.iter().position(|known| *known == part);
            place.unwrap_or_else(|| panic!("{room_name}/{part} is not in PARTS"))
        };
        for import in sources.imports() {
            let inside =
                |file: &Path| room(file) == *room_name && file.parent() != Some(Path::new(""));
            if inside(&import.from) && inside(&import.to) && place(&import.from) < place(&import.to)
            {
                wrong.push(format!("{import}, which is not below it"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn few_files_import_each_other_in_a_circle() {
    let sources = Sources::read();
    let mut below: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
    let imports = sources.imports();
    for import in &imports {
        below.entry(&import.from).or_default().insert(&import.to);
    }
    let reached = |from: &PathBuf| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from.as_path()]);
        while let Some(file) = next.pop() {
            for to in below.get(file).into_iter().flatten() {
                if seen.insert(*to) {
                    next.push(to);
                }
            }
        }
        seen
    };
    let all: BTreeMap<_, _> = sources.files.keys().map(|file| (&**file, reached(file))).collect();
    for (file, reached) in &all {
        let circle: Vec<_> = reached.iter().filter(|other| all[**other].contains(file)).collect();
        assert!(circle.len() <= LARGEST_CIRCLE, "these import each other: {circle:?}");
    }
}

#[test]
fn the_reader_finds_every_form_of_import() {
    let text = "use std::fmt;\nuse crate::{\n    config::{self, Config},\n    error::Error,\n};\n\
                // use crate::comment;\nfn f() {\n    super::helper(crate::model::Span::new());\n}\n\
                #[cfg(test)]\nmod tests {\n    use crate::store::Store;\n}\npub use self::b::C;\n";
    let found: Vec<_> = paths(text, &["child"]).into_iter().collect();
    let expected = [
        (2, "crate::config"),
        (2, "crate::config::Config"),
        (2, "crate::error::Error"),
        (8, "super::helper"),
        (8, "crate::model::Span::new"),
        (14, "self::b::C"),
    ];
    assert_eq!(found, expected.map(|(line, path)| (line, path.to_owned())));
    assert_eq!(
        paths("fn f() { child::g(grandchild::h) }", &["child"]),
        [(1, "child::g".to_owned())]
    );
}

/// The files of `src/`, without their tests.
struct Sources {
    /// For each path, the module that the file is, and its text.
    files: BTreeMap<PathBuf, (Vec<String>, String)>,
}

impl Sources {
    fn read() -> Self {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let (mut files, mut folders) = (BTreeMap::new(), vec![src.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let text = fs::read_to_string(&path).expect("a source file");
                    let file = path.strip_prefix(&src).expect("a path in src").to_owned();
                    files.insert(file.clone(), (module(&file), text));
                }
            }
        }
        Sources { files }
    }

    fn imports(&self) -> Vec<Import> {
        let mut imports = Vec::new();
        for (from, (module, text)) in &self.files {
            let is_child =
                |other: &&Vec<String>| other.len() == module.len() + 1 && other.starts_with(module);
            let modules = self.files.values().map(|(module, _)| module);
            let children: Vec<_> =
                modules.filter(is_child).filter_map(|m| m.last()).map(|m| &**m).collect();
            for (line, path) in paths(text, &children) {
                let to = self.resolve(&path, module, from);
                if to != *from {
                    imports.push(Import { from: from.clone(), line, path, to });
                }
            }
        }
        imports
    }

    /// The file that a path leads to: that of its longest prefix that is a module.
    fn resolve(&self, path: &str, module: &[String], from: &Path) -> PathBuf {
        let mut found = module.to_vec();
        for name in path.split("::") {
            match name {
                "crate" | "jaeger_all_in_one" => found.clear(),
                "self" => {}
                "super" => drop(found.pop()),
                name => {
                    found.push(name.to_owned());
                    if !self.files.values().any(|(module, _)| *module == found) {
                        found.pop();
                        break;
                    }
                }
            }
        }
        let of_program =
            matches!(&*room(from), "cli" | "main") && !path.starts_with("jaeger_all_in_one");
        let root = if of_program { "main.rs" } else { "lib.rs" };
        let file = self.files.iter().find(|(_, (module, _))| !found.is_empty() && *module == found);
        file.map_or(PathBuf::from(root), |(file, _)| file.clone())
    }
}

/// The path of a file's module; the roots of the two crates have none.
fn module(file: &Path) -> Vec<String> {
    let mut module: Vec<_> =
        file.with_extension("").iter().map(|name| name.to_string_lossy().into_owned()).collect();
    if matches!(module.last().map(|name| &**name), Some("mod" | "lib" | "main")) {
        module.pop();
    }
    module
}

/// The folder of `src/` that a file is in, or its name if it lies directly in `src/`.
fn room(file: &Path) -> String {
    let first = Path::new(file.iter().next().expect("a name"));
    first.with_extension("").to_string_lossy().into_owned()
}

/// The same one level deeper.
fn part(file: &Path) -> String {
    let second = Path::new(file.iter().nth(1).expect("a file in a room"));
    second.with_extension("").to_string_lossy().into_owned()
}

fn level(room: &str) -> usize {
    let level = ROOMS.iter().position(|rooms| rooms.contains(&room));
    level.unwrap_or_else(|| panic!("the room {room} is not in ROOMS"))
}

/// The paths into this crate in a file, with their lines: those after `use`, and those elsewhere. A
/// path may also begin with one of the file's child modules.
fn paths(text: &str, children: &[&str]) -> Vec<(usize, String)> {
    let text = without_comments_and_tests(text);
    let ours = |path: &str| {
        let first = path.split("::").next().unwrap_or_default();
        matches!(first, "crate" | "super" | "self" | "jaeger_all_in_one")
            || children.contains(&first)
    };
    let (mut found, mut rest, mut line, mut before) = (Vec::new(), &*text, 1, None);
    while let Some(c) = rest.chars().next() {
        let mut length = rest.find(|c| !is_of_path(c)).unwrap_or(rest.len());
        let word = &rest[..length];
        if word == "use" {
            length = rest.find(';').unwrap_or(rest.len());
            let mut all = Vec::new();
            expand("", &rest["use".len()..length], &mut all);
            found.extend(all.into_iter().filter(|path| ours(path)).map(|path| (line, path)));
        } else if word == "in" && before == Some('(') {
            // `pub(in crate::room)` is not an import.
            length = rest.find(')').unwrap_or(length);
        } else if word.contains("::") && ours(word) {
            found.push((line, word.trim_end_matches(':').to_owned()));
        }
        let (read, after) = rest.split_at(length.max(c.len_utf8()));
        line += read.matches('\n').count();
        before = read.chars().next_back();
        rest = after;
    }
    found
}

fn is_of_path(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == ':'
}

/// The paths of a `use`: `a::{b, c as d}` is `a::b` and `a::c`.
fn expand(before: &str, tree: &str, found: &mut Vec<String>) {
    let tree = tree.trim();
    let Some((stem, list)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default().trim();
        let path = format!("{before}{path}");
        let path = path.strip_suffix("::self").or(path.strip_suffix("::*")).unwrap_or(&path);
        found.push(path.to_owned());
        return;
    };
    let list = list.trim_end().strip_suffix('}').unwrap_or(list);
    let stem = format!("{before}{}", stem.trim());
    let (mut depth, mut start) = (0, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&stem, &list[start..at], found);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !list[start..].trim().is_empty() {
        expand(&stem, &list[start..], found);
    }
}

/// Replaces comments, and modules for tests, by empty lines. It relies on rustfmt's layout.
fn without_comments_and_tests(text: &str) -> String {
    let mut out = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let is_module = |line: &&str| line.contains("mod ") && line.ends_with('{');
        if line == "#[cfg(test)]" && lines.peek().is_some_and(is_module) {
            out.push('\n');
            for line in lines.by_ref() {
                out.push('\n');
                if line == "}" {
                    break;
                }
            }
            continue;
        }
        out.push_str(line.split("//").next().unwrap_or_default());
        out.push('\n');
    }
    out
}
