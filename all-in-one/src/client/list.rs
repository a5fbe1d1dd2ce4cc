//! `jaeger-all-in-one tree` without an id: the newest traces.

use std::collections::HashSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::api;
use super::error::ClientError;
use super::http::Server;
use super::tree::Style;
use crate::config::Config;
use crate::draw::{is_error, milliseconds, parent, printable};
use crate::model::{Span, Trace};

/// How many traces are listed.
const NEWEST: usize = 20;
/// How many services are asked for: a Jaeger has a search for each alone.
const MOST_SERVICES: usize = 200;

/// Lists the newest traces of the Jaeger at the configured address, a line for each; or their JSON.
///
/// # Errors
///
/// [`ClientError::NoAnswer`] when nothing answers there.
pub fn newest(config: &Config, style: Style) -> Result<String, ClientError> {
    let server = Server::of(config)?;
    let no_answer = |source| ClientError::NoAnswer { url: server.url.clone(), source };
    let services = api::services(&server).map_err(no_answer)?;
    let mut seen = HashSet::new();
    let mut traces = Vec::new();
    for service in services.iter().take(MOST_SERVICES) {
        let found = api::newest(&server, service, NEWEST).map_err(no_answer)?;
        let new = found.store.ids().into_iter().filter(|id| seen.insert(*id));
        traces.extend(new.filter_map(|id| found.store.trace(id)));
        newest_first(&mut traces);
    }
    if style == Style::Json {
        let spans: Vec<Span> =
            traces.iter().flat_map(|trace| &trace.spans).map(|span| (**span).clone()).collect();
        return Ok(api::json(&spans) + "\n");
    }
    if traces.is_empty() {
        return Ok(format!("no traces yet on {}\n", server.url));
    }
    let rows: Vec<_> = traces.iter().map(row).collect();
    Ok(format!("the newest traces on {}\n{}", server.url, table(&rows)))
}

fn newest_first(traces: &mut Vec<Trace>) {
    traces.sort_by_key(|trace| std::cmp::Reverse(start(trace)));
    traces.truncate(NEWEST);
}

fn start(trace: &Trace) -> u64 {
    trace.spans.iter().map(|span| span.start).min().unwrap_or_default()
}

/// The columns of a trace: id, age, root, spans, duration, errors.
fn row(trace: &Trace) -> [String; 6] {
    let spans = || trace.spans.iter();
    let first = spans().min_by_key(|span| (parent(span).is_some(), span.start));
    let root = first.map_or(String::new(), |span| {
        format!("{}: {}", printable(span.service()), printable(&span.operation))
    });
    let start = start(trace);
    let end = spans().map(|span| span.start.saturating_add(span.duration)).max();
    let errors = spans().filter(|span| is_error(span)).count();
    let count = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    [
        trace.id.to_string(),
        age(start),
        root,
        count(trace.spans.len(), "span"),
        milliseconds(end.unwrap_or_default().saturating_sub(start)),
        if errors == 0 { String::new() } else { count(errors, "error") },
    ]
}

fn age(start: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = now.saturating_sub(Duration::from_micros(start)).as_secs();
    match seconds {
        0..100 => format!("{seconds} s ago"),
        100..6_000 => format!("{} min ago", seconds / 60),
        6_000..172_800 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// The rows with their columns aligned.
fn table(rows: &[[String; 6]]) -> String {
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let widths: [usize; 6] = std::array::from_fn(width);
    let line = |row: &[String; 6]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("  {cell:<width$}"));
        format!("{}\n", cells.collect::<String>().trim_end())
    };
    rows.iter().map(line).collect()
}
