//! The header `Content-Type`, read as Go's `mime.ParseMediaType` reads it: Jaeger answers with
//! its errors.

use std::collections::BTreeMap;

/// The type alone, in lower case and without its parameters.
///
/// # Errors
/// The text of Go's error, where the type or a parameter is not well-formed.
pub(super) fn parse(header: &str) -> Result<String, &'static str> {
    let (kind, parameters) = header.split_at(header.find(';').unwrap_or(header.len()));
    let kind = kind.trim().to_lowercase();
    check_type(&kind)?;
    check_parameters(parameters)?;
    Ok(kind)
}

fn check_type(kind: &str) -> Result<(), &'static str> {
    let (first, rest) = token(kind);
    if first.is_empty() {
        return Err("mime: no media type");
    }
    if rest.is_empty() {
        return Ok(()); // one word is enough for Go, though not for Jaeger
    }
    let rest = rest.strip_prefix('/').ok_or("mime: expected slash after first token")?;
    match token(rest) {
        ("", _) => Err("mime: expected token after slash"),
        (_, "") => Ok(()),
        _ => Err("mime: unexpected content after media subtype"),
    }
}

/// Reads `; name=value` until the end. A name may stand twice only with the same value.
fn check_parameters(mut rest: &str) -> Result<(), &'static str> {
    let mut known = BTreeMap::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() || rest.trim_end() == ";" {
            return Ok(());
        }
        let (name, value, after) = parameter(rest).ok_or("mime: invalid media parameter")?;
        if known.insert(name, value.clone()).is_some_and(|earlier| earlier != value) {
            return Err("mime: duplicate parameter name");
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

/// Reads up to the closing quote. A backslash counts only before what would need one.
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

/// The token at the start, and what follows it.
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
            ("application/x-thrift", Ok("application/x-thrift")),
            (" Application/X-THRIFT ; charset=utf-8", Ok("application/x-thrift")),
            ("application/x-thrift;", Ok("application/x-thrift")),
            ("application/x-thrift; a=\"b;\\\"c\"; d=e", Ok("application/x-thrift")),
            ("application/x-thrift; a=b; A=b", Ok("application/x-thrift")),
            ("application/x-thrift; a=b; a=c", Err("mime: duplicate parameter name")),
            ("application/x-thrift; a=\"b", Err("mime: invalid media parameter")),
            ("application/x-thrift; a", Err("mime: invalid media parameter")),
            ("application/x-thrift; a=", Err("mime: invalid media parameter")),
            ("application/x-thrift;;", Err("mime: invalid media parameter")),
            ("thrift", Ok("thrift")),
            ("", Err("mime: no media type")),
            ("/x", Err("mime: no media type")),
            ("a b", Err("mime: expected slash after first token")),
            ("a/", Err("mime: expected token after slash")),
            ("a/b c", Err("mime: unexpected content after media subtype")),
            ("a/b, c/d", Err("mime: unexpected content after media subtype")),
        ] {
            assert_eq!(parse(header).as_deref(), kind.as_deref(), "{header}");
        }
    }
}
