//! The checker itself: its words for each way to fail, and its keys in a terminal. The course here is a
//! temporary folder with programs that use only the standard library.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use exercises::checker::check::{Checked, check_program};
use exercises::checker::course::Course;
use exercises::checker::jaeger;
use exercises::checker::run::Children;
use exercises::checker::text::Style;
use jaeger_all_in_one::Config;
use rustix::process::{Pid, Signal, kill_process};
use terminal::{LONG, Terminal};

mod terminal;

const SEND: &str = include_str!("fixture/send.rs");

/// A course of two exercises in a folder of its own, with its first programs in git.
struct Fixture(PathBuf);

impl Fixture {
    fn new(name: &str) -> Self {
        let name = format!("course-{name}-{}", std::process::id());
        let fixture = Fixture(std::env::temp_dir().canonicalize().unwrap().join(name));
        let solution = SEND.replace("NAME", "buy");
        for (label, program) in [
            ("01_send", "fn main() {\n    println!(\"nothing is sent\");\n}\n".to_owned()),
            ("02_name", SEND.replace("NAME", "Buy")),
        ] {
            fixture.write(&format!("{label}/main.rs"), &program);
            fixture.write(&format!("{label}/solution.rs"), &solution);
            fixture.write(&format!("{label}/expected.trace"), "shop: buy\n");
            fixture.write(&format!("{label}/expected.out"), "s*t\n");
            let hints = "## 1\n\nLook.\n\n## 2\n\nLook there.\n\n## 3\n\nWrite this.\n";
            fixture.write(&format!("{label}/hints.md"), hints);
            let readme = "# 1 · Send\n\nSend a span.\n\n## After it passes\n\nThe reason why.\n";
            fixture.write(&format!("{label}/README.md"), readme);
        }
        fixture.write(
            "Cargo.toml",
            "[package]\nname = \"fixture\"\nversion = \"0.0.0\"\nedition = \"2024\"\nautobins = false\n\
             [workspace]\n[profile.dev]\ndebug = false\n\
             [[bin]]\nname = \"send\"\npath = \"01_send/main.rs\"\n\
             [[bin]]\nname = \"name\"\npath = \"02_name/main.rs\"\n",
        );
        fixture.write(".gitignore", "/target\n/Cargo.lock\n/.progress\n");
        for arguments in [
            &["init", "--quiet"][..],
            &["add", "."],
            &["-c", "user.name=ada", "-c", "user.email=ada@shop.example", "commit", "-qm", "one"],
        ] {
            let status = Command::new("git").args(arguments).current_dir(&fixture.0).status();
            assert!(status.unwrap().success());
        }
        fixture
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.0.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }

    fn checker(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_exercises"));
        command.args(arguments).env("EXERCISES_DIR", &self.0).env_remove("CARGO_TARGET_DIR");
        command
    }

