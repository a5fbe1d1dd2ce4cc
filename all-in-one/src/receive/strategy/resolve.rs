//! Which strategy a service gets: its own, with the operations of the default one, or the default
//! one.

use std::collections::HashSet;

use super::file::{Document, Entry, PROBABILISTIC, RATE_LIMITING};

/// The probability where a file says none. It is Jaeger's.
const FALLBACK: f64 = 0.001;
/// How many odd strategies of a file are named in the log.
const MOST_WARNINGS: usize = 10;

/// The strategy of a service.
#[derive(Debug, PartialEq)]
pub(super) struct Strategy<'a> {
    pub(super) sampling: Sampling,
    pub(super) operations: Option<Operations<'a>>,
}

/// Which traces are sampled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sampling {
    /// Each with this probability.
    Probability(f64),
    /// As many per second.
    PerSecond(i16),
}

/// The probabilities of single operations.
#[derive(Debug, PartialEq)]
pub(super) struct Operations<'a> {
    /// For operations without one.
    pub(super) default: f64,
    pub(super) each: Vec<(&'a str, f64)>,
}

impl Document {
    /// The strategy of a service.
    pub(super) fn strategy(&self, service: &str) -> Strategy<'_> {
        let default = self.default.as_ref().map_or(FALLBACK_STRATEGY, Entry::strategy);
        // Of two with the same name the last one counts.
        let own = self.services.iter().rfind(|entry| entry.service == service);
        match own {
            Some(own) => own.strategy().over(&default),
            None => default,
        }
    }

    /// What Jaeger accepts, but perhaps not as it was meant.
    pub(super) fn warnings(&self) -> Vec<String> {
        let entries = self.default.iter().chain(&self.services);
        let odd = entries.flat_map(|entry| {
            let operations = entry.operations.iter().filter_map(|operation| {
                let why = match operation.sampling() {
                    Sampling::PerSecond(_) => Some("an operation cannot have a rate limit"),
                    Sampling::Probability(_) => operation.oddity(),
                };
                why.map(|why| entry.warning(Some(operation), why))
            });
            entry.oddity().map(|why| entry.warning(None, why)).into_iter().chain(operations)
        });
        odd.take(MOST_WARNINGS).collect()
    }
}

const FALLBACK_STRATEGY: Strategy<'static> =
    Strategy { sampling: Sampling::Probability(FALLBACK), operations: None };

impl Entry {
    fn strategy(&self) -> Strategy<'_> {
        let sampling = self.sampling();
        let each = self.operations.iter().filter_map(|entry| match entry.sampling() {
            Sampling::Probability(probability) => Some((&*entry.operation, probability)),
            Sampling::PerSecond(_) => None,
        });
        let default = match sampling {
            Sampling::Probability(probability) => probability,
            Sampling::PerSecond(_) => FALLBACK,
        };
        let operations =
            (!self.operations.is_empty()).then(|| Operations { default, each: each.collect() });
        Strategy { sampling, operations }
    }

    fn sampling(&self) -> Sampling {
        match &*self.kind {
            PROBABILISTIC => Sampling::Probability(self.param),
            // The fraction is cut off. Clients read 16 bits.
            RATE_LIMITING => Sampling::PerSecond(self.param as i16),
            _ => Sampling::Probability(FALLBACK),
        }
    }

    fn oddity(&self) -> Option<&'static str> {
        match &*self.kind {
            PROBABILISTIC if !(0.0..=1.0).contains(&self.param) => {
                Some("a probability must be from 0 to 1")
            }
            RATE_LIMITING if !(0.0..=f64::from(i16::MAX)).contains(&self.param) => {
                Some("a rate limit must be from 0 to 32767 traces per second")
            }
            PROBABILISTIC | RATE_LIMITING => None,
            // Only its operations have strategies.
            "" if !self.operations.is_empty() => None,
            _ => Some(
                "its type is neither probabilistic nor ratelimiting, so one trace in a thousand is sampled",
            ),
        }
    }

    fn warning(&self, operation: Option<&Entry>, why: &str) -> String {
        let operation = operation.map(|entry| format!(", operation {:?}", entry.operation));
        let service = match &*self.service {
            "" => "default_strategy".to_owned(),
            service => format!("service {service:?}"),
        };
        format!("{service}{}: {why}", operation.unwrap_or_default())
    }
}

impl<'a> Strategy<'a> {
    /// With the operations of the default strategy that this one does not name.
    fn over(mut self, default: &Strategy<'a>) -> Self {
        let Some(more) = &default.operations else { return self };
        match (&mut self.operations, self.sampling) {
            (Some(own), _) => {
                let named: HashSet<_> = own.each.iter().map(|(operation, _)| *operation).collect();
                let new = more.each.iter().filter(|(operation, _)| !named.contains(operation));
                own.each.extend(new);
            }
            (None, Sampling::Probability(probability)) => {
                let each = more.each.clone();
                self.operations = Some(Operations { default: probability, each });
            }
            (None, Sampling::PerSecond(_)) => {}
        }
        self
    }
}
