//! A project outside of this workspace, as a reader sets it up: for tests that build what the
//! documents show.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The tables of this workspace's Cargo.toml that decide how crates are compiled.
const PROFILES: [&str; 3] =
    ["[profile.dev]", "[profile.dev.package.\"*\"]", "[profile.dev.build-override]"];

/// The variables that cargo sets for the test. A nested cargo must not see them: build scripts that
/// look at them would run again, here and then in this workspace.
const OF_THE_TEST: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];

/// A new project in the system's temporary folder, which is removed at the end. Its builds are
/// offline. With the versions and profiles of this workspace, and in its target folder, most crates
/// are there already.
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
                .map_or(root.join("target"), |folder| root.join(folder)),
        };
        let folder = project.folder.to_string_lossy().into_owned();
        let new = ["new", "--quiet", "--vcs", "none", &folder];
        let output = project.command().current_dir(root).args(new).args(arguments).output()?;
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

    /// Takes the versions and profiles of this workspace.
    ///
    /// # Errors
    ///
    /// If a file cannot be copied.
    pub fn lock(&self) -> io::Result<()> {
        let manifest = fs::read_to_string(root().join("Cargo.toml"))?;
        self.write(".cargo/config.toml", &tables(&manifest, &PROFILES))?;
        fs::copy(root().join("Cargo.lock"), self.folder.join("Cargo.lock")).map(drop)
    }

    /// Runs cargo in the project.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn cargo(&self, arguments: &[&str]) -> io::Result<Output> {
        self.command().args(arguments).output()
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

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The program that a build makes.
    #[must_use]
    pub fn program(&self) -> PathBuf {
        let name = self.folder.file_name().unwrap_or_default().to_string_lossy();
        self.target.join("debug").join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }

    /// Cargo in the project.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy();
            if OF_THE_TEST.iter().any(|prefix| name.starts_with(prefix)) {
                cargo.env_remove(&*name);
            }
        }
        cargo
            .current_dir(&self.folder)
            .env("CARGO_NET_OFFLINE", "true")
            .env("CARGO_TARGET_DIR", &self.target)
            .env("RUST_BACKTRACE", "0");
        cargo
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
        // Fails as long as there are other projects beside it.
        let _ = self.folder.parent().map(fs::remove_dir);
    }
}

fn root() -> &'static Path {
    let testbed = Path::new(env!("CARGO_MANIFEST_DIR"));
    testbed.parent().unwrap_or(testbed)
}

/// The tables with these headings in a manifest.
fn tables(manifest: &str, headings: &[&str]) -> String {
    let mut found = String::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = headings.contains(&line);
        }
        if inside {
            found += line;
            found += "\n";
        }
    }
    found
}

/// What cargo printed on stderr.
fn succeeded(output: Output) -> io::Result<String> {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(stderr) } else { Err(io::Error::other(stderr)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_those_with_these_headings() {
        let manifest = "[a]\nx = 1\n\n[a.b]\ny = 2\n\n# why\n[c]\nz = 3\n";
        assert_eq!(tables(manifest, &["[a]", "[c]"]), "[a]\nx = 1\n\n[c]\nz = 3\n");
    }
}
