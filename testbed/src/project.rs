//! A project outside of this workspace, as a reader sets it up: for tests that build what the
//! documents show.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A new project in the system's temporary folder, which is removed at the end. Its builds are
/// offline, take the versions of this workspace's Cargo.lock, and share a target folder with those
/// of other such projects.
pub struct Project {
    folder: PathBuf,
    target: PathBuf,
}

impl Project {
    /// Creates it by `cargo new`, with these further arguments, such as `--lib`.
    ///
    /// # Errors
    ///
    /// If that fails.
    pub fn new(name: &str, arguments: &[&str]) -> io::Result<Self> {
        let root = root();
        let folder = env::temp_dir().join(format!("rust-tracing-{}", std::process::id()));
        let project = Project {
            folder: folder.join(name),
            target: env::var_os("CARGO_TARGET_DIR")
                .map_or(root.join("target"), |folder| root.join(folder))
                .join("chapters"),
        };
        let folder = project.folder.to_string_lossy().into_owned();
        let new = ["new", "--quiet", "--vcs", "none", &folder];
        let output = project.command(root).args(new).args(arguments).output()?;
        succeeded(output)?;
        Ok(project)
    }

    /// Runs a line such as `cargo add tokio@1`. `../rust-tracing` in it is this repository.
    ///
    /// # Errors
    ///
    /// If it fails; the error has what cargo printed.
    pub fn run(&self, line: &str) -> io::Result<()> {
        let line = line.replace("../rust-tracing", &root().to_string_lossy());
        let arguments: Vec<_> = line.split_whitespace().skip(1).collect();
        succeeded(self.cargo(&arguments)?).map(drop)
    }

    /// Takes the versions of this workspace.
    ///
    /// # Errors
    ///
    /// If the file cannot be copied.
    pub fn lock(&self) -> io::Result<()> {
        fs::copy(root().join("Cargo.lock"), self.folder.join("Cargo.lock")).map(drop)
    }

    /// Runs cargo in the project.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn cargo(&self, arguments: &[&str]) -> io::Result<Output> {
        self.command(&self.folder).args(arguments).output()
    }

    /// Builds it, and returns what cargo printed.
    ///
    /// # Errors
    ///
    /// If the build fails.
    pub fn build(&self) -> io::Result<String> {
        succeeded(self.cargo(&["build"])?)
    }

    /// Writes one of its files.
    ///
    /// # Errors
    ///
    /// If that fails.
    pub fn write(&self, name: &str, text: &str) -> io::Result<()> {
        let file = self.folder.join(name);
        fs::create_dir_all(file.parent().unwrap_or(&self.folder))?;
        fs::write(file, text)
    }

    /// Reads one of its files.
    ///
    /// # Errors
    ///
    /// If that fails.
    pub fn read(&self, name: &str) -> io::Result<String> {
        fs::read_to_string(self.folder.join(name))
    }

    /// The program that a build makes.
    #[must_use]
    pub fn program(&self) -> PathBuf {
        let name = self.folder.file_name().unwrap_or_default().to_string_lossy();
        self.target.join("debug").join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }

    fn command(&self, folder: &Path) -> Command {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
        cargo
            .current_dir(folder)
            .env("CARGO_NET_OFFLINE", "true")
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CARGO_PROFILE_DEV_DEBUG", "none") // less to compile
            .env("RUST_BACKTRACE", "0");
        cargo
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn root() -> &'static Path {
    let testbed = Path::new(env!("CARGO_MANIFEST_DIR"));
    testbed.parent().unwrap_or(testbed)
}

/// What cargo printed on stderr.
fn succeeded(output: Output) -> io::Result<String> {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(stderr) } else { Err(io::Error::other(stderr)) }
}