    fn run(&self, arguments: &[&str]) -> (Output, String) {
        let output = self.checker(arguments).stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output, text)
    }

    /// What the check of the first exercise finds for a shell script in place of the program.
    fn check_script(&self, script: &str) -> Checked {
        let program = self.0.join("program.sh");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let jaeger = jaeger::start_near(Config::ephemeral()).unwrap();
        let course = Course::find(&self.0).unwrap();
        let limit = Duration::from_millis(500);
        check_program(&program, &course.exercises[0], limit, &jaeger, &Children::default())
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn each_bad_end_of_a_program_has_its_words() {
    let fixture = Fixture::new("ends");
    for (script, wanted) in [
        ("exec sleep 60", "The program does not end.\n\nIt was stopped after"),
        ("sleep 60 & echo started", "no span arrived"),
        ("echo hello", "The program ended well, but no span arrived."),
        (
            "echo 'error: no tea' >&2; exit 3",
            "Its exit code is 3; it should be 0.\n  error: no tea",
        ),
        ("kill -9 $$", "It was ended by a signal"),
        (
            "printf \"\\nthread 'main' panicked at main.rs:2:5:\\nno tea\\nnote: run with\\n\" >&2; exit 101",
            "The program panics.\n\n  thread 'main' panicked at main.rs:2:5:\n  no tea\nA panic ends",
        ),
    ] {
        let begin = Instant::now();
        let checked = fixture.check_script(script);
        let words = checked.report(Style::Plain);
        assert!(words.contains(wanted), "{script}:\n{words}");
        assert!(begin.elapsed() < Duration::from_secs(20), "{script}");
    }
    let endless = fixture.check_script("while :; do echo 12345678901234567890; done");
    assert!(endless.report(Style::Plain).len() < 4_000);
}

#[test]
fn without_a_terminal_the_exit_code_tells() {
    let fixture = Fixture::new("plain");
    let (output, text) = fixture.run(&["check", "send"]);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("no span arrived") && !text.contains('\u{1b}'), "{text}");

    let (output, text) = fixture.run(&["check", "2"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("- shop: buy\n+ shop: Buy\n"), "{text}");
    assert!(text.contains("In Jaeger: http://127.0.0.1:"), "{text}");

    fixture.write("02_name/main.rs", &SEND.replace("NAME", "buy").replace("sent", "done"));
    let (_, text) = fixture.run(&["check", "name"]);
    assert!(text.contains("lacks a line"), "{text}");

    fixture.write("02_name/main.rs", &SEND.replace("NAME", "buy"));
    let (output, text) = fixture.run(&["check", "02_name"]);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.ends_with("✓ 02_name passes: well done. 1 of 2 are solved.\n\nThe reason why.\n"));

    fixture.write("01_send/main.rs", "fn main() { let x: u8 = \"\"; }");
    let (output, text) = fixture.run(&["check", "all"]);
    assert_eq!(output.status.code(), Some(1));
    let results =
        ["01_send                  does not compile\n", "02_name                  passes\n"];
    assert!(results.iter().all(|line| text.contains(line)), "{text}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("error[E0308]"));

    let (_, text) = fixture.run(&["list"]);
    assert!(text.contains("✓ 02_name") && text.contains("1 of 2"), "{text}");
    for (arguments, wanted) in [
        (&["check", "sned"][..], "did you mean send?"),
        (&["frobnicate"], "usage: "),
        (&[], "needs a terminal"),
    ] {
        let (output, _) = fixture.run(arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(wanted));
    }
}

/// The prompt's last words: from here on keys are read.
const PROMPT: &str = "q quit";

#[test]
fn keys_and_saves_in_a_terminal() {
    let fixture = Fixture::new("keys");
    let first = fixture.read("01_send/main.rs");
    let mut terminal = Terminal::start(fixture.checker(&[]));
    terminal.wait_for("Send a span.");
    terminal.wait_for("01_send/main.rs in your editor");
    terminal.wait_for("no span arrived");
    terminal.wait_for(PROMPT);
    assert!(!terminal.is_as_before());

    terminal.press("n");
    terminal.wait_for("does not pass yet");
    terminal.press("h");
    terminal.wait_for("Hint 1 of 3");
    terminal.wait_for("Look.");
    terminal.press("s");
    terminal.wait_for("2 of the hints are left");
    terminal.press("hhh");
    terminal.wait_for("Hint 3 of 3");
    terminal.wait_for("no more hints");
    terminal.press("s");
    terminal.wait_for("+    println!(\"sent\");");

    fixture.write("01_send/main.rs", "fn main() {\n    panic!(\"no tea\");\n}\n");
    terminal.wait_for("The program panics.");
    terminal.wait_for("no tea");
    terminal.wait_for(PROMPT);
    fixture.write("01_send/main.rs", "fn main() {\n    tea();\n}\n");
    terminal.wait_for("error[E0425]");
    terminal.wait_for("does not compile");
    terminal.wait_for(PROMPT);
    fixture.write("01_send/main.rs", &SEND.replace("NAME", "buy"));
    terminal.wait_for("shop: buy");
    terminal.wait_for("✓ 01_send passes");
    terminal.wait_for("The reason why.");
    terminal.wait_for("n next");
    terminal.wait_for(PROMPT);
    assert!(fixture.read(".progress").starts_with("01_send "));

    terminal.press("l");
    terminal.wait_for("1 of 2");
    terminal.press("r");
    terminal.wait_for("A reset loses your changes");
    terminal.press("x");
    terminal.wait_for("Nothing is changed");
    assert!(fixture.read("01_send/main.rs") == SEND.replace("NAME", "buy"));
    terminal.press("ry");
    terminal.wait_for("no span arrived");
    terminal.wait_for(PROMPT);
    assert_eq!(fixture.read("01_send/main.rs"), first);
    terminal.press("r");
    terminal.wait_for("as in the last commit already");

    terminal.press("c");
    terminal.wait_for("0 of 2 pass");
    terminal.press("nn");
    terminal.wait_for("02_name");
    terminal.wait_for("+ shop: Buy");
    terminal.wait_for(PROMPT);
    // A save in another exercise opens that one.
    fixture.write("01_send/main.rs", &SEND.replace("NAME", "sell"));
    terminal.wait_for("01_send");
    terminal.wait_for("+ shop: sell");
    terminal.wait_for(PROMPT);
    terminal.press("q");
    assert_eq!(terminal.code(), 0);
    assert!(terminal.is_as_before());

    let screen = terminal.text();
    for line in plain(&screen).lines() {
        let ours = !line.contains("http://") && !line.contains(fixture.0.to_str().unwrap());
        assert!(!ours || line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn a_signal_leaves_the_terminal_as_it_was() {
    let fixture = Fixture::new("signals");
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let mut terminal = Terminal::start(fixture.checker(&[]));
        terminal.wait_for(PROMPT);
        kill_process(terminal.pid(), signal).unwrap();
        assert_eq!(terminal.code(), code);
        assert!(terminal.is_as_before());
    }
    let mut terminal = Terminal::start(fixture.checker(&[]));
    terminal.wait_for(PROMPT);
    terminal.press("\u{4}");
    assert_eq!(terminal.code(), 0);
    assert!(terminal.is_as_before());
}

#[test]
fn a_program_that_hangs_ends_with_the_checker() {
    let fixture = Fixture::new("hang");
    let hang = "fn main() {\n    std::fs::write(\"pid\", std::process::id().to_string()).unwrap();\n    \
                loop { std::thread::park() }\n}\n";
    fixture.write("01_send/main.rs", hang);
    let terminal = Terminal::start(fixture.checker(&[]));
    let begin = Instant::now();
    let pid = loop {
        let read = fs::read_to_string(fixture.0.join("01_send/pid")).unwrap_or_default();
        if let Ok(pid) = read.parse() {
            break Pid::from_raw(pid).unwrap();
        }
        assert!(begin.elapsed() < LONG);
        thread::sleep(Duration::from_millis(10));
    };
    let mut terminal = terminal;
    kill_process(terminal.pid(), Signal::TERM).unwrap();
    assert_eq!(terminal.code(), 143);
    while rustix::process::test_kill_process(pid).is_ok() {
        assert!(begin.elapsed() < LONG, "the program goes on");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The text without colours and movements of the cursor.
fn plain(screen: &str) -> String {
    let mut parts = screen.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest =
        parts.map(|part| part.split_once(|c: char| c.is_ascii_alphabetic()).map_or("", |it| it.1));
    (first + &rest.collect::<String>()).replace('\r', "")
}
