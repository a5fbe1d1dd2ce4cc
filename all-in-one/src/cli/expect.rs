//! Which traces are compared, and what is said where there are none.

use jaeger_all_in_one::{Trace, nearest};

/// How many names a line lists.
const MOST_NAMES: usize = 10;

/// The traces that have a span of the service, if one is given.
pub(super) fn of_service(traces: Vec<Trace>, service: Option<&str>) -> Vec<Trace> {
    let has = |trace: &Trace, service| trace.spans().any(|span| span.service() == service);
    traces.into_iter().filter(|trace| service.is_none_or(|it| has(trace, it))).collect()
}

/// Says which services there are instead of one that has no spans, and which was meant.
pub(super) fn other_services(wanted: &str, services: &[String]) -> String {
    if services.is_empty() {
        return "there are none of other services either".to_owned();
    }
    let quoted = |name: &str| format!("\"{}\"", name.escape_debug());
    let names: Vec<_> = services.iter().take(MOST_NAMES).map(|name| quoted(name)).collect();
    let more = if services.len() > MOST_NAMES { ", …" } else { "" };
    let meant = nearest(wanted, services);
    let meant = meant.map(|name| format!("; did you mean {}?", quoted(name)));
    format!("the services are {}{more}{}", names.join(", "), meant.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_service_is_proposed() {
        let services = ["shop".to_owned(), "bank".to_owned()];
        let line = other_services("shpo", &services);
        assert_eq!(line, "the services are \"shop\", \"bank\"; did you mean \"shop\"?");
        assert!(!other_services("x", &services).contains("did you mean"));
    }
}
