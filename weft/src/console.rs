//! What people read on the terminal. The only place that prints.

use std::io::Write as _;

/// Tells a line on standard output. A reader that has gone away is no error of ours.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _gone = writeln!(out, "{line}");
    let _gone = out.flush();
}

/// Tells a line on standard error.
pub(crate) fn complain(line: &str) {
    let _gone = writeln!(std::io::stderr().lock(), "weft: {line}");
}

/// A table of rows under headings.
pub(crate) fn table(headings: &[&str], rows: Vec<Vec<String>>) {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(headings.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    say(&table.to_string());
}
