//! Expectations in files, and how they are written.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use expect_trace::{ExpectFile, FileError, expect_file, otlp};
use support::{PURCHASE, purchase, trace};

/// A folder of its own for a test; empty at first.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    _ = fs::remove_dir_all(&folder);
    folder
}

#[test]
fn update_writes_what_differs_and_keeps_what_matches() {
    let folder = folder("update");
    let file = ExpectFile::new(&folder, "traces/buy.trace");
    let error = file.check(&trace(purchase())).unwrap_err();
    assert!(matches!(&error, FileError::Io(..)));
    assert_eq!(
        error.to_string(),
        "traces/buy.trace: no such file; UPDATE_EXPECT=1 writes it from the trace"
    );

    file.update(&trace(purchase())).unwrap();
    let path = folder.join("traces/buy.trace");
    assert_eq!(fs::read_to_string(&path).unwrap(), PURCHASE);

    let own = "# Mine.\nshop: POST /buy\n  …\n";
    fs::write(&path, own).unwrap();
    file.update(&trace(purchase())).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), own);

    fs::write(&path, "shop: POST /buy [").unwrap();
    let error = file.check(&trace(purchase())).unwrap_err();
    assert!(
        error.to_string().starts_with("traces/buy.trace: line 1, column 18: expected a kind"),
        "{error}"
    );
    // What was written by hand is not thrown away because of a typing mistake.
    let error = file.update(&trace(purchase())).unwrap_err();
    assert!(matches!(&error, FileError::Parse(..)));
    assert_eq!(fs::read_to_string(&path).unwrap(), "shop: POST /buy [");
}

