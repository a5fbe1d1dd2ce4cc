//! Embeds Jaeger's web pages.
//!
//! The crate `otlp-embedded` contains Jaeger UI 2.14.1 as upstream builds it. Cargo fetches it and
//! checks its checksum, but never compiles it (see Cargo.toml). This script finds its folder and
//! compresses its files with gzip. It leaves out the `-legacy-` files, which are half of the size
//! and for browsers from before 2018.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

const CRATE: &str = "otlp-embedded";
const VERSION: &str = "0.0.2";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    // Without such a line Cargo watches every file of the package.
    println!("cargo::rerun-if-changed=Cargo.toml");
    println!("cargo::rerun-if-changed=build.rs");
    let ui = find_crate()?.join("jaeger-ui");
    let pages = ui.join("build");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut source = String::from("static ASSETS: &[Asset] = &[\n");
    let mut files: Vec<_> = fs::read_dir(pages.join("static"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<_>>()?;
    files.sort();
    for file in files {
        let name = file.file_name().and_then(|name| name.to_str()).ok_or("a file's name")?;
        if !name.contains("-legacy-") {
            embed(&file, name, &out, &mut source)?;
        }
    }
    // The pages come with their licence.
    embed(&ui.join("LICENSE"), "LICENSE.txt", &out, &mut source)?;
    source.push_str("];\n");
    let index = index(&fs::read_to_string(pages.join("index.html"))?)?;
    writeln!(source, "static INDEX_HTML: &str = {index:?};")?;
    writeln!(source, "static SCRIPT_HASHES: &str = {:?};", script_hashes(&index))?;
    fs::write(out.join("assets.rs"), source)?;
    Ok(())
}

/// The page, with the version in the place that upstream provides.
fn index(html: &str) -> Result<String> {
    let version = std::env::var("CARGO_PKG_VERSION")?;
    let version =
        format!(r#"JAEGER_VERSION = {{"gitCommit":"","gitVersion":"v{version}","buildDate":""}};"#);
    let place = "JAEGER_VERSION = DEFAULT_VERSION;";
    if !html.contains(place) || !html.contains(r#"<base href="/""#) {
        return Err("index.html has no place for the version or the base path".into());
    }
    Ok(html.replace(place, &version))
}

/// The hashes of the inline scripts, for the Content-Security-Policy.
fn script_hashes(html: &str) -> String {
    let scripts = html.split("<script").skip(1).filter_map(|rest| {
        let (attributes, rest) = rest.split_once('>')?;
        let (script, _) = rest.split_once("</script>")?;
        let inline = !script.is_empty() && !attributes.contains(" src=");
        inline.then(|| format!("'sha256-{}'", BASE64.encode(Sha256::digest(script))))
    });
    scripts.collect::<Vec<_>>().join(" ")
}

fn embed(file: &Path, name: &str, out: &Path, source: &mut String) -> Result<()> {
    let bytes = fs::read(file)?;
    let packed = out.join(format!("{name}.gz"));
    let mut encoder = GzEncoder::new(fs::File::create(&packed)?, Compression::best());
    encoder.write_all(&bytes)?;
    encoder.finish()?;
    writeln!(
        source,
        "    Asset {{ path: {path:?}, content_type: {kind:?}, etag: {etag:?}, gzip: include_bytes!({packed:?}) }},",
        path = format!("static/{name}"),
        kind = content_type(name)?,
        etag = format!("\"{:016x}\"", fnv(&bytes)),
    )?;
    Ok(())
}

fn content_type(name: &str) -> Result<&'static str> {
    Ok(match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("txt") => "text/plain; charset=utf-8",
        _ => return Err(format!("no content type for {name}").into()),
    })
}

/// FNV-1a, which needs no crate. An ETag only has to differ when the file does.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Asks Cargo, which knows about registries, mirrors and vendored sources; then offline, in case it
/// cannot download; then looks where Cargo unpacks crates.
fn find_crate() -> Result<PathBuf> {
    let mut problems = String::new();
    for offline in [&[][..], &["--offline"]] {
        match ask_cargo(offline) {
            Ok(folder) => return Ok(folder),
            Err(error) => writeln!(problems, "{error}")?,
        }
    }
    unpacked().ok_or_else(|| {
        format!("the crate {CRATE} {VERSION} is not there; run `cargo fetch --locked`\n{problems}")
            .into()
    })
}

fn ask_cargo(arguments: &[&str]) -> Result<PathBuf> {
    let manifest = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("Cargo.toml");
    let output = Command::new(std::env::var("CARGO")?)
        .args(["metadata", "--locked", "--format-version=1", "--manifest-path"])
        .arg(manifest)
        .args(arguments)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata: no packages")?;
    let found = packages.iter().find(|p| p["name"] == CRATE && p["version"] == VERSION);
    let manifest = found.and_then(|package| package["manifest_path"].as_str());
    let manifest = manifest.ok_or("cargo metadata: the crate is not among the packages")?;
    Ok(Path::new(manifest).parent().ok_or("cargo metadata: a path")?.to_owned())
}

fn unpacked() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))?;
    let registries = fs::read_dir(home.join("registry/src")).ok()?;
    let mut folders =
        registries.filter_map(|entry| Some(entry.ok()?.path().join(format!("{CRATE}-{VERSION}"))));
    folders.find(|folder| folder.join("jaeger-ui/build/index.html").is_file())
}
