//! The exercises, as folders on disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jaeger_all_in_one::nearest;

/// The heading of a README from which on it is shown only after the check has passed.
const AFTER: &str = "## After";

/// All exercises, in their order.
#[derive(Debug)]
pub struct Course {
    /// The folder of the package.
    pub folder: PathBuf,
    /// The exercises; at least one.
    pub exercises: Vec<Exercise>,
}

/// One exercise.
#[derive(Clone, Debug)]
pub struct Exercise {
    /// Number and name, as the folder: `01_first_span`.
    pub label: String,
    /// Its folder.
    pub folder: PathBuf,
}

impl Course {
    /// Finds the exercises below a folder: each folder `NN_name` with a solution.
    ///
    /// # Errors
    /// If the folder cannot be read, or has no exercise.
    pub fn find(folder: &Path) -> Result<Self, String> {
        let read = || -> io::Result<Vec<Exercise>> {
            let mut exercises = Vec::new();
            for entry in fs::read_dir(folder)? {
                let folder = entry?.path();
                let label = folder.file_name().map(|name| name.to_string_lossy().into_owned());
                let Some(label) = label else { continue };
                let numbered =
                    label.split_once('_').is_some_and(|(number, _)| number.parse::<u16>().is_ok());
                if numbered && folder.join("solution.rs").is_file() {
                    exercises.push(Exercise { label, folder });
                }
            }
            exercises.sort_by(|a, b| a.label.cmp(&b.label));
            Ok(exercises)
        };
        let place = folder.display();
        match read() {
            Ok(exercises) if exercises.is_empty() => {
                Err(format!("{place} has no exercises: is the repository complete?"))
            }
            Ok(exercises) => Ok(Course { folder: folder.to_owned(), exercises }),
            Err(error) => Err(format!("cannot read the folder of the exercises, {place}: {error}")),
        }
    }

    /// The place of an exercise by its name, number, or both: `first_span`, `1`, `01_first_span`.
    ///
    /// # Errors
    /// If there is none; the text proposes a similar name.
    pub fn position(&self, wanted: &str) -> Result<usize, String> {
        let is_it = |exercise: &Exercise| {
            exercise.label == wanted
                || exercise.name() == wanted
                || wanted.parse().is_ok_and(|number: u16| exercise.number() == Some(number))
        };
        self.exercises.iter().position(is_it).ok_or_else(|| {
            let names: Vec<String> =
                self.exercises.iter().map(|exercise| exercise.name().to_owned()).collect();
            let meant = nearest(wanted, &names);
            let meant = meant.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
            format!("there is no exercise \"{}\"{meant}", wanted.escape_debug())
        })
    }
}

impl Exercise {
    /// The name without the number, which is also the name of the program.
    pub fn name(&self) -> &str {
        self.label.split_once('_').map_or(&self.label, |(_, name)| name)
    }

    fn number(&self) -> Option<u16> {
        self.label.split_once('_')?.0.parse().ok()
    }

    /// The file that the learner mends.
    pub fn program(&self) -> PathBuf {
        self.folder.join("main.rs")
    }

    /// The README up to what is shown after the check has passed.
    pub fn task(&self) -> String {
        let readme = self.read("README.md");
        let end = heading(&readme, AFTER).unwrap_or(readme.len());
        readme[..end].trim_end().to_owned()
    }

    /// What the README says after the check has passed.
    pub fn after(&self) -> Option<String> {
        let readme = self.read("README.md");
        let from = heading(&readme, AFTER)?;
        readme[from..].split_once('\n').map(|(_, text)| text.trim().to_owned())
    }

    /// The title: the README's first heading, without the number.
    pub fn title(&self) -> String {
        let readme = self.read("README.md");
        let first = readme.lines().find_map(|line| line.strip_prefix("# "));
        let title = first.unwrap_or(self.name()).trim();
        let numbered = title.split_once(" · ").filter(|(number, _)| number.parse::<u16>().is_ok());
        numbered.map_or(title, |(_, title)| title).to_owned()
    }

    /// The hints, from the gentlest on.
    pub fn hints(&self) -> Vec<String> {
        let text = format!("\n{}", self.read("hints.md"));
        let parts = text.split("\n## ").skip(1);
        parts.filter_map(|part| Some(part.split_once('\n')?.1.trim().to_owned())).collect()
    }

    /// The files with the expected traces: `expected.trace`, `expected.2.trace` and so on.
    pub fn expected_traces(&self) -> Vec<PathBuf> {
        let later = (2..).map(|number| self.folder.join(format!("expected.{number}.trace")));
        let first = self.folder.join("expected.trace");
        std::iter::once(first).chain(later).take_while(|path| path.is_file()).collect()
    }

    /// The lines that the program must print, if the exercise asks for any.
    pub fn expected_output(&self) -> Vec<String> {
        self.read("expected.out").lines().map(str::to_owned).collect()
    }

    /// The cargo features that the program needs, if any.
    pub fn features(&self) -> String {
        self.read("features.txt")
    }

    /// A file of the exercise; empty if it is not there.
    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap_or_default().replace("\r\n", "\n")
    }
}

/// Where a line begins that begins like this.
fn heading(text: &str, start: &str) -> Option<usize> {
    if text.starts_with(start) {
        Some(0)
    } else {
        text.find(&format!("\n{start}")).map(|at| at + 1)
    }
}
