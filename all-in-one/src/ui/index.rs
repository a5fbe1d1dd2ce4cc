//! index.html, in which the server replaces some places: the base path, the settings of the page, the
//! version, and what the server can do.

use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;

use serde_json::{Value, json};

use super::folder::read_bounded;
use crate::go_format::json;

/// The largest file of settings, in bytes.
const MAX_CONFIG: u64 = 1 << 20;

/// The settings of the page, from a file.
pub(super) enum UiConfig {
    /// A JSON object.
    Json(Value),
    /// JavaScript with a function `UIConfig`.
    Script(String),
}

impl UiConfig {
    /// Reads a file whose name ends in `.json` or `.js`; the error says what is wrong with it.
    pub(super) fn read(file: &Path) -> Result<Self, String> {
        let text = read_bounded(file, MAX_CONFIG).map_err(|error| error.to_string())?;
        let text = String::from_utf8(text).map_err(|_| "it is not UTF-8".to_owned())?;
        match file.extension().and_then(|end| end.to_str()) {
            Some("json") => match serde_json::from_str(&text) {
                Ok(config @ Value::Object(_)) => Ok(UiConfig::Json(config)),
                Ok(_) => Err("it must be a JSON object".to_owned()),
                Err(error) => Err(format!("it is not JSON: {error}")),
            },
            Some("js") if text.contains("UIConfig") => Ok(UiConfig::Script(text)),
            Some("js") => Err("it must define a function UIConfig".to_owned()),
            _ => Err("its name must end in .json or .js".to_owned()),
        }
    }
}

/// Sets the base path, which must not end with a slash.
pub(super) fn with_base(html: &str, base_path: &str) -> String {
    html.replace(r#"<base href="/""#, &format!(r#"<base href="{base_path}/""#))
}

/// Sets the settings of the page.
pub(super) fn with_config(html: &str, config: &UiConfig) -> String {
    match config {
        UiConfig::Json(value) => assign(html, "JAEGER_CONFIG", value),
        UiConfig::Script(script) => html.replacen("// JAEGER_CONFIG_JS", script, 1),
    }
}

/// Says to a page of another version what this server is and can do.
pub(super) fn with_server(html: &str) -> String {
    let version = json!({
        "gitCommit": "",
        "gitVersion": concat!("jaeger-all-in-one ", env!("CARGO_PKG_VERSION")),
        "buildDate": "",
    });
    let can = json!({
        "archiveStorage": false,
        "metricsStorage": true,
        "searchWithoutServiceName": true,
        "aiAssistant": false,
    });
    let html = assign(html, "JAEGER_VERSION", &version);
    let html = assign(&html, "JAEGER_STORAGE_CAPABILITIES", &can);
    assign(&html, "JAEGER_BACKEND_CAPABILITIES", &can)
}

/// Replaces `NAME = DEFAULT_…` by `NAME = ` and a value.
fn assign(html: &str, name: &str, value: &Value) -> String {
    let start = format!("{name} = DEFAULT_");
    let Some((before, rest)) = html.split_once(&start) else {
        return html.to_owned();
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let rest = rest.trim_start_matches(is_name);
    // It stands in a script: Go's JSON has no `<`.
    let value = json::compact(value).unwrap_or_default();
    format!("{before}{name} = {}{rest}", String::from_utf8_lossy(&value))
}

/// Gives every script a number that is used once, so that the content security policy can name it.
pub(super) fn with_nonce(html: &str) -> (String, String) {
    let random = || RandomState::new().hash_one(());
    let nonce = format!("{:016x}{:016x}", random(), random());
    (html.replace("<script", &format!("<script nonce=\"{nonce}\"")), nonce)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_default_is_replaced() {
        let html =
            "const DEFAULT_CONFIG = null; const JAEGER_CONFIG = DEFAULT_CONFIG; JAEGER_CONFIG";
        let value = json!({ "a": "</script>" });
        assert_eq!(
            assign(html, "JAEGER_CONFIG", &value),
            "const DEFAULT_CONFIG = null; const JAEGER_CONFIG = {\"a\":\"\\u003c/script\\u003e\"}; JAEGER_CONFIG"
        );
        assert_eq!(assign("none", "JAEGER_CONFIG", &value), "none");
    }

    #[test]
    fn a_nonce_is_used_once() {
        let [one, other] = [(); 2].map(|()| with_nonce("<script>1</script><script src=x>"));
        assert_ne!(one.1, other.1);
        assert_eq!(one.0.matches(&one.1).count(), 2);
    }
}
