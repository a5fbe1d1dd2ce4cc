//! The command line: which command to run, and the settings.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use clap::error::{ContextKind, ErrorKind};
use clap::{Arg, ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use jaeger_all_in_one::{Config, Port, Style, TraceId};

use super::check::Check;
use super::config_file;
use super::flags::{Flags, Usage};
use super::print;
use super::run::Run;
use super::unsupported::{self, Refused};

/// What `--version` prints; `-V` prints the first line.
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\nanswers as Jaeger 1.35",
    "\nweb pages: Jaeger UI 2.14.1, copyright The Jaeger Authors, Apache License 2.0 (/static/LICENSE.txt)",
);

/// Jaeger's all-in-one: receives spans, keeps them in memory, shows them in Jaeger's web pages
#[derive(Debug, Parser)]
#[command(
    name = "jaeger-all-in-one",
    version,
    long_version = LONG_VERSION,
    args_conflicts_with_subcommands = true,
    override_usage = "jaeger-all-in-one [OPTIONS]\n       jaeger-all-in-one <COMMAND> [OPTIONS]"
)]
pub(super) struct Arguments {
    /// Without a command, it serves.
    #[command(subcommand)]
    pub(super) command: Option<Command>,

    #[command(flatten)]
    pub(super) flags: Flags,

    #[command(flatten)]
    pub(super) files: Files,

    /// What the log says of flags without effect.
    #[arg(skip)]
    pub(super) warnings: Vec<String>,
}

/// Files of traces.
#[derive(Debug, Default, Args)]
pub(super) struct Files {
    /// File of traces to load before the ports open: OTLP in JSON (lines too), Jaeger's JSON, or Zipkin's; may be repeated
    #[arg(long, value_name = "FILE", action = ArgAction::Append)]
    pub(super) load: Vec<PathBuf>,

    /// File to write all traces to at the end, and whenever the program gets SIGUSR1: OTLP in JSON, a trace a line
    #[arg(long, value_name = "FILE")]
    pub(super) save: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Checks whether a Jaeger answers at the configured address: exit code 0 if one does, else 1
    #[command(override_usage = "jaeger-all-in-one status [OPTIONS]")]
    Status {
        #[command(flatten)]
        flags: QueryFlags,
    },
    /// Prints a trace as a tree, once it has SPANS spans, ten seconds at most; without ID lists the newest traces
    #[command(override_usage = "jaeger-all-in-one tree [ID] [SPANS] [OPTIONS]")]
    Tree {
        /// The trace's id, in hexadecimal
        #[arg(value_name = "ID", value_parser = trace_id)]
        id: Option<TraceId>,

        /// How many spans the trace must have before it is printed
        #[arg(value_name = "SPANS", default_value_t = 1)]
        spans: usize,

        #[command(flatten)]
        style: TreeStyle,

        #[command(flatten)]
        flags: QueryFlags,
    },
    /// Runs a command with a Jaeger of its own, prints its traces, and compares them with expected ones
    #[command(override_usage = "jaeger-all-in-one run [OPTIONS] -- COMMAND...")]
    Run(Run),
    /// Compares the traces of a running Jaeger with an expected one: exit code 0 if one matches, else 1
    #[command(override_usage = "jaeger-all-in-one check FILE... [OPTIONS]")]
    Check {
        #[command(flatten)]
        check: Check,

        #[command(flatten)]
        flags: QueryFlags,
    },
    /// Prints the version
    Version,
    /// Prints the help, which lists the environment variables
    Env,
}

/// How a trace is printed.
#[derive(Debug, Args)]
pub(super) struct TreeStyle {
    /// Also print the tags and logs of each span
    #[arg(long)]
    tags: bool,

    /// Print Jaeger's JSON instead
    #[arg(long, conflicts_with = "tags")]
    json: bool,
}

impl TreeStyle {
    pub(super) fn style(&self) -> Style {
        match self {
            TreeStyle { json: true, .. } => Style::Json,
            TreeStyle { tags: true, .. } => Style::Tags,
            _ => Style::Spans,
        }
    }
}

pub(super) fn trace_id(text: &str) -> Result<TraceId, String> {
    let form =
        |_| "a trace id has 1 to 32 hexadecimal digits; without one, tree lists the newest traces";
    text.parse().map_err(|error| form(error).to_owned())
}

/// The flags of the commands that ask a Jaeger. They accept those for serving too, so that the same
/// settings work with every command, but their help lists only those that matter to them.
///
/// They are made only for the command that is run: each start would make them three times else.
#[derive(Debug)]
pub(super) struct QueryFlags(Flags);

