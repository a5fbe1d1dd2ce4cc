//! The loop of a learner: shows an exercise, checks it after each save, and answers keys.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::jaeger;
use super::plain::Checker;
use super::progress::hash_of;
use super::reset::{self, Reset};
use super::solution;
use super::terminal::{Event, SingleKeys, print, send_keys};
use super::text::{WIDTH, markdown, wrap};
use super::watch::watch;

/// How long an editor may take to write a file.
const SAVING: Duration = Duration::from_millis(30);
/// Empties the screen; what scrolled out of it stays.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// What the next key answers.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Nothing,
    /// Whether to show the solution before the hints.
    Solution,
    /// Whether to leave an exercise that does not pass.
    Skip,
    /// Whether to lose the learner's work; the text to write.
    Reset(String),
}

struct Learn<'a> {
    checker: &'a mut Checker,
    current: usize,
    /// How many hints of the exercise were shown.
    hints: usize,
    asked: Asked,
    passes: bool,
    /// The hash of the program that was checked last.
    checked: Option<u64>,
    /// How long that took.
    time: Duration,
}

/// Opens the next exercise and goes on until the learner quits.
///
/// # Errors
/// If the terminal cannot be used, or the folder cannot be watched.
pub fn learn(checker: &mut Checker) -> Result<(), String> {
    let (sender, events) = channel();
    let _watcher = watch(&checker.course.folder, &sender)?;
    let _keys = SingleKeys::start(checker.children.clone())
        .map_err(|error| format!("cannot read single keys: {error}"))?;
    send_keys(sender);
    let current = checker.next(0).unwrap_or(0);
    let mut learn = Learn {
        checker,
        current,
        hints: 0,
        asked: Asked::Nothing,
        passes: false,
        checked: None,
        time: Duration::ZERO,
    };
    learn.open(current);
    learn.go_on(&events);
    print("\nUntil next time: `make learn` goes on from here.\n");
    Ok(())
}

