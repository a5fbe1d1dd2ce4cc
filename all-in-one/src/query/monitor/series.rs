//! The series of an answer: one for each service, or for each operation of a service.

use std::collections::HashMap;

use crate::model::Text;
use crate::store::Operation;

/// The most series. The spans of further operations are counted together.
pub(super) const MOST: usize = 1_000;
/// The most values of all series, and the most bytes of their names.
const MOST_VALUES: usize = 1 << 19;
const MOST_BYTES: usize = 1 << 20;
/// The operation under which the others are counted.
pub(super) const OTHER: &str = "other-operations";

/// A service, and an operation of it; none if it stands for all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Name {
    pub(super) service: Text,
    pub(super) operation: Option<Text>,
}

#[derive(Debug)]
pub(super) struct Series {
    by_operation: bool,
    kinds: Vec<String>,
    most: usize,
    bytes: usize,
    names: HashMap<Name, usize>,
}

impl Series {
    /// For spans of these kinds, with as many values in each series.
    pub(super) fn new(by_operation: bool, kinds: Vec<String>, points: usize) -> Self {
        let most = MOST.min(MOST_VALUES / points.max(1));
        Series { by_operation, kinds, most, bytes: 0, names: HashMap::new() }
    }

    /// The number of the series for spans of an operation.
    pub(super) fn number(&mut self, service: &str, operation: &Operation) -> Option<usize> {
        if !self.kinds.iter().any(|kind| **kind == *operation.kind) {
            return None;
        }
        let operation = self.by_operation.then(|| operation.name.clone());
        let name = Name { service: service.into(), operation };
        if let Some(number) = self.names.get(&name) {
            return Some(*number);
        }
        let bytes = service.len() + name.operation.as_ref().map_or(0, |name| name.len());
        let is_full = self.names.len() >= self.most || self.bytes + bytes > MOST_BYTES;
        let name = match is_full && self.by_operation {
            true => Name { operation: Some(OTHER.into()), ..name },
            false => name,
        };
        self.bytes += bytes.min(MOST_BYTES - self.bytes.min(MOST_BYTES));
        let next = self.names.len();
        Some(*self.names.entry(name).or_insert(next))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// The names, sorted, each with its number.
    pub(super) fn sorted(self) -> Vec<(Name, usize)> {
        let mut sorted: Vec<_> = self.names.into_iter().collect();
        sorted.sort();
        sorted
    }
}