/// What their help lists.
const OF_A_QUERY: [&str; 8] = [
    config_file::FLAG,
    "listen-host",
    Port::Query.flag(),
    "query.base-path",
    "port-offset",
    "query.http.tls.enabled",
    "query.http.tls.cert",
    "query.http.tls.key",
];

impl QueryFlags {
    /// The settings of the library.
    ///
    /// # Errors
    /// As for those of serving.
    pub(super) fn config(self) -> Result<Config, Usage> {
        self.0.config()
    }
}

impl Args for QueryFlags {
    fn augment_args(command: clap::Command) -> clap::Command {
        command.defer(|command| {
            let own: Vec<_> = command.get_arguments().map(|arg| arg.get_id().clone()).collect();
            let hide = |arg: Arg| {
                let matters = arg.get_long().is_some_and(|flag| OF_A_QUERY.contains(&flag));
                let is_shown = matters || own.contains(arg.get_id());
                arg.hide(!is_shown)
            };
            // The flags would put their own there.
            let about = command.get_about().cloned().unwrap_or_default();
            let command = Flags::augment_args(command).about(about);
            command.mut_args(ignore_empty).mut_args(hide)
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for QueryFlags {
    fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
        Flags::from_arg_matches(matches).map(QueryFlags)
    }

    fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}

/// Parses the program's arguments, its name first, then the environment and the file of settings. An
/// empty environment variable counts as unset; of a repeated flag the last value counts.
pub(super) fn parse(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
) -> Result<Arguments, Rejected> {
    // What follows `--` belongs to another program.
    let mut ours = true;
    let arguments = arguments.into_iter().map(|argument| {
        let argument = argument.into();
        ours &= argument != "--";
        if ours { two_dashes(argument) } else { argument }
    });
    let (arguments, of_file) = config_file::add(arguments.collect(), command)?;
    let (arguments, mut warnings) = unsupported::take_out(arguments, command)?;
    warnings.extend(of_file);
    let matches = command().try_get_matches_from(arguments)?;
    Ok(Arguments { warnings, ..Arguments::from_arg_matches(&matches)? })
}

/// The whole command line, as clap knows it. The flags of a subcommand are there once it is built.
pub(super) fn command() -> clap::Command {
    Arguments::command().args_override_self(true).mut_args(ignore_empty)
}

/// Why the arguments cannot be used, or the text that they ask for (`--help`).
#[derive(Debug)]
pub(super) enum Rejected {
    Arguments(clap::Error),
    Setting(Refused),
}

impl Rejected {
    /// Prints the text to stdout, or the error to stderr, and returns the exit code: 0 or 2.
    pub(super) fn print(&self) -> u8 {
        if let Rejected::Arguments(text) = self
            && text.exit_code() == 0
        {
            return match print::forgive(text.print()) {
                Ok(()) => 0,
                Err(error) => {
                    print::line_to_stderr(format_args!("error: {error}"));
                    1
                }
            };
        }
        print::line_to_stderr(self);
        2
    }
}

impl From<clap::Error> for Rejected {
    fn from(error: clap::Error) -> Self {
        Rejected::Arguments(error)
    }
}

impl From<Refused> for Rejected {
    fn from(refused: Refused) -> Self {
        Rejected::Setting(refused)
    }
}

impl fmt::Display for Rejected {
    /// One line that names the setting and the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = match self {
            Rejected::Arguments(error) => error,
            Rejected::Setting(refused) => return write!(f, "error: {refused}"),
        };
        let context = |kind| error.get(kind).map(ToString::to_string);
        let bad_value =
            matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation);
        if let (true, Some(arg), Some(value)) =
            (bad_value, context(ContextKind::InvalidArg), context(ContextKind::InvalidValue))
        {
            let flag = arg.split_whitespace().next().unwrap_or_default().trim_matches(['[', ']']);
            let reason = std::error::Error::source(error).map(ToString::to_string);
            let reason = reason.unwrap_or_else(|| "it cannot be used".to_owned());
            return write!(f, "error: {flag}{} cannot be \"{value}\": {reason}", variable(flag));
        }
        if error.kind() == ErrorKind::MissingRequiredArgument {
            let missing = context(ContextKind::InvalidArg).unwrap_or_default();
            let usage = context(ContextKind::Usage).unwrap_or_default();
            return write!(f, "error: missing {missing}; {}", usage.replacen('U', "u", 1));
        }
        let text = error.to_string();
        f.write_str(text.lines().next().unwrap_or("error: bad arguments"))
    }
}

impl std::error::Error for Rejected {}

