//! What a text shows of a terminal, against what a program really prints.

use crate::Finished;

/// Fails unless the fenced block of the text that begins with this line shows what the program
/// printed, first on stderr, then on stdout. Ids and ports differ by nature; lines of `make` around
/// the program, which begin with `Jaeger:` or `httpbin:`, are not the program's; behind a line `…`
/// stands the end of what was printed.
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
        !["$ ", "Jaeger: ", "httpbin: "].iter().any(|beginning| line.starts_with(beginning))
    };
    let shown: Vec<String> = block.lines().filter(around).map(without_ids).collect();
    let printed = finished.stderr.lines().chain(finished.stdout.lines());
    let printed: Vec<String> = printed.map(without_ids).collect();
    match shown.split_first() {
        Some((dots, end)) if dots == "…" => {
            assert!(printed.ends_with(end), "shown: {end:#?}\nprinted: {printed:#?}");
        }
        _ => assert_eq!(shown, printed),
    }
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
    fn only_ids_and_ports_are_forgiven() {
        assert_eq!(
            without_ids("é http://127.0.0.1:8000/get trace/0123456789abcdef: 12 spans, cafe"),
            "é http://127.0.0.1:PORT/get trace/ID: 12 spans, cafe"
        );
    }
}
