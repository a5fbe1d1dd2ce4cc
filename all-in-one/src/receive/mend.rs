//! Makes JSON of text that is almost JSON, as some clients write it.
//!
//! | sent | becomes |
//! |---|---|
//! | a byte that is not UTF-8, as Go reads it: each for itself | U+FFFD |
//! | half a surrogate pair, where an SDK cut a text at N characters | U+FFFD |
//! | a control character in a text | its escape |
//! | `NaN`, `Infinity`, `-Infinity` without quotes, as Python writes them | the same in quotes |
//! | a byte order mark at the beginning | nothing |

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::server::body::MAX_BODY;

/// The text as JSON: as it is, or mended.
///
/// # Errors
/// Where the mended text would be larger than a body may be.
pub(crate) fn as_json(text: &[u8]) -> Result<Cow<'_, str>, String> {
    match std::str::from_utf8(text) {
        Ok(text) if is_json(text) => Ok(text.into()),
        _ => mended(text).map(Cow::Owned),
    }
}

/// Whether it is JSON, and has no escape that could be half of a surrogate pair.
fn is_json(text: &str) -> bool {
    let escapes = ["\\ud", "\\uD"];
    !escapes.iter().any(|escape| text.contains(escape))
        && serde_json::from_str::<&RawValue>(text).is_ok()
}

/// The text as JSON, as far as that is possible. It is for text that was refused: this takes time.
///
/// # Errors
/// Where the mended text would be larger than a body may be.
pub(crate) fn mended(text: &[u8]) -> Result<String, String> {
    let text = utf8(text)?;
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut out = String::with_capacity(rest.len());
    while !rest.is_empty() {
        let (outside, text) = rest.split_at(rest.find('"').unwrap_or(rest.len()));
        out.push_str(&quoted(outside));
        rest = in_quotes(text, &mut out);
        if out.len() > MAX_BODY {
            return Err(too_large());
        }
    }
    Ok(out)
}

fn too_large() -> String {
    format!("it is larger than {MAX_BODY} bytes once its text is mended")
}

/// The text with U+FFFD for each byte that is not UTF-8.
fn utf8(text: &[u8]) -> Result<Cow<'_, str>, String> {
    if let Ok(text) = std::str::from_utf8(text) {
        return Ok(text.into());
    }
    let mut out = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
        if out.len() > MAX_BODY {
            return Err(too_large());
        }
    }
    Ok(out.into())
}

/// What is outside of texts, with quotes around the names of numbers.
fn quoted(outside: &str) -> Cow<'_, str> {
    if !outside.contains(['N', 'I']) {
        return outside.into();
    }
    let outside = outside.replace("NaN", "\"NaN\"").replace("-Infinity", "\"-I\"");
    outside.replace("Infinity", "\"Infinity\"").replace("\"-I\"", "\"-Infinity\"").into()
}

/// Writes the text at the beginning with its quotes, and returns what follows it.
fn in_quotes<'t>(text: &'t str, out: &mut String) -> &'t str {
    let Some(mut rest) = text.strip_prefix('"') else { return text };
    out.push('"');
    loop {
        let special = |c: char| matches!(c, '"' | '\\' | '\0'..='\x1f');
        let (plain, from) = rest.split_at(rest.find(special).unwrap_or(rest.len()));
        out.push_str(plain);
        rest = match from.as_bytes() {
            [] => return from,
            [b'"', ..] => {
                out.push('"');
                return &from[1..];
            }
            [b'\\', ..] => escape(from, out),
            [control, ..] => {
                out.push_str(&format!("\\u{control:04x}"));
                &from[1..]
            }
        };
        if out.len() > MAX_BODY {
            return rest;
        }
    }
}

/// Writes the escape at the beginning, and returns what follows it.
fn escape<'t>(text: &'t str, out: &mut String) -> &'t str {
    let length = match (unit(text), text.get(6..).and_then(unit)) {
        (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
        (Some(0xd800..=0xdfff), _) => {
            out.push_str("\\ufffd");
            return &text[6..];
        }
        (Some(_), _) => 6,
        (None, _) => 1 + text[1..].chars().next().map_or(0, char::len_utf8),
    };
    let (escape, rest) = text.split_at(length);
    out.push_str(escape);
    rest
}

/// The UTF-16 unit of the escape `\uXXXX` at the beginning.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(())?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_almost_json_becomes_json() {
        for (sent, becomes) in [
            (&br#"{"a\ud83d":"cut \ud83d"}"#[..], r#"{"a\ufffd":"cut \ufffd"}"#),
            (
                br#"["\ude00","\ud83d\ude00","\ud83d\ud83d\ude00","\ud83d\n"]"#,
                r#"["\ufffd","\ud83d\ude00","\ufffd\ud83d\ude00","\ufffd\n"]"#,
            ),
            (b"[\"\xff\xfe\",\"\xe2\x82\"]", "[\"\u{fffd}\u{fffd}\",\"\u{fffd}\u{fffd}\"]"),
            (b"[\"a\tb\x00\"]", "[\"a\\u0009b\\u0000\"]"),
            (
                br#"[NaN, Infinity,-Infinity,"NaN -Infinity"]"#,
                r#"["NaN", "Infinity","-Infinity","NaN -Infinity"]"#,
            ),
            (b"\xef\xbb\xbf[]", "[]"),
            (br#"["\\ud83d","\"",1.5,null]"#, r#"["\\ud83d","\"",1.5,null]"#),
        ] {
            let mended = mended(sent).expect("mended");
            assert_eq!(mended, becomes);
            assert!(serde_json::from_str::<serde_json::Value>(&mended).is_ok(), "{mended}");
        }
    }

    #[test]
    fn what_is_cut_off_stays_so() {
        for sent in
            ["\"", "\"\\", "\"\\u", "\"\\ud83", "\"\\ud83d", "\"\\ud83d\\u", "\"é\\é", "[\"a"]
        {
            let mended = mended(sent.as_bytes()).expect("mended");
            assert!(serde_json::from_str::<serde_json::Value>(&mended).is_err(), "{mended}");
        }
    }

    #[test]
    fn it_does_not_grow_beyond_a_body() {
        assert!(mended(&vec![0xff; MAX_BODY / 3]).is_ok());
        assert!(mended(&vec![0xff; MAX_BODY]).is_err());
        let controls = [&b"\""[..], &vec![1; MAX_BODY / 3]].concat();
        assert!(mended(&controls).is_err());
    }
}
