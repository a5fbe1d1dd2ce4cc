//! Compares the terminal output that a document shows with what a program prints.

use crate::Finished;

/// Fails unless the text has a fenced block that begins with this line and shows what the program
/// printed, first on stderr, then on stdout. Ignores ids, ports and times, and the lines that
/// `make` prints (`==`, `Jaeger:`, `httpbin:`). After a line `…`, only the end of the output is
/// compared.
///
/// # Panics
///
/// If the text has no such block, or shows another output.
pub fn assert_shown(text: &str, first_line: &str, finished: &Finished) {
    let blocks = text.split("```text\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut matching = blocks.filter(|block| block.lines().next() == Some(first_line));
    let block = matching.next();
    assert!(block.is_some(), "the text has no block {first_line:?}");
    let block = block.unwrap_or_default();
    let is_programs = |line: &&str| {
        !["$ ", "== ", "Jaeger: ", "httpbin: "].iter().any(|beginning| line.starts_with(beginning))
    };
    let shown: Vec<String> = block.lines().filter(is_programs).map(normalised).collect();
    let printed = finished.stderr.lines().chain(finished.stdout.lines());
    let printed: Vec<String> = printed.map(normalised).collect();
    match shown.split_first() {
        Some((dots, end)) if dots == "…" => {
            assert!(printed.ends_with(end), "shown: {end:#?}\nprinted: {printed:#?}");
        }
        _ => assert_eq!(shown, printed),
    }
}

/// Fails unless the text has a fenced block that shows this output. Ignores ids and ports.
///
/// # Panics
///
/// If the text has no such block.
pub fn assert_block(text: &str, printed: &str) {
    let normal = |block: &str| block.trim().lines().map(normalised).collect::<Vec<_>>();
    let mut blocks = text.split("```text\n").skip(1).filter_map(|rest| rest.split("```").next());
    let printed_lines = normal(printed);
    assert!(blocks.any(|block| normal(block) == printed_lines), "no block shows:\n{printed}");
}

/// Fails unless a table row of the text contains these words and has inline code.
///
/// # Panics
///
/// If no row does.
pub fn assert_row(text: &str, words: &str) {
    let shown = |line: &str| line.starts_with("| ") && line.contains('`') && line.contains(words);
    assert!(text.lines().any(shown), "no row of the text shows {words:?}");
}

/// Replaces what differs between runs. Links become bare ids, because a program prints links only
/// where Jaeger has its usual ports, which tests never use.
fn normalised(line: &str) -> String {
    let line = line.replace(": http://localhost:16686/trace/", ": trace ");
    without_times(&without_ids(&line))
}

/// Replaces each column such as `12.3 ms`, set off by two spaces, with `TIME`.
fn without_times(line: &str) -> String {
    let is_time = |column: &str| {
        column.strip_suffix(" ms").is_some_and(|number| number.parse::<f64>().is_ok())
    };
    let same = line.split("  ").map(|column| if is_time(column) { "TIME" } else { column });
    same.collect::<Vec<_>>().join("  ")
}

/// Replaces long hexadecimal numbers with `ID`, and ports after `127.0.0.1:` with `PORT`.
fn without_ids(line: &str) -> String {
    let mut same = String::new();
    let mut rest = line;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let is_id = word.len() >= 12 && word.chars().all(|c| c.is_ascii_hexdigit());
        let is_port = same.ends_with("127.0.0.1:") && word.parse::<u16>().is_ok();
        same += match (is_id, is_port) {
            (true, _) => "ID",
            (_, true) => "PORT",
            _ => word,
        };
        let separator = after.chars().next().map_or(0, char::len_utf8);
        same += &after[..separator];
        rest = &after[separator..];
    }
    same
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_ports_and_times_are_replaced() {
        assert_eq!(
            normalised("é http://127.0.0.1:8000/get trace/0123456789abcdef: 12 spans, cafe"),
            "é http://127.0.0.1:PORT/get trace/ID: 12 spans, cafe"
        );
        assert_eq!(
            normalised("  └─ shop: wait 10 ms  3.5 ms  [client]"),
            "  └─ shop: wait 10 ms  TIME  [client]"
        );
    }
}
