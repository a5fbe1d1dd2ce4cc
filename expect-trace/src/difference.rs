//! The differences that were found, and how they print.

use std::error::Error;
use std::fmt;

use crate::text::Escaped;

/// Where a trace differs from an expectation.
///
/// It prints as the two trees in one: `-` stands before what is expected, `+` before what is there
/// instead, and nothing before what they share.
#[derive(Clone, Debug)]
pub struct Difference {
    pub(crate) lines: Vec<Line>,
    pub(crate) count: usize,
    pub(crate) notes: Vec<String>,
    pub(crate) link: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) sign: Sign,
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Sign {
    Both,
    Expected,
    Found,
    Note,
}

impl Difference {
    /// The number of spans, events and links that differ.
    ///
    /// ```
    /// let difference = "shop: buy".parse::<expect_trace::Expectation>()?
    ///     .check(&expect_trace::Trace::default()).unwrap_err();
    /// assert_eq!(difference.count(), 1);
    /// # Ok::<(), expect_trace::ParseError>(())
    /// ```
    pub fn count(&self) -> usize {
        self.count
    }

    /// The text for a terminal: what is expected in red, what is there in green.
    ///
    /// ```
    /// let difference = "shop: buy".parse::<expect_trace::Expectation>()?
    ///     .check(&expect_trace::Trace::default()).unwrap_err();
    /// assert!(difference.to_colored_string().contains("\x1b[31m- shop: buy\x1b[0m"));
    /// # Ok::<(), expect_trace::ParseError>(())
    /// ```
    pub fn to_colored_string(&self) -> String {
        self.render(|sign| match sign {
            Sign::Both => ("", ""),
            Sign::Expected => ("\x1b[31m", "\x1b[0m"),
            Sign::Found => ("\x1b[32m", "\x1b[0m"),
            Sign::Note => ("\x1b[33m", "\x1b[0m"),
        })
    }

    fn render(&self, color: impl Fn(Sign) -> (&'static str, &'static str)) -> String {
        let places = if self.count == 1 { "1 place" } else { &format!("{} places", self.count) };
        let mut text = format!("the trace differs in {places} (- expected, + found)\n\n");
        for line in &self.lines {
            let sign = match line.sign {
                Sign::Both | Sign::Note => ' ',
                Sign::Expected => '-',
                Sign::Found => '+',
            };
            let (on, off) = color(line.sign);
            text += &format!("{on}{sign} {}{off}\n", line.text);
        }
        for note in &self.notes {
            text += &format!("\nnote: {note}\n");
        }
        if let Some(link) = &self.link {
            text += &format!("\nsee it: {}\n", Escaped(link));
        }
        text
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(|_| ("", "")))
    }
}

impl Error for Difference {}
