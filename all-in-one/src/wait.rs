//! Waiting for a trace, in plain and in async tests.

use std::collections::HashSet;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::{Duration, Instant};

use expect_trace::Trace;

use crate::all_in_one::AllInOne;
use crate::model::{self, Span, TraceId};
use crate::server::counters::Reason;
use crate::store::Search;

/// How long a wait may take, unless it says otherwise.
const LIMIT: Duration = Duration::from_secs(5);
/// How long nothing new of a trace must arrive, until it counts as whole.
const QUIET: Duration = Duration::from_millis(25);
/// The longest time limit.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
/// How alike two names must be, from 0 to 1, for one to be proposed in place of the other.
const ALIKE: f64 = 0.7;
/// The most services that an error lists.
const MOST_LISTED: usize = 20;
/// The most other traces that are listed beside the one that was found.
const MOST_OTHERS: usize = 5;

impl AllInOne {
    /// Waits for the whole trace with this id: its root has arrived, every parent is known, and
    /// nothing new has arrived for a moment.
    ///
    /// The id is 16 bytes, a number, or parsed from hexadecimal digits ([`TraceId`]).
    ///
    /// ```
    /// # let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// let wait = jaeger.wait_for_trace(0x1f00_u128).within(std::time::Duration::ZERO);
    /// let error = wait.blocking().unwrap_err(); // in async code: wait.await
    /// assert!(error.to_string().starts_with("no whole trace 0000000000001f00 within 0ns"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_for_trace(&self, id: impl Into<TraceId>) -> Wait<'_> {
        Wait { id: Some(id.into()), ..Wait::new(self) }
    }

    /// Waits for a whole trace with a span of this service: the newest one, or of several at the
    /// same time the one that began first.
    ///
    /// ```
    /// # let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// let wait = jaeger.wait_for_service("shop").within(std::time::Duration::ZERO);
    /// assert!(wait.blocking().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_for_service(&self, service: impl Into<String>) -> Wait<'_> {
        Wait::new(self).with_service(service)
    }

    /// Waits for a trace for which the condition is true. It need not be whole.
    ///
    /// ```
    /// # let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// let wait = jaeger.wait_for(|trace| trace.to_string().contains("error"));
    /// assert!(wait.within(std::time::Duration::ZERO).blocking().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_for<'a>(
        &'a self,
        condition: impl Fn(&Trace) -> bool + Send + Sync + 'a,
    ) -> Wait<'a> {
        Wait { condition: Some(Box::new(condition)), ..Wait::new(self) }
    }
}

type Condition<'a> = Box<dyn Fn(&Trace) -> bool + Send + Sync + 'a>;

/// A wait for a trace, which begins when it is awaited or by [`Wait::blocking`].
///
/// It looks after every arrival of spans, not at intervals. The time limit is 5 seconds, unless
/// [`Wait::within`] sets another.
#[must_use = "a wait begins when it is awaited, or by `blocking`"]
pub struct Wait<'a> {
    jaeger: &'a AllInOne,
    id: Option<TraceId>,
    services: Vec<String>,
    spans: usize,
    parents_may_be_missing: bool,
    condition: Option<Condition<'a>>,
    quiet: Duration,
    limit: Duration,
}

impl<'a> Wait<'a> {
    fn new(jaeger: &'a AllInOne) -> Self {
        Wait {
            jaeger,
            id: None,
            services: Vec::new(),
            spans: 1,
            parents_may_be_missing: false,
            condition: None,
            quiet: QUIET,
            limit: LIMIT,
        }
    }

