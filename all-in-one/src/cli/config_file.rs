//! `--config-file`: settings in a file of YAML, or JSON, which is YAML too.
//!
//! The keys are the flags' names: as they are, or nested at their dots. A setting of the file counts
//! unless the same flag or its variable is given.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use clap::{Arg, ArgAction, Command};
use jaeger_all_in_one::go_format::parse_bool;
use jaeger_all_in_one::nearest;
use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::arguments::Rejected;
use super::unsupported::{self, Refused};

/// The flag, without dashes.
pub(super) const FLAG: &str = "config-file";
const VARIABLE: &str = "CONFIG_FILE";

/// The largest file, in bytes.
const LARGEST_FILE: u64 = 256 << 10;
/// How many mappings and lists may be in one another.
const DEEPEST: usize = 16;
/// How many characters of a key are repeated in an error.
const LONGEST_NAME: usize = 100;

/// Formats that Jaeger reads too, by the ends of their files' names.
const OTHER_FORMATS: [&str; 9] =
    ["toml", "hcl", "tfvars", "properties", "props", "prop", "ini", "env", "dotenv"];

/// Adds the settings of the file that the arguments or the environment name to the arguments, and
/// returns what the log says of those without effect.
///
/// # Errors
/// If the file cannot be read, or a setting in it is invalid.
pub(super) fn add(
    mut arguments: Vec<OsString>,
    command: impl Fn() -> Command,
) -> Result<(Vec<OsString>, Vec<String>), Refused> {
    let given = flags_of(&arguments);
    let Some(file) = last_value(&arguments).or_else(|| std::env::var_os(VARIABLE)) else {
        return Ok((arguments, Vec::new()));
    };
    let command = command();
    // The settings go behind the subcommand. Some subcommands have none.
    let sub = arguments.get(1).and_then(|name| command.find_subcommand(name)).cloned();
    let sub = sub.map(|mut sub| {
        sub.build();
        sub
    });
    let takes =
        sub.as_ref().unwrap_or(&command).get_arguments().any(|arg| arg.get_long() == Some(FLAG));
    if file.is_empty() || !takes {
        return Ok((arguments, Vec::new()));
    }
    let place = 1 + usize::from(sub.is_some());
    // A file may also have the settings for serving that a subcommand does not.
    let taken = |flag: &str| {
        let sub = sub.as_ref().unwrap_or(&command);
        sub.get_arguments().any(|arg| arg.get_long() == Some(flag))
    };
    let checker = command.clone().mut_args(|arg| arg.env(None::<&'static str>));
    let (mut added, mut warnings) = (Vec::new(), Vec::new());
    for setting in read(Path::new(&file))? {
        let arg = command.get_arguments().find(|arg| arg.get_long() == Some(&setting.key));
        // A file does not name another one.
        let Some(arg) = arg.filter(|arg| arg.get_long() != Some(FLAG)) else {
            warnings.extend(setting.without_effect(&command)?);
            continue;
        };
        let as_flags = setting.flags(arg)?;
        for flag in &as_flags {
            let parsed = checker.clone().try_get_matches_from([OsStr::new("file"), flag]);
            parsed.map_err(|error| setting.rejected(error))?;
        }
        let is_set = arg.get_env().and_then(std::env::var_os).is_some_and(|v| !v.is_empty());
        if !is_set && !given.contains(&setting.key) && taken(&setting.key) {
            added.extend(as_flags);
        }
    }
    arguments.splice(place.min(arguments.len())..place.min(arguments.len()), added);
    Ok((arguments, warnings))
}

/// The arguments before `--`, which begins another program's.
fn ours(arguments: &[OsString]) -> impl Iterator<Item = &OsString> {
    arguments.iter().take_while(|argument| *argument != "--")
}

/// The names of the flags that are given.
fn flags_of(arguments: &[OsString]) -> HashSet<String> {
    let name = |argument: &OsString| {
        let argument = argument.to_string_lossy();
        let text = argument.strip_prefix("--")?;
        Some(text.split('=').next().unwrap_or(text).to_owned())
    };
    ours(arguments).filter_map(name).collect()
}

/// The value of the last flag that names a file.
fn last_value(arguments: &[OsString]) -> Option<OsString> {
    let mut last = None;
    let mut ours = ours(arguments).peekable();
    while let Some(argument) = ours.next() {
        let text = argument.to_string_lossy();
        let Some(rest) = text.strip_prefix("--").and_then(|text| text.strip_prefix(FLAG)) else {
            continue;
        };
        match rest.strip_prefix('=') {
            Some(value) => last = Some(value.into()),
            None if rest.is_empty() => last = ours.peek().map(|value| (*value).clone()).or(last),
            None => {}
        }
    }
    last
}

/// Where something stands in a file.
#[derive(Clone, Debug)]
struct Position {
    file: String,
    line: usize,
    column: usize,
}

impl Position {
    fn of(file: &Path, span: Span) -> Self {
        let (line, column) = (span.start.line(), span.start.col() + 1);
        Position { file: file.display().to_string(), line, column }
    }

    fn refuse(&self, why: impl fmt::Display) -> Refused {
        Refused::new(format!("{self}: {why}"))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}, column {}", self.file, self.line, self.column)
    }
}

/// A setting of the file.
#[derive(Debug)]
struct Setting {
    /// The flag's name.
    key: String,
    value: Value,
    position: Position,
}

#[derive(Debug)]
enum Value {
    One(String),
    Many(Vec<String>),
}

impl Setting {
    /// The arguments that say the same.
    fn flags(&self, arg: &Arg) -> Result<Vec<OsString>, Refused> {
        let key = &self.key;
        let flag = |value: &String| format!("--{key}={value}").into();
        match (&self.value, arg.get_action()) {
            (Value::Many(values), ArgAction::Append) => Ok(values.iter().map(flag).collect()),
            (Value::One(value), ArgAction::SetTrue) => match parse_bool(value) {
                Ok(true) => Ok(vec![format!("--{key}").into()]),
                Ok(false) => Ok(Vec::new()),
                Err(why) => Err(self
                    .position
                    .refuse(format!("{key} cannot be \"{}\": {why}", short(value)))),
            },
            (Value::One(value), _) => Ok(vec![flag(value)]),
            (Value::Many(_), _) => {
                Err(self.position.refuse(format!("{key} must be one value, not a list")))
            }
        }
    }

    /// What the log says, if it is a setting of Jaeger's that has no effect.
    fn without_effect(&self, command: &Command) -> Result<Option<String>, Refused> {
        let value = match &self.value {
            Value::One(value) => value.clone(),
            Value::Many(values) => values.join(","),
        };
        match unsupported::judge_setting(&self.key, &value, &self.position) {
            Some(judged) => judged.map(Some),
            None => Err(self.position.refuse(unknown(&self.key, command))),
        }
    }

    fn rejected(&self, error: clap::Error) -> Refused {
        let text = Rejected::from(error).to_string();
        self.position.refuse(text.trim_start_matches("error: "))
    }
}

/// Why a key is no setting.
fn unknown(key: &str, command: &Command) -> String {
    let name = short(key);
    let flags = command.get_arguments().filter_map(Arg::get_long).map(str::to_owned);
    let mut names: Vec<_> = flags.chain(unsupported::names()).collect();
    names.retain(|name| !["help", "version", FLAG].contains(&name.as_str()));
    let below = format!("{key}.");
    if let Some(first) = names.iter().find(|name| name.starts_with(&below)) {
        return format!("{name} needs settings below it, such as {first}");
    }
    match nearest(key, &names) {
        Some(near) => format!("there is no setting {name}; did you mean {near}?"),
        None => format!("there is no setting {name}; --help lists all"),
    }
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST_NAME).collect()
}

