//! Text for a terminal of 80 columns.

use std::io::IsTerminal as _;

use jaeger_all_in_one::printable;

/// How long a line of the checker's own words may be.
pub const WIDTH: usize = 80;

/// Whether to write colours, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// No colours.
    Plain,
    /// The colours of a terminal.
    Colours,
}

impl Style {
    /// Colours if stdout is a terminal, unless `NO_COLOR` is set.
    pub fn of_stdout() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        if wanted && std::io::stdout().is_terminal() { Style::Colours } else { Style::Plain }
    }

    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Style::Plain => text.to_owned(),
            Style::Colours => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }

    /// Important text.
    pub fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// What is good, or added.
    pub fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// What is wrong, or removed.
    pub fn red(self, text: &str) -> String {
        self.paint("31", text)
    }

    /// What is less important.
    pub fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }
}

/// Breaks each line at spaces so that none is longer than [`WIDTH`], except for longer words.
pub fn wrap(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let indent: String = line.chars().take_while(|c| *c == ' ').collect();
        let mut current = String::new();
        for word in line.split(' ').filter(|word| !word.is_empty()) {
            let length = columns(&current) + 1 + columns(word);
            if !current.is_empty() && length > WIDTH {
                lines.push(std::mem::take(&mut current));
            }
            current += if current.is_empty() { &indent } else { " " };
            current += word;
        }
        lines.push(current);
    }
    lines.join("\n")
}

/// Breaks the remarks of a difference (`^ …` and `note: …`), best before what was found, so that none is longer than
/// [`WIDTH`]. The next line keeps the bars of the tree, and its colour.
pub fn fold(text: &str) -> String {
    let width = |text: &str| {
        let escapes = text.split('\x1b').skip(1);
        let hidden = escapes.map(|rest| rest.find('m').map_or(0, |end| end + 2)).sum::<usize>();
        text.chars().count() - hidden
    };
    let mut out = Vec::new();
    for line in text.lines() {
        let bars = line.find("^ ").map(|at| format!("{}  ", &line[..at]));
        let Some(start) = bars.or_else(|| line.starts_with("note: ").then(|| "  ".to_owned()))
        else {
            out.push(line.to_owned());
            continue;
        };
        let mut rest = line.to_owned();
        while width(&rest) > WIDTH {
            let mut spaces = rest.match_indices(' ').map(|(at, _)| at);
            let fits = |at: &usize| *at > start.len() && width(&rest[..*at]) <= WIDTH;
            let found = rest.find(", found ").map(|at| at + 1);
            let Some(at) = found.filter(fits).or_else(|| spaces.rfind(fits)) else { break };
            let next = format!("{start}{}", &rest[at + 1..]);
            rest.truncate(at);
            out.push(std::mem::replace(&mut rest, next));
        }
        out.push(rest);
    }
    out.join("\n")
}

/// Markdown for the terminal: headings and strong words stand out, and lines are broken, except in code.
pub fn markdown(text: &str, style: Style) -> String {
    let text = text.lines().map(|line| strong(line, style) + "\n").collect::<String>();
    let mut out = String::new();
    let mut in_code = false;
    for line in text.lines() {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        let title = line.trim_start_matches('#');
        out += &match line {
            _ if is_fence => continue,
            _ if in_code => format!("    {line}"),
            _ if title.len() < line.len() && title.starts_with(' ') => style.bold(title.trim()),
            _ => wrap(line),
        };
        out += "\n";
    }
    out
}

/// `**strong**` in colours, which have no width.
fn strong(line: &str, style: Style) -> String {
    let parts: Vec<_> = line.split("**").collect();
    if parts.len() % 2 == 0 || style == Style::Plain {
        return line.to_owned();
    }
    let paint = |(at, part): (usize, &&str)| match at % 2 {
        1 => style.bold(part),
        _ => (*part).to_owned(),
    };
    parts.iter().enumerate().map(paint).collect()
}

/// How many columns a word takes. Colours take none.
fn columns(word: &str) -> usize {
    let mut parts = word.split("\x1b[");
    let first = parts.next().unwrap_or_default().chars().count();
    let rest = parts.map(|part| part.split_once('m').map_or(0, |(_, text)| text.chars().count()));
    first + rest.sum::<usize>()
}

/// The last lines of a program's output, indented, without what a terminal would interpret.
pub fn last_lines(text: &str, most: usize) -> String {
    let lines: Vec<_> = text.lines().collect();
    let left_out = lines.len().saturating_sub(most);
    let mut out = String::new();
    if left_out > 0 {
        let lines = if left_out == 1 { "line" } else { "lines" };
        out += &format!("  … {left_out} {lines} before\n");
    }
    for line in &lines[left_out..] {
        out += &format!("  {}\n", printable(&line.replace('\t', "    ")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_remark_is_folded_below_its_bars() {
        let remark = "word ".repeat(20);
        let (plain, colours) =
            (format!("  │  ^ {remark}end"), format!("  \x1b[33m│  ^ {remark}end"));
        let folded = fold(&plain);
        let lines: Vec<_> = folded.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].chars().count() <= WIDTH, "{folded}");
        assert!(lines[1].starts_with("  │    word"), "{folded}");
        assert_eq!(fold(&colours).replace("\x1b[33m", ""), folded);
        let unbroken = format!("^ {}", "x".repeat(100));
        assert_eq!(fold(&unbroken), unbroken);
        let span = format!("+ shop: buy {remark}");
        assert_eq!(fold(&span), span);
    }

    #[test]
    fn lines_are_broken_at_spaces() {
        let text = format!("  {}\n\nshort", "word ".repeat(40));
        let wrapped = wrap(&text);
        assert!(wrapped.lines().all(|line| line.chars().count() <= WIDTH), "{wrapped}");
        assert!(wrapped.lines().take(3).all(|line| line.starts_with("  word")), "{wrapped}");
        assert!(wrapped.ends_with("\n\nshort"), "{wrapped}");
    }

    #[test]
    fn code_in_a_readme_is_not_broken() {
        let long = "x".repeat(50) + " " + &"y".repeat(50);
        let shown = markdown(&format!("# Title\n```rust\n{long}\n```\n"), Style::Plain);
        assert_eq!(shown, format!("Title\n    {long}\n"));
    }

    #[test]
    fn the_end_of_an_output_is_shown_without_commands_to_the_terminal() {
        assert_eq!(last_lines("a\nb\n\u{1b}[2Jc", 2), "  … 1 line before\n  b\n  \u{fffd}[2Jc\n");
    }
}
