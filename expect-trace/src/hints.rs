//! What was probably meant where an expectation differs from a trace.

use std::collections::BTreeSet;

use crate::compare::Mismatch;
use crate::expectation::{Pattern, Requirement, Siblings, SpanPattern};
use crate::read::is_left_out;
use crate::span::{Kind, Span};
use crate::text::{Quoted, is_near, is_similar};
use crate::trace::Trace;
use crate::value::Value;

/// How a condition is written on what Jaeger shows as an attribute, but a span has as its kind or status.
pub(crate) fn other_form(mismatch: &Mismatch<'_>) -> Option<String> {
    let Mismatch::Attribute(key, requirement, there) = mismatch else { return None };
    if there.iter().any(|(other, _)| other == key) {
        return None;
    }
    let text = match requirement {
        Requirement::Is(Value::Text(text)) => text.as_str(),
        Requirement::Is(Value::Bool(true)) => "true",
        Requirement::Is(Value::Bool(false)) => "false",
        _ => "",
    };
    let form = match (*key, text) {
        ("span.kind", kind) => {
            let kind = Kind::from_name(kind).map_or("server", Kind::name);
            return Some(format!("write `[{kind}]`"));
        }
        ("error", "false") => "write `!error`",
        ("error", _) | ("otel.status_code", "ERROR") => "write `error`",
        ("otel.status_code", "OK") => "write `ok`",
        ("otel.status_code", _) => "write `error`, `ok` or `!error`",
        (key, _) if is_left_out(key) => "it says how the span was sent, and is left out",
        _ => return None,
    };
    Some(form.to_owned())
}

/// Says which names end in words that may be meant as conditions: the trace has the name without them.
pub(crate) fn swallowed_conditions(roots: &Siblings, trace: &Trace) -> Vec<String> {
    const MOST: usize = 5;
    let there: BTreeSet<&str> = trace.spans().map(|span| span.operation()).collect();
    let mut notes = Vec::new();
    let mut rest: Vec<&SpanPattern> = roots.spans.iter().rev().collect();
    while let Some(pattern) = rest.pop().filter(|_| notes.len() < MOST) {
        rest.extend(pattern.below.spans.iter().rev());
        if let Pattern::Is(name) = &pattern.operation
            && !there.contains(name.as_str())
            && let Some((short, word)) = swallowed(name, &there)
        {
            let meant = meant(word).unwrap_or_else(|| format!("the trace has {}", Quoted(short)));
            let (line, name, word) = (pattern.line + 1, Quoted(name), Quoted(word));
            notes.push(format!(
                "line {line}: {name} is one name, because {word} is not a condition; {meant}"
            ));
        }
    }
    notes
}

/// The part of a name that the trace has, and the first word behind it.
fn swallowed<'a>(name: &'a str, there: &BTreeSet<&str>) -> Option<(&'a str, &'a str)> {
    const MOST_WORDS: usize = 20;
    let ends = name.rmatch_indices(' ').take(MOST_WORDS);
    let end = ends.map(|(at, _)| at).find(|&at| there.contains(name[..at].trim_end()))?;
    Some((name[..end].trim_end(), name[end..].split_whitespace().next()?))
}

/// The condition that a word looks like.
fn meant(word: &str) -> Option<String> {
    let plain = word.trim_matches(['(', ')', '{', '}', ',', ';']).to_lowercase();
    let is = |name: &str| plain == name || is_near(&plain, name);
    if ["//", "--", ";"].iter().any(|start| word.starts_with(start)) {
        return Some("a comment starts with `#`".to_owned());
    }
    if let Some((key, text)) = word.split_once('~') {
        return Some(format!("a pattern needs quotes: `{key}~{}`", Quoted(text)));
    }
    if let Some(kind) = Kind::ALL.into_iter().find(|kind| is(kind.name())) {
        return Some(format!("did you mean `[{}]`?", kind.name()));
    }
    let words = ["error", "ok", "overlaps", "after"].into_iter();
    let condition = words.clone().find(|word| is(word)).or(match plain.as_str() {
        "err" | "fail" | "failed" | "failure" => Some("error"),
        "optional" | "maybe" => Some("?"),
        _ => None,
    });
    if let Some(condition) = condition {
        return Some(format!("did you mean `{condition}`?"));
    }
    let count = plain.trim_matches(['x', '*']);
    let is_count = count != plain && count.parse::<u64>().is_ok();
    is_count.then(|| format!("did you mean `× {count}`?"))
}

/// Whether a span may be meant by a pattern that has other names.
pub(crate) fn may_be_meant(pattern: &SpanPattern, span: &Span) -> bool {
    let similar = |pattern: &Pattern, name: &str| match pattern {
        Pattern::Is(expected) => expected == name || is_similar(expected, name),
        Pattern::Like(_) => pattern.matches(name),
    };
    pattern.operation.matches(&span.operation)
        || similar(&pattern.service, &span.service) && similar(&pattern.operation, &span.operation)
}
