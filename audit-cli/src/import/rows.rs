//! Rows of a file, one after the other.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Row;

/// A longer line is none of a log.
const MAX_LINE: u64 = 4 * 1024 * 1024;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// An object on each line.
    Json,
    /// RFC 4180, whose first row names the columns.
    Csv,
}

/// The rows of a file, and the SHA-256 of what was read of it.
pub(crate) enum Rows {
    Json { lines: BufReader<Hashed>, line: u64 },
    Csv { head: csv::StringRecord, records: csv::StringRecordsIntoIter<Hashed>, line: u64 },
}

/// A row, or why it is none, and the line on which it begins.
pub(crate) struct ReadRow {
    pub(crate) line: u64,
    pub(crate) row: Result<Row, String>,
}

impl Rows {
    pub(crate) fn of(kind: Kind, file: File) -> io::Result<Self> {
        let file =
            Hashed { file, hash: Sha256::new(), bytes: 0, is_in_quotes: false, is_over: false };
        match kind {
            Kind::Json => Ok(Self::Json { lines: BufReader::new(file), line: 0 }),
            Kind::Csv => {
                let mut reader = csv::Reader::from_reader(file);
                let head = reader.headers().map_err(io::Error::from)?.clone();
                let mut names = BTreeSet::new();
                if let Some(name) = head.iter().find(|name| !names.insert(*name)) {
                    let text = format!("two columns are named `{name}`: a row would lose one");
                    return Err(io::Error::new(io::ErrorKind::InvalidData, text));
                }
                Ok(Self::Csv { head, records: reader.into_records(), line: 1 })
            }
        }
    }

    /// The next row, and nothing at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<ReadRow>> {
        match self {
            Self::Json { lines, line } => loop {
                let mut text = Vec::new();
                if lines.by_ref().take(MAX_LINE).read_until(b'\n', &mut text)? == 0 {
                    return Ok(None);
                }
                *line = line.saturating_add(1);
                if u64::try_from(text.len()) == Ok(MAX_LINE) && !text.ends_with(b"\n") {
                    lines.skip_until(b'\n')?;
                    let row = Err(format!("it is longer than {MAX_LINE} bytes"));
                    return Ok(Some(ReadRow { line: *line, row }));
                }
                if text.trim_ascii().is_empty() {
                    continue;
                }
                let row = serde_json::from_slice(&text);
                let row =
                    row.map_err(|why| format!("this is no object of JSON on one line: {why}"));
                return Ok(Some(ReadRow { line: *line, row }));
            },
            Self::Csv { head, records, line } => {
                let began = records.reader().position().line();
                let row = match records.next() {
                    None => return Ok(None),
                    // Only a row that nothing ends has come to the file's end.
                    Some(Ok(record)) if records.reader().get_ref().ends_in_quotes() => {
                        *line = record.position().map_or(began, csv::Position::line);
                        Err("it begins a cell with a quote that does not end, or has a quote in a cell without quotes".to_owned())
                    }
                    Some(Ok(record)) => {
                        *line = record.position().map_or(began, csv::Position::line);
                        let cells = head.iter().zip(&record).filter(|(_, cell)| !cell.is_empty());
                        Ok(cells.map(|(name, cell)| (name.to_owned(), Value::from(cell))).collect())
                    }
                    Some(Err(why)) => {
                        *line = why.position().map_or(began, csv::Position::line);
                        match why.into_kind() {
                            csv::ErrorKind::Io(why) => return Err(why),
                            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                                Err(format!("it has {len} cells, and the head has {expected_len}"))
                            }
                            _ => Err("it is not UTF-8".to_owned()),
                        }
                    }
                };
                Ok(Some(ReadRow { line: *line, row }))
            }
        }
    }

    /// How many bytes were read.
    pub(crate) fn bytes(&self) -> u64 {
        self.file().bytes
    }

    /// The SHA-256 of what was read, in hexadecimal.
    pub(crate) fn sha256(&self) -> String {
        self.file().hash.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn file(&self) -> &Hashed {
        match self {
            Self::Json { lines, .. } => lines.get_ref(),
            Self::Csv { records, .. } => records.reader().get_ref(),
        }
    }
}

/// A file that is hashed as it is read.
pub(crate) struct Hashed {
    file: File,
    hash: Sha256,
    bytes: u64,
    /// Whether an odd number of quotes has been read.
    is_in_quotes: bool,
    is_over: bool,
}

impl Hashed {
    fn ends_in_quotes(&self) -> bool {
        self.is_over && self.is_in_quotes
    }
}

impl Read for Hashed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        let new = into.get(..read).unwrap_or_default();
        self.hash.update(new);
        self.is_in_quotes ^= new.iter().filter(|byte| **byte == b'"').count() % 2 == 1;
        self.is_over = new.is_empty();
        self.bytes = self.bytes.saturating_add(u64::try_from(read).unwrap_or(0));
        Ok(read)
    }
}
