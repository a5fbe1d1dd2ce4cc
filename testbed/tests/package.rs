//! The published form of the libraries: which crates a project gets with jaeger-all-in-one, what is
//! in the packages, and that a project outside of this workspace builds with them: offline, and
//! from vendored sources with an empty Cargo home.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jaeger_ui_build::{FOLDER_VARIABLE, Places};
use testbed::Project;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A folder of its own below the system's temporary one; it is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("rust-tracing-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path.canonicalize().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.0.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        file
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A project outside of the workspace with these dependencies.
fn project(name: &str, dependencies: &str) -> Project {
    let project = Project::new(name, &["--lib"]).unwrap();
    let manifest = project.read("Cargo.toml").unwrap().replace("[dependencies]\n", dependencies);
    project.write("Cargo.toml", &manifest).unwrap();
    project.write("src/lib.rs", "").unwrap();
    project.lock().unwrap();
    project
}

fn cargo(project: &Project) -> Command {
    let mut cargo = project.command();
    cargo.env_remove(FOLDER_VARIABLE);
    cargo
}

/// The crates that are compiled for a project with these dependencies, apart from itself and
/// jaeger-all-in-one.
fn crates(name: &str, dependencies: &str) -> BTreeSet<String> {
    let project = project(name, dependencies);
    let mut tree = cargo(&project);
    tree.args(["tree", "--prefix=none", "--edges=normal,build,dev", "--format={p}"]);
    let names = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let own = |crate_name: &String| {
        [name, "jaeger-all-in-one"].contains(&crate_name.split(' ').next().unwrap_or_default())
    };
    output(&mut tree).lines().map(names).filter(|name| !own(name)).collect()
}

/// Runs a command, which must succeed; returns what it prints.
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The dependency on jaeger-all-in-one with these features and no default ones.
fn dependency(features: &str) -> String {
    let path = root().join("all-in-one");
    format!(
        "[dev-dependencies.jaeger-all-in-one]\npath = {path:?}\ndefault-features = false\nfeatures = [{features}]\n"
    )
}

#[test]
fn a_project_gets_few_crates() {
    let otlp = crates("count-otlp", &dependency("\"otlp-http\""));
    assert!(otlp.len() <= 60, "{}: {otlp:?}", otlp.len());
    let doors = crates("count-doors", &dependency("\"doors\""));
    assert!(doors.len() <= 80, "{}: {doors:?}", doors.len());
    for heavy in ["clap", "regex", "opentelemetry", "prost", "jaeger-ui-build", "otlp-embedded"] {
        let found = doors.iter().find(|name| name.starts_with(heavy));
        assert_eq!(found, None, "{doors:?}");
    }
}

#[test]
fn a_web_service_with_otlp_gets_ten_crates_more() {
    let usual = r#"
        [dependencies]
        axum = "0.8"
        opentelemetry = "0.32"
        opentelemetry_sdk = "0.32"
        reqwest = { version = "0.13", default-features = false, features = ["rustls-no-provider"] }
        tokio = { version = "1", features = ["full"] }

        [dependencies.opentelemetry-otlp]
        version = "0.32"
        default-features = false
        features = ["trace", "http-proto", "reqwest-blocking-client"]
    "#;
    let before = crates("count-service", usual);
    let after = crates("count-traced", &(usual.to_owned() + &dependency("\"otlp-http\"")));
    let more: Vec<_> = after.difference(&before).cloned().collect();
    assert!(more.len() <= 10, "{}: {more:?}", more.len());
}

const TEST_OF_A_PROJECT: &str = r##"
use std::io::{Read, Write};
use std::net::TcpStream;

#[test]
fn a_trace_is_received() -> Result<(), Box<dyn std::error::Error>> {
    let jaeger = jaeger_all_in_one::AllInOne::start()?;
    let url = jaeger.otlp_http_endpoint()?;
    let address = url.trim_start_matches("http://").split('/').next().unwrap_or_default();
    let body = r#"{"resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
        "scopeSpans": [{"spans": [{"traceId": "5b8efff798038103d269b633813fc60c",
            "spanId": "eee19b7ec3c1b174", "name": "buy"}]}]}]}"#;
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "POST /v1/traces HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let trace = jaeger.wait_for_service("shop").blocking()?;
    assert_eq!(trace.to_string(), "shop: buy\n");

    // The web pages and the other doors are not built in, and say so.
    let page = jaeger.query_url()?;
    let address = page.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET / HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    assert!(answer.contains("turn on the feature `ui`"), "{answer}");
    let closed = jaeger.otlp_grpc_endpoint().expect_err("it is not built in").to_string();
    assert!(closed.contains("turn on the feature `otlp-grpc`"), "{closed}");
    Ok(())
}
"##;

#[test]
fn a_project_outside_builds_and_tests_offline() {
    let project = project("outside", &dependency("\"otlp-http\""));
    project.write("tests/trace.rs", TEST_OF_A_PROJECT).unwrap();
    output(cargo(&project).args(["test", "--quiet"]));
}

