//! Checks one exercise: build, run, compare.

use std::fs;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use jaeger_all_in_one::expectations::{Expectations, Outcome};
use jaeger_all_in_one::{AllInOne, Trace, TraceId, draw};

use super::build::{Build, build};
use super::course::{Course, Exercise};
use super::failure::{Difference, Failure};
use super::run::{Children, Ran, TIME_LIMIT, run};
use super::text::{Style, last_lines};

/// How many traces are drawn, and how many lines of each.
const MOST_TRACES: usize = 4;
const MOST_LINES: usize = 30;
/// How many lines of the program's output are shown.
const MOST_OUTPUT: usize = 8;
/// The exit code of a Rust program whose main thread panicked.
const PANICKED: i32 = 101;

/// What the check of an exercise found.
#[derive(Debug, Default)]
pub struct Checked {
    /// What the program printed, and its traces as trees.
    pub seen: String,
    /// The page of the trace.
    pub link: Option<String>,
    /// Why it does not pass.
    pub failure: Option<Failure>,
}

impl Checked {
    fn failed(failure: Failure) -> Self {
        Checked { failure: Some(failure), ..Checked::default() }
    }

    /// Whether the exercise is solved.
    pub fn passes(&self) -> bool {
        self.failure.is_none()
    }

    /// What was seen, what it should have been, and the link.
    pub fn report(&self, style: Style) -> String {
        let mut out = self.seen.clone();
        if let Some(failure) = &self.failure {
            out += &format!("{}\n\n", failure.words(style));
        }
        if let Some(link) = &self.link {
            out += &format!("In Jaeger: {}\n", style.bold(link));
        }
        out
    }
}

/// Builds and runs the learner's program, and compares its traces.
pub fn check(
    course: &Course,
    exercise: &Exercise,
    jaeger: &AllInOne,
    children: &Children,
) -> Checked {
    match build(&course.folder, exercise, children) {
        Build::Done(program) => check_program(&program, exercise, TIME_LIMIT, jaeger, children),
        Build::Failed => Checked::failed(Failure::DoesNotCompile),
        Build::Impossible(why) => Checked::failed(Failure::Impossible(why)),
    }
}

/// Runs a program, and compares its traces with those of an exercise.
pub fn check_program(
    program: &Path,
    exercise: &Exercise,
    limit: Duration,
    jaeger: &AllInOne,
    children: &Children,
) -> Checked {
    // A program may name the id of its trace, so older traces must not be there.
    jaeger.clear();
    let before = jaeger.usage().arrived();
    let ran = match run(program, &exercise.folder, limit, jaeger, children) {
        Ok(ran) => ran,
        Err(error) => {
            let why = format!("{} cannot be run: {error}", program.display());
            return Checked::failed(Failure::Impossible(why));
        }
    };
    let traces = jaeger.traces_without_links();
    let expectations = match Expectations::read(&exercise.expected_traces()) {
        Ok(expectations) => expectations,
        Err(error) => return Checked::failed(Failure::Impossible(error.to_string())),
    };
    let differences = differences(&expectations, &traces);
    let failure = if let Some(failure) = badly_ended(&ran, limit) {
        Some(failure)
    } else if !differences.is_empty() && jaeger.usage().arrived() == before {
        Some(Failure::NoSpan)
    } else if !differences.is_empty() {
        let more = traces.len().saturating_sub(exercise.expected_traces().len());
        Some(Failure::Differs(differences, more))
    } else {
        missing_line(&exercise.expected_output(), &ran.out).map(Failure::Output)
    };
    let link = traces.first().and_then(id).and_then(|id| jaeger.trace_url(id).ok());
    Checked { seen: seen(&ran, &traces, jaeger), link, failure }
}

