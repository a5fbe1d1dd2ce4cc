//! Finds the pages.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The environment variable that names a folder with a build of Jaeger UI.
pub const FOLDER_VARIABLE: &str = "JAEGER_UI_DIR";

const CRATE: &str = "otlp-embedded";
const VERSION: &str = "0.0.2";

/// Where to look.
#[derive(Clone, Debug)]
pub struct Places {
    /// The folder that [`FOLDER_VARIABLE`] names.
    pub named: Option<PathBuf>,
    /// The folder of the package that is built.
    pub package: PathBuf,
    /// Cargo's home.
    pub cargo_home: Option<PathBuf>,
    /// The folder for the output of the build script. It is below the folder of the project that is
    /// built, unless the target folder is elsewhere.
    pub out: PathBuf,
}

/// A build of Jaeger UI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pages {
    /// The folder with `index.html` and `static`.
    pub folder: PathBuf,
    /// The text of the licence, if it is there.
    pub licence: Option<PathBuf>,
}

impl Places {
    /// The places that the environment of a build script names.
    ///
    /// # Errors
    /// Where a variable is missing that Cargo sets for build scripts.
    pub fn of_build_script() -> Result<Self, String> {
        let path = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let needed = |name| path(name).ok_or(format!("{name} is not set: is this a build script?"));
        Ok(Places {
            named: path(FOLDER_VARIABLE),
            package: needed("CARGO_MANIFEST_DIR")?,
            cargo_home: path("CARGO_HOME")
                .or_else(|| env::home_dir().map(|home| home.join(".cargo"))),
            out: needed("OUT_DIR")?,
        })
    }

    /// Finds the pages.
    ///
    /// # Errors
    /// Where they are in none of the places, or the named folder has none.
    pub fn find(&self) -> Result<Pages, String> {
        if let Some(named) = &self.named {
            return Pages::below(named, named).ok_or(format!(
                "{FOLDER_VARIABLE} names {}, where no index.html is: name a folder with a build of Jaeger UI",
                named.display()
            ));
        }
        let found = self.crate_folders().into_iter().find_map(|folder| {
            let ui = folder.join("jaeger-ui");
            is_right_version(&folder).then(|| Pages::below(&ui.join("build"), &ui)).flatten()
        });
        found.ok_or_else(|| self.not_found())
    }

    /// Where the crate with the pages may be, the most likely first.
    fn crate_folders(&self) -> Vec<PathBuf> {
        let mut parents: Vec<PathBuf> =
            self.package.parent().map(Path::to_owned).into_iter().collect();
        if let Some(home) = &self.cargo_home {
            let registries = fs::read_dir(home.join("registry/src"));
            parents.extend(registries.into_iter().flatten().flatten().map(|entry| entry.path()));
        }
        parents.extend(self.config_files().iter().flat_map(|file| vendored(file)));
        let names = [format!("{CRATE}-{VERSION}"), CRATE.to_owned()];
        parents.iter().flat_map(|parent| names.iter().map(|name| parent.join(name))).collect()
    }

    /// Cargo's configuration files: above the project, above the package, and in its home.
    fn config_files(&self) -> Vec<PathBuf> {
        let above = self.out.ancestors().chain(self.package.ancestors());
        let folders = above.map(|folder| folder.join(".cargo")).chain(self.cargo_home.clone());
        folders.flat_map(|it| [it.join("config.toml"), it.join("config")]).collect()
    }

    fn not_found(&self) -> String {
        let home = self.cargo_home.as_deref().unwrap_or(Path::new("Cargo's home"));
        format!(
            "Jaeger's web pages are not there: the crate {CRATE} {VERSION} is neither beside {} nor in {}; \
             run `cargo fetch`, or set {FOLDER_VARIABLE} to a folder with a build of Jaeger UI, \
             or turn off the feature `ui` of jaeger-all-in-one",
            self.package.display(),
            home.join("registry/src").display(),
        )
    }
}

impl Pages {
    fn below(folder: &Path, licence: &Path) -> Option<Self> {
        let licence = Some(licence.join("LICENSE")).filter(|file| file.is_file());
        let found = folder.join("index.html").is_file();
        found.then(|| Pages { folder: folder.to_owned(), licence })
    }
}

/// Whether the folder has the right version of the crate: its name need not have one.
fn is_right_version(folder: &Path) -> bool {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    let version = format!("version = \"{VERSION}\"");
    manifest.lines().any(|line| line == version)
}

/// The folders of vendored crates that a configuration file names, as `cargo vendor` prints them:
/// `directory = "vendor"`. They are relative to the folder that `.cargo` is in.
fn vendored(config: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(config).unwrap_or_default();
    let base = config.parent().and_then(Path::parent).unwrap_or(Path::new(""));
    let folders = text.lines().filter_map(|line| {
        let value = line.trim().strip_prefix("directory")?.trim_start().strip_prefix('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        Some(base.join(value))
    });
    folders.collect()
}
