//! Where opentelemetry-jaeger's shutdown hangs and where it ends, as docs/MIGRATION.md describes.
//! Shutdown blocks the thread until the batch processor's task answers, so it ends only if another
//! thread runs that task. Each row runs in its own process, because a hanging shutdown cannot be
//! stopped from within.

#![expect(clippy::unwrap_used, reason = "tests may panic")]
#![expect(deprecated, reason = "this program shows the Jaeger exporter, which OTLP replaces")]

use std::env;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry::global;
use opentelemetry::trace::{Tracer, TracerProvider as _};
use opentelemetry_jaeger::new_agent_pipeline;
use opentelemetry_sdk::runtime::{RuntimeChannel, Tokio, TokioCurrentThread};
use opentelemetry_sdk::trace::TracerProvider;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{block_in_place, spawn_blocking};

/// Tells a child process which row to run.
const ROW: &str = "SHUTDOWN_ROW";

/// How long a child that should end may take; a shutdown takes milliseconds.
const END_LIMIT: Duration = Duration::from_secs(8);

/// After this time, a child that should hang counts as hanging.
const HANG_LIMIT: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Ends,
    Hangs,
    Panics,
}
use Outcome::{Ends, Hangs, Panics};

type Row = (&'static str, fn(), Outcome);

const ROWS: &[Row] = &[
    ("one thread", || one_thread().block_on(async { work(batch(Tokio)) }), Hangs),
    ("one thread, by spawn_blocking", || one_thread().block_on(by_spawn_blocking()), Ends),
    (
        "one thread, TokioCurrentThread",
        || one_thread().block_on(async { work(batch(TokioCurrentThread)) }),
        Ends,
    ),
    ("one thread, simple", || one_thread().block_on(async { work(simple()) }), Ends),
    ("no runtime, simple", || work(simple()), Ends),
    ("one worker, in main", || workers(1).block_on(async { work(batch(Tokio)) }), Ends),
    ("one worker, in a task", || workers(1).block_on(in_a_task(work)), Hangs),
    ("two workers, in main", || workers(2).block_on(async { work(batch(Tokio)) }), Ends),
    // A task that another task wakes runs next on the same thread; no other worker steals it.
    ("two workers, in a task", || workers(2).block_on(in_a_task(work)), Hangs),
    (
        "one worker, in a task, by block_in_place",
        || workers(1).block_on(in_a_task(|provider| block_in_place(|| work(provider)))),
        Ends,
    ),
    // `install_batch` uses the asynchronous exporter, which passes a blocking socket to Tokio. With
    // debug assertions, Tokio panics.
    #[cfg(debug_assertions)]
    (
        "two workers, as install_batch builds it",
        || drop(workers(2).block_on(async { new_agent_pipeline().build_batch(Tokio) })),
        Panics,
    ),
];

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn workers(count: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(count).enable_all().build().unwrap()
}

/// Builds the provider as the program does.
fn batch(runtime: impl RuntimeChannel) -> TracerProvider {
    let exporter = new_agent_pipeline().build_sync_agent_exporter().unwrap();
    TracerProvider::builder().with_batch_exporter(exporter, runtime).build()
}

/// Builds the provider as `install_simple` does.
fn simple() -> TracerProvider {
    new_agent_pipeline().build_simple().unwrap()
}

async fn in_a_task(work: fn(TracerProvider)) {
    tokio::spawn(async move { work(batch(Tokio)) }).await.unwrap();
}

async fn by_spawn_blocking() {
    let provider = batch(Tokio);
    spawn_blocking(|| work(provider)).await.unwrap();
}

/// Makes a span and shuts the provider down.
fn work(provider: TracerProvider) {
    drop(provider.tracer("test").start("span"));
    global::set_tracer_provider(provider);
    global::shutdown_tracer_provider();
}

/// Not a test by itself: each child process runs it.
#[test]
fn child() {
    let Ok(name) = env::var(ROW) else { return };
    let (_, run, _) = ROWS.iter().find(|(row, ..)| *row == name).unwrap();
    run();
}

#[test]
fn shutdown_ends_where_another_thread_runs_the_batch_task() {
    thread::scope(|scope| {
        let watch = |(row, _, expected): &Row| {
            let (row, expected) = (*row, *expected);
            (row, expected, scope.spawn(move || outcome(row, expected)))
        };
        for (row, expected, outcome) in ROWS.iter().map(watch).collect::<Vec<_>>() {
            assert_eq!(outcome.join().unwrap(), expected, "{row}");
        }
    });
}

/// Runs a row in a child process and returns how it ended.
fn outcome(row: &str, expected: Outcome) -> Outcome {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "child"])
        .env(ROW, row)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let limit = if expected == Hangs { HANG_LIMIT } else { END_LIMIT };
    let outcome = match ended_within(limit, &mut child) {
        Some(0) => Ends,
        Some(_) => Panics,
        None => Hangs,
    };
    let _ = child.kill();
    let _ = child.wait();
    outcome
}

fn ended_within(limit: Duration, child: &mut Child) -> Option<i32> {
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        thread::sleep(Duration::from_millis(1));
    }
    None
}
