//! Parses the header `Content-Type` as Go's `mime.ParseMediaType` does: Jaeger refuses what that
//! refuses.

use std::collections::BTreeMap;

/// The type in lower case, without its parameters; `None` where the type or a parameter is
/// malformed.
pub(super) fn parse(header: &str) -> Option<String> {
    let (kind, parameters) = header.split_at(header.find(';').unwrap_or(header.len()));
    let kind = kind.trim().to_lowercase();
    (is_type(&kind) && are_parameters(parameters)).then_some(kind)
}

/// Go accepts a single token too.
fn is_type(kind: &str) -> bool {
    let (first, rest) = token(kind);
    let second = rest.strip_prefix('/').map(token);
    !first.is_empty()
        && (rest.is_empty()
            || second.is_some_and(|(name, rest)| !name.is_empty() && rest.is_empty()))
}

/// Checks `; name=value` until the end. A name may occur twice only with the same value.
fn are_parameters(mut rest: &str) -> bool {
    let mut known = BTreeMap::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() || rest.trim_end() == ";" {
            return true;
        }
        let Some((name, value, after)) = parameter(rest) else {
            return false;
        };
        if known.insert(name, value.clone()).is_some_and(|earlier| earlier != value) {
            return false;
        }
        rest = after;
    }
}

fn parameter(text: &str) -> Option<(String, String, &str)> {
    let (name, rest) = token(text.strip_prefix(';')?.trim_start());
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let (value, after) = match rest.strip_prefix('"') {
        Some(quoted) => unquote(quoted)?,
        None => {
            let (value, after) = token(rest);
            (value.to_owned(), after)
        }
    };
    let is_there = !name.is_empty() && after.len() < rest.len();
    is_there.then(|| (name.to_lowercase(), value, after))
}

/// Reads up to the closing quote. A backslash escapes only characters that need it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\r' | '\n' => return None,
            '\\' => match chars.next_if(|(_, next)| "()<>@,;:\\\"/[]?=".contains(*next)) {
                Some((_, escaped)) => value.push(escaped),
                None => value.push(c),
            },
            c => value.push(c),
        }
    }
    None
}

/// Splits off the token at the start.
fn token(text: &str) -> (&str, &str) {
    let is_in = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`{|}~".contains(c);
    text.split_at(text.find(|c| !is_in(c)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_go_reads_them() {
        for (header, kind) in [
            ("application/x-thrift", Some("application/x-thrift")),
            (" Application/X-THRIFT ; charset=utf-8", Some("application/x-thrift")),
            ("application/x-thrift;", Some("application/x-thrift")),
            ("application/x-thrift; a=\"b;\\\"c\"; d=e", Some("application/x-thrift")),
            ("application/x-thrift; a=b; A=b", Some("application/x-thrift")),
            ("application/x-thrift; a=b; a=c", None),
            ("application/x-thrift; a=\"b", None),
            ("application/x-thrift; a", None),
            ("application/x-thrift; a=", None),
            ("application/x-thrift;;", None),
            ("thrift", Some("thrift")),
            ("", None),
            ("/x", None),
            ("a b", None),
            ("a/", None),
            ("a/b c", None),
            ("a/b, c/d", None),
        ] {
            assert_eq!(parse(header).as_deref(), kind, "{header}");
        }
    }
}