#[test]
fn update_keeps_what_was_written_by_hand() {
    let folder = folder("by_hand");
    let file = ExpectFile::new(&folder, "buy.trace");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("buy.trace");
    let own = "\
# A purchase that is declined.
shop: POST /buy [server] http.response.status_code=*
  shop: reserve sku~\"B-*\"  # any of them
  shop: POST /charge [client] error < 1s
    …
";
    fs::write(&path, own).unwrap();
    file.update(&trace(purchase())).unwrap();
    let new = own.replace("sku~\"B-*\"", "sku=\"A-1\"");
    assert_eq!(fs::read_to_string(&path).unwrap(), new);

    let mut records = purchase();
    records.push(support::span("5", "1", "shop", "audit", 95, 1));
    file.update(&trace(records.clone())).unwrap();
    let new = format!("{new}  shop: audit\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), new);
    file.check(&trace(records)).unwrap();
}

/// Fails in a process of its own, because the environment belongs to all tests of a process.
#[test]
#[ignore = "the tests below run it"]
fn asserts() {
    let folder = env::var_os("EXPECT_FOLDER").unwrap();
    ExpectFile::new(folder, "buy.trace").assert(&trace(purchase()));
}

fn run_asserts(folder: &PathBuf, update: &str) -> (bool, String) {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "asserts", "--nocapture"]);
    let output =
        command.env("EXPECT_FOLDER", folder).env("UPDATE_EXPECT", update).output().unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn the_environment_decides_whether_a_file_is_written() {
    let folder = folder("environment");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("buy.trace");
    fs::write(&path, "shop: POST /buy\n").unwrap();
    for unset in ["", "0"] {
        let (passed, text) = run_asserts(&folder, unset);
        assert!(!passed);
        assert!(text.contains("tests/files.rs:"), "the place of the assertion is missing: {text}");
        assert!(
            text.contains("buy.trace: the trace differs in 2 places (- expected, + found)"),
            "{text}"
        );
        assert!(text.contains("run the test with UPDATE_EXPECT=1 to rewrite buy.trace."), "{text}");
        assert!(!text.contains('\u{1b}'), "colour without a terminal: {text}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "shop: POST /buy\n");
    assert!(run_asserts(&folder, "1").0);
    let new = PURCHASE.replace(" [server] http.response.status_code=402", "");
    assert_eq!(fs::read_to_string(&path).unwrap(), new);
    assert!(run_asserts(&folder, "").0);
}

/// The link stands in the failure, but neither it nor the id in a written file.
#[test]
fn a_failure_ends_with_the_link_and_the_way_out() {
    let folder = folder("link");
    let file = ExpectFile::new(&folder, "buy.trace");
    let trace = trace(purchase()).with_id("0a").with_link("http://localhost:16686/trace/0a");
    file.update(&trace).unwrap();
    assert_eq!(fs::read_to_string(folder.join("buy.trace")).unwrap(), PURCHASE);
    fs::write(folder.join("buy.trace"), "shop: POST /buy\n").unwrap();
    let text = file.check(&trace).unwrap_err().to_string();
    let end = "\
see it: http://localhost:16686/trace/0a

If the trace is right, run the test with UPDATE_EXPECT=1 to rewrite buy.trace.";
    assert!(text.ends_with(end), "{text}");
}

#[test]
fn paths_start_at_the_crate() {
    expect_file!("tests/buy.trace").assert(&trace(purchase()));
    let traces = otlp::traces(include_str!("buy.json")).unwrap();
    expect_file!("tests/buy.trace").assert(&traces[0]);
}

#[test]
fn only_regular_files_of_some_size_are_read() {
    let folder = folder("bounds");
    fs::create_dir_all(folder.join("a.folder")).unwrap();
    let large = folder.join("large.trace");
    fs::File::create(&large).unwrap().set_len((16 << 20) + 1).unwrap();
    fs::write(folder.join("bytes.trace"), b"shop: \xff").unwrap();
    let mut cases = vec![
        ("large.trace", "large.trace: larger than 16 MiB"),
        ("a.folder", "a.folder: not a regular file"),
        ("bytes.trace", "bytes.trace: not a text in UTF-8"),
    ];
    if cfg!(unix) {
        assert!(Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap().success());
        cases.push(("pipe", "pipe: not a regular file"));
        cases.push(("/dev/zero", "/dev/zero: not a regular file"));
    }
    for (name, message) in cases {
        let file = ExpectFile::new(&folder, name);
        assert_eq!(file.check(&trace(purchase())).unwrap_err().to_string(), message);
        assert_eq!(file.update(&trace(purchase())).unwrap_err().to_string(), message);
    }
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn an_update_keeps_permissions_and_symbolic_links() {
        let folder = folder("links");
        fs::create_dir_all(folder.join("real")).unwrap();
        let real = folder.join("real/buy.trace");
        fs::write(&real, "shop: POST /sell\n").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("real/buy.trace", folder.join("link.trace")).unwrap();
        ExpectFile::new(&folder, "link.trace").update(&trace(purchase())).unwrap();
        assert!(fs::read_to_string(&real).unwrap().starts_with("shop: POST /buy\n"));
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(folder.join("link.trace").is_symlink());
        assert_eq!(fs::read_dir(folder.join("real")).unwrap().count(), 1);

        symlink("new.trace", folder.join("dangling.trace")).unwrap();
        ExpectFile::new(&folder, "dangling.trace").update(&trace(purchase())).unwrap();
        assert_eq!(fs::read_to_string(folder.join("new.trace")).unwrap(), PURCHASE);
        symlink("round.trace", folder.join("round.trace")).unwrap();
        assert!(ExpectFile::new(&folder, "round.trace").update(&trace(purchase())).is_err());
    }

    /// A limit of the size of files stands for the full disk.
    #[test]
    fn a_full_disk_leaves_the_expectation_as_it_is() {
        let folder = folder("full");
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("buy.trace");
        fs::write(&path, "shop: POST /buy\n").unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""]);
        command.arg(env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "asserts", "--nocapture"]);
        command.env("EXPECT_FOLDER", &folder).env("UPDATE_EXPECT", "1");
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains("buy.trace: File too large"), "{text}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "shop: POST /buy\n");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }
}
