//! What was left out of a request, for its answer and the log.

use serde::Deserialize;

/// The spans that were refused, and what else could not be read.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// How many spans were refused.
    pub(super) spans: u64,
    /// How many parts of others were left out.
    pub(super) parts: u64,
    /// What was wrong with the first.
    first: Option<String>,
}

/// The longest reason, in characters.
const LONGEST: usize = 160;

impl Faults {
    /// Counts a span that was refused.
    pub(super) fn refuse(&mut self, why: String) {
        self.spans += 1;
        self.keep(why);
    }

    /// The same, with the id of the span if its JSON has one.
    pub(super) fn refuse_span(&mut self, span: &str, why: &str) {
        self.spans += 1;
        if self.first.is_none() {
            self.keep(format!("{}{why}", name(span)));
        }
    }

    /// Counts a part that was left out.
    pub(super) fn note(&mut self, why: String) {
        self.parts += 1;
        self.keep(why);
    }

    fn keep(&mut self, why: String) {
        self.first.get_or_insert_with(|| why.chars().take(LONGEST).collect());
    }

    /// What was wrong with the first, if anything was.
    pub(super) fn first(&self) -> Option<&str> {
        self.first.as_deref()
    }
}

/// Names a span of OTLP or Zipkin by its id.
fn name(span: &str) -> String {
    #[derive(Deserialize)]
    struct Ids {
        #[serde(rename = "spanId", alias = "span_id", alias = "id")]
        id: String,
    }
    match serde_json::from_str::<Ids>(span) {
        Ok(Ids { id }) => format!("span {:?}: ", id.chars().take(40).collect::<String>()),
        Err(_) => String::new(),
    }
}
