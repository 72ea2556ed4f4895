//! Rows of stock from a file, one at a time: CSV with a header, or one JSON object a line. A row's number is its line.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Lines};
use std::path::Path;

use anyhow::{Context as _, bail};
use retail_proto::inventory::v1 as pb;
use retail_proto::timestamp;
use retail_runtime::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// Columns that are known.
const COLUMNS: [&str; 5] = ["sku", "quantity", "location", "unit", "valid_at"];

/// A file that is read row by row.
pub(super) enum Rows {
    Csv { reader: Box<csv::Reader<File>>, columns: Vec<String> },
    Json { lines: Lines<BufReader<File>>, line: u64 },
}

/// A row that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreadable {
    pub(super) line: u64,
    pub(super) why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Object {
    sku: String,
    quantity: Value,
    #[serde(default)]
    location: String,
    #[serde(default)]
    unit: String,
    #[serde(default, alias = "validAt")]
    valid_at: String,
}

impl Rows {
    /// Opens a file by its ending.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let ending = path.extension().map(|ending| ending.to_ascii_lowercase()).unwrap_or_default();
        if ending == "csv" {
            let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(file);
            let columns: Vec<String> =
                reader.headers()?.iter().map(|name| name.to_lowercase().replace(' ', "_")).collect();
            for needed in ["sku", "quantity"] {
                if !columns.iter().any(|column| column == needed) {
                    bail!(
                        "{} has no column {needed}; the first line names the columns: {}",
                        path.display(),
                        COLUMNS.join(", ")
                    );
                }
            }
            if let Some(unknown) = columns.iter().find(|column| !COLUMNS.contains(&column.as_str())) {
                bail!("{} has a column {unknown:?} that nobody knows; give of {}", path.display(), COLUMNS.join(", "));
            }
            return Ok(Self::Csv { reader: Box::new(reader), columns });
        }
        if ending == "ndjson" || ending == "jsonl" {
            return Ok(Self::Json { lines: BufReader::new(file).lines(), line: 0 });
        }
        bail!("{} is neither .csv nor .ndjson", path.display())
    }

    fn csv(reader: &mut csv::Reader<File>, columns: &[String]) -> Option<Result<pb::FeedRow, Unreadable>> {
        let mut record = csv::StringRecord::new();
        let line = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(false) => None,
            Ok(true) => {
                let line = record.position().map_or(line, csv::Position::line);
                if record.len() != columns.len() {
                    let why = format!("has {} fields, the header has {}", record.len(), columns.len());
                    return Some(Err(Unreadable { line, why }));
                }
                let field = |name: &str| {
                    let place = columns.iter().position(|column| column == name);
                    place.and_then(|place| record.get(place)).unwrap_or_default().to_owned()
                };
                let [sku, quantity, location, unit, valid_at] = COLUMNS.map(field);
                Some(row(line, Object { sku, quantity: Value::String(quantity), location, unit, valid_at }))
            }
            Err(error) => Some(Err(Unreadable { line, why: error.to_string() })),
        }
    }
}

impl Iterator for Rows {
    type Item = Result<pb::FeedRow, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Csv { reader, columns } => Self::csv(reader, columns),
            Self::Json { lines, line } => loop {
                *line = line.saturating_add(1);
                let text = match lines.next()? {
                    Ok(text) => text,
                    Err(error) => return Some(Err(Unreadable { line: *line, why: error.to_string() })),
                };
                if text.trim().is_empty() {
                    continue;
                }
                return Some(match serde_json::from_str::<Object>(&text) {
                    Ok(object) => row(*line, object),
                    Err(error) => Err(Unreadable { line: *line, why: error.to_string() }),
                });
            },
        }
    }
}

fn row(line: u64, given: Object) -> Result<pb::FeedRow, Unreadable> {
    let valid_at = match given.valid_at.as_str() {
        "" => None,
        text => {
            let time: Result<Timestamp, _> = text.parse();
            let time =
                time.map_err(|error| Unreadable { line, why: format!("valid_at: {error}; give an RFC 3339 time") })?;
            Some(timestamp(time.as_millisecond()))
        }
    };
    let quantity = match given.quantity {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            return Err(Unreadable { line, why: "quantity: give a decimal number".to_owned() });
        }
    };
    Ok(pb::FeedRow { row: line, sku: given.sku, location: given.location, quantity, unit: given.unit, valid_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Vec<Result<pb::FeedRow, Unreadable>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        Rows::open(&path).unwrap().collect()
    }

    #[test]
    fn a_csv_row_is_its_line_and_a_broken_one_is_named() {
        let rows = read("a.csv", "SKU, Quantity,valid at\nA, 5,2024-03-01T00:00:00Z\nB\nC,1,yesterday\nD,2,\n");
        let first = rows[0].as_ref().unwrap();
        assert_eq!((first.row, first.sku.as_str(), first.quantity.as_str()), (2, "A", "5"));
        assert_eq!(first.valid_at.unwrap().seconds, 1_709_251_200);
        let broken: Vec<u64> = rows.iter().filter_map(|row| row.as_ref().err()).map(|bad| bad.line).collect();
        assert_eq!(broken, [3, 4]);
        assert_eq!(rows[3].as_ref().unwrap().row, 5);
    }

    #[test]
    fn a_json_row_may_write_its_quantity_as_a_number() {
        let rows = read(
            "a.ndjson",
            "{\"sku\":\"A\",\"quantity\":2.5}\n\n{\"sku\":\"B\",\"quantity\":\"3\",\"unit\":\"CASE\"}\n{\"sky\":1}\n",
        );
        let told: Vec<_> =
            rows.iter().flatten().map(|row| (row.row, row.quantity.as_str(), row.unit.as_str())).collect();
        assert_eq!(told, [(1, "2.5", ""), (3, "3", "CASE")]);
        assert_eq!(rows[2].as_ref().unwrap_err().line, 4);
    }

    #[test]
    fn a_column_that_nobody_knows_is_named_before_anything_is_sent() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        std::fs::write(&path, "sku,qty\nA,1\n").unwrap();
        assert!(Rows::open(&path).err().unwrap().to_string().contains("no column quantity"));
        std::fs::write(&path, "sku,quantity,shelf\nA,1,x\n").unwrap();
        assert!(Rows::open(&path).err().unwrap().to_string().contains("\"shelf\""));
    }
}