/// The settings in a file, in their order.
fn read(file: &Path) -> Result<Vec<Setting>, Refused> {
    let refuse = |why: &str| {
        Refused::new(format!("--{FLAG} ({VARIABLE}) cannot be \"{}\": {why}", file.display()))
    };
    let end = file.extension().map(|end| end.to_string_lossy().to_ascii_lowercase());
    if end.is_some_and(|end| OTHER_FORMATS.contains(&&*end)) {
        return Err(refuse("only YAML and JSON are read here; write its settings as YAML"));
    }
    let cannot = |error: io::Error| refuse(&format!("it cannot be read: {error}"));
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(cannot)?;
    opened.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(refuse(&format!("it is larger than {} KiB", LARGEST_FILE >> 10)));
    }
    let text = str::from_utf8(&bytes).map_err(|_| refuse("it is not UTF-8"))?;
    parse(file, text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// A mapping or list that has not ended.
enum Open {
    /// How long the key is that it is below; and the key that waits for its value.
    Mapping { prefix: usize, key: Option<(String, Position)> },
    /// The setting whose values follow.
    List { key: String, position: Position, values: Vec<String> },
}

fn parse(file: &Path, text: &str) -> Result<Vec<Setting>, Refused> {
    let mut reader = Reader { file, path: String::new(), open: Vec::new(), settings: Vec::new() };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let mark = error.marker();
            let position = Position {
                file: file.display().to_string(),
                line: mark.line(),
                column: mark.col() + 1,
            };
            position.refuse(format!("it is no valid YAML: {}", error.info()))
        })?;
        reader.event(event, &Position::of(file, span))?;
    }
    let mut seen = HashSet::new();
    match reader.settings.iter().find(|setting| !seen.insert(setting.key.clone())) {
        Some(twice) => Err(twice.position.refuse(format!("{} is there twice", twice.key))),
        None => Ok(reader.settings),
    }
}

