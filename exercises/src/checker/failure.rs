//! Why an exercise does not pass, in words.

use jaeger_all_in_one::expect_trace::FileError;

use super::text::{Style, fold, last_lines, wrap};

/// How many lines of a program's last words are shown.
const MOST_LINES: usize = 12;

/// Why an exercise does not pass.
#[derive(Debug)]
pub enum Failure {
    /// Cargo has printed why.
    DoesNotCompile,
    /// The checker cannot do its work.
    Impossible(String),
    /// It was stopped at the time limit, in seconds.
    Hangs(u64),
    /// Its main thread panicked; the message.
    Panics(String),
    /// It ended with an exit code, or by a signal; what stands there in words, and its stderr.
    Fails(String, String),
    /// No span arrived.
    NoSpan,
    /// Traces that are not as expected, and how many more arrived than should have.
    Differs(Vec<Difference>, usize),
    /// A line that is missing in its output.
    Output(String),
}

/// How the traces differ from one file.
#[derive(Debug)]
pub enum Difference {
    /// The most similar trace differs.
    Trace(Box<FileError>),
    /// There is no trace left for the tree in this text.
    Missing(String),
}

impl Failure {
    /// The failure in a few words, for a list.
    pub fn summary(&self) -> &'static str {
        match self {
            Failure::DoesNotCompile => "does not compile",
            Failure::Impossible(_) => "cannot be checked",
            Failure::Hangs(_) => "does not end",
            Failure::Panics(_) => "panics",
            Failure::Fails(..) => "ends with an error",
            Failure::NoSpan => "no span arrived",
            Failure::Differs(..) => "the trace differs",
            Failure::Output(_) => "the output differs",
        }
    }

    /// The failure in full.
    pub fn words(&self, style: Style) -> String {
        let (title, text) = match self {
            Failure::DoesNotCompile => (
                "The program does not compile.",
                wrap("The compiler's message stands above. Mend that first, and save."),
            ),
            Failure::Impossible(why) => ("The program cannot be checked.", wrap(why)),
            Failure::Hangs(seconds) => (
                "The program does not end.",
                wrap(&format!(
                    "It was stopped after {seconds} s. Something waits for an event that never \
                     comes: a loop, a lock, a task, or a server that nobody stops."
                )),
            ),
            Failure::Panics(message) => (
                "The program panics.",
                format!(
                    "{}{}",
                    last_lines(message, MOST_LINES),
                    wrap("A panic ends the work at once. Spans that were not sent yet are lost.")
                ),
            ),
            Failure::Fails(how, err) => ("The program ends with an error.", {
                let err = last_lines(err, MOST_LINES);
                format!("{}\n{err}", wrap(how)).trim_end().to_owned()
            }),
            Failure::NoSpan => (
                "The program ended well, but no span arrived.",
                wrap(
                    "Jaeger was listening all the time. There are four usual causes: no span \
                     was made; the provider has no exporter; the spans still waited for their \
                     batch when the program ended; or the exporter could not send them (its log \
                     says why, where the program shows it).",
                ),
            ),
            Failure::Differs(differences, more) => {
                let texts = differences.iter().map(|difference| difference.words(style));
                let mut texts: Vec<_> = texts.collect();
                if *more > 0 {
                    let traces = if *more == 1 { "trace" } else { "traces" };
                    let note = "than expected: look there for spans that are missing above.";
                    texts.push(wrap(&format!("note: {more} more {traces} arrived {note}")));
                }
                return texts.join("\n\n");
            }
            Failure::Output(line) => (
                "The trace is right, but the program's output lacks a line.",
                format!("{}\n  {line}", wrap("It should print, after the lines that it has:")),
            ),
        };
        format!("{}\n\n{text}", style.red(title))
    }
}

impl Difference {
    fn words(&self, style: Style) -> String {
        match self {
            Difference::Trace(error) => match (&**error, style) {
                (FileError::Differs(_, difference), Style::Plain) => {
                    fold(&upper(difference.to_string().trim_end()))
                }
                (FileError::Differs(_, difference), Style::Colours) => {
                    fold(&upper(difference.to_colored_string().trim_end()))
                }
                (error, _) => wrap(&error.to_string()),
            },
            Difference::Missing(tree) => {
                let lines = tree.trim_end().lines();
                let tree: Vec<_> = lines.map(|line| style.red(&format!("- {line}"))).collect();
                format!("A trace is missing:\n\n{}", tree.join("\n"))
            }
        }
    }
}

/// The text with its first letter in upper case.
fn upper(text: &str) -> String {
    let mut rest = text.chars();
    rest.next()
        .map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + rest.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Failure> {
        let text = || "some words ".repeat(20);
        vec![
            Failure::DoesNotCompile,
            Failure::Impossible(text()),
            Failure::Hangs(10),
            Failure::Panics("thread 'main' panicked at main.rs:2:5:\nno tea".to_owned()),
            Failure::Fails("Its exit code is 3.".to_owned(), "error: no tea".to_owned()),
            Failure::NoSpan,
            Failure::Differs(vec![Difference::Missing("shop: buy\n".to_owned())], 2),
            Failure::Output("sold a mug".to_owned()),
        ]
    }

    #[test]
    fn every_failure_has_its_own_words_in_80_columns() {
        let words: Vec<_> = all().iter().map(|failure| failure.words(Style::Plain)).collect();
        for text in &words {
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
            assert!(!text.contains('\u{1b}') && !text.ends_with('\n'), "{text:?}");
        }
        let titles: std::collections::BTreeSet<_> =
            words.iter().filter_map(|text| text.lines().next()).collect();
        assert_eq!(titles.len(), words.len());
    }
}
