//! Compresses the pages with gzip, and writes the Rust code that contains them.
//!
//! It leaves out the `-legacy-` files, which are half of the size and for browsers from before 2018.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use flate2::{Compression, write::GzEncoder};
use hmac_sha256::Hash;

use crate::Pages;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Writes the compressed files and `assets.rs` to `out`. The page shows `version`.
pub(crate) fn write(pages: &Pages, out: &Path, version: &str) -> Result<()> {
    let mut source = String::from("static ASSETS: &[Asset] = &[\n");
    let mut files: Vec<_> = fs::read_dir(pages.folder.join("static"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<_>>()?;
    files.sort();
    for file in files {
        let name = file.file_name().and_then(|name| name.to_str()).ok_or("a file's name")?;
        if !name.contains("-legacy-") {
            embed(&file, name, out, &mut source)?;
        }
    }
    // The pages come with their licence.
    if let Some(licence) = &pages.licence {
        embed(licence, "LICENSE.txt", out, &mut source)?;
    }
    source.push_str("];\n");
    let index = index(&fs::read_to_string(pages.folder.join("index.html"))?, version)?;
    writeln!(source, "static INDEX_HTML: &str = {index:?};")?;
    writeln!(source, "static SCRIPT_HASHES: &str = {:?};", script_hashes(&index))?;
    fs::write(out.join("assets.rs"), source)?;
    Ok(())
}

/// The page, with the version in the place that upstream provides.
fn index(html: &str, version: &str) -> Result<String> {
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
        inline.then(|| format!("'sha256-{}'", BASE64.encode(Hash::hash(script.as_bytes()))))
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