/// Packages a crate, checks the list of its files and unpacks it below `folder`.
fn package(project: &Project, name: &str, manifest: &str, folder: &Folder) {
    let target = folder.0.join("packages");
    let package = |arguments: &[&str]| {
        let mut cargo = cargo(project);
        cargo.args(["package", "--allow-dirty", "--no-verify", "--exclude-lockfile"]);
        cargo.arg("--manifest-path").arg(root().join(manifest)).arg("--target-dir").arg(&target);
        output(cargo.args(arguments))
    };
    let files = package(&["--list"]);
    let files: Vec<_> = files.lines().collect();
    for needed in ["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "src/lib.rs"] {
        assert!(files.contains(&needed), "{name}: {needed} is not in {files:?}");
    }
    let odd = files.iter().find(|file| file.contains("golden") || file.ends_with(".bin"));
    assert_eq!(odd, None, "{name}");
    package(&[]);
    let archive = target.join(format!("package/{name}-{}.crate", env!("CARGO_PKG_VERSION")));
    assert!(fs::metadata(&archive).unwrap().len() < 500_000, "{name}");
    output(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(&folder.0));
}

/// What `cargo add jaeger-all-in-one` and `cargo vendor` would leave, if the packages were
/// published: the packages lie beside the vendored crates.
#[test]
fn the_packages_build_from_vendored_sources_with_an_empty_cargo_home() {
    let project = project("vendored", &dependency("\"otlp-http\", \"ui\""));
    let vendor = |offline: &str| {
        cargo(&project).arg("vendor").env("CARGO_NET_OFFLINE", offline).output().unwrap()
    };
    let mut vendored = vendor("true");
    if !vendored.status.success() {
        vendored = vendor("false"); // crates of other systems were never downloaded here
    }
    let stderr = String::from_utf8_lossy(&vendored.stderr);
    assert!(vendored.status.success(), "without a network, run `cargo fetch` before: {stderr}");
    assert!(project.folder().join("vendor/otlp-embedded/jaeger-ui/build/index.html").is_file());
    let config = project.read(".cargo/config.toml").unwrap();
    let sources = String::from_utf8_lossy(&vendored.stdout);
    project.write(".cargo/config.toml", &(config + &sources)).unwrap();

    let unpacked = Folder::new("packages");
    for (name, manifest) in [
        ("expect-trace", "expect-trace/Cargo.toml"),
        ("jaeger-ui-build", "all-in-one/ui-build/Cargo.toml"),
        ("jaeger-all-in-one", "all-in-one/Cargo.toml"),
    ] {
        package(&project, name, manifest, &unpacked);
        let to = project.folder().join("vendor").join(name);
        let from = unpacked.0.join(format!("{name}-{}", env!("CARGO_PKG_VERSION")));
        fs::rename(from, &to).unwrap();
        fs::write(to.join(".cargo-checksum.json"), r#"{"files":{}}"#).unwrap();
    }
    let manifest = project.read("Cargo.toml").unwrap();
    let path = format!("path = {:?}", root().join("all-in-one"));
    let published = format!("version = {:?}", env!("CARGO_PKG_VERSION"));
    assert!(manifest.contains(&path));
    project.write("Cargo.toml", &manifest.replace(&path, &published)).unwrap();
    fs::remove_file(project.folder().join("Cargo.lock")).unwrap();
    let home = Folder::new("cargo-home");
    let mut check = cargo(&project);
    // Not the shared folder: there, the crates would count as changed for everybody else.
    check.env("CARGO_TARGET_DIR", home.0.join("target"));
    output(check.args(["check", "--tests", "--quiet"]).env("CARGO_HOME", &home.0));
}

/// Places without anything in them.
fn nowhere(folder: &Folder) -> Places {
    Places {
        named: None,
        package: folder.0.join("package"),
        cargo_home: Some(folder.0.join("home")),
        out: folder.0.join("project/target/out"),
    }
}

#[test]
fn the_pages_are_found_where_cargo_puts_crates() {
    let manifest = "[package]\nname = \"otlp-embedded\"\nversion = \"0.0.2\"\n";
    for crate_folder in [
        "otlp-embedded-0.0.2", // beside the package, in a registry
        "otlp-embedded",       // the same, vendored
        "home/registry/src/index-1/otlp-embedded-0.0.2", // the package is not from a registry
        "project/crates/otlp-embedded", // as a configuration file says
    ] {
        let folder = Folder::new("pages");
        let places = nowhere(&folder);
        folder.write(
            "project/.cargo/config.toml",
            "[source.vendored-sources]\ndirectory = \"crates\"\n",
        );
        folder.write(&format!("{crate_folder}/Cargo.toml"), "version = \"0.0.1\"\n");
        let index = folder.write(&format!("{crate_folder}/jaeger-ui/build/index.html"), "");
        places.find().expect_err("another version");
        folder.write(&format!("{crate_folder}/Cargo.toml"), manifest);
        assert_eq!(places.find().unwrap().folder, index.parent().unwrap(), "{crate_folder}");
    }
}

#[test]
fn without_pages_the_error_says_what_to_do() {
    let folder = Folder::new("no-pages");
    let error = nowhere(&folder).find().unwrap_err();
    for part in ["`cargo fetch`", "JAEGER_UI_DIR", "the feature `ui`"] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(error.lines().count(), 1);
    let named = Places { named: Some(folder.0.clone()), ..nowhere(&folder) };
    let error = named.find().unwrap_err();
    assert!(error.starts_with("JAEGER_UI_DIR names /"), "{error}");
    folder.write("index.html", "");
    assert_eq!(named.find().unwrap().folder, folder.0);
}