struct Reader<'f> {
    file: &'f Path,
    /// The key of the innermost mapping, with a dot at its end.
    path: String,
    open: Vec<Open>,
    settings: Vec<Setting>,
}

impl Reader<'_> {
    fn event(&mut self, event: Event<'_>, position: &Position) -> Result<(), Refused> {
        match event {
            Event::Scalar(text, style, ..) => self.scalar(text.into_owned(), style, position)?,
            Event::MappingStart(..) => self.mapping(position)?,
            Event::SequenceStart(..) => self.list(position)?,
            Event::MappingEnd => {
                if let Some(Open::Mapping { prefix, .. }) = self.open.pop() {
                    self.path.truncate(prefix);
                }
            }
            Event::SequenceEnd => {
                if let Some(Open::List { key, position, values }) = self.open.pop() {
                    self.settings.push(Setting { key, value: Value::Many(values), position });
                }
            }
            Event::Alias(_) => {
                return Err(position.refuse("aliases are not supported: write the value itself"));
            }
            Event::DocumentStart(_) if !self.settings.is_empty() => {
                return Err(position.refuse("the file has a second document"));
            }
            _ => {}
        }
        Ok(())
    }

    fn scalar(
        &mut self,
        text: String,
        style: ScalarStyle,
        position: &Position,
    ) -> Result<(), Refused> {
        let is_null =
            style == ScalarStyle::Plain && ["", "~", "null", "Null", "NULL"].contains(&&*text);
        match self.open.last_mut() {
            // A file of comments only.
            None if is_null => Ok(()),
            None => Err(position.refuse(MAPPING)),
            Some(Open::List { values, .. }) => {
                values.push(text);
                Ok(())
            }
            Some(Open::Mapping { key, .. }) => {
                match key.take() {
                    // As in Jaeger, capitals do not matter.
                    None => {
                        *key = Some((self.path.clone() + &text.to_lowercase(), position.clone()))
                    }
                    // Without a value it counts as unset.
                    Some(_) if is_null => {}
                    Some((key, position)) => {
                        self.settings.push(Setting { key, value: Value::One(text), position });
                    }
                }
                Ok(())
            }
        }
    }

    fn mapping(&mut self, position: &Position) -> Result<(), Refused> {
        self.deeper(position)?;
        let prefix = self.path.len();
        match self.open.last_mut() {
            None => {}
            Some(Open::Mapping { key, .. }) => match key.take() {
                Some((key, _)) => self.path = key + ".",
                None => return Err(position.refuse(KEY)),
            },
            Some(Open::List { key, .. }) => {
                return Err(position.refuse(format!("{} is a list of values", short(key))));
            }
        }
        self.open.push(Open::Mapping { prefix, key: None });
        Ok(())
    }

    fn list(&mut self, position: &Position) -> Result<(), Refused> {
        self.deeper(position)?;
        match self.open.last_mut() {
            None => Err(position.refuse(MAPPING)),
            Some(Open::Mapping { key, .. }) => match key.take() {
                Some((key, position)) => {
                    self.open.push(Open::List { key, position, values: Vec::new() });
                    Ok(())
                }
                None => Err(position.refuse(KEY)),
            },
            Some(Open::List { key, .. }) => {
                Err(position.refuse(format!("{} is a list of values", short(key))))
            }
        }
    }

    fn deeper(&self, position: &Position) -> Result<(), Refused> {
        match self.open.len() < DEEPEST {
            true => Ok(()),
            false => {
                let file = self.file.display();
                Err(position.refuse(format!("{file} has more than {DEEPEST} levels")))
            }
        }
    }
}