impl Learn<'_> {
    fn go_on(&mut self, events: &Receiver<Event>) {
        let mut changed = false;
        loop {
            let event = if changed {
                match events.recv_timeout(SAVING) {
                    Ok(event) => event,
                    Err(RecvTimeoutError::Timeout) => {
                        changed = false;
                        self.saved();
                        continue;
                    }
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            } else {
                match events.recv() {
                    Ok(event) => event,
                    Err(_) => return,
                }
            };
            match event {
                Event::End => return,
                Event::Changed(path) => changed |= self.opens(&path),
                Event::Key(key) => {
                    if !self.key(key) {
                        return;
                    }
                }
            }
        }
    }

    /// Whether a path is a program of the course. That of another exercise opens it.
    fn opens(&mut self, path: &std::path::Path) -> bool {
        let exercises = &self.checker.course.exercises;
        let Some(at) = exercises.iter().position(|exercise| path == exercise.program()) else {
            return false;
        };
        if at != self.current {
            self.current = at;
            self.hints = 0;
            self.checked = None;
        }
        true
    }

    /// Checks the program, unless it is the same as before.
    fn saved(&mut self) {
        let hash = hash_of(&self.checker.course.exercises[self.current].program());
        if hash.is_some() && hash != self.checked {
            self.asked = Asked::Nothing;
            print(CLEAR);
            self.header();
            self.check();
            self.prompt();
        }
    }

    /// Shows an exercise and checks it.
    fn open(&mut self, at: usize) {
        self.current = at;
        self.hints = 0;
        self.asked = Asked::Nothing;
        print(CLEAR);
        self.header();
        let exercise = &self.checker.course.exercises[at];
        let file = exercise.program();
        let shown = std::env::current_dir().ok();
        let shown = shown.and_then(|here| file.strip_prefix(here).ok()).unwrap_or(&file);
        print(&format!(
            "{}\n{}\n\n",
            markdown(&exercise.task(), self.checker.style),
            self.checker.style.bold(&format!("Open {} in your editor.", shown.display()))
        ));
        self.check();
        self.prompt();
    }

    fn header(&self) {
        let label = &self.checker.course.exercises[self.current].label;
        let line = format!("── {label} ");
        let rest = WIDTH.saturating_sub(line.chars().count());
        print(&format!("{}\n", self.checker.style.dim(&(line + &"─".repeat(rest)))));
        if let Some(ports) = jaeger::other_ports(&self.checker.jaeger) {
            print(&format!("{}\n", self.checker.style.dim(&wrap(&ports))));
        }
        print("\n");
    }

    fn check(&mut self) {
        let exercise = self.checker.course.exercises[self.current].clone();
        self.checked = hash_of(&exercise.program());
        print(&self.checker.style.dim("Building and running …"));
        let begin = Instant::now();
        // What cargo prints begins on this line.
        print("\r\x1b[K");
        let checked = self.checker.check(self.current);
        self.time = begin.elapsed();
        self.passes = checked.passes();
        self.checker.print(&exercise, &checked);
    }

    fn prompt(&self) {
        let (done, all) = (self.checker.done(), self.checker.course.exercises.len());
        let next = if self.passes { "n next  " } else { "" };
        let line = format!(
            "[{done}/{all}] {next}h hint  s solution  l list  r reset  c check all  q quit"
        );
        let time =
            format!("checked in {:.1} s; save the file to check again", self.time.as_secs_f64());
        let style = self.checker.style;
        print(&format!("\n{}\n{}\n", style.dim(&time), style.bold(&line)));
    }

    fn say(&self, text: &str) {
        print(&format!("\n{}\n", wrap(text)));
    }

    /// Answers a key. Returns whether to go on.
    fn key(&mut self, key: char) -> bool {
        let asked = std::mem::replace(&mut self.asked, Asked::Nothing);
        if let Asked::Reset(text) = asked {
            self.answer_reset(key, &text);
            return true;
        }
        match key.to_ascii_lowercase() {
            'q' => return false,
            'n' => self.next(asked == Asked::Skip),
            'h' => self.hint(),
            's' => self.solution(asked == Asked::Solution),
            'l' => {
                print(&format!("\n{}", self.checker.list(Some(self.current))));
                self.prompt();
            }
            'r' => self.reset(),
            'c' => {
                print("\n");
                self.checker.check_all();
                self.prompt();
            }
            '\n' => {
                self.checked = None;
                self.saved();
            }
            _ => {}
        }
        true
    }

    fn next(&mut self, skip: bool) {
        if !self.passes && !skip {
            self.asked = Asked::Skip;
            return self
                .say("This exercise does not pass yet. Press n again to leave it for later.");
        }
        match self.checker.next(self.current + 1) {
            Some(at) if at != self.current => self.open(at),
            Some(_) => self.say("This is the last exercise that is not solved."),
            None => self.say(
                "All exercises are solved. This was the course. What to do now: trace a \
                              program of your own.",
            ),
        }
    }

    fn hint(&mut self) {
        let hints = self.checker.course.exercises[self.current].hints();
        let Some(hint) = hints.get(self.hints) else {
            return self.say("There are no more hints. s shows the solution.");
        };
        self.hints += 1;
        let title = format!("Hint {} of {}", self.hints, hints.len());
        let style = self.checker.style;
        print(&format!("\n{}\n{}", style.bold(&title), markdown(hint, style)));
    }

    fn solution(&mut self, sure: bool) {
        let exercise = &self.checker.course.exercises[self.current];
        let left = exercise.hints().len().saturating_sub(self.hints);
        if left > 0 && !self.passes && !sure {
            self.asked = Asked::Solution;
            return self.say(&format!(
                "{left} of the hints are left; h shows one. Press s again for the solution."
            ));
        }
        print(&format!("\n{}", solution::diff(exercise, self.checker.style)));
    }

    fn reset(&mut self) {
        match reset::plan(&self.checker.course.exercises[self.current]) {
            Ok(Reset::Unchanged) => self.say(reset::UNCHANGED),
            Ok(Reset::Restores(text)) => self.write(&text),
            Ok(Reset::Loses(lines, text)) => {
                let lines = if lines == 1 { "1 line".to_owned() } else { format!("{lines} lines") };
                self.say(&format!(
                    "A reset loses your changes: {lines} of main.rs. Press y to do it, or any \
                     other key to keep them."
                ));
                self.asked = Asked::Reset(text);
            }
            Err(error) => self.say(&error),
        }
    }

    fn answer_reset(&mut self, key: char, text: &str) {
        if key.eq_ignore_ascii_case(&'y') {
            self.write(text)
        } else {
            self.say("Nothing is changed.")
        }
    }

    fn write(&mut self, text: &str) {
        match reset::write(&self.checker.course.exercises[self.current], text) {
            Ok(()) => self.open(self.current),
            Err(error) => self.say(&error),
        }
    }
}
