//! The parameter `tags` of a search: a JSON object of text. What is no such thing is refused in
//! the words of Go's `encoding/json`, which reads the whole text before it looks at the types.

use serde_json::Value;

use crate::go_format::numbers::quote;

/// How deep values may lie in one another; the search itself knows one level only.
const DEEPEST: usize = 64;

/// The keys and values, in the order sent.
pub(super) fn parse(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.spaces();
    let start = scanner.at;
    let members = scanner.value(0)?;
    let value = &text[start..scanner.at];
    scanner.spaces();
    if scanner.at < text.len() {
        return Err(scanner.unexpected("after top-level value"));
    }
    if value == "null" {
        return Ok(Vec::new());
    }
    let Some(members) = members else {
        return Err(refused(value, "map[string]string"));
    };
    let text_of = |json: &str| match serde_json::from_str(json) {
        Ok(Value::String(text)) => Ok(text),
        Ok(Value::Null) => Ok(String::new()),
        _ => Err(refused(json, "string")),
    };
    members.into_iter().map(|(key, value)| Ok((text_of(key)?, text_of(value)?))).collect()
}

fn refused(value: &str, wanted: &str) -> String {
    let kind = match value.as_bytes().first() {
        Some(b'{') => "object",
        Some(b'[') => "array",
        Some(b'"') => "string",
        Some(b't' | b'f') => "bool",
        _ => "number",
    };
    format!("json: cannot unmarshal {kind} into Go value of type {wanted}")
}