/// What the program printed, and its traces as trees.
fn seen(ran: &Ran, traces: &[Trace], jaeger: &AllInOne) -> String {
    let mut out = String::new();
    for (name, text) in [("The program printed:", &ran.out), ("Its errors and log:", &ran.err)] {
        if !text.trim().is_empty() {
            out += &format!("{name}\n{}\n", last_lines(text, MOST_OUTPUT));
        }
    }
    for (number, trace) in traces.iter().take(MOST_TRACES).enumerate() {
        let Some(drawn) = id(trace).and_then(|id| jaeger.store().trace(id)) else { continue };
        out += &match traces.len() {
            1 => "Its trace:\n".to_owned(),
            all => format!("Trace {} of {all}:\n", number + 1),
        };
        let tree = draw(&drawn, false);
        for line in tree.lines().take(MOST_LINES) {
            out += &format!("{line}\n");
        }
        if let more @ 1.. = tree.lines().count().saturating_sub(MOST_LINES) {
            out += &format!("  … {more} more spans\n");
        }
        out += "\n";
    }
    out
}

fn id(trace: &Trace) -> Option<TraceId> {
    trace.id()?.parse().ok()
}

/// Why a program's end is a failure, whatever spans it sent.
fn badly_ended(ran: &Ran, limit: Duration) -> Option<Failure> {
    let Some(status) = ran.status else { return Some(Failure::Hangs(limit.as_secs())) };
    if status.success() {
        return None;
    }
    let panic = ran.err.find("\nthread '").map(|at| at + 1);
    let panic = panic.or_else(|| ran.err.starts_with("thread '").then_some(0));
    Some(match panic {
        Some(at) if status.code() == Some(PANICKED) => {
            let lines = ran.err[at..].lines();
            let message: Vec<_> = lines.filter(|line| !line.starts_with("note: ")).collect();
            Failure::Panics(message.join("\n"))
        }
        _ => Failure::Fails(ending(status), ran.err.clone()),
    })
}

fn ending(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("Its exit code is {code}; it should be 0."),
        None => format!("It was ended by a signal ({status})."),
    }
}

/// Compares each file with the traces; empty if all are as expected.
fn differences(expectations: &Expectations, traces: &[Trace]) -> Vec<Difference> {
    let compared = expectations.compare(traces, false).into_iter();
    let differs = compared.filter_map(|compared| match compared.outcome {
        Outcome::Matches(_) | Outcome::Written(_) => None,
        Outcome::Differs(_, error) => Some(Difference::Trace(Box::new(error))),
        Outcome::Missing => {
            Some(Difference::Missing(fs::read_to_string(compared.path).unwrap_or_default()))
        }
    });
    differs.collect()
}

/// The first expected line that the output lacks. Others may stand between them.
fn missing_line(expected: &[String], out: &str) -> Option<String> {
    let mut lines = out.lines();
    let found = |wanted: &&String| lines.any(|line| matches(wanted, line.trim_end()));
    let mut found = found;
    expected.iter().find(|wanted| !found(wanted)).cloned()
}

/// Whether a line matches a pattern in which `*` is any text.
fn matches(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_output_match_in_order() {
        let wanted = ["a", "b * c"].map(str::to_owned);
        assert_eq!(missing_line(&wanted, "x\na\ny\nb 1 c\n"), None);
        assert_eq!(missing_line(&wanted, "b 1 c\na\n").as_deref(), Some("b * c"));
        assert_eq!(missing_line(&wanted, "ab\n").as_deref(), Some("a"));
        assert_eq!(missing_line(&[], ""), None);
    }

    #[test]
    fn a_star_is_any_text() {
        for (pattern, line) in [("*", ""), ("a*", "abc"), ("*c", "abc"), ("a*b*c", "a1b2c")] {
            assert!(matches(pattern, line), "{pattern} {line}");
        }
        for (pattern, line) in [("a", "ab"), ("a*a", "a"), ("*b*b", "ab"), ("b*", "ab")] {
            assert!(!matches(pattern, line), "{pattern} {line}");
        }
    }
}
