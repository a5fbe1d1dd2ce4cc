//! Compares the traces of a program with those of its Python original, and what differs with the
//! table in README.md, which gives a reason for each difference.
//!
//! A trace becomes a set of *facts*, each about a place: that a span has a parent, a tag, a log
//! field; that a process has a tag. What only one of the two programs states is a difference.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

/// Values that differ by nature: ids and times are not compared at all, and of these tags and log
/// fields only the key and the type are.
const BY_NATURE: &[&str] = &[
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

/// Which of the two programs states a fact that the other does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Only the Python original.
    Python,
    /// Only the program here.
    Rust,
}

/// A fact about a place that only one of the two programs states.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// A span by its operation name, `process`, or `request`.
    pub place: String,
    /// Who states it.
    pub side: Side,
    /// What is stated, such as `tag error: bool = true`.
    pub fact: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: only in {:?}: {}", self.place, self.side, self.fact)
    }
}

/// A fact, how often it is stated, and of which log of the span if of one.
type Facts = BTreeMap<(String, Option<usize>, String), usize>;

/// What differs between the traces of the two programs, both as `/api/traces` returns them.
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

/// What differs between the names of the headers that the two programs send.
#[must_use]
pub fn header_differences(python: &[&str], rust: &[String]) -> BTreeSet<Difference> {
    let facts = |names: Vec<&str>| -> Facts {
        let fact = |name: &str| (("request".to_owned(), None, format!("header {name}")), 1);
        names.into_iter().map(fact).collect()
    };
    compare(&facts(python.to_vec()), &facts(rust.iter().map(String::as_str).collect()))
}

/// The differences that the README's table names for this program. A row is
/// `| program | places | only in Python | only in Rust | why |`, with places and facts in
/// backticks; a fact is a difference at each of the places.
#[must_use]
pub fn table(readme: &str, program: &str) -> BTreeSet<Difference> {
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

/// Fails with the list of what the table does not name, and of what it names for nothing.
///
/// # Panics
///
/// When the two sets differ.
pub fn assert_same(found: &BTreeSet<Difference>, table: &BTreeSet<Difference>) {
    let list = |these: &BTreeSet<Difference>, those: &BTreeSet<Difference>| -> String {
        these.difference(those).map(|difference| format!("\n  {difference}")).collect()
    };
    assert!(
        found == table,
        "differences that README.md does not name:{}\n\nnamed there, but not found:{}\n",
        list(found, table),
        list(table, found),
    );
}

/// Fails with the list of what the table does not name. For one run, which does not show all
/// that the table names.
///
/// # Panics
///
/// When there is any.
pub fn assert_named(found: &BTreeSet<Difference>, table: &BTreeSet<Difference>) {
    let unnamed: Vec<_> = found.difference(table).map(ToString::to_string).collect();
    assert!(unnamed.is_empty(), "differences that README.md does not name: {unnamed:#?}");
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
    let mut state = |log: Option<usize>, fact: String| {
        *facts.entry((place.clone(), log, fact)).or_default() += 1;
    };
    state(None, "span".to_owned());
    state(None, format!("flags {}", span["flags"]));
    state(None, format!("warnings {}", span["warnings"]));
    for reference in array(&span["references"]) {
        let of = array(&trace["spans"]).iter().find(|it| it["spanID"] == reference["spanID"]);
        let name = of.map_or("a span elsewhere".to_owned(), |span| text(&span["operationName"]));
        state(None, format!("{} {name}", text(&reference["refType"])));
    }
    for tag in array(&span["tags"]) {
        state(None, fact("tag", tag));
    }
    for (number, log) in array(&span["logs"]).iter().enumerate() {
        for field in array(&log["fields"]) {
            state(Some(number), fact("log", field));
        }
    }
}

/// `tag key: type = value`; of what differs by nature `tag key: type`.
fn fact(kind: &str, pair: &Value) -> String {
    let key = text(&pair["key"]);
    let mut fact = format!("{kind} {key}: {}", text(&pair["type"]));
    // For OpenTelemetry `message` names an event; for jaeger-client it is an error's text.
    let error_text = key == "message" && text(&pair["value"]).contains("url");
    if !BY_NATURE.contains(&key.as_str()) && !error_text {
        fact += &format!(" = {}", without_port(&text(&pair["value"])));
    }
    fact
}

/// The tests' servers listen where the system lets them.
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

/// A string as it is, anything else as JSON.
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
    fn the_same_tags_in_another_order_do_not_differ() {
        let tag = |key: &str| json!({"key": key, "type": "bool", "value": true});
        let one = traces(&json!([tag("a"), tag("b")]));
        let other = traces(&json!([tag("b"), tag("a")]));
        assert_eq!(differences(&one, &other), BTreeSet::new());
    }

    #[test]
    fn a_tag_said_twice_or_of_another_type_differs() {
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
        let found: Vec<_> = table(readme, "one").iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            ["a: only in Python: tag x: bool = true", "b: only in Python: tag x: bool = true"]
        );
        assert_eq!(table(readme, "two").len(), 1);
    }
}