    /// The trace must also have a span of this service: another process may send its spans later.
    ///
    /// ```
    /// # let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// let wait = jaeger.wait_for_service("shop").with_service("payments");
    /// # drop(wait);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_service(mut self, service: impl Into<String>) -> Self {
        self.services.push(service.into());
        self
    }

    /// The trace must have at least this many spans.
    ///
    /// ```
    /// # let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// let wait = jaeger.wait_for_service("shop").with_spans(3);
    /// # drop(wait);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_spans(mut self, spans: usize) -> Self {
        self.spans = spans;
        self
    }

    /// Parents may be missing: the test itself, or a caller that is not traced here, made them up.
    ///
    /// ```
    /// # let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// let wait = jaeger.wait_for_trace(0x1f00_u128).with_missing_parents();
    /// # drop(wait);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_missing_parents(mut self) -> Self {
        self.parents_may_be_missing = true;
        self
    }

    /// How long nothing new of the trace must arrive, until it counts as whole: 25 ms by default.
    ///
    /// ```
    /// # let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// let moment = std::time::Duration::from_millis(100);
    /// let wait = jaeger.wait_for_service("shop").quiet_for(moment);
    /// # drop(wait);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn quiet_for(mut self, quiet: Duration) -> Self {
        self.quiet = quiet;
        self
    }

    /// The time limit.
    ///
    /// ```
    /// # let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// let limit = std::time::Duration::from_millis(1);
    /// assert!(jaeger.wait_for_service("shop").within(limit).blocking().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Waits on this thread. In async code it blocks the thread; await the wait instead.
    ///
    /// ```
    /// # let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// let wait = jaeger.wait_for_service("shop").within(std::time::Duration::ZERO);
    /// let error = wait.blocking().unwrap_err();
    /// assert!(error.to_string().contains("no spans arrived"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// At the time limit. The error says what is there.
    pub fn blocking(self) -> Result<Trace, WaitError> {
        // A thread of its own may block on the runtime even if this one belongs to another.
        let waited = std::thread::scope(|scope| {
            scope.spawn(|| self.jaeger.threads.block_on(self.wait())).join()
        });
        waited.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    async fn wait(&self) -> Result<Trace, WaitError> {
        let now = Instant::now();
        let end = now.checked_add(self.limit).unwrap_or(now + LONGEST);
        let mut found: Option<(TraceId, usize, Instant)> = None;
        loop {
            let inserted = self.jaeger.store().inserted();
            let mut wake = end;
            match self.look() {
                Some((id, _)) if self.condition.is_some() => {
                    if let Some(trace) = self.found(id) {
                        return Ok(trace);
                    }
                }
                Some((id, spans)) => {
                    let since = match found {
                        Some((before, count, since)) if (before, count) == (id, spans) => since,
                        _ => Instant::now(),
                    };
                    found = Some((id, spans, since));
                    if since.elapsed() >= self.quiet
                        && let Some(trace) = self.found(id)
                    {
                        return Ok(trace);
                    }
                    wake = end.min(since + self.quiet);
                }
                None => found = None,
            }
            let now = Instant::now();
            if now >= end {
                return Err(WaitError::new(self));
            }
            // The timer belongs to the threads of the all-in-one: the caller needs none.
            let timer = {
                let _context = self.jaeger.threads.enter();
                tokio::time::sleep(wake - now)
            };
            tokio::select! {
                () = inserted => {}
                () = timer => {}
            }
        }
    }

    /// The newest trace that is as it should be, and how many spans it has. Of traces that ran at
    /// the same time it is the one that began first: the others may be its spans that lost their
    /// parent.
    fn look(&self) -> Option<(TraceId, usize)> {
        let mut candidates = self.candidates().filter(|trace| self.lacks(trace).is_none());
        let newest = candidates.next()?;
        let earlier = candidates.take(MOST_OTHERS).fold(newest, |first, other| {
            let (begin, end) = times(&other);
            if (begin..=end).contains(&times(&first).0) { other } else { first }
        });
        Some((earlier.id, earlier.spans.len()))
    }

    /// A trace, with a note of the others that may have been meant: a span that lost its parent is
    /// a trace of its own.
    fn found(&self, id: TraceId) -> Option<Trace> {
        let trace = self.jaeger.trace(id)?;
        let others = self.candidates().filter(|other| other.id != id);
        let others: Vec<_> = others.take(MOST_OTHERS + 1).collect();
        if others.is_empty() || others.len() > MOST_OTHERS {
            return Some(trace);
        }
        let others = others.iter().map(|other| format!("{} ({})", other.id, first_root(other)));
        let others = others.collect::<Vec<_>>().join(", ");
        Some(trace.with_note(format!("beside this trace arrived: {others}")))
    }

    /// The traces that may be meant, the newest first.
    fn candidates(&self) -> impl Iterator<Item = model::Trace> {
        let store = self.jaeger.store();
        let ids = match (self.id, self.services.first()) {
            (Some(id), _) => vec![id],
            (None, Some(service)) => store.find_ids(&Search::of(service)),
            (None, None) => store.ids().into_iter().rev().collect(),
        };
        ids.into_iter().filter_map(|id| store.trace(id))
    }

    /// Why a trace is not yet what is waited for.
    fn lacks(&self, trace: &model::Trace) -> Option<String> {
        if let Some(condition) = &self.condition {
            let holds = self.jaeger.trace(trace.id).is_some_and(|trace| condition(&trace));
            return (!holds).then(|| "the condition is false for it".to_owned());
        }
        let has = |service: &&String| trace.spans.iter().any(|span| span.service() == **service);
        if let Some(service) = self.services.iter().find(|service| !has(service)) {
            return Some(format!("it has no span of the service \"{service}\""));
        }
        if trace.spans.len() < self.spans {
            return Some(format!("it has {} of {} spans", trace.spans.len(), self.spans));
        }
        if self.parents_may_be_missing {
            return None;
        }
        let orphan = orphan(trace)?;
        let (service, operation) = (orphan.service(), &orphan.operation);
        Some(format!(
            "the parent of \"{service}: {operation}\" has not arrived: was it ended, and its provider flushed? If the test made it up, use with_missing_parents()"
        ))
    }
}

