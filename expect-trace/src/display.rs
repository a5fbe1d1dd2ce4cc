//! A trace as text.

use std::fmt;

use crate::MAX_DEPTH;
use crate::span::{Event, Kind, Link, Span, Status};
use crate::text::{Key, Operation, Service};
use crate::trace::Trace;
use crate::value::Value;

/// Prints the tree, in the form that [`Expectation`](crate::Expectation) reads. It is the same for each
/// run that made the same spans: ids and times are left out, and attributes are in order of their keys.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A span, what stands before its own line, and what stands before the lines below it.
        let mut stack: Vec<(usize, String, String)> = Vec::new();
        stack.extend(
            self.root_indexes().iter().rev().map(|&root| (root, String::new(), String::new())),
        );
        while let Some((index, before, below)) = stack.pop() {
            let span = self.get(index);
            let children = self.child_indexes(index);
            writeln!(f, "{before}{}", Head(span))?;
            for event in &span.events {
                writeln!(f, "{below}• {event}")?;
            }
            for link in &span.links {
                writeln!(f, "{below}→ {link}")?;
            }
            // Three bytes or more for each level: the text of a very deep trace would be gigabytes.
            if below.chars().count() / 3 + 1 == MAX_DEPTH && !children.is_empty() {
                writeln!(f, "{below}└─ …  # {} spans deeper", self.size(index) - 1)?;
                continue;
            }
            for (place, &child) in children.iter().enumerate().rev() {
                let last = place + 1 == children.len();
                let branch = if last { "└─ " } else { "├─ " };
                let trunk = if last { "   " } else { "│  " };
                stack.push((child, format!("{below}{branch}"), format!("{below}{trunk}")));
            }
        }
        Ok(())
    }
}

/// Everything that one line says about a span.
pub(crate) struct Head<'a>(pub(crate) &'a Span);

impl fmt::Display for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Names(self.0).fmt(f)?;
        attributes(&self.0.attributes, f)
    }
}

/// Service and operation.
pub(crate) struct ServiceAndOperation<'a>(pub(crate) &'a Span);

impl fmt::Display for ServiceAndOperation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", Service(&self.0.service), Operation(&self.0.operation))
    }
}

/// Service, operation, kind and status.
pub(crate) struct Names<'a>(pub(crate) &'a Span);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = self.0;
        ServiceAndOperation(span).fmt(f)?;
        if span.kind != Kind::Internal {
            write!(f, " [{}]", span.kind.name())?;
        }
        match span.status {
            Status::Unset => {}
            Status::Ok => f.write_str(" ok")?,
            Status::Error => f.write_str(" error")?,
        }
        if span.parent_missing {
            f.write_str(" (parent missing)")?;
        }
        Ok(())
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Operation(&self.name).fmt(f)?;
        attributes(&self.attributes, f)
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Some((service, operation)) => {
                write!(f, "{}: {}", Service(service), Operation(operation))
            }
            None => f.write_str("(elsewhere)"),
        }
    }
}

fn attributes(attributes: &[(String, Value)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    attributes.iter().try_for_each(|(key, value)| write!(f, " {}={value}", Key(key)))
}
