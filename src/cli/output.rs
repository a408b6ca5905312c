//! What goes to stdout, and how it looks there: on a terminal a table with a heading, else tabs between the cells and
//! nothing cut, for other programs.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use super::Failure;
use super::reach::Format;

/// The exit code where stdout does not take what it is given (`EX_IOERR` of sysexits.h).
const UNWRITABLE: u8 = 74;
/// A longer cell is cut on a terminal.
const CELL_CHARS_MAX: usize = 60;

/// Writes to stdout, all of it or an error. A reader that went away has what it wanted.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            Err(Failure { exit_code: UNWRITABLE, ..Failure::failed(format!("stdout cannot be written: {error}")) })
        }
        Ok(()) => Ok(()),
    }
}

/// Prints one JSON document, on one line.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print(&(json(value) + "\n"))
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("what nodes answer is plain data with string keys")
}

/// A list that is printed as it comes: in JSON one array, with a line for each item.
struct JsonArray {
    begun: bool,
}

impl JsonArray {
    fn new() -> JsonArray {
        JsonArray { begun: false }
    }

    fn print(&mut self, items: &[impl Serialize]) -> Result<(), Failure> {
        let mut text = String::new();
        for item in items {
            text.push_str(if std::mem::replace(&mut self.begun, true) { ",\n" } else { "[" });
            text.push_str(&json(item));
        }
        print(&text)
    }

    fn end(self) -> Result<(), Failure> {
        print(if self.begun { "]\n" } else { "[]\n" })
    }
}

/// A list that is printed as it comes, in whichever form.
pub(super) struct Listing {
    screen: Screen,
    json: Option<JsonArray>,
    heading: &'static [&'static str],
}

impl Listing {
    pub fn new(format: Format, heading: &'static [&'static str]) -> Listing {
        Listing { screen: Screen::stdout(), json: (format == Format::Json).then(JsonArray::new), heading }
    }

    pub fn print<T: Serialize>(&mut self, items: Vec<T>, row: impl Fn(T) -> Vec<Cell>) -> Result<(), Failure> {
        match &mut self.json {
            Some(array) => array.print(&items),
            None if items.is_empty() => Ok(()),
            None => {
                let rows: Vec<_> = items.into_iter().map(row).collect();
                print(&self.screen.table(std::mem::take(&mut self.heading), &rows))
            }
        }
    }

    pub fn end(self) -> Result<(), Failure> {
        self.json.map_or(Ok(()), JsonArray::end)
    }
}

/// A cell of a table.
pub(super) type Cell = (String, Tone);

/// How stdout is written to.
#[derive(Clone, Copy)]
pub(super) struct Screen {
    is_terminal: bool,
    colours: bool,
}

/// What a cell says beyond its text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Heading,
    Good,
    Bad,
}

impl Screen {
    /// As the environment has it: colours on a terminal, but with `NO_COLOR` (no-color.org) or a dumb one.
    pub fn stdout() -> Screen {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_terminal = io::stdout().is_terminal();
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Screen { is_terminal, colours: is_terminal && !is_set("NO_COLOR") && !is_dumb }
    }

    pub fn is_terminal(self) -> bool {
        self.is_terminal
    }

    pub fn paint(self, text: &str, tone: Tone) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            _ if !self.colours => return text.to_owned(),
            Tone::Heading => "1",
            Tone::Good => "32",
            Tone::Bad => "31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// Rows under a heading; without one where that is empty.
    pub fn table(self, heading: &[&str], rows: &[Vec<Cell>]) -> String {
        let mut lines = String::new();
        if !self.is_terminal {
            for row in rows {
                let cells: Vec<String> = row.iter().map(|(cell, _)| one_line(cell)).collect();
                lines += &(cells.join("\t") + "\n");
            }
            return lines;
        }
        let heading: Vec<_> = heading.iter().map(|cell| ((*cell).to_owned(), Tone::Heading)).collect();
        let rows: Vec<Vec<Cell>> = Some(heading)
            .into_iter()
            .filter(|heading| !heading.is_empty())
            .chain(rows.iter().cloned())
            .map(|row| row.into_iter().map(|(cell, tone)| (cut(&one_line(&cell)), tone)).collect())
            .collect();
        let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|(cell, _)| cell.chars().count())
                .max()
                .unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &rows {
            let mut line = String::new();
            for (column, (cell, tone)) in row.iter().enumerate() {
                let is_last = column + 1 == row.len();
                line += &self.paint(cell, *tone);
                if !is_last {
                    line += &" ".repeat(widths[column] - cell.chars().count() + 2);
                }
            }
            lines += &(line + "\n");
        }
        lines
    }
}

/// A cell without a word on how it looks.
pub(super) fn plain(text: impl Into<String>) -> Cell {
    (text.into(), Tone::Plain)
}

/// What would end the line, the cell, or be taken by the terminal as a command, is written as an escape.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            c if c.is_control() => line.extend(c.escape_unicode()),
            c => line.push(c),
        }
    }
    line
}

fn cut(line: &str) -> String {
    if line.chars().count() <= CELL_CHARS_MAX {
        return line.to_owned();
    }
    line.chars().take(CELL_CHARS_MAX - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn rows() -> Vec<Vec<Cell>> {
        vec![
            vec![plain("a"), ("bad".to_owned(), Tone::Bad), plain("x\ty\n\x1b[2J\\")],
            vec![plain("longer"), plain("1"), plain("z".repeat(70))],
        ]
    }

    #[test]
    fn other_programs_get_tabs_and_whole_cells_on_one_line() {
        let screen = Screen { is_terminal: false, colours: false };
        let table = screen.table(&["A", "B", "C"], &rows());
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0], "a\tbad\tx\\ty\\n\\u{1b}[2J\\\\");
        assert_eq!((lines.len(), lines[1].len()), (2, "longer\t1\t".len() + 70));
    }

    #[test]
    fn people_get_a_table() {
        let screen = Screen { is_terminal: true, colours: false };
        expect![[r#"
            A       B    C
            a       bad  x\ty\n\u{1b}[2J\\
            longer  1    zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz…
        "#]]
        .assert_eq(&screen.table(&["A", "B", "C"], &rows()));
        let colours = Screen { is_terminal: true, colours: true }.table(&["A", "B", "C"], &rows());
        assert!(colours.contains("\x1b[31mbad\x1b[0m"), "{colours}");
    }
}