/// The environment variable of a flag, in brackets.
fn variable(flag: &str) -> String {
    let command = command();
    let arg = command.get_arguments().find(|arg| arg.get_long() == flag.strip_prefix("--"));
    let name = arg.and_then(Arg::get_env);
    name.map(|name| format!(" ({})", name.to_string_lossy())).unwrap_or_default()
}

/// Scripts for Jaeger also write `-name=value`.
fn two_dashes(argument: OsString) -> OsString {
    let name = argument.to_str().and_then(|text| text.strip_prefix('-')).unwrap_or_default();
    let long = name.len() > 2 && name.starts_with(|c: char| c.is_ascii_lowercase());
    if long { format!("--{name}").into() } else { argument }
}

fn ignore_empty(arg: Arg) -> Arg {
    let is_empty = |name: &std::ffi::OsStr| std::env::var_os(name).is_some_and(|v| v.is_empty());
    if arg.get_env().is_some_and(is_empty) { arg.env(None::<&'static str>) } else { arg }
}

#[cfg(test)]
mod tests {
    use jaeger_all_in_one::{Config, HostPort};

    use super::*;

    fn parse(args: &[&str]) -> Result<Config, Rejected> {
        let arguments = super::parse(std::iter::once(&"jaeger-all-in-one").chain(args))?;
        Ok(arguments.flags.config().expect("ports"))
    }

    #[test]
    fn the_command_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn the_defaults_are_the_library_s() {
        assert_eq!(parse(&[]).expect("no arguments"), Config::default());
    }

    #[test]
    fn a_bad_value_is_one_line_that_names_setting_and_value() {
        for (flag, value) in [
            ("--query.http-server.host-port", ":abc"),
            ("--query.http-server.host-port", ":70000"),
            ("--processor.jaeger-compact.server-host-port", "6831"),
            ("--processor.jaeger-compact.server-host-port", "::1:6831"),
            ("--collector.otlp.enabled", "maybe"),
            ("--collector.zipkin.host-port", "zipkin"),
            ("--memory.max-traces", "many"),
            ("--memory.max-traces", "-1"),
            ("--memory.max-bytes", "0"),
            ("--memory.max-bytes", "12XB"),
            ("--query.base-path", "jaeger"),
            ("--query.base-path", "/a\"b"),
            ("--query.max-clock-skew-adjustment", "5"),
            ("--log-level", "loud"),
        ] {
            let line = parse(&[&format!("{flag}={value}")]).expect_err(value).to_string();
            assert!(line.contains(flag), "{line}");
            assert!(line.contains(value), "{line}");
            assert!(!line.contains('\n'), "{line}");
        }
    }

    #[test]
    fn flags_are_written_in_every_way_that_scripts_do() {
        for args in [
            &["--memory.max-traces=7"][..],
            &["--memory.max-traces", "7"],
            &["-memory.max-traces=7"],
            &["-memory.max-traces", "7"],
            &["--memory.max-traces=1", "--memory.max-traces=7"],
        ] {
            assert_eq!(parse(args).expect("flags").max_traces, 7, "{args:?}");
        }
    }

    #[test]
    fn a_flag_that_only_jaeger_knows_is_a_warning_or_an_error() {
        let parse = |args: &[&str]| super::parse([&["jaeger-all-in-one"], args].concat());
        for args in [
            &["--collector.queue-size=5", "--memory.max-traces=7"][..],
            &["-collector.queue-size", "5", "--memory.max-traces", "7"],
        ] {
            let arguments = parse(args).expect("it changes nothing");
            assert_eq!(arguments.warnings.len(), 1, "{:?}", arguments.warnings);
            assert_eq!(arguments.flags.config().expect("ports").max_traces, 7);
        }
        for args in [&["--collector.tags", "a=b"][..], &["-span-storage.type=badger"]] {
            let line = parse(args).expect_err("not supported").to_string();
            let flag = args[0].trim_start_matches('-').split('=').next().unwrap_or_default();
            assert!(line.starts_with(&format!("error: --{flag}")), "{line}");
            assert!(line.contains(" here: ") && !line.contains('\n'), "{line}");
        }
        let line = parse(&["--no-such-flag"]).expect_err("unknown").to_string();
        assert!(line.contains("--no-such-flag"), "{line}");
    }

    #[test]
    fn otlp_is_on_unless_turned_off_and_zipkin_off_unless_turned_on() {
        let config = parse(&[]).expect("flags");
        let is_open = |config: &Config, port| config.address(port).is_some();
        assert!(is_open(&config, Port::OtlpGrpc) && is_open(&config, Port::OtlpHttp));
        assert!(!is_open(&config, Port::Zipkin));
        for (flag, on) in [
            ("--collector.otlp.enabled", true),
            ("--collector.otlp.enabled=1", true),
            ("--collector.otlp.enabled=false", false),
            ("--collector.otlp.enabled=F", false),
        ] {
            let config = parse(&[flag]).expect(flag);
            assert_eq!(is_open(&config, Port::OtlpGrpc), on, "{flag}");
            assert_eq!(is_open(&config, Port::OtlpHttp), on, "{flag}");
        }
        for address in [":9411", "9411"] {
            let flag = format!("--collector.zipkin.host-port={address}");
            let config = parse(&[&flag]).expect(address);
            assert_eq!(config.address(Port::Zipkin), Some(&HostPort::any(9411)));
        }
    }

    #[test]
    fn a_command_takes_every_flag_and_lists_its_own() {
        let parsed = super::parse([
            "jaeger-all-in-one",
            "tree",
            "1f00",
            "3",
            "--query.base-path=/jaeger",
            "-memory.max-traces=7",
        ]);
        let Some(Command::Tree { id, spans, flags, .. }) = parsed.expect("a tree").command else {
            panic!("another command");
        };
        assert_eq!((id.map(|id| id.low), spans), (Some(0x1f00), 3));
        let config = flags.config().expect("ports");
        assert_eq!((&*config.base_path, config.max_traces), ("/jaeger", 7));
        let help = super::parse(["jaeger-all-in-one", "tree", "--help"]).expect_err("its help");
        let help = match help {
            Rejected::Arguments(help) => help.to_string(),
            Rejected::Setting(refused) => panic!("{refused}"),
        };
        assert!(help.starts_with("Prints a trace as a tree"), "{help}");
        assert!(help.find("--json") < help.find("--config-file"), "its own come first: {help}");
        assert!(
            help.contains(Port::Query.flag()) && !help.contains(Port::Collector.flag()),
            "{help}"
        );
    }

    #[test]
    fn an_id_that_is_none_is_one_line_that_says_what_one_is() {
        let line =
            super::parse(["jaeger-all-in-one", "tree", "xyz"]).expect_err("no id").to_string();
        assert!(line.contains("\"xyz\"") && line.contains("hexadecimal"), "{line}");
        assert!(!line.contains('\n'), "{line}");
    }

    #[test]
    fn ports_move_together() {
        let config = parse(&["--port-offset=100", "--admin.http.host-port=:0"]).expect("flags");
        let port = |port| config.address(port).map(|address| address.port);
        assert_eq!(port(Port::Query), Some(16_786));
        assert_eq!(port(Port::AgentCompact), Some(6_931));
        assert_eq!((port(Port::Admin), port(Port::Zipkin)), (Some(0), None));
        let config = parse(&["--any-port", "--listen-host=::1"]).expect("flags");
        assert!(Port::ALL.iter().filter_map(|port| config.address(*port)).all(|a| a.port == 0));
        assert_eq!(config.listen_host, "::1");
        let far = super::parse(["jaeger-all-in-one", "--port-offset=60000"]).expect("flags");
        let line = far.flags.config().expect_err("too far").to_string();
        assert!(line.contains("--port-offset") && line.contains("65535"), "{line}");
    }

    #[test]
    fn files_to_load_add_up_and_the_last_to_save_counts() {
        let arguments = ["jaeger-all-in-one", "--load=a", "--load", "b", "-save=c", "--save=d"];
        let files = super::parse(arguments).expect("flags").files;
        assert_eq!(files.load, [PathBuf::from("a"), PathBuf::from("b")]);
        assert_eq!(files.save, Some(PathBuf::from("d")));
    }

    #[test]
    fn the_manual_lists_every_port_with_its_flag() {
        let manual = include_str!("../../README.md");
        let command = command();
        let ports = command.get_arguments().filter_map(|arg| {
            let port = match arg.get_default_values() {
                [] => "9411".to_owned(), // closed by default
                [default, ..] => default.to_str()?.strip_prefix(':')?.to_owned(),
            };
            Some((arg.get_long()?.to_owned(), port))
        });
        let ports: Vec<_> = ports.filter(|(flag, _)| flag.ends_with("host-port")).collect();
        assert_eq!(ports.len(), 12);
        for (flag, port) in ports {
            let row = manual.lines().find(|line| line.contains(&format!("`--{flag}`")));
            let row = row.unwrap_or_else(|| panic!("--{flag} is not in the manual"));
            assert!(row.starts_with(&format!("| {port}")), "{port}: {row}");
        }
    }
}