const MAPPING: &str = "the file must consist of settings such as memory.max-traces: 1000";
const KEY: &str = "a key must be text";

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Result<Vec<String>, String> {
        let settings = parse(Path::new("f"), text).map_err(|refused| refused.to_string())?;
        let value = |value: &Value| match value {
            Value::One(value) => value.clone(),
            Value::Many(values) => format!("{values:?}"),
        };
        Ok(settings.iter().map(|one| format!("{}={}", one.key, value(&one.value))).collect())
    }

    #[test]
    fn keys_are_nested_or_flat_in_yaml_and_json() {
        let expected =
            ["memory.max-traces=5", "query.http.tls.enabled=true", "query.a=[\"x\", \"y\"]"];
        for text in [
            "memory:\n  max-traces: 5\nquery:\n  http.tls:\n    Enabled: true\n  a: [x, 'y']\n",
            "memory.max-traces: 5\nquery.http.tls.enabled: \"true\"\nquery.a:\n- x\n- y\n",
            "{\"memory\": {\"max-traces\": 5},\n\t\"query\": {\n\t\t\"http\": {\"tls\": {\"enabled\": true}}, \"a\": [\"x\",\"y\"]}}\n",
        ] {
            assert_eq!(settings(text).as_deref(), Ok(&expected.map(str::to_owned)[..]), "{text}");
        }
        for nothing in ["", "# a comment\n", "---\n", "a:\n", "a: ~\nb: null\n"] {
            assert_eq!(settings(nothing), Ok(Vec::new()), "{nothing:?}");
        }
        assert_eq!(
            settings("a: ''\nb: 1.0\nc: 'null'"),
            Ok(["a=", "b=1.0", "c=null"].map(str::to_owned).to_vec())
        );
    }

    #[test]
    fn what_is_wrong_is_one_line_with_its_place() {
        for (text, line) in [
            ("a: 1\nb: 2\na: 3\n", "f, line 3, column 1: a is there twice"),
            ("a.b: 1\na:\n  b: 2\n", "f, line 3, column 3: a.b is there twice"),
            ("a: &x 1\nb: *x\n", "f, line 2, column 4: aliases are not supported"),
            ("a: [1, [2]]\n", "f, line 1, column 8: a is a list of values"),
            ("a:\n- b: 1\n", "f, line 2, column 3: a is a list of values"),
            ("text\n", "f, line 1, column 1: the file must consist of settings"),
            ("- a\n", "f, line 1, column 1: the file must consist of settings"),
            ("a: 1\n---\nb: 2\n", "f, line 2, column 1: the file has a second document"),
            ("a: \"b\n", "f, line 1, column 4: it is no valid YAML"),
            ("{\"a\": 1,\n \"b\" 2}", "f, line 2"),
            ("? [a]\n: 1\n", "f, line 1, column 3: a key must be text"),
        ] {
            let error = settings(text).expect_err(text);
            assert!(error.starts_with(line), "{text:?}: {error}");
            assert!(!error.contains('\n'), "{text:?}: {error}");
        }
    }

    #[test]
    fn bombs_are_refused_soon() {
        let begin = std::time::Instant::now();
        let deep = "[".repeat(LARGEST_FILE as usize);
        let deep = format!("a: {deep}");
        let nested: String = (0..100).map(|level| " ".repeat(level) + "a:\n").collect();
        let laughs: String =
            (1..9).map(|i| format!("a{i}: &a{i} [*a{0},*a{0}]\n", i - 1)).collect();
        for text in [deep, nested, format!("a0: &a0 [x]\n{laughs}"), "{".repeat(100_000)] {
            settings(&text).expect_err("a bomb");
        }
        for text in ["a".repeat(LARGEST_FILE as usize), "a: ".repeat(80_000), "- ".repeat(120_000)]
        {
            let _ = settings(&text);
        }
        assert!(begin.elapsed() < std::time::Duration::from_secs(10), "{:?}", begin.elapsed());
    }
}
