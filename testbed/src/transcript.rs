//! What a text shows of a terminal, against what a program really prints.

use crate::Finished;

/// Fails unless the fenced block of the text that begins with this line shows what the program
/// printed, first on stderr, then on stdout. Ids, ports and times differ by nature; lines of `make`
/// around the program, which begin with `==`, `Jaeger:` or `httpbin:`, are not the program's; behind
/// a line `…` stands the end of what was printed.
///
/// # Panics
///
/// When the text has no such block, or shows something else.
pub fn assert_shown(text: &str, first_line: &str, finished: &Finished) {
    let blocks = text.split("```text\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut matching = blocks.filter(|block| block.lines().next() == Some(first_line));
    let block = matching.next();
    assert!(block.is_some(), "the text shows no {first_line:?}");
    let block = block.unwrap_or_default();
    let around = |line: &&str| {
        !["$ ", "== ", "Jaeger: ", "httpbin: "].iter().any(|beginning| line.starts_with(beginning))
    };
    let shown: Vec<String> = block.lines().filter(around).map(normalised).collect();
    let printed = finished.stderr.lines().chain(finished.stdout.lines());
    let printed: Vec<String> = printed.map(normalised).collect();
    match shown.split_first() {
        Some((dots, end)) if dots == "…" => {
            assert!(printed.ends_with(end), "shown: {end:#?}\nprinted: {printed:#?}");
        }
        _ => assert_eq!(shown, printed),
    }
}

/// A program prints a link only where Jaeger has its usual ports, which no test takes.
/// Fails unless a row of a table of the text shows these words as code.
///
/// # Panics
///
/// When none does.
pub fn assert_row(text: &str, words: &str) {
    let shown = |line: &str| line.starts_with("| ") && line.contains('`') && line.contains(words);
    assert!(text.lines().any(shown), "no row of the text shows {words:?}");
}

fn normalised(line: &str) -> String {
    let line = line.replace(": http://localhost:16686/trace/", ": trace ");
    without_times(&without_ids(&line))
}

/// The line with `TIME` for each column, with two blanks around it, that says `12.3 ms`.
fn without_times(line: &str) -> String {
    let is_time = |column: &str| {
        column.strip_suffix(" ms").is_some_and(|number| number.parse::<f64>().is_ok())
    };
    let same = line.split("  ").map(|column| if is_time(column) { "TIME" } else { column });
    same.collect::<Vec<_>>().join("  ")
}

/// The line with `ID` for each long run of hexadecimal digits, and `PORT` behind this host.
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
    fn only_ids_ports_and_times_are_forgiven() {
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
