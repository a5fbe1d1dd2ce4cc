//! Compares the traces of a program with those of its Python original, and checks the differences
//! against the table in README.md, which gives the reason for each.
//!
//! A trace becomes a set of *facts*, each about a place: a span has a parent, a tag or a log field;
//! a process has a tag. A fact of only one of the two programs is a difference.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

/// Tags and log fields whose values differ from run to run: only their keys and types are compared.
/// Ids and times are not compared at all.
const VARYING_VALUES: &[&str] = &[
    "error.kind",
    "error.object",
    "exception.message",
    "exception.stacktrace",
    "exception.type",
    "hostname",
    "ip",
    "jaeger.version",
    "otel.library.name",
    "otel.library.version",
    "otel.scope.name",
    "otel.scope.version",
    "otel.status_description",
    "result",
    "stack",
    "telemetry.sdk.version",
    "value",
];

/// The program that has a fact which the other lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Only the Python original.
    Python,
    /// Only the program in this repository.
    Rust,
}

/// A fact about a place, in only one of the two programs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// A span by its operation name, `process`, or `request`.
    pub place: String,
    /// The program that has it.
    pub side: Side,
    /// The fact, such as `tag error: bool = true`.
    pub fact: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: only in {:?}: {}", self.place, self.side, self.fact)
    }
}

/// Counts each fact by its place, the index of its log (for a log field) and its text.
type Facts = BTreeMap<(String, Option<usize>, String), usize>;

/// The differences between the traces of the two programs, both as `/api/traces` returns them.
#[must_use]
pub fn differences(python: &Value, rust: &Value) -> BTreeSet<Difference> {
    compare(&trace_facts(python), &trace_facts(rust))
}

/// The traces without the spans and processes of other services.
#[must_use]
pub fn own_spans(traces: &Value, service: &str) -> Value {
    let mut own = traces.clone();
    for trace in own["data"].as_array_mut().into_iter().flatten() {
        let processes = trace["processes"].clone();
        let is_own = |id: &str| processes[id]["serviceName"] == service;
        if let Some(spans) = trace["spans"].as_array_mut() {
            spans.retain(|span| is_own(&text(&span["processID"])));
        }
        if let Some(processes) = trace["processes"].as_object_mut() {
            processes.retain(|id, _| is_own(id));
        }
    }
    own
}

/// The differences between the names of the headers that the two programs send.
#[must_use]
pub fn header_differences(python: &[&str], rust: &[String]) -> BTreeSet<Difference> {
    let facts = |names: Vec<&str>| -> Facts {
        let fact = |name: &str| (("request".to_owned(), None, format!("header {name}")), 1);
        names.into_iter().map(fact).collect()
    };
    compare(&facts(python.to_vec()), &facts(rust.iter().map(String::as_str).collect()))
}

/// The differences that the README's table lists for this program. A row is
/// `| program | places | only in Python | only in Rust | why |`, with places and facts in
/// backticks; each fact is a difference at each of the places.
#[must_use]
pub fn listed_differences(readme: &str, program: &str) -> BTreeSet<Difference> {
    let mut differences = BTreeSet::new();
    for row in readme.lines().filter(|line| line.starts_with(&format!("| {program} |"))) {
        let cells: Vec<Vec<&str>> = row.split('|').map(in_backticks).collect();
        for (side, column) in [(Side::Python, 3), (Side::Rust, 4)] {
            for place in &cells[2] {
                differences.extend(cells[column].iter().map(|fact| Difference {
                    place: (*place).to_owned(),
                    side,
                    fact: (*fact).to_owned(),
                }));
            }
        }
    }
    differences
}

/// Fails and prints the differences that the table does not list, and the listed ones that were not
/// found.
///
/// # Panics
///
/// If the two sets differ.
pub fn assert_same(found: &BTreeSet<Difference>, listed: &BTreeSet<Difference>) {
    let only_in = |these: &BTreeSet<Difference>, those: &BTreeSet<Difference>| -> String {
        these.difference(those).map(|difference| format!("\n  {difference}")).collect()
    };
    assert!(
        found == listed,
        "differences that README.md does not list:{}\n\nlisted there, but not found:{}\n",
        only_in(found, listed),
        only_in(listed, found),
    );
}

/// Fails and prints the differences that the table does not list. For a single run, which does not
/// show every listed difference.
///
/// # Panics
///
/// If there is such a difference.
pub fn assert_listed(found: &BTreeSet<Difference>, listed: &BTreeSet<Difference>) {
    let unlisted: Vec<_> = found.difference(listed).map(ToString::to_string).collect();
    assert!(unlisted.is_empty(), "differences that README.md does not list: {unlisted:#?}");
}