/// The start of a trace and its end, in microseconds since the Unix epoch.
fn times(trace: &model::Trace) -> (u64, u64) {
    let begin = trace.spans.iter().map(|span| span.start).min();
    let end = trace.spans.iter().map(|span| span.start.saturating_add(span.duration)).max();
    (begin.unwrap_or_default(), end.unwrap_or_default())
}

/// The service and operation of the first span without a parent.
fn first_root(trace: &model::Trace) -> String {
    let root = trace.roots().next().or(trace.spans.first().map(|span| &**span));
    root.map(|root| format!("{}: {}", root.service(), root.operation)).unwrap_or_default()
}

/// A span whose parent is not in the trace.
fn orphan(trace: &model::Trace) -> Option<&Span> {
    let ids: HashSet<_> = trace.spans.iter().map(|span| span.span_id).collect();
    let is_orphan = |span: &&Span| span.parent().is_some_and(|parent| !ids.contains(&parent));
    trace.spans.iter().map(|span| &**span).find(is_orphan)
}

impl fmt::Debug for Wait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wait for {}", self.what())
    }
}

impl Wait<'_> {
    fn what(&self) -> String {
        match (self.id, self.services.first()) {
            _ if self.condition.is_some() => "trace with the condition".to_owned(),
            (Some(id), _) => format!("whole trace {id}"),
            (None, Some(service)) => {
                format!("whole trace with a span of the service \"{service}\"")
            }
            (None, None) => "whole trace".to_owned(),
        }
    }
}

impl<'a> IntoFuture for Wait<'a> {
    type Output = Result<Trace, WaitError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.wait().await })
    }
}

/// The awaited trace did not arrive in time.
///
/// It prints what is there instead, also with `{:?}`, which is what `unwrap` prints.
pub struct WaitError(Box<InVain>);

struct InVain {
    trace: Option<Trace>,
    services: Vec<String>,
    text: String,
}

