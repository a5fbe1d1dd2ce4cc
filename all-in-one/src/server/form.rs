//! A request's query string, parsed as Go's `net/url` does.
//!
//! A malformed pair (`%zz`, or one with a semicolon) is left out; the others count.

/// The parameters of a request, in the order sent.
#[derive(Debug, Default)]
pub(crate) struct Form {
    pairs: Vec<(String, String)>,
    /// Whether a web page asks. It reads JSON with JavaScript.
    pub(crate) by_page: bool,
}

impl Form {
    /// Parses what follows the question mark.
    pub(crate) fn parse(query: &str) -> Self {
        let pair = |pair: &str| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((unescape(key, true)?, unescape(value, true)?))
        };
        let well_formed = query.split('&').filter(|p| !p.is_empty() && !p.contains(';'));
        Form { pairs: well_formed.filter_map(pair).collect(), by_page: false }
    }

    /// The first value of a parameter, or empty text.
    pub(crate) fn get(&self, key: &str) -> &str {
        self.all(key).next().unwrap_or("")
    }

    /// All values of a parameter.
    pub(crate) fn all(&self, key: &str) -> impl Iterator<Item = &str> {
        self.pairs.iter().filter(move |(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    /// Whether a parameter is present.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.all(key).next().is_some()
    }
}

/// Decodes `%xx`, and `+` as a space if `plus`; `None` where a `%` is not followed by two
/// hexadecimal digits.
pub(crate) fn unescape(text: &str, plus: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => digit(rest.next()?)? << 4 | digit(rest.next()?)?,
            b'+' if plus => b' ',
            other => other,
        });
    }
    Some(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

fn digit(byte: u8) -> Option<u8> {
    u8::try_from(char::from(byte).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_malformed_is_left_out() {
        let form = Form::parse("a=1&b=%zz&c=2;d=3&e&a=4&f=x%20y+z&");
        assert_eq!(form.all("a").collect::<Vec<_>>(), ["1", "4"]);
        assert!(!form.has("b") && !form.has("c") && !form.has("d"));
        assert!(form.has("e"));
        assert_eq!(form.get("f"), "x y z");
        assert_eq!(form.get("g"), "");
    }
}