/// An object's members, each the JSON of a key and of a value.
type Members<'a> = Vec<(&'a str, &'a str)>;

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    /// Passes over a value; gives its members where it is an object.
    fn value(&mut self, depth: usize) -> Result<Option<Members<'a>>, String> {
        if depth > DEEPEST {
            return Err("exceeded max depth".to_owned());
        }
        match self.peek() {
            b'{' => return self.object(depth).map(Some),
            b'[' => self.array(depth)?,
            b'"' => self.string()?,
            b't' => self.literal("true")?,
            b'f' => self.literal("false")?,
            b'n' => self.literal("null")?,
            b'-' | b'0'..=b'9' => self.number()?,
            _ => return Err(self.unexpected("looking for beginning of value")),
        }
        Ok(None)
    }

    fn object(&mut self, depth: usize) -> Result<Members<'a>, String> {
        let mut members = Vec::new();
        self.at += 1;
        self.spaces();
        if self.passed(b'}') {
            return Ok(members);
        }
        loop {
            self.spaces();
            if self.peek() != b'"' {
                return Err(self.unexpected("looking for beginning of object key string"));
            }
            let key = self.slice(Self::string)?;
            self.spaces();
            if !self.passed(b':') {
                return Err(self.unexpected("after object key"));
            }
            self.spaces();
            members.push((key, self.slice(|scanner| scanner.value(depth + 1).map(drop))?));
            self.spaces();
            if self.passed(b'}') {
                return Ok(members);
            }
            if !self.passed(b',') {
                return Err(self.unexpected("after object key:value pair"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), String> {
        self.at += 1;
        self.spaces();
        if self.passed(b']') {
            return Ok(());
        }
        loop {
            self.spaces();
            self.value(depth + 1)?;
            self.spaces();
            if self.passed(b']') {
                return Ok(());
            }
            if !self.passed(b',') {
                return Err(self.unexpected("after array element"));
            }
        }
    }

    fn string(&mut self) -> Result<(), String> {
        self.at += 1;
        loop {
            match self.next() {
                Some(b'"') => return Ok(()),
                Some(b'\\') => self.escape()?,
                Some(0..0x20) => return Err(self.unexpected_last("in string literal")),
                Some(_) => {}
                None => return Err(END.to_owned()),
            }
        }
    }

    fn escape(&mut self) -> Result<(), String> {
        match self.peek() {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
            b'u' => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_ascii_hexdigit() {
                        return Err(self.invalid("in \\u hexadecimal character escape"));
                    }
                    self.at += 1;
                }
            }
            _ => return Err(self.invalid("in string escape code")),
        }
        Ok(())
    }

    fn literal(&mut self, word: &str) -> Result<(), String> {
        for expected in word.bytes() {
            if self.peek() != expected {
                let expected = char::from(expected);
                return Err(self.invalid(&format!("in literal {word} (expecting '{expected}')")));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), String> {
        self.passed(b'-');
        if !self.passed(b'0') {
            self.digits("in numeric literal")?;
        }
        if self.passed(b'.') {
            self.digits("after decimal point in numeric literal")?;
        }
        if self.passed(b'e') || self.passed(b'E') {
            let _ = self.passed(b'+') || self.passed(b'-');
            self.digits("in exponent of numeric literal")?;
        }
        Ok(())
    }

    fn digits(&mut self, context: &str) -> Result<(), String> {
        if !self.peek().is_ascii_digit() {
            return Err(self.invalid(context));
        }
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        Ok(())
    }

    fn slice(
        &mut self,
        pass: impl FnOnce(&mut Self) -> Result<(), String>,
    ) -> Result<&'a str, String> {
        let start = self.at;
        pass(self)?;
        Ok(&self.text[start..self.at])
    }

    fn spaces(&mut self) {
        while matches!(self.text.as_bytes().get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// The next byte. Go takes the end for a space, as it may end a number.
    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(b' ')
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.text.as_bytes().get(self.at).copied();
        self.at += 1;
        byte
    }

    fn passed(&mut self, byte: u8) -> bool {
        let is_it = self.peek() == byte;
        self.at += usize::from(is_it);
        is_it
    }

    /// What is said where spaces may stand: then the end is the end.
    fn unexpected(&self, context: &str) -> String {
        if self.at >= self.text.len() { END.to_owned() } else { self.invalid(context) }
    }

    fn unexpected_last(&mut self, context: &str) -> String {
        self.at -= 1;
        self.invalid(context)
    }

    fn invalid(&self, context: &str) -> String {
        format!("invalid character {} {context}", quoted(self.peek()))
    }
}

const END: &str = "unexpected end of JSON input";

/// A byte in quotes. Go takes it for a character of its own, whatever it is a part of.
fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        byte => {
            let text = quote(char::from(byte).encode_utf8(&mut [0; 4]));
            format!("'{}'", text.trim_matches('"'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_of_text_is_read() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            parse(r#" { "b" : "1" , "a":null,"A\n":"\u0065" } "#),
            Ok(vec![pair("b", "1"), pair("a", ""), pair("A\n", "e")])
        );
        assert_eq!(parse("null"), Ok(vec![]));
        assert_eq!(parse("{}"), Ok(vec![]));
    }

    #[test]
    fn what_is_no_object_of_text_is_refused_as_go_refuses_it() {
        let key = "looking for beginning of object key string";
        let value = "looking for beginning of value";
        for (json, why) in [
            (r#"{"a":1}"#, "json: cannot unmarshal number into Go value of type string"),
            (r#"{"b":[],"a":1}"#, "json: cannot unmarshal array into Go value of type string"),
            (r#"{"a":true}"#, "json: cannot unmarshal bool into Go value of type string"),
            ("[]", "json: cannot unmarshal array into Go value of type map[string]string"),
            ("-1.5e+7", "json: cannot unmarshal number into Go value of type map[string]string"),
            (r#""x""#, "json: cannot unmarshal string into Go value of type map[string]string"),
            ("", END),
            ("{", END),
            (r#"{"a"#, END),
            (r#"{"a":"#, END),
            (r#"{"a":"b","#, END),
            ("[1", END),
            ("{bad", &format!("invalid character 'b' {key}")),
            ("{'a':1}", &format!(r"invalid character '\'' {key}")),
            (r#"{"a":"b",}"#, &format!("invalid character '}}' {key}")),
            (r#"{"a" "b"}"#, "invalid character '\"' after object key"),
            (r#"{"a":"b" "c"}"#, "invalid character '\"' after object key:value pair"),
            ("[1 2]", "invalid character '2' after array element"),
            (r#"{"a":"1"} x"#, "invalid character 'x' after top-level value"),
            ("é", &format!("invalid character 'Ã' {value}")),
            ("{\"a\":\"\n\"}", r"invalid character '\n' in string literal"),
            (r#""\x""#, "invalid character 'x' in string escape code"),
            (r#""\u00g0""#, r"invalid character 'g' in \u hexadecimal character escape"),
            ("nul", "invalid character ' ' in literal null (expecting 'l')"),
            ("trux", "invalid character 'x' in literal true (expecting 'e')"),
            (r#"{"a":01}"#, "invalid character '1' after object key:value pair"),
            ("-", "invalid character ' ' in numeric literal"),
            ("1.}", "invalid character '}' after decimal point in numeric literal"),
            ("1e+", "invalid character ' ' in exponent of numeric literal"),
        ] {
            assert_eq!(parse(json), Err(why.to_owned()), "{json}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        assert_eq!(parse(&"[".repeat(100_000)), Err("exceeded max depth".to_owned()));
    }
}
