//! The checker's program. `make learn` runs it.

use std::env;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use exercises::checker::course::Course;
use exercises::checker::plain::Checker;
use exercises::checker::progress::Progress;
use exercises::checker::run::Children;
use exercises::checker::text::Style;
use exercises::checker::{jaeger, learn, terminal};

const USAGE: &str = "\
usage: cargo run -p exercises                  in a terminal: the course
       cargo run -p exercises -- check NAME    checks one exercise
       cargo run -p exercises -- check all     checks all exercises
       cargo run -p exercises -- list          lists the exercises
NAME is the exercise's name or number. The exit code is 0 if what was checked
passes, else 1; it is 2 if the arguments are invalid.
";

/// The folder of the exercises, for a course in another place.
const FOLDER: &str = "EXERCISES_DIR";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err((code, error)) => {
            eprintln!("error: {error}");
            ExitCode::from(code)
        }
    }
}

/// Does what the arguments say. Returns whether what was checked passes, or an exit code and why.
fn run(arguments: &[&str]) -> Result<bool, (u8, String)> {
    let folder = env::var_os(FOLDER).filter(|folder| !folder.is_empty());
    let folder = folder.map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    let course = Course::find(&folder).map_err(|error| (1, error))?;
    let checked = match arguments {
        ["help" | "--help" | "-h"] => {
            terminal::print(USAGE);
            return Ok(true);
        }
        ["check", "all"] | ["list"] => None,
        ["check", name] => Some(course.position(name).map_err(|error| (2, error))?),
        [] if io::stdin().is_terminal() && io::stdout().is_terminal() => None,
        [] => return Err((2, format!("the course needs a terminal\n{USAGE}"))),
        _ => return Err((2, format!("invalid arguments\n{USAGE}"))),
    };
    let progress = Progress::load(&course.folder);
    let jaeger = jaeger::start().map_err(|error| (1, error.to_string()))?;
    let (children, style) = (Children::default(), Style::of_stdout());
    let mut checker = Checker { course, progress, jaeger, children, style };
    match (arguments, checked) {
        (["list"], _) => {
            terminal::print(&checker.list(None));
            Ok(true)
        }
        (_, Some(at)) => Ok(checker.check_one(at)),
        (["check", ..], None) => Ok(checker.check_all()),
        _ => learn::learn(&mut checker).map(|()| true).map_err(|error| (1, error)),
    }
}
