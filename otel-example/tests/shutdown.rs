//! Where the end of opentelemetry-jaeger's batches blocks for ever, and where it does not: what
//! docs/MIGRATION.md says of it. Shutting down blocks the thread until the batch processor's task
//! has answered, so it ends only where another thread runs that task. Each row runs in a process of
//! its own, since what hangs cannot be ended from within.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]
#![expect(deprecated, reason = "the step after it is OTLP; this program shows the one before")]

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

/// The variable that makes the test a child, and names its row.
const ROW: &str = "SHUTDOWN_ROW";

/// How long a child may take that shall end; its shutdown takes milliseconds.
const END_LIMIT: Duration = Duration::from_secs(8);

/// How long a child is watched that shall not end.
const WATCHED: Duration = Duration::from_secs(3);

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
    // What a task wakes is for that task's own thread to run next; no other takes it away.
    ("two workers, in a task", || workers(2).block_on(in_a_task(work)), Hangs),
    (
        "one worker, in a task, by block_in_place",
        || workers(1).block_on(in_a_task(|provider| block_in_place(|| work(provider)))),
        Ends,
    ),
    // The asynchronous exporter, which `install_batch` takes, hands tokio a blocking socket, and a
    // tokio with debug assertions refuses that.
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

/// What the program makes.
fn batch(runtime: impl RuntimeChannel) -> TracerProvider {
    let exporter = new_agent_pipeline().build_sync_agent_exporter().unwrap();
    TracerProvider::builder().with_batch_exporter(exporter, runtime).build()
}

/// What `install_simple` makes.
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

/// A span, and the end.
fn work(provider: TracerProvider) {
    drop(provider.tracer("test").start("span"));
    global::set_tracer_provider(provider);
    global::shutdown_tracer_provider();
}

/// Not a test, but what each child runs.
#[test]
fn child() {
    let Ok(name) = env::var(ROW) else { return };
    let (_, shut_down, _) = ROWS.iter().find(|(row, ..)| *row == name).unwrap();
    shut_down();
}

#[test]
fn it_ends_where_another_thread_runs_the_batches() {
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

/// What becomes of a child that runs this row.
fn outcome(row: &str, expected: Outcome) -> Outcome {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "child"])
        .env(ROW, row)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let limit = if expected == Hangs { WATCHED } else { END_LIMIT };
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