fn in_backticks(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn compare(python: &Facts, rust: &Facts) -> BTreeSet<Difference> {
    let only = |side, here: &Facts, there: &Facts| -> Vec<Difference> {
        let more =
            here.iter().filter(|(fact, count)| **count > there.get(fact).copied().unwrap_or(0));
        more.map(|((place, _, fact), _)| Difference {
            place: place.clone(),
            side,
            fact: fact.clone(),
        })
        .collect()
    };
    let python_only = only(Side::Python, python, rust);
    python_only.into_iter().chain(only(Side::Rust, rust, python)).collect()
}

fn trace_facts(traces: &Value) -> Facts {
    let mut facts = Facts::new();
    for trace in array(&traces["data"]) {
        for process in trace["processes"].as_object().into_iter().flat_map(|it| it.values()) {
            let service = format!("service {}", text(&process["serviceName"]));
            facts.insert(("process".to_owned(), None, service), 1);
            for tag in array(&process["tags"]) {
                facts.insert(("process".to_owned(), None, fact("tag", tag)), 1);
            }
        }
        for span in array(&trace["spans"]) {
            span_facts(span, trace, &mut facts);
        }
    }
    facts
}

fn span_facts(span: &Value, trace: &Value, facts: &mut Facts) {
    let place = text(&span["operationName"]);
    let mut add = |log: Option<usize>, fact: String| {
        *facts.entry((place.clone(), log, fact)).or_default() += 1;
    };
    add(None, "span".to_owned());
    add(None, format!("flags {}", span["flags"]));
    add(None, format!("warnings {}", span["warnings"]));
    for reference in array(&span["references"]) {
        let of = array(&trace["spans"]).iter().find(|it| it["spanID"] == reference["spanID"]);
        let name = of.map_or("a span elsewhere".to_owned(), |span| text(&span["operationName"]));
        add(None, format!("{} {name}", text(&reference["refType"])));
    }
    for tag in array(&span["tags"]) {
        add(None, fact("tag", tag));
    }
    for (number, log) in array(&span["logs"]).iter().enumerate() {
        for field in array(&log["fields"]) {
            add(Some(number), fact("log", field));
        }
    }
}

/// `tag key: type = value`, or `tag key: type` if the value varies.
fn fact(kind: &str, pair: &Value) -> String {
    let key = text(&pair["key"]);
    let mut fact = format!("{kind} {key}: {}", text(&pair["type"]));
    // OpenTelemetry's `message` names an event; jaeger-client's is an error's text, which varies.
    let error_text = key == "message" && text(&pair["value"]).contains("url");
    if !VARYING_VALUES.contains(&key.as_str()) && !error_text {
        fact += &format!(" = {}", without_port(&text(&pair["value"])));
    }
    fact
}

/// Hides the port of a test's server, which the system chooses.
fn without_port(value: &str) -> String {
    match value.split_once("127.0.0.1:") {
        Some((before, after)) => {
            format!(
                "{before}127.0.0.1:PORT{}",
                after.trim_start_matches(|c: char| c.is_ascii_digit())
            )
        }
        None => value.to_owned(),
    }
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A string without quotes; any other value as JSON.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn traces(tags: &Value) -> Value {
        json!({"data": [{"spans": [{"operationName": "work", "tags": tags}]}]})
    }

    #[test]
    fn the_order_of_tags_does_not_matter() {
        let tag = |key: &str| json!({"key": key, "type": "bool", "value": true});
        let one = traces(&json!([tag("a"), tag("b")]));
        let other = traces(&json!([tag("b"), tag("a")]));
        assert_eq!(differences(&one, &other), BTreeSet::new());
    }

    #[test]
    fn a_repeated_tag_and_another_type_are_differences() {
        let python = traces(&json!([
            {"key": "error", "type": "bool", "value": true},
            {"key": "error", "type": "bool", "value": true},
            {"key": "code", "type": "int64", "value": 200},
        ]));
        let rust = traces(&json!([
            {"key": "error", "type": "bool", "value": true},
            {"key": "code", "type": "string", "value": "200"},
        ]));
        let found: Vec<_> = differences(&python, &rust).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "work: only in Python: tag code: int64 = 200",
                "work: only in Python: tag error: bool = true",
                "work: only in Rust: tag code: string = 200",
            ]
        );
    }

    #[test]
    fn the_table_is_read_row_by_row() {
        let readme =
            "| one | `a`, `b` | `tag x: bool = true` | | why |\n| two | `c` | | `y` | why |";
        let found: Vec<_> =
            listed_differences(readme, "one").iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            ["a: only in Python: tag x: bool = true", "b: only in Python: tag x: bool = true"]
        );
        assert_eq!(listed_differences(readme, "two").len(), 1);
    }
}
