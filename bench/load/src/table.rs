//! Prints the figures side by side, with the goals and how far they are reached.

use crate::measure::Figures;
use crate::rates::{Rate, Rates};
use crate::server::{JAEGER_1, JAEGER_2};

/// What a figure of the first server should be.
#[derive(Clone, Copy)]
enum Goal {
    /// At least this many times the figure of another server.
    Times(f64, &'static str),
    /// At most this part of the figure of another server: for 20, a twentieth.
    Part(f64, &'static str),
    AtMost(f64),
}

/// How a figure is printed: its unit and its decimals.
type Format = (&'static str, usize);

const MS: Format = (" ms", 1);
const MIB: Format = (" MiB", 1);
const MB: Format = (" MB", 1);
const BYTES: Format = (" B", 0);
const SECONDS: Format = (" s", 2);
const SPANS: Format = ("", 0);

const UNKNOWN: &str = "–";

/// A Markdown table with a row for each figure and a column for each server. Its first cell names the
/// commit.
pub(crate) fn markdown(all: &[Figures], grpc_alone: &Rate, commit: Option<&str>) -> String {
    let Some(first) = all.first() else {
        return String::new();
    };
    let names: Vec<_> = all.iter().map(|it| &*it.name).collect();
    let text = format!(
        "| {} | goal | reached | {} |\n|---|---|---|{}\n",
        commit.map_or(String::new(), |commit| format!("at {commit}")),
        names.join(" | "),
        "---|".repeat(names.len())
    );
    let mut table = Table { all, text };
    let part = |part| [Goal::Part(part, JAEGER_1)];
    table.row("start to all TCP ports accepting", &part(20.0), MS, |it| Some(it.start_ms));
    table.row("resident when idle", &part(8.0), MIB, |it| Some(mib(it.idle_bytes)));
    table.row("binary, with the web pages", &[], MB, |it| Some(it.binary_bytes as f64 / 1e6));
    table.row("resident per stored span", &part(40.0), BYTES, |it| Some(it.bytes_per_span));
    let title = format!("peak memory, {} spans by OTLP HTTP", grouped(first.peak.spans as f64, 0));
    table.row(&title, &[Goal::AtMost(60.0)], MIB, |it| Some(mib(it.peak.bytes)));
    table.doors();
    table.row("HTTP/2 and gRPC alone, CPU per million spans", &[], SECONDS, |it| {
        (it.name == first.name).then_some(grpc_alone.cpu_seconds_per_million)
    });
    table.searches(first);
    table.eviction(first);
    table.text
}

struct Table<'f> {
    all: &'f [Figures],
    text: String,
}

impl Table<'_> {
    fn doors(&mut self) {
        let one = |times| Goal::Times(times, JAEGER_1);
        let two = |times| Goal::Times(times, JAEGER_2);
        self.door("UDP 6831", &[one(20.0)], &[], |it| it.udp.as_ref());
        self.door("HTTP 14268", &[one(12.0)], &[Goal::AtMost(0.9)], |it| Some(&it.http_thrift));
        let rate = [one(15.0), two(6.0)];
        self.door("OTLP HTTP", &rate, &[Goal::AtMost(0.9)], |it| Some(&it.otlp_http));
        let rate = [one(12.0), two(5.0)];
        self.door("OTLP gRPC", &rate, &[Goal::AtMost(1.0)], |it| Some(&it.otlp_grpc));
    }

    /// The rate of a door, lost spans if there are any, and the CPU time.
    fn door(
        &mut self,
        door: &str,
        rate_goals: &[Goal],
        cpu_goals: &[Goal],
        rate: impl Fn(&Rates) -> Option<&Rate>,
    ) {
        let rate = |it: &Figures| rate(&it.rates).cloned();
        self.row(&format!("{door}, spans/s"), rate_goals, SPANS, |it| {
            Some(rate(it)?.spans_per_second)
        });
        if self.all.iter().filter_map(rate).any(|rate| rate.lost > 0) {
            let percent = |it: &Figures| Some(rate(it)?.lost as f64 * 100.0 / it.spans as f64);
            self.row(&format!("{door}, lost at that rate"), &[], (" %", 1), percent);
        }
        self.row(&format!("{door}, CPU per million spans"), cpu_goals, SECONDS, |it| {
            Some(rate(it)?.cpu_seconds_per_million)
        });
    }

    fn searches(&mut self, first: &Figures) {
        for kind in &first.searches {
            let title = format!("search: {}, {} stored", kind.what, grouped(kind.stored as f64, 0));
            let goal = kind.goal_ms.map(Goal::AtMost);
            self.row(&title, goal.as_slice(), MS, |it| {
                let mut all = it.searches.iter();
                Some(all.find(|it| (it.what, it.stored) == (kind.what, kind.stored))?.median_ms)
            });
        }
    }

    fn eviction(&mut self, first: &Figures) {
        let Some(eviction) = &first.eviction else { return };
        let title = "longest wait of a request each millisecond";
        self.row(title, &[], MS, |it| Some(it.eviction.as_ref()?.quiet_ms));
        let spans = grouped(eviction.spans as f64, 0);
        let title = format!("the same, while a trace of {spans} spans is evicted");
        self.row(&title, &[Goal::AtMost(5.0)], MS, |it| Some(it.eviction.as_ref()?.evicting_ms));
    }

    fn row(
        &mut self,
        title: &str,
        goals: &[Goal],
        format: Format,
        value: impl Fn(&Figures) -> Option<f64>,
    ) {
        let print = |value: Option<f64>| value.map_or(UNKNOWN.to_owned(), |it| printed(it, format));
        let cells: Vec<_> = self.all.iter().map(|it| print(value(it))).collect();
        let goal: Vec<_> = goals.iter().map(|goal| goal.text(format)).collect();
        let of = |name: &str| self.all.iter().find(|it| it.name == name).and_then(&value);
        let own = self.all.first().and_then(&value);
        let reached: Vec<_> = goals.iter().map(|goal| goal.reached(own, of)).collect();
        let (goal, reached) = (goal.join(", "), reached.join(", "));
        self.text += &format!("| {title} | {goal} | {reached} | {} |\n", cells.join(" | "));
    }
}

impl Goal {
    fn text(self, format: Format) -> String {
        match self {
            Goal::Times(times, name) => format!("{times} × {name}"),
            Goal::Part(part, name) => format!("1/{part} of {name}"),
            Goal::AtMost(most) => printed(most, format),
        }
    }

    /// How far the figure `own` reaches it; `of` returns the figure of another server.
    fn reached(self, own: Option<f64>, of: impl Fn(&str) -> Option<f64>) -> String {
        let ratio = |name| Some(own? / of(name)?);
        let text = match self {
            Goal::Times(_, name) => ratio(name).map(|ratio| format!("{ratio:.1} ×")),
            Goal::Part(_, name) => ratio(name).map(|ratio| format!("1/{:.1}", 1.0 / ratio)),
            Goal::AtMost(most) => own.map(|own| if own <= most { "yes" } else { "no" }.to_owned()),
        };
        text.unwrap_or(UNKNOWN.to_owned())
    }
}

fn printed(value: f64, (unit, decimals): Format) -> String {
    format!("{}{unit}", grouped(value, decimals))
}

/// A number with a comma between thousands.
fn grouped(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let digits = whole.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    digits.collect::<Vec<_>>().join(",") + rest
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