impl WaitError {
    /// What arrived of the trace, or of the newest one that may have been meant.
    ///
    /// ```
    /// # let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// let wait = jaeger.wait_for_service("shop").within(std::time::Duration::ZERO);
    /// assert!(wait.blocking().unwrap_err().trace().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn trace(&self) -> Option<&Trace> {
        self.0.trace.as_ref()
    }

    /// The services that have spans, sorted.
    ///
    /// ```
    /// # let jaeger = jaeger_all_in_one::AllInOne::start()?;
    /// let wait = jaeger.wait_for_service("shop").within(std::time::Duration::ZERO);
    /// assert!(wait.blocking().unwrap_err().services().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn services(&self) -> &[String] {
        &self.0.services
    }

    fn new(wait: &Wait<'_>) -> Self {
        let store = wait.jaeger.store();
        let services: Vec<String> = store.services().iter().map(ToString::to_string).collect();
        let candidate = wait.candidates().next();
        let trace = candidate.as_ref().and_then(|trace| wait.jaeger.trace(trace.id));
        let mut text = format!("no {} within {:?}", wait.what(), wait.limit);
        let mut line = |line: &str| text += &format!("\n{line}");
        match &candidate {
            Some(candidate) => {
                let lack = wait.lacks(candidate);
                let lack = lack.unwrap_or_else(|| "spans were still arriving".to_owned());
                line(&format!("there is trace {}, but {lack}", candidate.id));
            }
            None => line(&what_is_there(wait, &services)),
        }
        let unknown = wait.services.iter().filter(|wanted| !services.contains(wanted));
        for near in unknown.filter_map(|wanted| nearest(wanted, &services)) {
            line(&format!("did you mean the service \"{near}\"?"));
        }
        for refused in refusals(wait.jaeger) {
            line(&refused);
        }
        if let Some(trace) = &trace {
            text += &format!("\n\n{trace}");
            if let Some(link) = trace.link() {
                text += &format!("\nsee it: {link}");
            }
        }
        WaitError(Box::new(InVain { trace, services, text }))
    }
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Debug for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl std::error::Error for WaitError {}

/// What arrived where nothing of the awaited trace did.
fn what_is_there(wait: &Wait<'_>, services: &[String]) -> String {
    let store = wait.jaeger.store();
    let ids = store.ids();
    if ids.is_empty() {
        return "no spans arrived: is the exporter's endpoint one of this Jaeger's, and was its provider flushed?"
            .to_owned();
    }
    let newest = ids.iter().rev().take(MOST_OTHERS).filter_map(|id| store.trace(*id));
    let newest = newest.map(|trace| format!("{} ({})", trace.id, first_root(&trace)));
    let newest = newest.collect::<Vec<_>>().join(", ");
    let newest = if wait.id.is_some() { format!(": {newest}") } else { String::new() };
    format!("{} in {}{newest}", list(services), traces(ids.len()))
}

/// Names in quotes, with commas.
fn list(services: &[String]) -> String {
    let names: Vec<_> =
        services.iter().take(MOST_LISTED).map(|name| format!("\"{name}\"")).collect();
    let more = services.len().saturating_sub(MOST_LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    match services {
        [_] => format!("the service {} has spans", names.join(", ")),
        _ => format!("the services {}{more} have spans", names.join(", ")),
    }
}

fn traces(count: usize) -> String {
    if count == 1 { "1 trace".to_owned() } else { format!("{count} traces") }
}

/// The service whose name is most like this one, if any is.
pub fn nearest<'s>(wanted: &str, services: &'s [String]) -> Option<&'s str> {
    let likeness =
        |name: &String| strsim::jaro_winkler(&wanted.to_lowercase(), &name.to_lowercase());
    let nearest = services.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(nearest) > ALIKE).then_some(nearest)
}

/// What the doors refused: the spans may be among it.
fn refusals(jaeger: &AllInOne) -> impl Iterator<Item = String> {
    jaeger.doors().iter().flat_map(|door| {
        let stats = door.stats();
        let counts = Reason::ALL.map(|reason| (reason, stats.refused(reason)));
        counts.into_iter().filter(|(_, count)| *count > 0).map(|(reason, count)| {
            format!("refused at the port for {}: {count} ({})", door.port, reason.name())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_proposed_and_a_far_one_is_not() {
        let services = ["payments".to_owned(), "shop".to_owned()];
        for (wanted, near) in
            [("shpo", Some("shop")), ("Payment", Some("payments")), ("zebra", None)]
        {
            assert_eq!(nearest(wanted, &services), near, "{wanted}");
        }
    }
}
