//! Prints the figures side by side.

use crate::measure::{Figures, Rate};

/// A Markdown table with a row for each figure and a column for each server.
pub(crate) fn markdown(all: &[Figures]) -> String {
    let mut table = Table { all, text: String::new() };
    table.line("", |figures| figures.name.to_owned());
    table.text += &format!("|---|{}\n", "---|".repeat(all.len()));
    table.line("start to all ports accepting, ms", |it| format!("{:.1}", it.start_ms));
    table.line("resident when idle, MiB", |it| mib(it.idle_bytes));
    table.line("binary, MB", |it| format!("{:.1}", it.binary_bytes as f64 / 1e6));
    table.rate("UDP, packets of 10, none lost", |it| it.udp.as_ref());
    table.rate("HTTP with Thrift, batches of 100", |it| Some(&it.http_thrift));
    table.rate("OTLP by gRPC, batches of 100", |it| Some(&it.otlp_grpc));
    table.rate("OTLP by HTTP, batches of 100", |it| Some(&it.otlp_http));
    table.line("resident per stored span, bytes", |it| format!("{:.0}", it.bytes_per_span));
    for index in 0..all.iter().map(|it| it.searches.len()).min().unwrap_or(0) {
        let first = &all[0].searches[index];
        let title = format!("search: {}, {} spans stored, ms", first.what, first.stored);
        table.line(&title, |it| format!("{:.2}", it.searches[index].median_ms));
    }
    table.text
}

/// The cost of gRPC alone.
pub(crate) fn grpc_baseline(rate: &Rate) -> String {
    let Rate { spans_per_second, cpu_seconds_per_million, .. } = rate;
    format!(
        "\ngRPC alone, messages discarded: {spans_per_second:.0} spans/s, \
         {cpu_seconds_per_million:.2} CPU seconds per million spans\n"
    )
}

struct Table<'f> {
    all: &'f [Figures],
    text: String,
}

impl Table<'_> {
    fn line(&mut self, title: &str, cell: impl Fn(&Figures) -> String) {
        let cells: Vec<_> = self.all.iter().map(cell).collect();
        self.text += &format!("| {title} | {} |\n", cells.join(" | "));
    }

    fn rate(&mut self, title: &str, rate: impl Fn(&Figures) -> Option<&Rate>) {
        self.line(&format!("{title}: spans/s"), |it| {
            rate(it).map_or("-".to_owned(), |rate| match rate.lost {
                0 => format!("{:.0}", rate.spans_per_second),
                lost => format!("{:.0} ({lost} lost)", rate.spans_per_second),
            })
        });
        self.line(&format!("{title}: CPU seconds per million spans"), |it| {
            rate(it).map_or("-".to_owned(), |rate| format!("{:.2}", rate.cpu_seconds_per_million))
        });
    }
}

fn mib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 20))
}
