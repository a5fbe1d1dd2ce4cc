//! Records how an exercise is solved, as an animated picture: `make recording`. The terminal, the build,
//! the run and the trace are real; only the waiting is cut.

#[cfg(unix)]
#[path = "../tests/terminal/mod.rs"]
mod terminal;

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    recording::main()
}

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
mod recording {
    use std::error::Error;
    use std::fmt::Write as _;
    use std::fs;
    use std::num::NonZero;
    use std::path::Path;
    use std::process::Command;

    use exercises::checker::course::Course;
    use exercises::checker::progress::Progress;
    use vt100::{Cell, Color, Parser};

    use super::terminal::{COLUMNS, Terminal};

    /// The exercise that is solved.
    const EXERCISE: &str = "parent_and_child";
    /// What ends each output of the checker.
    const PROMPT: &str = "q quit";
    /// How many lines a terminal has that never scrolls.
    const TALL: NonZero<u16> = NonZero::new(200).unwrap();
    /// As many columns as the terminal has.
    const WIDE: NonZero<u16> = NonZero::new(COLUMNS).unwrap();
    /// How long each picture is shown, in seconds.
    const SECONDS: usize = 6;
    /// The size of a character, in pixels.
    const WIDTH: f64 = 8.4;
    const HEIGHT: f64 = 18.0;
    const MARGIN: f64 = 16.0;

    pub(super) fn main() -> Result<(), Box<dyn Error>> {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let [copy, picture] = &*arguments else {
            return Err("usage: recording COPY PICTURE".into());
        };
        let copy = Path::new(copy).canonicalize()?;
        let target = std::env::current_exe()?;
        let debug = target.parent().and_then(Path::parent).ok_or("no target folder")?;
        let course = Course::find(&copy.join("exercises"))?;
        let at = course.position(EXERCISE)?;
        // It opens where the exercises before it are solved.
        let mut progress = Progress::load(&course.folder);
        for exercise in &course.exercises[..at] {
            progress.record(exercise, true)?;
        }
        let exercise = &course.exercises[at];

        let mut command = Command::new(debug.join("exercises"));
        command.current_dir(&copy).env("EXERCISES_DIR", &course.folder);
        command.env("CARGO_TARGET_DIR", debug.parent().ok_or("no target folder")?);
        let mut terminal = Terminal::start(command);
        let mut ends = Vec::new();
        terminal.wait_for(PROMPT);
        ends.push(terminal.bytes().len());
        terminal.press("h");
        terminal.wait_for("Hint 1 of 3");
        std::thread::sleep(std::time::Duration::from_millis(200));
        ends.push(terminal.bytes().len());
        fs::copy(exercise.folder.join("solution.rs"), exercise.program())?;
        terminal.wait_for("passes: well done");
        terminal.wait_for(PROMPT);
        std::thread::sleep(std::time::Duration::from_millis(200));
        let bytes = terminal.bytes();
        ends.push(bytes.len());
        terminal.press("q");
        terminal.code();

        let frames: Vec<_> = ends.iter().map(|end| frame(&bytes[..*end])).collect();
        fs::write(picture, svg(&frames))?;
        println!("{picture}");
        Ok(())
    }

    /// The lines that the terminal shows after these bytes, each as parts of one look.
    fn frame(bytes: &[u8]) -> Vec<Vec<(String, &'static str)>> {
        let mut parser = Parser::new(TALL, WIDE, 0);
        parser.process(bytes);
        let screen = parser.screen();
        let mut lines: Vec<_> = (0..TALL.get())
            .map(|row| {
                let mut parts: Vec<(String, &'static str)> = Vec::new();
                for column in 0..COLUMNS {
                    let Some(cell) = screen.cell(row, column) else { continue };
                    let text = if cell.has_contents() { cell.contents() } else { " " };
                    let look = look(cell);
                    match parts.last_mut() {
                        Some((last, same)) if *same == look => *last += text,
                        _ => parts.push((text.to_owned(), look)),
                    }
                }
                if let Some((last, _)) = parts.last_mut() {
                    *last = last.trim_end().to_owned();
                }
                parts.retain(|(text, _)| !text.is_empty());
                parts
            })
            .collect();
        while lines.last().is_some_and(Vec::is_empty) {
            lines.pop();
        }
        lines
    }

    fn look(cell: &Cell) -> &'static str {
        match cell.fgcolor() {
            Color::Idx(1 | 9) => "r",
            Color::Idx(2 | 10) => "g",
            Color::Idx(3 | 11) => "y",
            _ if cell.bold() => "b",
            _ if cell.dim() => "d",
            _ => "",
        }
    }

    /// The frames one after the other, again and again. Where nothing moves, the last one stays.
    fn svg(frames: &[Vec<Vec<(String, &'static str)>>]) -> String {
        let rows = frames.iter().map(Vec::len).max().unwrap_or_default();
        let width = f64::from(COLUMNS) * WIDTH + 2.0 * MARGIN;
        let height = rows as f64 * HEIGHT + 2.0 * MARGIN;
        let (count, share) = (frames.len(), 100.0 / frames.len() as f64);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
             font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, monospace\" font-size=\"14\">\n\
             <style>\n.f {{ opacity: 0; animation: f {}s steps(1) infinite }}\n\
             .f:first-of-type {{ opacity: 1 }}\n\
             @keyframes f {{ 0% {{ opacity: 1 }} {share:.2}%, 100% {{ opacity: 0 }} }}\n\
             @media (prefers-reduced-motion: reduce) {{ .f {{ animation: none; opacity: 0 }} .f:last-of-type {{ opacity: 1 }} }}\n\
             text {{ fill: #d4d4d4; white-space: pre }} .r {{ fill: #f28b82 }} .g {{ fill: #81c995 }}\n\
             .y {{ fill: #fdd663 }} .b {{ fill: #fff; font-weight: bold }} .d {{ fill: #9aa0a6 }}\n</style>\n\
             <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#1e1e1e\"/>\n",
            count * SECONDS
        );
        for (number, frame) in frames.iter().enumerate() {
            let delay = number * SECONDS;
            let _ = writeln!(out, "<g class=\"f\" style=\"animation-delay: {delay}s\">");
            for (row, line) in frame.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
                let y = MARGIN + (row as f64 + 0.75) * HEIGHT;
                let _ = write!(out, "<text x=\"{MARGIN:.0}\" y=\"{y:.1}\" xml:space=\"preserve\">");
                for (text, look) in line {
                    let text = text.replace('&', "&amp;").replace('<', "&lt;");
                    let _ = match *look {
                        "" => write!(out, "{text}"),
                        look => write!(out, "<tspan class=\"{look}\">{text}</tspan>"),
                    };
                }
                out += "</text>\n";
            }
            out += "</g>\n";
        }
        out + "</svg>\n"
    }
}
