//! The checker without a terminal: plain text and an exit code.

use jaeger_all_in_one::AllInOne;

use super::check::{Checked, check};
use super::course::{Course, Exercise};
use super::progress::Progress;
use super::run::Children;
use super::terminal::print;
use super::text::{Style, markdown};

/// What the checker needs for its work.
#[derive(Debug)]
pub struct Checker {
    /// The exercises.
    pub course: Course,
    /// Which are solved.
    pub progress: Progress,
    /// The embedded Jaeger.
    pub jaeger: AllInOne,
    /// The process that runs.
    pub children: Children,
    /// With or without colours.
    pub style: Style,
}

impl Checker {
    /// Checks one exercise, and remembers the result.
    pub fn check(&mut self, at: usize) -> Checked {
        let exercise = &self.course.exercises[at];
        let checked = check(&self.course, exercise, &self.jaeger, &self.children);
        if let Err(error) = self.progress.record(exercise, checked.passes()) {
            print(&format!("warning: the progress is not saved: {error}\n"));
        }
        checked
    }

    /// How many exercises are solved.
    pub fn done(&self) -> usize {
        self.course.exercises.iter().filter(|it| self.progress.is_done(it)).count()
    }

    /// The first exercise that is not solved, from a place on and then from the beginning.
    pub fn next(&self, from: usize) -> Option<usize> {
        let all = self.course.exercises.len();
        (from..all).chain(0..from.min(all)).find(|at| !self.is_done(*at))
    }

    /// Whether an exercise is solved.
    pub fn is_done(&self, at: usize) -> bool {
        self.progress.is_done(&self.course.exercises[at])
    }

    /// The line that congratulates.
    pub fn congratulation(&self, exercise: &Exercise) -> String {
        let (done, all) = (self.done(), self.course.exercises.len());
        self.style
            .green(&format!("✓ {} passes: well done. {done} of {all} are solved.", exercise.label))
    }

    /// Prints what the check of an exercise found.
    pub fn print(&self, exercise: &Exercise, checked: &Checked) {
        print(&checked.report(self.style));
        if checked.passes() {
            print(&format!("\n{}\n", self.congratulation(exercise)));
            if let Some(after) = exercise.after() {
                print(&format!("\n{}", markdown(&after, self.style)));
            }
        }
    }

    /// Checks one exercise and prints the result. Returns whether it passes.
    pub fn check_one(&mut self, at: usize) -> bool {
        let checked = self.check(at);
        let exercise = &self.course.exercises[at];
        self.print(exercise, &checked);
        checked.passes()
    }

    /// Checks all exercises, with a line for each. Returns whether all pass.
    pub fn check_all(&mut self) -> bool {
        let mut passing = 0;
        for at in 0..self.course.exercises.len() {
            print(&format!("{:<24}", self.course.exercises[at].label));
            let checked = self.check(at);
            let result = match &checked.failure {
                None => self.style.green("passes"),
                Some(failure) => self.style.red(failure.summary()),
            };
            print(&format!(" {result}\n"));
            passing += usize::from(checked.passes());
        }
        let all = self.course.exercises.len();
        print(&format!("{passing} of {all} pass\n"));
        passing == all
    }

    /// Every exercise with its title, and a bar of the progress.
    pub fn list(&self, current: Option<usize>) -> String {
        const BAR: usize = 40;
        let mut out = String::new();
        for (at, exercise) in self.course.exercises.iter().enumerate() {
            let sign = if self.is_done(at) { self.style.green("✓") } else { "·".to_owned() };
            let cursor = if current == Some(at) { ">" } else { " " };
            let title: String = exercise.title().chars().take(46).collect();
            out += &format!("{cursor} {sign} {:<25} {title}\n", exercise.label);
        }
        let (done, all) = (self.done(), self.course.exercises.len());
        let full = done * BAR / all;
        let bar = self.style.green(&"#".repeat(full)) + &"-".repeat(BAR - full);
        out + &format!("\n    [{bar}] {done} of {all}\n")
    }
}
