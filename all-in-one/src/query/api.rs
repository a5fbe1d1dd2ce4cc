//! What answers are made from, and how they are written.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Semaphore;

use super::asked::{Question, Questions};
use super::errors::ApiError;
use crate::go_format::json::{self, Style};
use crate::model::{Text, TraceId};
use crate::server::form::Form;
use crate::store::{Operation, Store};
use crate::ui::WebPages;

/// How many answers are written at a time.
pub(crate) const TURNS: usize = 2;
/// How many answers of more than one part may be in progress. Each holds the ids of its traces, 1.6
/// MB for a hundred thousand, and the changes to its current trace, at most 3.2 MB.
pub(crate) const LONG_ANSWERS: usize = 8;

/// What an answer is made from.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) store: Arc<Store>,
    pub(crate) asked: Questions,
    pub(super) pages: WebPages,
    /// The largest clock skew that is corrected; zero corrects none.
    pub(super) max_clock_skew: Duration,
    /// The path under which everything is served, without a slash at the end; empty is the root.
    pub(super) base_path: String,
    pub(super) turns: Arc<Semaphore>,
    pub(super) long_answers: Arc<Semaphore>,
}

impl Api {
    pub(crate) fn new(
        store: Arc<Store>,
        pages: WebPages,
        max_clock_skew: Duration,
        base_path: String,
    ) -> Arc<Self> {
        let [turns, long_answers] = [TURNS, LONG_ANSWERS].map(|n| Arc::new(Semaphore::new(n)));
        let asked = Questions::default();
        Arc::new(Api { store, asked, pages, max_clock_skew, base_path, turns, long_answers })
    }
}

/// What is asked of the store, and counted.
impl Api {
    pub(super) fn services(&self) -> Vec<Text> {
        self.asked.ask(Question::GetServices, || self.store.services(), |it| Some(it.len()))
    }

    pub(super) fn operations(&self, service: &str) -> Vec<Operation> {
        let ask = || self.store.operations(service);
        self.asked.ask(Question::GetOperations, ask, |it| Some(it.len()))
    }

    /// The ids of the traces that are found.
    pub(super) fn find(&self, find: impl FnOnce(&Store) -> Vec<TraceId>) -> Vec<TraceId> {
        self.asked.ask(Question::FindTraces, || find(&self.store), |it| Some(it.len()))
    }

    /// Whether there is a trace with this id.
    pub(super) fn has(&self, id: TraceId) -> bool {
        self.asked.ask(Question::GetTrace, || self.store.has(id), |has| has.then_some(1))
    }
}

/// Writes an answer.
pub(super) fn ok(
    form: &Form,
    out: &mut impl Write,
    answer: &impl Serialize,
) -> Result<(), ApiError> {
    Ok(json::append(out, answer, style(form), 0)?)
}

/// How the answer to a request is written.
pub(super) fn style(form: &Form) -> Style {
    let pretty = !matches!(form.get("prettyPrint"), "" | "false");
    Style { pretty, for_javascript: form.by_page }
}
